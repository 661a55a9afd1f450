/* SPDX-License-Identifier: MIT */
/*
 * /api/export: everything, as CSV, in bounded memory: a row is written as it
 * is read. Runs in httpd's worker threads and keeps its connection to the
 * store until the client has taken all of it.
 */
#include <httpd.h>
#include <apr_strings.h>

#include "answer.h"
#include "endpoints.h"
#include "filter.h"
#include "rules.h"
#include "stream.h"
#include "view.h"
#include "when.h"

/* -- opens.csv ----------------------------------------------------------- */

static const char *const open_columns[] = {
    "track_id", "sent_at", "recipient", "subject", "open_id", "opened_at",
    "recorded_at", "is_real_open", "verdict", "counts", "rule", "proxy_type",
    "country", "city", "ip_address", "user_agent", "referer", NULL
};

static apr_status_t open_row(void *context, const open_t *open)
{
    stream_t *out = context;
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
        return stream_row(out);
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
    return stream_row(out);
}

/* A mail of a narrowed list, with its hits. */
static apr_status_t track_opens(void *context, const track_t *track)
{
    stream_t *out = context;
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
    stream_t out;
    int status;

    filter_read(&filter, call);
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = stream_begin(&out, call, "opens.csv", open_columns))
        != OK)
        return status;
    if (call->r->header_only)
        return stream_end(call, APR_SUCCESS);
    return stream_end(call, filter_narrows(&filter)
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
    stream_t *out = context;
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
    return stream_row(out);
}

int endpoint_tracks_csv(call_t *call)
{
    track_filter_t filter;
    stream_t out;
    int status;

    filter_read(&filter, call);
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = stream_begin(&out, call, "tracks.csv", track_columns))
        != OK)
        return status;
    if (call->r->header_only)
        return stream_end(call, APR_SUCCESS);
    return stream_end(call, tracks_walk(call->store, &filter, track_row, &out,
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
    stream_t *out = context;
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
    return stream_row(out);
}

int endpoint_recipients_csv(call_t *call)
{
    stream_t out;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = stream_begin(&out, call, "recipients.csv", recipient_columns))
        != OK)
        return status;
    if (call->r->header_only)
        return stream_end(call, APR_SUCCESS);
    return stream_end(call, recipients_export(call->store, recipient_row,
                                              &out, call->r->pool));
}
