/* SPDX-License-Identifier: MIT */
/*
 * /api/opens/recent and /api/stats: what the extension's background worker
 * polls. Runs in httpd's worker threads; one or two indexed reads.
 */
#include "answer.h"
#include "endpoints.h"
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
