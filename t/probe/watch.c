/* SPDX-License-Identifier: MIT */
/*
 * mailprobe/watch.h by hand, for t/62-imap.t: a mailbox is watched and what is
 * told of it comes out as lines of JSON.
 *
 *   watch NAME=VALUE...   host port security username password ca inbox junk
 *                         timeout (ms); try=1: log in and out alone
 *
 * Lines on its input: "expect N", "review EPOCH", "remove FOLDER VALIDITY UID
 * TOKEN", "end". The end of its input is an end, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <jansson.h>

#include "watch.h"

static loop_t *loop;
static watch_t *mailbox;
static apr_pool_t *pool;

static void say(json_t *line)
{
    char *text = json_dumps(line, JSON_SORT_KEYS);

    puts(text ? text : "{\"event\": \"not UTF-8\"}");
    fflush(stdout);
    free(text);
    json_decref(line);
}

static void on_mail(void *data, const watch_mail_t *mail)
{
    (void)data;
    say(json_pack("{s:s, s:s?, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                  "event", "mail", "token", mail->token, "junk", mail->junk,
                  "folder", mail->folder, "uid", (json_int_t)mail->uid,
                  "uidvalidity", (json_int_t)mail->uidvalidity,
                  "seen_at", (json_int_t)mail->seen_at,
                  "resolution", (json_int_t)mail->resolution,
                  "delivered_at", (json_int_t)mail->delivered_at,
                  "length", (json_int_t)mail->length,
                  "sum", (json_int_t)(mail->length
                                      ? (unsigned char)mail->bytes[0] : 0)));
}

static void on_state(void *data, int up, const char *words)
{
    (void)data;
    say(json_pack("{s:s, s:b, s:s}", "event", "state", "up", up, "words",
                  words));
}

static void on_tried(int good, const char *words, void *data)
{
    (void)data;
    say(json_pack("{s:s, s:b, s:s}", "event", "tried", "ok", good, "words",
                  words));
    loop_stop(loop);
}

static void order(char *line)
{
    char *last;
    char *word = apr_strtok(line, " ", &last);
    char *args[4];
    int i;

    for (i = 0; i < 4; i++) {
        args[i] = apr_strtok(NULL, " ", &last);
    }
    if (!word || !strcmp(word, "end")) {
        loop_stop(loop);
    } else if (!strcmp(word, "expect") && args[0]) {
        watch_expect(mailbox, atoi(args[0]));
    } else if (!strcmp(word, "review") && args[0]) {
        watch_review(mailbox, apr_time_from_sec(apr_atoi64(args[0])));
    } else if (!strcmp(word, "remove") && args[3]) {
        watch_remove(mailbox, args[0], (apr_uint64_t)apr_atoi64(args[1]),
                     (apr_uint64_t)apr_atoi64(args[2]), args[3]);
    } else {
        fprintf(stderr, "watch: no such order: %s\n", word);
        exit(2);
    }
}

static void on_input(void *data)
{
    static char line[4096];
    static apr_size_t length;
    ssize_t got = read(0, line + length, sizeof(line) - 1 - length);
    char *end;

    (void)data;
    if (got <= 0) {
        loop_stop(loop);
        return;
    }
    length += (apr_size_t)got;
    line[length] = '\0';
    while ((end = strchr(line, '\n'))) {
        *end = '\0';
        order(line);
        length -= (apr_size_t)(end + 1 - line);
        memmove(line, end + 1, length + 1);
    }
}

static security_t security_of(const char *name)
{
    return !strcmp(name, "tls") ? SECURITY_TLS
           : !strcmp(name, "starttls") ? SECURITY_STARTTLS
           : !strcmp(name, "opportunistic") ? SECURITY_OPPORTUNISTIC
           : SECURITY_NONE;
}

static int option(account_t *account, const char *arg)
{
    const char *value = strchr(arg, '=');
    apr_size_t length = value ? (apr_size_t)(value++ - arg) : 0;
    const char *name = apr_pstrmemdup(pool, arg, length);
    endpoint_t *imap = account->imap;

    if (!strcmp(name, "host")) {
        imap->host = value;
    } else if (!strcmp(name, "port")) {
        imap->port = atoi(value);
    } else if (!strcmp(name, "security")) {
        imap->security = security_of(value);
    } else if (!strcmp(name, "username")) {
        imap->username = value;
    } else if (!strcmp(name, "password")) {
        imap->password = value;
    } else if (!strcmp(name, "ca")) {
        imap->ca_file = value;
    } else if (!strcmp(name, "timeout")) {
        imap->timeout = apr_time_from_msec(atoi(value));
    } else if (!strcmp(name, "inbox")) {
        account->inbox = value;
    } else if (!strcmp(name, "junk")) {
        account->junk = value;
    } else if (strcmp(name, "try")) {
        fprintf(stderr, "watch: no such option: %s\n", arg);
        exit(2);
    }
    return !strcmp(name, "try");
}

static apr_status_t run(int argc, const char *const *argv)
{
    watch_events_t events = { on_mail, on_state, NULL };
    endpoint_t *imap = apr_pcalloc(pool, sizeof(*imap));
    account_t *account = apr_pcalloc(pool, sizeof(*account));
    loop_socket_t *input;
    apr_status_t rv;
    int only_try = 0;
    int i;

    account->name = "test";
    account->imap = imap;
    account->inbox = "INBOX";
    account->junk = "auto";
    imap->host = "localhost";
    imap->timeout = apr_time_from_sec(20);
    for (i = 1; i < argc; i++) {
        only_try |= option(account, argv[i]);
    }
    rv = loop_create(&loop, pool);
    if (rv == APR_SUCCESS) {
        rv = loop_socket(&input, loop, 0, on_input, NULL, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = only_try ? watch_try(loop, account, on_tried, NULL, pool)
                      : watch_start(&mailbox, loop, account, &events, pool);
    }
    return rv == APR_SUCCESS ? loop_run(loop) : rv;
}

int main(int argc, const char *const *argv)
{
    apr_status_t rv;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    rv = run(argc, argv);
    apr_pool_destroy(pool);
    return rv == APR_SUCCESS ? 0 : 1;
}
