/* SPDX-License-Identifier: MIT */
/*
 * Places of addresses, from a MaxMind database (GeoLite2-City or any file with
 * country and city names). The only includer of maxminddb.h.
 * Source: libmaxminddb's manual, "MaxMind DB File Format" 2.0.
 */
#ifndef MAILTRACK_GEO_H
#define MAILTRACK_GEO_H

#include <apr_pools.h>

typedef struct geo_t geo_t;

typedef struct geo_place_t {
    char country[65];           /* English name, valid UTF-8, "" unknown */
    char city[129];
} geo_place_t;

typedef enum {
    GEO_OFF,                    /* no file is configured */
    GEO_ABSENT,                 /* configured, but not there or not readable */
    GEO_BROKEN,                 /* there, but no MaxMind database */
    GEO_OPEN
} geo_state_t;

/**
 * @param path NULL: GEO_OFF. A file that is not there is no failure: it is
 * looked for again. Threads may share the geo_t.
 */
apr_status_t geo_make(geo_t **geo, const char *path, apr_pool_t *pool);

/**
 * The place of an address (text). Never fails: unknown is "". Opens the
 * file anew when it changed; lookups under way keep the old one. A file that
 * is written over in place is let go at once: reading what `cp` has cut off
 * would be SIGBUS.
 */
void geo_lookup(geo_place_t *place, geo_t *geo, const char *address);

geo_state_t geo_state(geo_t *geo);

/** When the open database was built, seconds since the epoch; 0: none. */
apr_int64_t geo_built_at(geo_t *geo);

/** Database type as its metadata says ("GeoLite2-City"); "" when none. */
const char *geo_type(geo_t *geo, apr_pool_t *pool);

#endif
