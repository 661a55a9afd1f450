/* SPDX-License-Identifier: MIT */
/*
 * Spans of days and their buckets; see range.h. Pure, any thread.
 */
#include <apr_time.h>

#include "range.h"

#define QUARTER 900
#define DAY     86400
#define WEEKS_FROM  92
#define MONTHS_FROM 731

static apr_int64_t span(const range_t *range)
{
    return range->last - range->first + 1;
}

const char *range_width(const range_t *range)
{
    return span(range) <= WEEKS_FROM ? "day"
         : span(range) <= MONTHS_FROM ? "week" : "month";
}

static apr_int64_t next_month(apr_int64_t day)
{
    apr_time_exp_t when;
    int month;

    (void)apr_time_exp_gmt(&when, apr_time_from_sec(day * 86400));
    month = when.tm_mon;
    day += 28 - (when.tm_mday > 28 ? 28 : when.tm_mday) + 1;
    do {
        (void)apr_time_exp_gmt(&when, apr_time_from_sec(day * 86400));
    } while (when.tm_mon == month && ++day);
    return day;
}

/* 1970-01-01 was a Thursday: 4 days to Monday. */
static apr_int64_t next_monday(apr_int64_t day)
{
    return day + 7 - ((day + 3) % 7 + 7) % 7;
}

apr_array_header_t *range_days(const range_t *range, apr_pool_t *pool)
{
    apr_array_header_t *days = apr_array_make(pool, 100, sizeof(apr_int64_t));
    char width = *range_width(range);
    apr_int64_t day = range->first;

    while (day <= range->last) {
        APR_ARRAY_PUSH(days, apr_int64_t) = day;
        day = width == 'd' ? day + 1 : width == 'w' ? next_monday(day)
                                                    : next_month(day);
    }
    APR_ARRAY_PUSH(days, apr_int64_t) = range->last + 1;
    return days;
}

apr_array_header_t *range_edges(const range_t *range,
                                const apr_array_header_t *days,
                                apr_pool_t *pool)
{
    apr_array_header_t *edges = apr_array_make(pool, days->nelts,
                                               sizeof(apr_int64_t));
    int i;

    for (i = 0; i < days->nelts; i++) {
        apr_int64_t at = zone_day_start(range->zone,
                                        APR_ARRAY_IDX(days, i, apr_int64_t));

        at -= (at % QUARTER + QUARTER) % QUARTER;
        APR_ARRAY_PUSH(edges, apr_int64_t) = apr_time_from_sec(at);
    }
    return edges;
}

/* The first moment in (from, to] at which the offset is another than at from;
 * it changes once between them. Seconds. */
static apr_int64_t change_between(const zone_t *zone, apr_int64_t from,
                                  apr_int64_t to)
{
    apr_int64_t offset = zone_offset(zone, from);

    while (to - from > 1) {
        apr_int64_t middle = from + (to - from) / 2;

        if (zone_offset(zone, middle) == offset)
            from = middle;
        else
            to = middle;
    }
    return to;
}

static apr_int64_t quarter_before(apr_int64_t at)
{
    return at - (at % QUARTER + QUARTER) % QUARTER;
}

apr_array_header_t *range_parts(const zone_t *zone, apr_int64_t from,
                                apr_int64_t to, apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, 8, sizeof(range_part_t));
    apr_int64_t at = apr_time_sec(from), end = apr_time_sec(to);
    apr_int64_t start = at;

    while (at < end) {
        apr_int64_t next = at + DAY < end ? at + DAY : end;
        apr_int64_t offset = zone_offset(zone, at);
        range_part_t *part;

        if (zone_offset(zone, next) != offset)
            next = change_between(zone, at, next);
        if (next < end && zone_offset(zone, next) == offset) {
            at = next;
            continue;
        }
        part = apr_array_push(parts);
        part->from = apr_time_from_sec(quarter_before(start));
        part->to = apr_time_from_sec(next < end ? quarter_before(next) : end);
        part->offset = offset;
        start = at = next;
    }
    return parts;
}

range_t range_before(const range_t *range)
{
    range_t before = *range;

    before.last = range->first - 1;
    before.first = range->first - span(range);
    return before;
}
