/* SPDX-License-Identifier: MIT */
/*
 * /metrics for Prometheus: the spool and the drain from the board, the rest
 * from the store. Runs in httpd's worker threads; reads sums, never history.
 * With the store out of reach the board's part is still told, and
 * mailtrack_store_up is 0.
 */
#include "config.h"

#include <httpd.h>

#include "answer.h"
#include "endpoints.h"
#include "instance.h"
#include "metrics_mail.h"
#include "metrics_text.h"
#include "prober.h"
#include "reports.h"
#include "verdict.h"

#define QUARTER apr_time_from_sec(900)
#define TYPE    "text/plain; version=0.0.4; charset=utf-8"

/* -- the board ------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *type;
    const char *help;
    board_field_t field;
} numbers[] = {
    { "mailtrack_hits_total", "counter", "Hits written to the spool since "
      "httpd started.", BOARD_HITS },
    { "mailtrack_hits_stored_total", "counter", "Hits committed to the store "
      "since httpd started.", BOARD_STORED },
    { "mailtrack_hits_lost_total", "counter", "Hits answered that could not "
      "be written.", BOARD_LOST },
    { "mailtrack_hits_rejected_total", "counter", "Lines put aside in "
      "SPOOL/rejected.", BOARD_REJECTED },
    { "mailtrack_hits_unknown_total", "counter", "Hits of ids the store does "
      "not have.", BOARD_UNKNOWN },
    { "mailtrack_spool_backlog_bytes", "gauge", "Bytes in the spool that are "
      "not stored yet.", BOARD_BACKLOG },
    { "mailtrack_spool_segments", "gauge", "Segment files of the spool.",
      BOARD_SEGMENTS }
};

static void add_board(metrics_t *out, call_t *call)
{
    const board_t *board = call->conf->instance->board;
    const char *const version[] = { "version", MAILTRACK_VERSION, NULL };
    apr_int64_t oldest = board_get(board, BOARD_OLDEST_AT);
    apr_int64_t now = call->r->request_time;
    apr_size_t i;

    metrics_family(out, "mailtrack_build_info", "gauge", "The version that "
                   "runs.");
    metrics_int(out, "", version, 1);
    for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        metrics_family(out, numbers[i].name, numbers[i].type,
                       numbers[i].help);
        metrics_int(out, "", NULL, board_get(board, numbers[i].field));
    }
    metrics_family(out, "mailtrack_drain_lag_seconds", "gauge", "How long "
                   "the oldest hit in the spool has waited.");
    metrics_us(out, "", NULL, oldest && oldest < now ? now - oldest : 0);
    metrics_family(out, "mailtrack_drain_last_round_timestamp_seconds",
                   "gauge", "When the drain last came round.");
    metrics_us(out, "", NULL, board_get(board, BOARD_DRAINED_AT));
}

/* -- the store ------------------------------------------------------------- */

static apr_status_t add_opens(metrics_t *out, call_t *call)
{
    apr_int64_t edges[2] = { 0, 0 };
    apr_array_header_t *sums;
    apr_status_t rv;
    int v;

    edges[1] = call->r->request_time - call->r->request_time % QUARTER
               + QUARTER;
    rv = reports_series(&sums, call->store, edges, 2, call->r->pool);
    if (rv)
        return rv;
    metrics_family(out, "mailtrack_opens", "gauge", "Hits in the store, by "
                   "verdict. Deleted mails take theirs with them.");
    for (v = VERDICT_HUMAN; v <= VERDICT_SELF; v++) {
        const char *const labels[] = { "verdict", verdict_name((verdict_e)v),
                                       NULL };

        metrics_int(out, "", labels,
                    APR_ARRAY_IDX(sums, 0, rollup_t).verdicts[v]);
    }
    return APR_SUCCESS;
}

static apr_status_t add_prober(metrics_t *out, call_t *call)
{
    prober_t prober;
    apr_status_t rv = prober_read(&prober, call->store);

    if (rv)
        return rv;
    metrics_family(out, "mailtrack_prober_processes", "gauge", "mailprobe "
                   "processes at work.");
    metrics_int(out, "", NULL, prober.processes);
    return APR_SUCCESS;
}

int endpoint_metrics(call_t *call)
{
    metrics_t *out = metrics_make(call->r->pool);
    const char *text;
    apr_size_t len;
    apr_status_t rv = APR_SUCCESS;

    if (request_end(call->input))
        return answer_faults(call);
    if (!call->store) {
        rv = dbd_borrow(&call->loan, call->r->server, call->r->pool);
        call->store = rv ? NULL : call->loan.store;
    }
    metrics_family(out, "mailtrack_store_up", "gauge", "1 when the store can "
                   "be used.");
    metrics_int(out, "", NULL, !rv);
    add_board(out, call);
    if (!rv && (rv = add_opens(out, call)) == 0 &&
        (rv = add_prober(out, call)) == 0)
        rv = metrics_mail(out, call->store, call->r->pool);
    if (rv && call->store)
        return answer_store(call, rv, "metrics");
    text = metrics_text(out, &len);
    return answer_bytes(call, HTTP_OK, TYPE, text, len);
}
