/* SPDX-License-Identifier: MIT */
/*
 * /api/analytics: sums over local days, with the span before for
 * comparison, and places. Runs in httpd's worker threads; reads rollups, never
 * history.
 */
#include <apr_strings.h>

#include "analysis.h"
#include "answer.h"
#include "endpoints.h"
#include "habits.h"
#include "rules.h"
#include "view.h"
#include "when.h"

#define DAYS_DEFAULT 30
#define PLACES_MAX   50
#define WEEK_DAYS_MAX 731

/* -- what is asked for --------------------------------------------------- */

static void read_zone(analysis_t *a, call_t *call)
{
    zone_t *zone;

    a->tz = request_arg_text(call->input, "tz", ZONE_NAME_MAX);
    if (!a->tz)
        a->tz = "UTC";
    if (zone_load(&zone, a->tz, ZONE_DIR, call->r->pool)) {
        request_fault(call->input, "tz", "Expected a time zone such as "
                      "Europe/Berlin, or an offset such as +05:30.");
        (void)zone_load(&zone, "UTC", ZONE_DIR, call->r->pool);
    }
    a->range.zone = zone;
}

/* A day, or otherwise when it is not given. */
static apr_int64_t read_day(request_t *in, const char *name,
                            apr_int64_t otherwise)
{
    const char *text = request_arg_text(in, name, 32);
    apr_int64_t day = otherwise;

    if (text && when_date(&day, text))
        request_fault(in, name, "Expected a day such as 2026-01-31.");
    return day;
}

/* "7", "30", "all"; 0: all. */
static apr_int64_t read_count(request_t *in, int *given)
{
    const char *text = request_arg_text(in, "days", 16);

    *given = text != NULL;
    if (text && !strcmp(text, "all"))
        return 0;
    return request_arg_int(in, "days", 1, RANGE_DAYS_MAX, DAYS_DEFAULT);
}

void analysis_range(analysis_t *a, call_t *call)
{
    request_t *in = call->input;
    apr_int64_t today, count;
    int counted;

    read_zone(a, call);
    today = zone_day_of(a->range.zone, apr_time_sec(call->r->request_time));
    count = read_count(in, &counted);
    a->range.last = read_day(in, "to", today);
    a->range.first = read_day(in, "from",
                              a->range.last - (count ? count : 1) + 1);
    a->all = !count;
    if (counted && (request_arg_text(in, "from", 32) ||
                    request_arg_text(in, "to", 32)))
        request_fault(in, "days", "Give days, or from and to, not both.");
    if (a->range.first > a->range.last)
        request_fault(in, "from", "It is after the last day.");
    else if (a->range.last - a->range.first >= RANGE_DAYS_MAX)
        request_fault(in, "from", "This is more than a hundred years.");
}

/* -- sums ---------------------------------------------------------------- */

static void add(rollup_t *sum, const rollup_t *row)
{
    int i;

    sum->mails += row->mails;
    sum->mails_opened += row->mails_opened;
    sum->mails_possible += row->mails_possible;
    sum->opens += row->opens;
    sum->possible += row->possible;
    for (i = 0; i < ANALYSIS_VERDICTS; i++)
        sum->verdicts[i] += row->verdicts[i];
    for (i = 0; i < REPORTS_FIRST; i++)
        sum->first[i] += row->first[i];
}

static void sum_up(rollup_t *sum, const apr_array_header_t *rows)
{
    int i;

    memset(sum, 0, sizeof(*sum));
    for (i = 0; i < rows->nelts; i++)
        add(sum, &APR_ARRAY_IDX(rows, i, rollup_t));
    if (rows->nelts) {
        sum->from = APR_ARRAY_IDX(rows, 0, rollup_t).from;
        sum->to = APR_ARRAY_IDX(rows, rows->nelts - 1, rollup_t).to;
    }
}

