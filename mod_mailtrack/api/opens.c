/* SPDX-License-Identifier: MIT */
/*
 * /api/opens/recent and /api/stats: what the extension's background worker
 * polls; and /api/opens/{id}, by which the sender claims a hit. Runs in httpd's
 * worker threads; one or two indexed reads, or one transaction.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "answer.h"
#include "claim.h"
#include "endpoints.h"
#include "instance.h"
#include "reports.h"
#include "view.h"
#include "when.h"

#define LIST_DEFAULT 50
#define LIST_MAX     200
#define CURSOR_MAX   512

int endpoint_opens_recent(call_t *call)
{
    request_t *in = call->input;
    apr_int64_t since = request_arg_time(in, "since");
    const char *cursor = request_arg_text(in, "cursor", CURSOR_MAX);
    int limit = (int)request_arg_int(in, "limit", 1, LIST_MAX, LIST_DEFAULT);
    apr_array_header_t *opens;
    const char *next;
    json_t *body;
    apr_status_t rv;
    int status, i;

    if (request_end(in))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = opens_recent(&opens, &next, call->store,
                      since == WHEN_NONE ? 0 : since, cursor, limit,
                      call->r->pool);
    if (rv)
        return answer_store(call, rv, "list of opens");
    answer_next(call, next);
    body = json_array();
    for (i = 0; i < opens->nelts; i++)
        json_array_append_new(body, view_recent(call, &APR_ARRAY_IDX(opens, i,
                                                                  open_t)));
    return answer_json(call, HTTP_OK, body);
}

/* -- that was me --------------------------------------------------------- */

/* One transaction: what is judged is what is stored. */
static apr_status_t claim_stored(call_t *call, apr_int64_t id, int self)
{
    apr_pool_t *pool = call->r->pool;
    recorder_t *rec;
    open_t *was;
    apr_status_t rv = store_begin(call->store);

    if (rv)
        return rv;
    rec = record_start(call->store, call->conf->instance->node, pool);
    rv = opens_get(&was, call->store, id, pool);
    if (!rv)
        rv = claim_open(call, rec, was, self);
    if (!rv)
        rv = record_finish(rec, 0, apr_time_now());
    return store_end(call->store, rv);
}

static int answer_claimed(call_t *call, apr_int64_t id)
{
    apr_pool_t *pool = call->r->pool;
    track_t *track;
    open_t *open;
    json_t *body;
    apr_status_t rv = opens_get(&open, call->store, id, pool);

    if (!rv)
        rv = tracks_get(&track, call->store, open->track_public_id, pool);
    if (rv)
        return answer_store(call, rv, "open");
    body = view_open(call, open);
    json_object_set_new(body, "track", view_track(call, track));
    return answer_json(call, HTTP_OK, body);
}

/* 0: none of ours. */
static apr_int64_t open_id(const char *text)
{
    char *end;
    apr_int64_t id = apr_strtoi64(text, &end, 10);

    return *end || !apr_isdigit(*text) || *text == '0' || id < 1 ||
           id == APR_INT64_MAX ? 0 : id;
}

int endpoint_opens_update(call_t *call)
{
    apr_int64_t id = open_id(call->id);
    int self = request_bool(call->input, "self");
    apr_status_t rv;
    int status;

    if (!id)
        return answer_problem(call, HTTP_NOT_FOUND, "There is no such open.");
    if (self < 0 && !request_faults(call->input)->nelts)
        request_fault(call->input, "self", "Expected true or false.");
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = claim_stored(call, id, self);
    return rv ? claim_answer(call, rv, "open") : answer_claimed(call, id);
}

/* -- figures ------------------------------------------------------------- */

int endpoint_stats(call_t *call)
{
    stats_t *stats;
    json_t *body;
    apr_status_t rv;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = reports_stats(&stats, call->store, call->r->pool);
    if (rv)
        return answer_store(call, rv, "figure");
    body = json_object();
    /* what an extension asks first: do we speak the same language? */
    json_object_set_new(body, "api_version", json_integer(API_VERSION));
    json_object_set_new(body, "pixel_base",
                        view_text(view_pixel_base(call)));
    json_object_set_new(body, "total_tracks",
                        json_integer(stats->total_tracks));
    json_object_set_new(body, "total_opens",
                        json_integer(stats->total_opens));
    json_object_set_new(body, "real_opens", json_integer(stats->real_opens));
    json_object_set_new(body, "tracks_with_opens",
                        json_integer(stats->tracks_with_opens));
    json_object_set_new(body, "tracks_possible",
                        json_integer(stats->tracks_possible));
    json_object_set_new(body, "latest_real_open", stats->latest_real_open
                        ? view_recent(call, stats->latest_real_open)
                        : json_null());
    return answer_json(call, HTTP_OK, body);
}
