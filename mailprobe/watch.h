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

/** Begin; the first state follows by callback, later ones when it changes (or
 * the reason does).
 * @param account lives as long as the watch, with what it points to
 * @param pool ends it: the connection is closed with it. Not to be destroyed
 *        within one of the callbacks */
apr_status_t watch_start(watch_t **watch, loop_t *loop,
                         const account_t *account,
                         const watch_events_t *events, apr_pool_t *pool);

/** So many probes are in flight to it now: above 0 it polls tightly. A call
 * with no fewer than before begins the tight phase anew: call it again when the
 * mail was accepted. */
void watch_expect(watch_t *watch, int in_flight);

/** Look through what is there already (after a start, for probes sent before):
 * mails with our header and reports that arrived since a time (or up to an hour
 * before: clocks differ), junk too. May name what was named before. resolution
 * is the time since INTERNALDATE then. */
void watch_review(watch_t *watch, apr_time_t since);

/** Remove one mail, by UID and only if its header has the token still (so never
 * a report). Done when the connection is up; forgotten when the mailbox has
 * changed. A server without UIDPLUS keeps it, marked as deleted. */
void watch_remove(watch_t *watch, const char *folder,
                  apr_uint64_t uidvalidity, apr_uint64_t uid,
                  const char *token);

/** Log in, select, out (--check). Nothing is tried twice.
 * @param pool as watch_start's: destroy it after done, not within */
typedef void (*watch_tried_fn)(int ok, const char *words, void *data);
apr_status_t watch_try(loop_t *loop, const account_t *account,
                       watch_tried_fn done, void *data, apr_pool_t *pool);

#endif