/* days=all begins with the first mail, wherever that was. */
static apr_status_t begin_of_all(analysis_t *a, call_t *call)
{
    apr_int64_t at;
    apr_status_t rv = reports_first_bucket(&at, call->store);

    if (!rv && at)
        a->range.first = zone_day_of(a->range.zone, apr_time_sec(at));
    if (a->range.first > a->range.last)
        a->range.first = a->range.last;
    if (a->range.last - a->range.first >= RANGE_DAYS_MAX)
        a->range.first = a->range.last - RANGE_DAYS_MAX + 1;
    return rv;
}

apr_status_t analysis_series(analysis_t *a, call_t *call)
{
    apr_pool_t *pool = call->r->pool;
    apr_array_header_t *edges;
    apr_status_t rv = APR_SUCCESS;

    if (a->all)
        rv = begin_of_all(a, call);
    if (rv)
        return rv;
    a->days = range_days(&a->range, pool);
    edges = range_edges(&a->range, a->days, pool);
    rv = reports_series(&a->series, call->store,
                        (const apr_int64_t *)(void *)edges->elts,
                        edges->nelts, pool);
    if (!rv)
        sum_up(&a->total, a->series);
    return rv;
}

static apr_status_t read_previous(analysis_t *a, call_t *call)
{
    range_t before = range_before(&a->range);
    apr_array_header_t *days = apr_array_make(call->r->pool, 2,
                                              sizeof(apr_int64_t));
    apr_array_header_t *edges, *rows;
    apr_status_t rv;

    APR_ARRAY_PUSH(days, apr_int64_t) = before.first;
    APR_ARRAY_PUSH(days, apr_int64_t) = a->range.first;
    edges = range_edges(&before, days, call->r->pool);
    rv = reports_series(&rows, call->store,
                        (const apr_int64_t *)(void *)edges->elts,
                        edges->nelts, call->r->pool);
    if (!rv)
        sum_up(&a->previous, rows);
    return rv;
}

/* Hours of the week: of the last two years at most, for habits change and the
 * quarters of an hour of decades are many. */
apr_status_t analysis_week(analysis_t *a, call_t *call)
{
    apr_array_header_t *parts;
    apr_int64_t from = a->total.from;
    apr_status_t rv = APR_SUCCESS;
    int i;

    a->week_range = a->range;
    if (a->range.last - a->range.first >= WEEK_DAYS_MAX) {
        a->week_range.first = a->range.last - WEEK_DAYS_MAX + 1;
        from = apr_time_from_sec(zone_day_start(a->range.zone,
                                                a->week_range.first));
    }
    parts = range_parts(a->range.zone, from, a->total.to, call->r->pool);
    for (i = 0; i < parts->nelts && !rv; i++) {
        const range_part_t *part = &APR_ARRAY_IDX(parts, i, range_part_t);

        rv = reports_week(a->week, call->store, part->from, part->to,
                          part->offset);
    }
    return rv;
}

apr_status_t analysis_places(analysis_t *a, call_t *call)
{
    return reports_places(&a->places, call->store, a->total.from, a->total.to,
                          PLACES_MAX, call->r->pool);
}

/* -- JSON ---------------------------------------------------------------- */

static json_t *verdicts_view(const rollup_t *row)
{
    json_t *out = json_object();
    int i;

    for (i = 0; i < ANALYSIS_VERDICTS; i++)
        json_object_set_new(out, verdict_name((verdict_e)i),
                            json_integer(row->verdicts[i]));
    return out;
}

/* Of the mails one can tell of; null where there is none. */
static json_t *rate_view(const rollup_t *row)
{
    apr_int64_t known = row->mails - row->mails_possible;

    return known > 0 ? json_real((double)row->mails_opened / (double)known)
                     : json_null();
}

