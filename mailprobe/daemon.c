/* SPDX-License-Identifier: MIT */
/*
 * The daemon around the loop (contract in daemon.h). Main thread, which is the
 * loop's. A signal writes its number into a pipe that the loop reads: nothing
 * is done in a handler.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_info.h>
#include <apr_strings.h>
#include <apr_uuid.h>

#include "daemon.h"
#include "log.h"
#include "loop.h"
#include "refresh.h"
#include "running.h"
#include "systemd.h"

/* What is in line for the store may take so long at the end. */
#define LAST_WRITES (600 * 1000)

/* How often systemctl status may change its mind. */
#define STATUS_EVERY (5 * APR_USEC_PER_SEC)

typedef struct daemon_t {
    apr_pool_t *pool;
    loop_t *loop;
    const char *path;
    char owner[APR_UUID_FORMATTED_LENGTH + 1];
    running_t *running;
    loop_timer_t *watchdog, *status;
    char said[640];             /* in STATUS= */
    int failed;
} daemon_t;

static int signal_pipe[2] = { -1, -1 };

/* -- into the background -------------------------------------------------- */

/* Waits for the child's word; never returns in the parent. */
static void wait_child(int from)
{
    char ready;
    ssize_t got;

    do {
        got = read(from, &ready, 1);
    } while (got < 0 && errno == EINTR);
    _exit(got == 1 ? 0 : 1);
}

/* @param to where to say that all is well; -1: nobody waits */
static int detach(int *to)
{
    int ends[2], null;
    pid_t pid;

    if (pipe(ends) || (pid = fork()) < 0) {
        return errno;
    }
    if (pid) {
        close(ends[1]);
        wait_child(ends[0]);
    }
    close(ends[0]);
    setsid();
    null = open("/dev/null", O_RDWR);
    /* the directory stays: paths in the configuration may be relative to it */
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0) {
        return errno;
    }
    if (null > 2) {
        close(null);
    }
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    *to = ends[1];
    return 0;
}

/* -- systemd -------------------------------------------------------------- */

static void feed_watchdog(void *data)
{
    daemon_t *daemon = data;

    (void)systemd_notify("WATCHDOG=1");
    loop_timer_set(daemon->watchdog, systemd_watchdog());
}

static void tell_status(void *data)
{
    daemon_t *daemon = data;
    const char *trouble = running_trouble(daemon->running);
    char text[640];

    apr_snprintf(text, sizeof(text), "STATUS=%s",
                 trouble ? trouble : "watching");
    if (strcmp(daemon->said, text)) {
        (void)systemd_notify(text);
        apr_cpystrn(daemon->said, text, sizeof(daemon->said));
    }
    loop_timer_set(daemon->status, STATUS_EVERY);
}

/* -- signals -------------------------------------------------------------- */

static void on_signal(int number)
{
    unsigned char byte = (unsigned char)number;
    int before = errno;

    if (write(signal_pipe[1], &byte, 1) < 0) {
        /* full: as many are waiting already */
    }
    errno = before;
}

/* A file that cannot be used changes nothing. */
static void reload(daemon_t *daemon)
{
    const char *problem = NULL;
    running_by_t by;
    apr_status_t rv;

    apr_pool_create(&by.pool, daemon->pool);
    (void)systemd_notify("RELOADING=1");
    rv = configuration_read(&by.configuration, &problem, daemon->path,
                            by.pool);
    if (rv == APR_SUCCESS) {
        rv = running_reload(daemon->running, &by);
        problem = rv == APR_EINVAL ? "another store wants a restart" : NULL;
    }
    (void)systemd_notify("READY=1");
    if (rv == APR_SUCCESS) {
        log_line(LOG_NOTICE, "reloaded %s", daemon->path);
        return;
    }
    if (problem) {
        log_line(LOG_ERROR, "not reloaded, the old configuration stays: %s",
                 problem);
        apr_pool_destroy(by.pool);
        return;
    }
    log_line(LOG_ERROR, "reload failed half-way: the process ends");
    daemon->failed = 1;
    loop_stop(daemon->loop);
}

