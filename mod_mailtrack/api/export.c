/* SPDX-License-Identifier: MIT */
/*
 * /api/export: everything, as CSV, in bounded memory: a row is written as it
 * is read. Runs in httpd's worker threads and keeps its connection to the
 * store until the client has taken all of it.
 */
#include <httpd.h>
#include <http_log.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include "answer.h"
#include "csv.h"
#include "endpoints.h"
#include "filter.h"
#include "rules.h"
#include "view.h"
#include "when.h"

APLOG_USE_MODULE(mailtrack);

typedef struct export_t {
    call_t *call;
    csv_t *csv;
    apr_pool_t *row;            /* cleared after each */
    apr_pool_t *page;           /* cleared after each mail */
} export_t;

static apr_status_t row_send(export_t *out)
{
    apr_size_t len;
    const char *row = csv_end(out->csv, &len);

    apr_pool_clear(out->row);
    /* the client went away: nothing to tell, nothing to go on for */
    return ap_rwrite(row, (int)len, out->call->r) < 0 ? APR_ECONNABORTED
                                                      : APR_SUCCESS;
}

/*
 * Each keeps one of the child's connections (mod_dbd's DBDMax, 10) for as long
 * as its client likes, and who finds none left waits without an end: a few slow
 * readers would stop the API and, in a child that is about to take it over, the
 * drain.
 */
#define EXPORTS_MAX 4

static int exports_running;     /* in this child */

static int too_many(call_t *call)
{
    apr_table_setn(call->r->headers_out, "Retry-After", "10");
    (void)answer_problem(call, HTTP_SERVICE_UNAVAILABLE, "Too many exports "
                         "are being read just now. Try again in a while.");
    return DONE;
}

/* @return OK: go on, and to export_end(); or what to return */
static int export_begin(export_t *out, call_t *call, const char *file,
                        const char *const *names)
{
    request_rec *r = call->r;
    int status;

    if (__atomic_add_fetch(&exports_running, 1, __ATOMIC_RELAXED)
        > EXPORTS_MAX) {
        status = too_many(call);
    } else {
        status = call_store(call);
    }
    if (status != OK) {
        __atomic_sub_fetch(&exports_running, 1, __ATOMIC_RELAXED);
        return status;
    }
    out->call = call;
    out->csv = csv_make(r->pool);
    (void)apr_pool_create(&out->row, r->pool);
    (void)apr_pool_create(&out->page, r->pool);
    answer_headers(call);
    ap_set_content_type(r, "text/csv; charset=utf-8; header=present");
    apr_table_setn(r->headers_out, "Content-Disposition",
                   apr_psprintf(r->pool, "attachment; filename=\"%s\"",
                                file));
    csv_row(out->csv);
    for (; *names; names++)
        csv_text(out->csv, *names);
    (void)row_send(out);
    return OK;
}

/*
 * Half a file must not look like a whole one: httpd leaves the last chunk out
 * when it sees this bucket, and the client's download fails.
 */
static int break_off(call_t *call, apr_status_t rv)
{
    request_rec *r = call->r;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, alloc);

    ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r, "mailtrack: export broken "
                  "off: %s", store_error(call->store));
    APR_BRIGADE_INSERT_TAIL(brigade, ap_bucket_error_create(HTTP_BAD_GATEWAY,
                            NULL, r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(alloc));
    r->connection->keepalive = AP_CONN_CLOSE;
    (void)ap_pass_brigade(r->output_filters, brigade);
    return OK;
}

static int export_end(call_t *call, apr_status_t rv)
{
    __atomic_sub_fetch(&exports_running, 1, __ATOMIC_RELAXED);
    return rv && rv != APR_ECONNABORTED ? break_off(call, rv) : OK;
}

/* -- opens.csv ----------------------------------------------------------- */

static const char *const open_columns[] = {
    "track_id", "sent_at", "recipient", "subject", "open_id", "opened_at",
    "recorded_at", "is_real_open", "verdict", "counts", "rule", "proxy_type",
    "country", "city", "ip_address", "user_agent", "referer", NULL
};

static apr_status_t open_row(void *context, const open_t *open)
{
    export_t *out = context;
    csv_t *csv = out->csv;

    csv_row(csv);
    csv_text(csv, open->track_public_id);
    csv_text(csv, when_format(open->track_created_at, out->row));
    csv_text(csv, open->recipient);
    csv_text(csv, open->subject);
    if (!open->id) {
        int i;

        /* a mail without a hit has its row as well */
        for (i = 4; open_columns[i]; i++)
            csv_text(csv, NULL);
        return row_send(out);
    }
    csv_int(csv, open->id);
    csv_text(csv, when_format(open->opened_at, out->row));
    csv_text(csv, when_format(open->recorded_at, out->row));
    csv_text(csv, open->counts == OPEN_REAL ? "true" : "false");
    csv_text(csv, verdict_name((verdict_e)open->verdict));
    csv_text(csv, counts_name((counts_e)open->counts));
    csv_text(csv, open->rule);
    csv_text(csv, view_proxy(open));
    csv_text(csv, open->country);
    csv_text(csv, open->city);
    csv_text(csv, open->ip_address);
    csv_text(csv, open->user_agent);
    csv_text(csv, open->referer);
    return row_send(out);
}

