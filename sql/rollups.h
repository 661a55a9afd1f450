/* SPDX-License-Identifier: MIT */
/*
 * open_rollups and place_rollups: deltas of one transaction, gathered by bucket
 * and written once. Each node adds to rows of its own; readers sum.
 * Private to sql/.
 */
#ifndef MAILTRACK_ROLLUPS_H
#define MAILTRACK_ROLLUPS_H

#include <apr_hash.h>

#include "store.h"

/**
 * Bucket widths in seconds, finest first; each is a multiple of the one before.
 * 900 s divide every time zone's offset; hours of the week are summed from
 * hours; three hours put a local day together from 20 rows instead of 96; the
 * wide ones hold a range of years in few rows. Places are kept by days and
 * more, as a row for each place is much.
 */
#define ROLLUP_FINE   900
#define ROLLUP_HOUR   3600
#define ROLLUP_HOURS  10800
#define ROLLUP_DAY    86400
#define ROLLUP_DAYS   345600
#define ROLLUP_COARSE 1382400
#define ROLLUP_MONTHS 11059200

#define ROLLUP_OPEN_LEVELS  5
#define ROLLUP_PLACE_LEVELS 4
extern const int rollups_open_widths[ROLLUP_OPEN_LEVELS];
extern const int rollups_place_widths[ROLLUP_PLACE_LEVELS];

/** Classes of the time to the first open: each ends before so many seconds,
 * the last never. */
#define ROLLUP_FIRST_CLASSES 9
extern const apr_int64_t rollups_first_ends[ROLLUP_FIRST_CLASSES - 1];

/** Columns of open_rollups after its key, in the schema's order. */
typedef enum {
    ROLLUP_MAILS, ROLLUP_MAILS_OPENED, ROLLUP_MAILS_POSSIBLE,
    ROLLUP_OPENS, ROLLUP_POSSIBLE,
    ROLLUP_VERDICTS,            /* six of them, by verdict_e */
    ROLLUP_FIRST = ROLLUP_VERDICTS + 6, /* by class */
    ROLLUP_COLUMNS = ROLLUP_FIRST + ROLLUP_FIRST_CLASSES
} rollup_column_t;

typedef struct rollups_t rollups_t;

/** The start of the bucket that holds a time; also before the epoch. */
apr_int64_t rollups_bucket(apr_int64_t at, int width);

rollups_t *rollups_make(store_t *store, const char *node, apr_pool_t *pool);

/** Add to a column of each width's bucket. */
void rollups_add(rollups_t *rollups, apr_int64_t at, int column,
                 apr_int64_t delta);

/** A mail made at a time was first opened at another; STORE_NULL: never. */
void rollups_first(rollups_t *rollups, apr_int64_t created_at,
                   apr_int64_t first_open_at, apr_int64_t delta);

/** Add opens of a place; either may be NULL or "". */
void rollups_place(rollups_t *rollups, apr_int64_t at, const char *country,
                   const char *city, apr_int64_t delta);

apr_status_t rollups_flush(rollups_t *rollups);

#endif
