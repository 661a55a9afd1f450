/* SPDX-License-Identifier: MIT */
/*
 * Figures of a span of local days, as the page and its files ask for them: the
 * parameters, and the reading. analytics.c owns it, analytics_csv.c uses it.
 * Texts and arrays are in the request's pool.
 */
#ifndef MAILTRACK_API_ANALYSIS_H
#define MAILTRACK_API_ANALYSIS_H

#include "range.h"
#include "reports.h"
#include "route.h"

#define ANALYSIS_VERDICTS 6

typedef struct analysis_t {
    range_t range;
    const char *tz;
    int all;                            /* days=all */
    apr_array_header_t *days;           /* apr_int64_t */
    apr_array_header_t *series;         /* rollup_t */
    rollup_t total;
    rollup_t previous;
    places_t places;
    range_t week_range;                 /* the days of `week` */
    hour_t week[REPORTS_HOURS];
} analysis_t;

/** days, from, to, tz. Faults are noted in call->input. */
void analysis_range(analysis_t *a, call_t *call);

/** range of days=all, days, series, total. First of the reading ones. */
apr_status_t analysis_series(analysis_t *a, call_t *call);
apr_status_t analysis_week(analysis_t *a, call_t *call);
apr_status_t analysis_places(analysis_t *a, call_t *call);

/** The first day of a bucket of the series. */
const char *analysis_day(const analysis_t *a, int i, apr_pool_t *pool);

#endif
