/* SPDX-License-Identifier: MIT */
/*
 * All that runs by the configuration: the store thread, probing, delivering,
 * and what looks after the house. Loop thread.
 */
#ifndef MAILPROBE_RUNNING_H
#define MAILPROBE_RUNNING_H

#include "configuration.h"
#include "loop.h"

typedef struct running_t running_t;

/** A configuration and the pool it lives in, which is handed over. */
typedef struct running_by_t {
    configuration_t *configuration;
    apr_pool_t *pool;           /* no child of anything that ends before */
} running_by_t;

/**
 * Start it. A store that is not there is a state, not a failure.
 * @param owner this process's UUID
 * @param pool  ends it, after running_stop
 */
apr_status_t running_start(running_t **running, loop_t *loop,
                           const running_by_t *by, const char *owner,
                           apr_pool_t *pool);

/** SIGHUP: go on by another configuration. Probes in flight stay in flight.
 * APR_EINVAL: it has another store, which wants a new process; nothing has
 * changed then, and by is still the caller's. */
apr_status_t running_reload(running_t *running, const running_by_t *by);

/** What keeps it from working, in words for people; NULL: nothing. Lives until
 * the next call. */
const char *running_trouble(running_t *running);

/** Finish what is in line for the store, at most within so long; then the pool
 * may be destroyed. @return writes left undone */
int running_stop(running_t *running, apr_interval_time_t within);

#endif
