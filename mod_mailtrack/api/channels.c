/* SPDX-License-Identifier: MIT */
/*
 * /api/channels and /api/accounts: what mailprobe.yaml has configured, as
 * mailprobe has published it (no secret ever was in these tables), how it is
 * doing, and a test message. Runs in httpd's worker threads; indexed reads, one
 * short transaction.
 */
#include <apr_strings.h>
#include <apr_uuid.h>

#include "accounts.h"
#include "answer.h"
#include "endpoints.h"
#include "outbox.h"
#include "prober.h"
#include "view.h"

#define LOG_LINES   20
#define TEST_EXPIRES apr_time_from_sec(600)

/* -- channels -------------------------------------------------------------- */

static const char *state_of(const channel_row_t *row)
{
    if (row->failing_since != STORE_NULL)
        return "failing";
    return row->last_ok_at != STORE_NULL ? "ok" : "new";
}

static json_t *channel_view(call_t *call, const channel_row_t *row)
{
    json_t *out = json_object();

    json_object_set_new(out, "name", view_text(row->name));
    json_object_set_new(out, "kind", view_text(row->kind));
    json_object_set_new(out, "target", view_text(row->target));
    json_object_set_new(out, "state", view_text(state_of(row)));
    json_object_set_new(out, "since", view_time(call, row->since));
    json_object_set_new(out, "last_ok_at", view_time(call, row->last_ok_at));
    json_object_set_new(out, "failing_since",
                        view_time(call, row->failing_since));
    json_object_set_new(out, "last_error", row->last_error &&
                        *row->last_error ? view_text(row->last_error)
                                         : json_null());
    json_object_set_new(out, "last_error_at",
                        view_time(call, row->last_error_at));
    json_object_set_new(out, "retry_at", view_time(call, row->retry_at));
    json_object_set_new(out, "pending", json_integer(row->pending));
    return out;
}

int endpoint_channels_list(call_t *call)
{
    apr_array_header_t *list;
    json_t *body;
    apr_status_t rv;
    int status, i;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = channels_list(&list, call->store, call->r->pool);
    if (rv)
        return answer_store(call, rv, "channels");
    body = json_array();
    for (i = 0; i < list->nelts; i++)
        json_array_append_new(body, channel_view(call, &APR_ARRAY_IDX(list,
                                                        i, channel_row_t)));
    return answer_json(call, HTTP_OK, body);
}

static json_t *line_view(call_t *call, const delivery_log_t *line)
{
    json_t *out = json_object();

    json_object_set_new(out, "event", view_text(line->event));
    json_object_set_new(out, "state", view_text(line->state));
    json_object_set_new(out, "detail", view_text(line->detail));
    json_object_set_new(out, "attempts", json_integer(line->attempts));
    json_object_set_new(out, "created_at",
                        view_time(call, line->created_at));
    json_object_set_new(out, "done_at", view_time(call, line->done_at));
    return out;
}

static int answer_failed(call_t *call, apr_status_t rv)
{
    if (rv == APR_NOTFOUND)
        return answer_problem(call, HTTP_NOT_FOUND, "There is no such "
                              "channel.");
    return answer_store(call, rv, "channel");
}

int endpoint_channels_get(call_t *call)
{
    apr_array_header_t *log;
    json_t *body, *lines;
    channel_row_t *row;
    apr_status_t rv;
    int status, i;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = channels_get(&row, call->store, call->id, call->r->pool);
    if (!rv)
        rv = channels_log(&log, call->store, call->id, LOG_LINES,
                          call->r->pool);
    if (rv)
        return answer_failed(call, rv);
    lines = json_array();
    for (i = 0; i < log->nelts; i++)
        json_array_append_new(lines, line_view(call, &APR_ARRAY_IDX(log, i,
                                                        delivery_log_t)));
    body = channel_view(call, row);
    json_object_set_new(body, "log", lines);
    return answer_json(call, HTTP_OK, body);
}

/* -- a test ---------------------------------------------------------------- */

static apr_status_t put_test(call_t *call, const char *channel,
                             apr_time_t now)
{
    char text[APR_UUID_FORMATTED_LENGTH + 1];
    outbox_row_t row = { 0 };
    apr_uuid_t uuid;
    apr_status_t rv;

    apr_uuid_get(&uuid);
    apr_uuid_format(text, &uuid);
    row.dedupe_key = apr_pstrcat(call->r->pool, "test:", text, NULL);
    row.event = EVENT_TEST;
    row.track_id = row.open_id = row.incident_id = STORE_NULL;
    row.channel = channel;
    row.created_at = row.not_before = now;
    row.expires_at = now + TEST_EXPIRES;
    rv = store_begin(call->store);
    return rv ? rv : store_end(call->store, outbox_put(call->store, &row));
}

int endpoint_channels_test(call_t *call)
{
    apr_time_t now = apr_time_now();
    channel_row_t *row;
    prober_t prober;
    json_t *body;
    apr_status_t rv;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = channels_get(&row, call->store, call->id, call->r->pool);
    if (!rv && !row->present)
        rv = APR_NOTFOUND;
    if (!rv)
        rv = put_test(call, row->name, now);
    if (!rv)
        rv = prober_read(&prober, call->store);
    if (rv)
        return answer_failed(call, rv);
    body = json_object();
    json_object_set_new(body, "asked_at", view_time(call, now));
    json_object_set_new(body, "prober", prober_view(call, &prober));
    return answer_json(call, HTTP_ACCEPTED, body);
}

/* -- accounts -------------------------------------------------------------- */

static json_t *maybe(const char *text)
{
    return text && *text ? view_text(text) : json_null();
}

static json_t *account_view(call_t *call, const account_row_t *row)
{
    json_t *out = json_object();

    json_object_set_new(out, "name", view_text(row->name));
    json_object_set_new(out, "sender", maybe(row->sender));
    json_object_set_new(out, "smtp", maybe(row->smtp));
    json_object_set_new(out, "smtp_user", maybe(row->smtp_user));
    json_object_set_new(out, "imap", maybe(row->imap));
    json_object_set_new(out, "imap_user", maybe(row->imap_user));
    json_object_set_new(out, "state", view_text(row->state));
    json_object_set_new(out, "detail", view_text(row->detail));
    json_object_set_new(out, "since", view_time(call, row->since));
    return out;
}

int endpoint_accounts_list(call_t *call)
{
    apr_array_header_t *list;
    json_t *body;
    apr_status_t rv;
    int status, i;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = accounts_list(&list, call->store, call->r->pool);
    if (rv)
        return answer_store(call, rv, "accounts");
    body = json_array();
    for (i = 0; i < list->nelts; i++)
        json_array_append_new(body, account_view(call, &APR_ARRAY_IDX(list,
                                                        i, account_row_t)));
    return answer_json(call, HTTP_OK, body);
}