/* A mail of a narrowed list, with its hits. */
static apr_status_t track_opens(void *context, const track_t *track)
{
    export_t *out = context;
    open_t none = { 0 };
    apr_int64_t count;
    apr_status_t rv;

    rv = opens_export_track(&count, out->call->store, track->id, open_row,
                            out, out->page);
    apr_pool_clear(out->page);
    if (rv || count)
        return rv;
    none.track_public_id = track->public_id;
    none.recipient = track->recipient;
    none.subject = track->subject;
    none.track_created_at = track->created_at;
    return open_row(out, &none);
}

int endpoint_opens_csv(call_t *call)
{
    track_filter_t filter;
    export_t out;
    int status;

    filter_read(&filter, call);
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = export_begin(&out, call, "opens.csv", open_columns))
        != OK)
        return status;
    if (call->r->header_only)
        return export_end(call, APR_SUCCESS);
    return export_end(call, filter_narrows(&filter)
                      ? tracks_walk(call->store, &filter, track_opens, &out,
                                    call->r->pool)
                      : opens_export(call->store, filter.since, filter.until,
                                     open_row, &out, call->r->pool));
}

/* -- tracks.csv ---------------------------------------------------------- */

static const char *const track_columns[] = {
    "id", "sent_at", "recipient", "subject", "notes", "message_group_id",
    "pinned", "state", "open_count", "real_open_count", "possible_count",
    "automated_count", "self_count", "reached", "first_open_at",
    "last_open_at", "first_open_delay", "last_country", "last_city", NULL
};

static apr_status_t track_row(void *context, const track_t *track)
{
    export_t *out = context;
    csv_t *csv = out->csv;

    csv_row(csv);
    csv_text(csv, track->public_id);
    csv_text(csv, when_format(track->created_at, out->row));
    csv_text(csv, track->recipient);
    csv_text(csv, track->subject);
    csv_text(csv, track->notes);
    csv_text(csv, track->message_group_id);
    csv_text(csv, track->pinned ? "true" : "false");
    csv_text(csv, view_state(track->seen));
    csv_int(csv, track->open_count);
    csv_int(csv, track->real_open_count);
    csv_int(csv, track->possible_count);
    csv_int(csv, view_automated(track));
    csv_int(csv, track->self_count);
    csv_text(csv, track->reached);
    csv_text(csv, when_format(track->first_open_at, out->row));
    csv_text(csv, when_format(track->last_open_at, out->row));
    if (track->first_open_at == STORE_NULL)
        csv_text(csv, NULL);
    else
        csv_int(csv, view_delay(track));
    csv_text(csv, track->last_country);
    csv_text(csv, track->last_city);
    return row_send(out);
}

int endpoint_tracks_csv(call_t *call)
{
    track_filter_t filter;
    export_t out;
    int status;

    filter_read(&filter, call);
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = export_begin(&out, call, "tracks.csv", track_columns))
        != OK)
        return status;
    if (call->r->header_only)
        return export_end(call, APR_SUCCESS);
    return export_end(call, tracks_walk(call->store, &filter, track_row, &out,
                                        call->r->pool));
}

/* -- recipients.csv ------------------------------------------------------ */

static const char *const recipient_columns[] = {
    "address", "name", "domain", "mails", "mails_opened", "mails_possible",
    "last_mail_at", "last_open_at", "score", NULL
};

static apr_status_t recipient_row(void *context,
                                  const recipient_t *recipient)
{
    export_t *out = context;
    csv_t *csv = out->csv;
    score_t score;

    csv_row(csv);
    csv_text(csv, recipient->address);
    csv_text(csv, recipient->name);
    csv_text(csv, recipient->domain);
    csv_int(csv, recipient->mails);
    csv_int(csv, recipient->mails_opened);
    csv_int(csv, recipient->mails_possible);
    csv_text(csv, when_format(recipient->last_mail_at, out->row));
    csv_text(csv, when_format(recipient->last_open_at, out->row));
    csv_text(csv, recipients_score(&score, recipient,
                                   apr_time_sec(out->call->r->request_time)
                                   / 86400)
             ? apr_psprintf(out->row, "%.1f", score.value) : NULL);
    return row_send(out);
}

int endpoint_recipients_csv(call_t *call)
{
    export_t out;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = export_begin(&out, call, "recipients.csv", recipient_columns))
        != OK)
        return status;
    if (call->r->header_only)
        return export_end(call, APR_SUCCESS);
    return export_end(call, recipients_export(call->store, recipient_row,
                                              &out, call->r->pool));
}
