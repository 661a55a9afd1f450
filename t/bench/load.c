/* SPDX-License-Identifier: MIT */
/*
 * The benchmarks' client: so many GETs over keep-alive connections, one in
 * flight on each, every answer read to its end and counted. A tool that runs
 * for a time leaves requests in flight when it stops; here answers are exact.
 * One process, one thread (epoll). Not part of an installation.
 *
 *   load PORT COUNT CONNECTIONS FILE    FILE: path TAB user agent, a line each
 *
 * prints: answers, answers that were not 200, seconds
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024
#define ANSWER_MAX      16384

typedef struct request_t {
    char *text;
    size_t len;
} request_t;

typedef struct connection_t {
    int fd;
    size_t have;
    char answer[ANSWER_MAX];
} connection_t;

typedef struct load_t {
    request_t *requests;
    long kinds;
    long wanted;
    long sent;
    long answered;
    long not_ok;
} load_t;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void add_request(load_t *load, char *line)
{
    char *tab = strchr(line, '\t');
    request_t *r;
    int n;

    line[strcspn(line, "\n")] = '\0';
    if (tab) {
        *tab++ = '\0';
    }
    load->requests = realloc(load->requests, (size_t)(load->kinds + 1)
                             * sizeof(*load->requests));
    r = load->requests ? &load->requests[load->kinds++] : NULL;
    if (!r) {
        die("memory");
    }
    n = asprintf(&r->text, "GET %s HTTP/1.1\r\nHost: localhost\r\n"
                 "User-Agent: %s\r\nAccept: image/avif,image/webp,*/*\r\n"
                 "Accept-Language: en-US,en;q=0.5\r\n"
                 "Accept-Encoding: gzip, deflate\r\n\r\n", line,
                 tab ? tab : "Mozilla/5.0");
    if (n < 0) {
        die("memory");
    }
    r->len = (size_t)n;
}

static void read_requests(load_t *load, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[2048];

    if (!file) {
        die(path);
    }
    while (fgets(line, sizeof(line), file)) {
        add_request(load, line);
    }
    fclose(file);
    if (!load->kinds) {
        errno = EINVAL;
        die(path);
    }
}

static void start(connection_t *c, int port, int epoll)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((unsigned short)port) };
    int one = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->have = 0;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to))
        || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one))
        || epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event)) {
        die("connect");
    }
}

static void send_next(load_t *load, connection_t *c)
{
    /* a stride that has no factor in common with most counts */
    const request_t *r = &load->requests[load->sent * 7919 % load->kinds];

    if (load->sent == load->wanted) {
        return;
    }
    load->sent++;
    if (send(c->fd, r->text, r->len, MSG_NOSIGNAL) != (ssize_t)r->len) {
        die("send");
    }
}

/* @return whether the answer is whole */
static int whole(const connection_t *c)
{
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = strcasestr(c->answer, "\ncontent-length:");

    return end && length
           && c->have >= (size_t)(end + 4 - c->answer)
                         + strtoul(length + 16, NULL, 10);
}

static void receive(load_t *load, connection_t *c)
{
    ssize_t n = recv(c->fd, c->answer + c->have,
                     ANSWER_MAX - 1 - c->have, 0);

    if (n <= 0) {
        errno = n ? errno : ECONNRESET;
        die("an answer did not come");
    }
    c->have += (size_t)n;
    c->answer[c->have] = '\0';
    if (whole(c)) {
        load->answered++;
        load->not_ok += strncmp(c->answer + 8, " 200 ", 5) != 0;
        c->have = 0;
        send_next(load, c);
    }
}

static double now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static connection_t connections[MAX_CONNECTIONS];
    struct epoll_event events[64];
    load_t load = { 0 };
    int epoll = epoll_create1(0);
    int count, i, n;
    double began;

    if (argc != 5) {
        fprintf(stderr, "usage: load PORT COUNT CONNECTIONS FILE\n");
        return 2;
    }
    load.wanted = atol(argv[2]);
    count = atoi(argv[3]);
    count = count < 1 ? 1 : count > MAX_CONNECTIONS ? MAX_CONNECTIONS : count;
    read_requests(&load, argv[4]);
    for (i = 0; i < count; i++) {
        start(&connections[i], atoi(argv[1]), epoll);
    }
    began = now();
    for (i = 0; i < count; i++) {
        send_next(&load, &connections[i]);
    }
    while (load.answered < load.wanted) {
        n = epoll_wait(epoll, events, 64, 20000);
        if (n <= 0) {
            die("no answer within 20 s");
        }
        for (i = 0; i < n; i++) {
            receive(&load, events[i].data.ptr);
        }
    }
    printf("%ld %ld %.6f\n", load.answered, load.not_ok, now() - began);
    return 0;
}
