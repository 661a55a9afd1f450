/* SPDX-License-Identifier: MIT */
/*
 * Sums for charts and tiles, read from counters and rollups, never from
 * history; and the recount that proves them.
 */
#ifndef MAILTRACK_REPORTS_H
#define MAILTRACK_REPORTS_H

#include <apr_tables.h>

#include "opens.h"
#include "store.h"

typedef struct stats_t {
    apr_int64_t total_tracks;
    apr_int64_t total_opens;            /* every hit */
    apr_int64_t real_opens;
    apr_int64_t tracks_with_opens;      /* opened */
    apr_int64_t tracks_possible;        /* cannot tell */
    open_t *latest_real_open;           /* NULL: none */
} stats_t;

apr_status_t reports_stats(stats_t **out, store_t *store, apr_pool_t *pool);

/** Classes of the time to the first open, and where each but the last ends, in
 * seconds. */
#define REPORTS_FIRST 9
extern const apr_int64_t *const reports_first_ends;

/** One bucket of open_rollups, summed over nodes; see the schema. */
typedef struct rollup_t {
    apr_int64_t from;           /* microseconds, inclusive */
    apr_int64_t to;             /* exclusive */
    apr_int64_t mails, mails_opened, mails_possible;
    apr_int64_t opens, possible;
    apr_int64_t verdicts[6];    /* by verdict_e: human .. self */
    apr_int64_t first[REPORTS_FIRST];   /* mails by time to the first open */
} rollup_t;

/**
 * Sums between each pair of neighbouring edges (count edges make count - 1
 * rows). Edges ascend and stand on 15 minute boundaries UTC (every time zone's
 * days do); APR_EINVAL otherwise. Coarse buckets are used wherever they fit.
 */
apr_status_t reports_series(apr_array_header_t **out /* rollup_t */,
                            store_t *store, const apr_int64_t *edges,
                            int count, apr_pool_t *pool);

/** created_at of the first mail rounded down to 15 minutes; 0: no mail. */
apr_status_t reports_first_bucket(apr_int64_t *at, store_t *store);

typedef struct place_t {
    const char *country;
    const char *city;           /* "": the country as a whole */
    apr_int64_t opens;
} place_t;

/** Where opens were made. */
typedef struct places_t {
    apr_array_header_t *countries;      /* place_t, most first */
    apr_array_header_t *cities;
    int exact;                  /* 0: of the whole UTC days that are touched */
} places_t;

/**
 * Opens that count, by country and by city. Sums are kept by UTC day; the opens
 * of the days that [from, to) cuts are read one by one, unless they are more
 * than some thousand: then it is widened to whole days. from and to stand on 15
 * minutes.
 */
apr_status_t reports_places(places_t *places, store_t *store,
                            apr_int64_t from, apr_int64_t to, int limit,
                            apr_pool_t *pool);

/** A week of local hours, from Monday 00:00. */
#define REPORTS_HOURS 168
typedef struct hour_t {
    apr_int64_t mails, mails_opened, mails_possible;    /* made in it */
    apr_int64_t opens;          /* that count, made in it */
} hour_t;

/**
 * Add the 15 minutes of [from, to) to the hours they fall into.
 * @param offset seconds east of UTC, the same all the time
 * Reads every hour: 17,500 rows for two years in which none is empty; where
 * clocks are off by half an hour, four times as many.
 */
apr_status_t reports_week(hour_t *week, store_t *store, apr_int64_t from,
                          apr_int64_t to, apr_int64_t offset);

/** Told of each difference: what ("track ID", "rollup 900 at ..."), the name of
 * the counter, the value kept and the value counted. */
typedef void (*difference_t)(void *context, const char *what,
                             const char *counter, apr_int64_t kept,
                             apr_int64_t counted);

/**
 * Count everything again from opens and mails, in one read transaction, and
 * tell what differs. @param differences how many
 */
apr_status_t reports_verify(apr_int64_t *differences, store_t *store,
                            difference_t told, void *context,
                            apr_pool_t *pool);

#endif
