/* SPDX-License-Identifier: MIT */
/*
 * CSV as it is read; see stream.h. Runs in httpd's worker threads.
 */
#include <httpd.h>
#include <http_log.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include "answer.h"
#include "stream.h"

APLOG_USE_MODULE(mailtrack);

apr_status_t stream_row(stream_t *out)
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

int stream_begin(stream_t *out, call_t *call, const char *file,
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
    (void)stream_row(out);
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

int stream_end(call_t *call, apr_status_t rv)
{
    __atomic_sub_fetch(&exports_running, 1, __ATOMIC_RELAXED);
    return rv && rv != APR_ECONNABORTED ? break_off(call, rv) : OK;
}
