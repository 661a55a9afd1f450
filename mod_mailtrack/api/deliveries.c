/* SPDX-License-Identifier: MIT */
/*
 * /api/deliveries: the live monitor. Asked every few seconds by every open
 * page, so the answer's validator is made of what monitors and prober say and
 * of the minute: only when that changes the 24 hours and uptimes are read.
 * Runs in httpd's worker threads; small indexed reads.
 */
#include <apr_strings.h>

#include "answer.h"
#include "endpoints.h"
#include "incidents.h"
#include "monitor_view.h"
#include "prober.h"
#include "validate.h"
#include "view.h"

#define HOUR      APR_INT64_C(3600)
#define MINUTE    apr_time_from_sec(60)
#define SPARK     apr_time_from_sec(24 * HOUR)
#define WEEK      apr_time_from_sec(7 * 24 * HOUR)
#define OPEN_MAX  100

typedef struct live_t {
    prober_t prober;
    apr_array_header_t *monitors;
    apr_array_header_t *windows;
    apr_array_header_t *incidents;
} live_t;

static apr_status_t live_read(live_t *live, call_t *call)
{
    apr_pool_t *pool = call->r->pool;
    apr_status_t rv = prober_read(&live->prober, call->store);

    if (!rv)
        rv = monitors_list(&live->monitors, call->store, pool);
    if (!rv)
        rv = windows_list(&live->windows, call->store,
                          call->r->request_time, pool);
    if (!rv)
        rv = incidents_page(&live->incidents, call->store, 1, STORE_NULL,
                            OPEN_MAX, pool);
    return rv;
}

static json_t *live_view(call_t *call, const live_t *live)
{
    json_t *out = json_object(), *monitors = json_array();
    int i;

    for (i = 0; i < live->monitors->nelts; i++)
        json_array_append_new(monitors, monitor_view_state(call,
                              &APR_ARRAY_IDX(live->monitors, i, monitor_t),
                              live->windows));
    json_object_set_new(out, "prober", prober_view(call, &live->prober));
    json_object_set_new(out, "open_alerts",
                        json_integer(live->incidents->nelts));
    json_object_set_new(out, "monitors", monitors);
    return out;
}

/* -- what has to be read for each ----------------------------------------- */

static apr_int64_t arrived(const probe_rollup_t *sums)
{
    apr_int64_t count = 0;
    int i;

    for (i = 0; i < PROBE_BUCKETS; i++)
        count += sums->le[i];
    return count;
}

static json_t *hour_view(call_t *call, const probe_rollup_t *sums)
{
    apr_int64_t count = arrived(sums);
    json_t *out = json_object();

    json_object_set_new(out, "at", view_time(call, sums->bucket));
    json_object_set_new(out, "latency_us", count
                        ? json_integer(sums->latency_us / count)
                        : json_null());
    json_object_set_new(out, "arrived", json_integer(count));
    json_object_set_new(out, "failed", json_integer(sums->late
                        + sums->missing + sums->spam + sums->bounced
                        + sums->send_failed));
    return out;
}

static apr_status_t set_hours(json_t *out, call_t *call, apr_int64_t id,
                              apr_int64_t now)
{
    json_t *hours = json_array();
    apr_array_header_t *list;
    apr_status_t rv = probes_rollups(&list, call->store, id, HOUR,
                                     now - SPARK, now, call->r->pool);
    int i;

    for (i = 0; !rv && i < list->nelts; i++)
        json_array_append_new(hours, hour_view(call, &APR_ARRAY_IDX(list, i,
                                                        probe_rollup_t)));
    json_object_set_new(out, "hours", hours);
    return rv;
}

static apr_status_t set_uptime(json_t *out, call_t *call, const char *name,
                               apr_int64_t id, apr_int64_t span)
{
    apr_int64_t now = call->r->request_time;
    int uptime;
    apr_status_t rv = monitors_uptime(&uptime, call->store, id, now - span,
                                      now, call->r->pool);

    if (!rv)
        json_object_set_new(out, name, uptime < 0 ? json_null()
                            : json_real((double)uptime / 1000));
    return rv;
}

static apr_status_t live_complete(json_t *body, call_t *call,
                                  const live_t *live)
{
    json_t *monitors = json_object_get(body, "monitors");
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; !rv && i < live->monitors->nelts; i++) {
        apr_int64_t id = APR_ARRAY_IDX(live->monitors, i, monitor_t).id;
        json_t *one = json_array_get(monitors, (size_t)i);

        rv = set_hours(one, call, id, call->r->request_time);
        if (!rv)
            rv = set_uptime(one, call, "uptime_24h", id, SPARK);
        if (!rv)
            rv = set_uptime(one, call, "uptime_7d", id, WEEK);
    }
    return rv;
}

int endpoint_deliveries(call_t *call)
{
    json_t *body, *state;
    apr_status_t rv;
    live_t live;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    if ((rv = live_read(&live, call)) != 0)
        return answer_store(call, rv, "deliveries");
    body = live_view(call, &live);
    state = json_pack("{s:O, s:I}", "body", body, "minute",
                      (json_int_t)(call->r->request_time / MINUTE));
    if (validate_same(call, state)) {
        json_decref(body);
        return OK;
    }
    if ((rv = live_complete(body, call, &live)) != 0) {
        json_decref(body);
        return answer_store(call, rv, "deliveries");
    }
    return answer_json(call, HTTP_OK, body);
}
