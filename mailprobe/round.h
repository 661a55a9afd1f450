/* SPDX-License-Identifier: MIT */
/*
 * One look of schedule.c at the store, done by the store thread: leases kept,
 * given up and taken, monitors read where any was changed, and what people ask
 * for. For schedule.c and once.c.
 */
#ifndef MAILPROBE_ROUND_H
#define MAILPROBE_ROUND_H

#include "probing_inside.h"

/** A monitor that we hold. */
typedef struct round_seat_t {
    apr_int64_t id;
    int empty;                  /* nothing of it is in flight */
    int busy;                   /* something of it is being done */
} round_seat_t;

/** One that we hold from now on. */
typedef struct round_taken_t {
    const monitor_t *monitor;
    apr_array_header_t *flights;        /* probe_t, not decided */
} round_taken_t;

typedef struct round_t {
    apr_pool_t *pool;
    probing_t *probing;         /* not for the store thread */
    const char *owner;
    int scheduled;
    int renew;                  /* the leases' turn */
    apr_int64_t edition;        /* in: what we know; out: what there is */
    apr_array_header_t *seats;  /* round_seat_t */
    apr_int64_t enabled;        /* in and out: monitors that are */
    apr_int64_t live;           /* in and out: processes */
    /* out; they live until done */
    apr_array_header_t *monitors;       /* monitor_t; NULL: not read */
    apr_array_header_t *lost;   /* apr_int64_t */
    apr_array_header_t *dropped;
    apr_array_header_t *asked;
    apr_array_header_t *taken;  /* round_taken_t */
} round_t;

round_t *round_make(probing_t *probing, apr_pool_t *pool);
apr_status_t round_work(store_t *store, void *round, apr_pool_t *pool);
/** Is a monitor among those read? */
int round_lists(const round_t *round, apr_int64_t id);

#endif
