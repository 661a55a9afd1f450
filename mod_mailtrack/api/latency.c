/* SPDX-License-Identifier: MIT */
/*
 * /api/monitors/{id}/latency: how long probes took over a span, as a chart
 * wants it. Up to two days from the probes themselves; longer from the sums of
 * hours and days, which outlive the probes. Runs in httpd's worker threads; two
 * or three indexed reads.
 */
#include <apr_strings.h>
#include <stdlib.h>

#include "answer.h"
#include "endpoints.h"
#include "monitor_view.h"
#include "spread.h"
#include "view.h"

#define HOUR          APR_INT64_C(3600)
#define DAY           (24 * HOUR)
#define HOURS_MAX     8784
#define PROBES_UP_TO  apr_time_from_sec(2 * DAY)
#define HOURS_UP_TO   apr_time_from_sec(31 * DAY)
#define PROBES_MAX    20000
#define POINTS_MAX    600
#define BANDS_MAX     120

typedef struct span_t {
    apr_int64_t from;
    apr_int64_t to;
    apr_int64_t width;          /* of a band, seconds */
} span_t;

/* What was asked for: from and to, or the last so many hours. */
static void read_span(span_t *span, call_t *call)
{
    request_t *in = call->input;
    apr_int64_t hours = request_arg_int(in, "hours", 1, HOURS_MAX, 24);
    apr_int64_t from = request_arg_time(in, "from");
    apr_int64_t to = request_arg_time(in, "to");

    span->to = to == STORE_NULL ? call->r->request_time : to;
    span->from = from == STORE_NULL ? span->to - apr_time_from_sec(hours
                                                                   * HOUR)
                                    : from;
    if (span->from >= span->to ||
        span->to - span->from > apr_time_from_sec(HOURS_MAX * HOUR))
        request_fault(in, "from", "Expected a span of at most 366 days that "
                      "begins before it ends.");
}

static apr_int64_t width_of(apr_int64_t span)
{
    static const apr_int64_t widths[] = { 60, 300, 600, 900, 1800 };
    apr_size_t i = 0;

    if (span > HOURS_UP_TO)
        return DAY;
    if (span > PROBES_UP_TO)
        return HOUR;
    while (i < sizeof(widths) / sizeof(*widths) - 1 &&
           apr_time_sec(span) / widths[i] > BANDS_MAX)
        i++;
    return widths[i];
}

static json_t *band_view(call_t *call, const spread_t *spread)
{
    json_t *out = json_object();

    json_object_set_new(out, "at", view_time(call, spread->at));
    json_object_set_new(out, "p50_us", monitor_view_int(spread->p50));
    json_object_set_new(out, "p95_us", monitor_view_int(spread->p95));
    json_object_set_new(out, "arrived", json_integer(spread->arrived));
    json_object_set_new(out, "failed", json_integer(spread->failed));
    return out;
}

static json_t *bands_view(call_t *call, const apr_array_header_t *spreads)
{
    json_t *out = json_array();
    int i;

    for (i = 0; i < spreads->nelts; i++)
        json_array_append_new(out, band_view(call, &APR_ARRAY_IDX(spreads, i,
                                                               spread_t)));
    return out;
}

/* All, or where they are many the failures alone. */
static json_t *points_view(call_t *call, const apr_array_header_t *probes)
{
    int many = probes->nelts > POINTS_MAX, i;
    json_t *out = json_array();

    for (i = 0; i < probes->nelts; i++) {
        const probe_t *probe = &APR_ARRAY_IDX(probes, i, probe_t);
        json_t *one;

        if (!spread_decided(probe->outcome) ||
            (many && !spread_failed(probe->outcome)))
            continue;
        one = json_object();
        json_object_set_new(one, "at", view_time(call, probe->due_at));
        json_object_set_new(one, "outcome", view_text(probe->outcome));
        json_object_set_new(one, "latency_us",
                            monitor_view_int(probe->latency_us));
        json_array_append_new(out, one);
    }
    return out;
}

static json_t *states_view(call_t *call, const apr_array_header_t *states)
{
    json_t *out = json_array();
    int i;

    for (i = 0; i < states->nelts; i++) {
        const monitor_state_t *state = &APR_ARRAY_IDX(states, i,
                                                      monitor_state_t);
        json_t *one = json_object();

        json_object_set_new(one, "since", view_time(call, state->since));
        json_object_set_new(one, "state", view_text(state->state));
        json_object_set_new(one, "detail", view_text(state->detail));
        json_array_append_new(out, one);
    }
    return out;
}

/* Bands, and points where there are probes. */
static apr_status_t set_latency(json_t *out, call_t *call,
                                const monitor_t *m, const span_t *span)
{
    apr_pool_t *pool = call->r->pool;
    int probes = span->width < HOUR;
    apr_array_header_t *list, *spreads;
    apr_status_t rv;

    if (probes)
        rv = probes_points(&list, call->store, m->id, span->from, span->to,
                           PROBES_MAX, pool);
    else
        rv = probes_rollups(&list, call->store, m->id, span->width,
                            span->from, span->to, pool);
    if (rv)
        return rv;
    spreads = probes ? spread_of_probes(list, span->width, pool)
                     : spread_of_rollups(list, pool);
    json_object_set_new(out, "source", view_text(probes ? "probes"
                                                        : "sums"));
    json_object_set_new(out, "band_seconds", json_integer(span->width));
    json_object_set_new(out, "bands", bands_view(call, spreads));
    json_object_set_new(out, "points", probes ? points_view(call, list)
                                              : json_array());
    json_object_set_new(out, "outcomes", probes
                        ? spread_outcomes_of_probes(list)
                        : spread_outcomes_of_rollups(list));
    return APR_SUCCESS;
}

static int answer_latency(call_t *call, const monitor_t *m,
                          const span_t *span)
{
    json_t *out = json_object();
    apr_array_header_t *states;
    int uptime;
    apr_status_t rv = set_latency(out, call, m, span);

    if (!rv)
        rv = monitors_uptime(&uptime, call->store, m->id, span->from,
                             span->to, call->r->pool);
    if (!rv)
        rv = monitors_states(&states, call->store, m->id, span->from,
                             span->to, call->r->pool);
    if (rv) {
        json_decref(out);
        return answer_store(call, rv, "latency");
    }
    json_object_set_new(out, "from", view_time(call, span->from));
    json_object_set_new(out, "to", view_time(call, span->to));
    json_object_set_new(out, "uptime", uptime < 0 ? json_null()
                        : json_real((double)uptime / 1000));
    json_object_set_new(out, "states", states_view(call, states));
    return answer_json(call, HTTP_OK, out);
}

int endpoint_latency(call_t *call)
{
    const char *id = view_id(call, call->id);
    span_t span;
    monitor_t *m;
    apr_status_t rv;
    int status;

    read_span(&span, call);
    if (!id)
        return answer_problem(call, HTTP_NOT_FOUND, "There is no such "
                              "monitor.");
    if (request_end(call->input))
        return answer_faults(call);
    span.width = width_of(span.to - span.from);
    if ((status = call_store(call)) != OK)
        return status;
    rv = monitors_get(&m, call->store, id, call->r->pool);
    if (rv == APR_NOTFOUND)
        return answer_problem(call, HTTP_NOT_FOUND, "There is no such "
                              "monitor.");
    return rv ? answer_store(call, rv, "latency")
              : answer_latency(call, m, &span);
}