static void take_signals(void *data)
{
    daemon_t *daemon = data;
    unsigned char bytes[64];
    int again = 0, end = 0;
    ssize_t got;

    while ((got = read(signal_pipe[0], bytes, sizeof(bytes))) > 0) {
        again |= memchr(bytes, SIGHUP, (size_t)got) != NULL;
        end |= memchr(bytes, SIGTERM, (size_t)got) != NULL
               || memchr(bytes, SIGINT, (size_t)got) != NULL;
    }
    if (end) {
        loop_stop(daemon->loop);
    }
    else if (again) {
        reload(daemon);
    }
}

static int watch_signals(daemon_t *daemon)
{
    static const int numbers[] = { SIGHUP, SIGTERM, SIGINT, 0 };
    struct sigaction action;
    loop_socket_t *socket;
    int i;

    if (pipe(signal_pipe)) {
        return errno;
    }
    for (i = 0; i < 2; i++) {
        fcntl(signal_pipe[i], F_SETFD, FD_CLOEXEC);
        fcntl(signal_pipe[i], F_SETFL, O_NONBLOCK);
    }
    memset(&action, 0, sizeof(action));
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    action.sa_handler = on_signal;
    for (i = 0; numbers[i]; i++) {
        sigaction(numbers[i], &action, NULL);
    }
    return loop_socket(&socket, daemon->loop, signal_pipe[0], take_signals,
                       daemon, daemon->pool);
}

/* -- the whole ------------------------------------------------------------ */

static apr_status_t start(daemon_t *daemon, const running_by_t *by)
{
    char words[128];
    apr_status_t rv = running_start(&daemon->running, daemon->loop, by,
                                    daemon->owner, daemon->pool);

    if (rv != APR_SUCCESS) {
        log_line(LOG_ERROR, "cannot start: %s",
                 apr_strerror(rv, words, sizeof(words)));
    }
    return rv;
}

static apr_status_t set_up(daemon_t *daemon, const running_by_t *by)
{
    apr_uuid_t uuid;
    apr_status_t rv = loop_create(&daemon->loop, daemon->pool);

    if (rv == APR_SUCCESS) {
        rv = watch_signals(daemon);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_uuid_get(&uuid);
    apr_uuid_format(daemon->owner, &uuid);
    rv = start(daemon, by);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    daemon->watchdog = loop_timer(daemon->loop, feed_watchdog, daemon,
                                  daemon->pool);
    daemon->status = loop_timer(daemon->loop, tell_status, daemon,
                                daemon->pool);
    if (systemd_watchdog()) {
        feed_watchdog(daemon);
    }
    loop_timer_set(daemon->status, APR_USEC_PER_SEC);
    return APR_SUCCESS;
}

static void say_ready(int to)
{
    (void)systemd_notify("READY=1");
    log_line(LOG_NOTICE, "mailprobe " MAILTRACK_VERSION " runs");
    if (to >= 0) {
        if (write(to, "", 1) != 1) {
            /* who waited has gone */
        }
        close(to);
    }
}

int daemon_run(configuration_t *configuration, apr_pool_t *first,
               int foreground, apr_pool_t *pool)
{
    daemon_t *daemon = apr_pcalloc(pool, sizeof(*daemon));
    running_by_t by = { configuration, first };
    int to = -1, left;
    char *path = NULL, words[128];
    apr_status_t rv;

    if (apr_filepath_merge(&path, NULL, configuration->path, 0, pool)
        != APR_SUCCESS || (!foreground && detach(&to))) {
        fputs("mailprobe: cannot go into the background\n", stderr);
        return 1;
    }
    umask(0007);                /* the store's files are its group's */
    daemon->pool = pool;
    daemon->path = path;
    if (set_up(daemon, &by) != APR_SUCCESS) {
        return 1;
    }
    say_ready(to);
    rv = loop_run(daemon->loop);
    (void)systemd_notify("STOPPING=1");
    left = daemon->failed ? 0 : running_stop(daemon->running, LAST_WRITES);
    if (rv != APR_SUCCESS) {    /* no end that anybody asked for */
        log_line(LOG_ERROR, "the loop ends: %s",
                 apr_strerror(rv, words, sizeof(words)));
        daemon->failed = 1;
    }
    log_line(left ? LOG_WARNING : LOG_NOTICE, left
             ? "ends; %d writes were not done: the store did not answer"
             : "ends", left);
    if (left || refresh_busy()) {
        _exit(daemon->failed);  /* a thread still uses what would be freed */
    }
    return daemon->failed;
}