static json_t *sums_view(call_t *call, const rollup_t *row)
{
    json_t *out = json_object();

    json_object_set_new(out, "from", view_time(call, row->from));
    json_object_set_new(out, "to", view_time(call, row->to));
    json_object_set_new(out, "mails", json_integer(row->mails));
    json_object_set_new(out, "mails_opened",
                        json_integer(row->mails_opened));
    json_object_set_new(out, "mails_possible",
                        json_integer(row->mails_possible));
    json_object_set_new(out, "open_rate", rate_view(row));
    json_object_set_new(out, "opens", json_integer(row->opens));
    json_object_set_new(out, "possible", json_integer(row->possible));
    json_object_set_new(out, "verdicts", verdicts_view(row));
    return out;
}

/* A whole span's sums say more than a bucket's. */
static json_t *total_view(call_t *call, const rollup_t *row)
{
    json_t *out = sums_view(call, row);

    json_object_set_new(out, "first_open", habits_first(row));
    json_object_set_new(out, "automated", habits_automated(row));
    return out;
}

const char *analysis_day(const analysis_t *a, int i, apr_pool_t *pool)
{
    return when_format_date(APR_ARRAY_IDX(a->days, i, apr_int64_t), pool);
}

static json_t *series_view(call_t *call, const analysis_t *a)
{
    json_t *out = json_array();
    int i;

    for (i = 0; i < a->series->nelts; i++) {
        json_t *row = sums_view(call, &APR_ARRAY_IDX(a->series, i, rollup_t));

        json_object_set_new(row, "date", view_text(analysis_day(a, i,
                                                            call->r->pool)));
        json_array_append_new(out, row);
    }
    return out;
}

static json_t *places_view(const apr_array_header_t *places, int cities)
{
    json_t *out = json_array();
    int i;

    for (i = 0; i < places->nelts; i++) {
        const place_t *place = &APR_ARRAY_IDX(places, i, place_t);
        json_t *one = json_object();

        json_object_set_new(one, "country", view_text(place->country));
        if (cities)
            json_object_set_new(one, "city", view_text(place->city));
        json_object_set_new(one, "opens", json_integer(place->opens));
        json_array_append_new(out, one);
    }
    return out;
}

static json_t *week_view(call_t *call, const analysis_t *a)
{
    apr_pool_t *pool = call->r->pool;
    json_t *out = habits_week(a->week);

    json_object_set_new(out, "from",
                        view_text(when_format_date(a->week_range.first,
                                                   pool)));
    json_object_set_new(out, "to",
                        view_text(when_format_date(a->week_range.last,
                                                   pool)));
    return out;
}

static json_t *analysis_view(call_t *call, const analysis_t *a)
{
    apr_pool_t *pool = call->r->pool;
    json_t *out = json_object();

    json_object_set_new(out, "from", view_text(analysis_day(a, 0, pool)));
    json_object_set_new(out, "to",
                        view_text(when_format_date(a->range.last, pool)));
    json_object_set_new(out, "tz", view_text(a->tz));
    json_object_set_new(out, "bucket", view_text(range_width(&a->range)));
    json_object_set_new(out, "series", series_view(call, a));
    json_object_set_new(out, "totals", total_view(call, &a->total));
    json_object_set_new(out, "previous", total_view(call, &a->previous));
    json_object_set_new(out, "week", week_view(call, a));
    json_object_set_new(out, "best_times", habits_best(a->week));
    json_object_set_new(out, "countries",
                        places_view(a->places.countries, 0));
    json_object_set_new(out, "cities", places_view(a->places.cities, 1));
    json_object_set_new(out, "places_exact", json_boolean(a->places.exact));
    return out;
}

int endpoint_analytics(call_t *call)
{
    analysis_t a;
    apr_status_t rv;
    int status;

    memset(&a, 0, sizeof(a));
    analysis_range(&a, call);
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = analysis_series(&a, call);
    if (!rv)
        rv = read_previous(&a, call);
    if (!rv)
        rv = analysis_places(&a, call);
    if (!rv)
        rv = analysis_week(&a, call);
    if (rv)
        return answer_store(call, rv, "figure");
    return answer_json(call, HTTP_OK, analysis_view(call, &a));
}
