/* SPDX-License-Identifier: MIT */
/*
 * The loop: one thread, one apr_pollset, one curl_multi, timers, and a way for
 * other threads to hand something over. Everything of mailprobe but the store
 * thread runs in it and must never block: no store call, no file of unknown
 * speed, no name lookup but libcurl's threaded one.
 */
#ifndef MAILPROBE_LOOP_H
#define MAILPROBE_LOOP_H

#include <apr_pools.h>
#include <apr_time.h>
#include <curl/curl.h>

typedef struct loop_t loop_t;
typedef struct loop_timer_t loop_timer_t;
typedef struct loop_socket_t loop_socket_t;

typedef void (*loop_fn)(void *data);

/** @param pool the process's; the loop ends with it */
apr_status_t loop_create(loop_t **loop, apr_pool_t *pool);

/** For what lives as long as the loop; loop thread. */
apr_pool_t *loop_pool(const loop_t *loop);

/** Run until loop_stop. */
apr_status_t loop_run(loop_t *loop);

/** Leave loop_run after the present callback. Loop thread. */
void loop_stop(loop_t *loop);

/** Have fn(data) run in the loop thread. Any thread, and safe from a signal
 * handler's self-pipe thread; never blocks. */
apr_status_t loop_post(loop_t *loop, loop_fn fn, void *data);

/* -- timers ---------------------------------------------------------------- */

/** One-shot; unset until loop_timer_set. Cleared with pool. */
loop_timer_t *loop_timer(loop_t *loop, loop_fn fn, void *data,
                         apr_pool_t *pool);
/** Fire in so many microseconds (monotonic clock: a jump of the wall clock
 * moves nothing); setting again moves it. */
void loop_timer_set(loop_timer_t *timer, apr_interval_time_t in);
void loop_timer_clear(loop_timer_t *timer);

/** The monotonic clock, microseconds. Durations are taken with this, and points
 * in time (apr_time_now) are only ever stored. */
apr_int64_t loop_clock(void);

/* -- transfers ------------------------------------------------------------- */

/** @param easy still the caller's, and still in the multi: clean it up, hand it
 * over again, or use it on (CONNECT_ONLY; the connection stays open until
 * loop_release). The callback may do whatever it likes to any handle. */
typedef void (*loop_done_fn)(CURL *easy, CURLcode rc, void *data);

/** Hand a prepared handle to the multi. At most 20 that log in run at once,
 * others wait in line (measured: more get slower, not faster); one that takes
 * longer than a second no longer counts. The time-out of a handle begins when
 * it runs.
 * @return APR_EEXIST: it waits or runs already */
apr_status_t loop_transfer(loop_t *loop, CURL *easy, loop_done_fn done,
                           void *data);
/** Take it out, whether it runs, waits, or is done; no callback after this. */
void loop_release(loop_t *loop, CURL *easy);

/* -- sockets of CONNECT_ONLY handles --------------------------------------- */

/** fn is called when the socket can be read (or is at its end), again and
 * again until it was read. End it before the descriptor is closed (so before
 * loop_release); it ends with pool. */
apr_status_t loop_socket(loop_socket_t **out, loop_t *loop, curl_socket_t fd,
                         loop_fn fn, void *data, apr_pool_t *pool);
void loop_socket_end(loop_socket_t *socket);

#endif
