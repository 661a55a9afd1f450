/* SPDX-License-Identifier: MIT */
/*
 * /api/deliveries: the live monitor. Asked every few seconds by every open
 * page, so the answer's validator is made of what monitors and prober say and
 * of the minute: only when that changes the 24 hours and uptimes are read.
 * Runs in httpd's worker threads; small indexed reads.
 */
#include <apr_hash.h>

#include "answer.h"
#include "endpoints.h"
#include "incidents.h"
#include "monitor_view.h"
#include "prober.h"
#include "validate.h"
#include "view.h"

#define HOUR      APR_INT64_C(3600)
#define HOURS     24
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

static apr_int64_t failures(const probe_rollup_t *sums)
{
    return sums->late + sums->missing + sums->spam + sums->bounced
           + sums->send_failed;
}

/* The current hour is the last of them. */
static apr_int64_t first_hour(apr_int64_t now)
{
    apr_int64_t hour = apr_time_from_sec(HOUR);

    return now - now % hour - (HOURS - 1) * hour;
}

/* Where each monitor's hours begin in the list of all. */
static apr_hash_t *beginnings(const apr_array_header_t *all,
                              apr_pool_t *pool)
{
    apr_hash_t *out = apr_hash_make(pool);
    const probe_rollup_t *last = NULL;
    int i;

    for (i = 0; i < all->nelts; i++) {
        const probe_rollup_t *sums = &APR_ARRAY_IDX(all, i, probe_rollup_t);

        if (!last || last->monitor_id != sums->monitor_id)
            apr_hash_set(out, &sums->monitor_id, sizeof(sums->monitor_id),
                         sums);
        last = sums;
    }
    return out;
}

/* 24 hours in columns: a list of hours would be most of the answer. */
static json_t *hours_view(call_t *call, const apr_array_header_t *all,
                          apr_hash_t *begin, apr_int64_t id)
{
    const probe_rollup_t *end = (const probe_rollup_t *)(const void *)
                                all->elts + all->nelts;
    const probe_rollup_t *sums = apr_hash_get(begin, &id, sizeof(id));
    apr_int64_t hour = first_hour(call->r->request_time);
    json_t *out = json_object(), *latency = json_array();
    json_t *came = json_array(), *failed = json_array();
    int i;

    json_object_set_new(out, "from", view_time(call, hour));
    for (i = 0; i < HOURS; i++, hour += apr_time_from_sec(HOUR)) {
        int here = sums && sums < end && sums->monitor_id == id &&
                   sums->bucket == hour;
        apr_int64_t count = here ? arrived(sums) : 0;

        json_array_append_new(latency, count
                              ? json_integer(sums->latency_us / count)
                              : json_null());
        json_array_append_new(came, json_integer(count));
        json_array_append_new(failed, json_integer(here ? failures(sums)
                                                        : 0));
        sums += here;
    }
    json_object_set_new(out, "latency_us", latency);
    json_object_set_new(out, "arrived", came);
    json_object_set_new(out, "failed", failed);
    return out;
}

static json_t *uptime_view(const apr_array_header_t *states,
                           apr_int64_t span, apr_int64_t now)
{
    int uptime = monitors_uptime_of(states, now - span, now);

    return uptime < 0 ? json_null() : json_real((double)uptime / 1000);
}

static apr_status_t live_complete(json_t *body, call_t *call,
                                  const live_t *live)
{
    json_t *monitors = json_object_get(body, "monitors");
    apr_int64_t now = call->r->request_time;
    apr_pool_t *pool = call->r->pool;
    apr_array_header_t *hours, *states;
    apr_hash_t *begin;
    apr_status_t rv = probes_rollups(&hours, call->store, 0, HOUR,
                                     first_hour(now), now, pool);
    int i;

    begin = rv ? NULL : beginnings(hours, pool);
    for (i = 0; !rv && i < live->monitors->nelts; i++) {
        apr_int64_t id = APR_ARRAY_IDX(live->monitors, i, monitor_t).id;
        json_t *one = json_array_get(monitors, (size_t)i);

        rv = monitors_states(&states, call->store, id, now - WEEK, now,
                             pool);
        if (rv)
            break;
        json_object_set_new(one, "hours", hours_view(call, hours, begin, id));
        json_object_set_new(one, "uptime_24h",
                            uptime_view(states, SPARK, now));
        json_object_set_new(one, "uptime_7d", uptime_view(states, WEEK, now));
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
