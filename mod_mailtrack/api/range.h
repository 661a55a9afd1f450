/* SPDX-License-Identifier: MIT */
/*
 * A span of local days and the buckets a chart shows of it: days, weeks that
 * begin on Monday, or months, each from the first moment of a day to the first
 * moment of another, whatever the clocks do in between. Pure.
 */
#ifndef MAILTRACK_API_RANGE_H
#define MAILTRACK_API_RANGE_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "zone.h"

/** Longest span: one bucket a month makes 1,200 of them. */
#define RANGE_DAYS_MAX 36525

typedef struct range_t {
    const zone_t *zone;
    apr_int64_t first;          /* days since 1970-01-01, inclusive */
    apr_int64_t last;           /* inclusive */
} range_t;

/** "day" up to 92 days, "week" up to two years, "month" beyond. */
const char *range_width(const range_t *range);

/** The first day of each bucket, and after them the day after the last.
 * Array of apr_int64_t days; the first bucket may be a part of its week. */
apr_array_header_t *range_days(const range_t *range, apr_pool_t *pool);

/**
 * Where those days begin, in microseconds. Stored sums stand on 15 minutes of
 * UTC; the few old zones off them are rounded down.
 */
apr_array_header_t *range_edges(const range_t *range,
                                const apr_array_header_t *days,
                                apr_pool_t *pool);

/** A part of a span in which clocks do not change. */
typedef struct range_part_t {
    apr_int64_t from;           /* microseconds, inclusive */
    apr_int64_t to;             /* exclusive */
    apr_int64_t offset;         /* seconds east of UTC */
} range_part_t;

/**
 * The parts of [from, to), in microseconds. Clocks that change off 15 minutes
 * of UTC (none has since 1972) are taken to have done so at the quarter before.
 */
apr_array_header_t *range_parts(const zone_t *zone, apr_int64_t from,
                                apr_int64_t to, apr_pool_t *pool);

/** The span of as many days just before. */
range_t range_before(const range_t *range);

#endif
