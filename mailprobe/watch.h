/* SPDX-License-Identifier: MIT */
/*
 * One mailbox watched: IDLE at rest, tight NOOPs while a probe is in flight,
 * inbox and junk, back again by itself after every failure. One connection an
 * account. Loop thread.
 */
#ifndef MAILPROBE_WATCH_H
#define MAILPROBE_WATCH_H

#include "configuration.h"
#include "loop.h"

typedef struct watch_t watch_t;

/** A mail that may concern us, seen in the mailbox. Valid in the callback. */
typedef struct watch_mail_t {
    const char *token;          /* of a probe; NULL: a report (DSN) */
    int junk;
    const char *folder;
    apr_uint64_t uid;
    apr_uint64_t uidvalidity;
    apr_time_t seen_at;         /* when the server told us it is there */
    apr_interval_time_t resolution;     /* it came at most this much before */
    apr_time_t delivered_at;    /* INTERNALDATE, whole seconds */
    const char *bytes;          /* probe: its headers. report: all of it */
    apr_size_t length;          /* cut at WATCH_BYTES_MAX */
} watch_mail_t;
#define WATCH_BYTES_MAX (256 * 1024)

typedef struct watch_events_t {
    void (*mail)(void *data, const watch_mail_t *mail);
    /** up: it can be seen; else words say why not ("wrong password") */
    void (*state)(void *data, int up, const char *words);
    void *data;
} watch_events_t;

/** Begin; the first state follows by callback.
 * @param pool ends it: the connection is closed with it */
apr_status_t watch_start(watch_t **watch, loop_t *loop,
                         const account_t *account,
                         const watch_events_t *events, apr_pool_t *pool);

/** So many probes are in flight to it now: above 0 it polls tightly, and each
 * call begins the tight phase anew. */
void watch_expect(watch_t *watch, int in_flight);

/** Look through what is there already (after a start, for probes sent before):
 * mails with our header that arrived since a time, junk too. */
void watch_review(watch_t *watch, apr_time_t since);

/** Remove one mail, by UID and only if its header has the token still. Done
 * when the connection is up; forgotten when the mailbox has changed. */
void watch_remove(watch_t *watch, const char *folder,
                  apr_uint64_t uidvalidity, apr_uint64_t uid,
                  const char *token);

/** Log in, select, out (--check). */
typedef void (*watch_tried_fn)(int ok, const char *words, void *data);
apr_status_t watch_try(loop_t *loop, const account_t *account,
                       watch_tried_fn done, void *data, apr_pool_t *pool);

#endif
