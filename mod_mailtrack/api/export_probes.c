/* SPDX-License-Identifier: MIT */
/*
 * /api/export/probes.csv: every probe of a span, of one monitor or of all.
 * Runs in httpd's worker threads; rows are written as they are read.
 */
#include <httpd.h>

#include "answer.h"
#include "endpoints.h"
#include "probes.h"
#include "stream.h"
#include "view.h"
#include "when.h"

#define MONITOR_MAX 64

static const char *const columns[] = {
    "monitor", "id", "due_at", "outcome", "detail", "sent_at", "seen_at",
    "latency_us", "resolution_us", "blind_us", "folder", "send_state",
    "send_phase", "send_code", "send_reply", "queue_id", "tls", NULL
};

static void csv_maybe(csv_t *csv, apr_int64_t number)
{
    if (number == STORE_NULL)
        csv_text(csv, NULL);
    else
        csv_int(csv, number);
}

static apr_status_t probe_row(void *context, const probe_t *probe,
                              const char *monitor)
{
    stream_t *out = context;
    csv_t *csv = out->csv;

    csv_row(csv);
    csv_text(csv, monitor);
    csv_int(csv, probe->id);
    csv_text(csv, when_format(probe->due_at, out->row));
    csv_text(csv, probe->outcome);
    csv_text(csv, probe->detail);
    csv_text(csv, when_format(probe->sent_at, out->row));
    csv_text(csv, when_format(probe->seen_at, out->row));
    csv_maybe(csv, probe->latency_us);
    csv_maybe(csv, probe->resolution_us);
    csv_maybe(csv, probe->blind_us);
    csv_text(csv, probe->folder);
    csv_text(csv, probe->send_state);
    csv_text(csv, probe->send_phase);
    csv_maybe(csv, probe->send_code);
    csv_text(csv, probe->send_reply);
    csv_text(csv, probe->queue_id);
    csv_text(csv, probe->tls);
    return stream_row(out);
}

/* @return OK, or what to return */
static int find_monitor(apr_int64_t *id, call_t *call, const char *text)
{
    const char *public_id = text ? view_id(call, text) : NULL;
    monitor_t *m;
    apr_status_t rv = APR_NOTFOUND;
    int status;

    *id = 0;
    if (!text)
        return OK;
    if ((status = call_store(call)) != OK)
        return status;
    if (public_id)
        rv = monitors_get(&m, call->store, public_id, call->r->pool);
    if (!rv) {
        *id = m->id;
        return OK;
    }
    if (rv == APR_NOTFOUND)
        (void)answer_fault(call, "monitor", "There is no such monitor.");
    else
        (void)answer_store(call, rv, "monitor");
    return DONE;
}

int endpoint_probes_csv(call_t *call)
{
    request_t *in = call->input;
    const char *monitor = request_arg_text(in, "monitor", MONITOR_MAX);
    apr_int64_t from = request_arg_time(in, "since");
    apr_int64_t to = request_arg_time(in, "until");
    apr_int64_t id;
    stream_t out;
    int status;

    if (request_end(in))
        return answer_faults(call);
    if ((status = find_monitor(&id, call, monitor)) != OK)
        return status;
    if ((status = stream_begin(&out, call, "probes.csv", columns)) != OK)
        return status;
    if (call->r->header_only)
        return stream_end(call, APR_SUCCESS);
    return stream_end(call, probes_export(call->store, id,
                      from == STORE_NULL ? 0 : from,
                      to == STORE_NULL ? APR_INT64_MAX : to, probe_row,
                      &out));
}
