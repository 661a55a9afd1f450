/* SPDX-License-Identifier: MIT */
/*
 * Times and spans as messages say them. Pure; any thread. Times are
 * microseconds since the epoch, UTC.
 */
#ifndef MAILPROBE_MOMENT_H
#define MAILPROBE_MOMENT_H

#include <apr_pools.h>

#include "zone.h"

/** A zone with the name it was asked by; zone NULL is UTC. */
typedef struct moment_zone_t {
    const zone_t *zone;
    const char *name;
} moment_zone_t;

/** "2026-11-21T04:12:51Z" */
const char *moment_iso(apr_int64_t at, apr_pool_t *pool);

/** "Sat 21 Nov, 04:12 Europe/Berlin"; with the year when it is not now's. */
const char *moment_local(apr_int64_t at, apr_int64_t now,
                         const moment_zone_t *zone, apr_pool_t *pool);

/** "under a minute", "12 min", "2 h 5 min", "3 d 4 h"; negative is 0. */
const char *moment_span(apr_int64_t us, apr_pool_t *pool);

#endif
