/* SPDX-License-Identifier: MIT */
/*
 * What loop.c, loop_timers.c and loop_transfers.c share; nobody else includes
 * it. All of it belongs to the loop thread, but for what the mutex guards.
 */
#ifndef MAILPROBE_LOOP_INSIDE_H
#define MAILPROBE_LOOP_INSIDE_H

#include "loop.h"

#include <apr_hash.h>
#include <apr_poll.h>
#include <apr_ring.h>
#include <apr_tables.h>
#include <apr_thread_mutex.h>

/** One descriptor in the pollset. The loop's own and used again, as events of
 * a round may still point to one that was ended in it. */
typedef struct watched_t watched_t;
struct watched_t {
    apr_pollfd_t pollfd;        /* the pollset keeps its address */
    apr_socket_t *wrapped;
    curl_socket_t fd;
    loop_fn fn;                 /* NULL: libcurl's */
    void *data;
    int live;
    watched_t *next;            /* in spare or ended */
};

typedef struct transfer_t transfer_t;
APR_RING_HEAD(transfers_t, transfer_t);

struct loop_t {
    apr_pool_t *pool;
    apr_pollset_t *pollset;
    watched_t *spare;
    watched_t *ended;           /* spare after this round */
    int stop;

    apr_thread_mutex_t *mutex;  /* of the posts */
    apr_pool_t *posts_pool;     /* used with the mutex held */
    apr_array_header_t *posts;  /* post_t */
    apr_array_header_t *taken;  /* those that run now */
    int woken;

    apr_array_header_t *heap;   /* loop_timer_t *, the first is due first */

    CURLM *multi;
    loop_timer_t *multi_timer;
    loop_timer_t *line_timer;
    apr_hash_t *transfers;      /* CURL * -> transfer_t: waits or runs */
    struct transfers_t waiting;
    struct transfers_t running; /* with a place, oldest first */
    transfer_t *spare_transfers;
    int busy;                   /* how many are in running */
};

apr_status_t loop_watch(watched_t **out, loop_t *loop, curl_socket_t fd,
                        apr_int16_t events);
apr_status_t loop_rewatch(loop_t *loop, watched_t *watched,
                          apr_int16_t events);
void loop_unwatch(loop_t *loop, watched_t *watched);

/** Run what is due. */
void loop_timers_run(loop_t *loop);
/** Until the next one is due, for apr_pollset_poll: whole milliseconds, never
 * too early; -1: there is none. */
apr_interval_time_t loop_timers_wait(loop_t *loop);

apr_status_t loop_transfers_setup(loop_t *loop);
void loop_transfers_end(loop_t *loop);
/** libcurl's socket has news. */
void loop_transfers_socket(loop_t *loop, const watched_t *watched,
                           apr_int16_t events);

#endif
