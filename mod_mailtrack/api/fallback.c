/* SPDX-License-Identifier: MIT */
/*
 * httpd's own errors as problem documents; see fallback.h. An output filter
 * that swallows the page and passes on one document.
 */
#include <httpd.h>
#include <http_protocol.h>
#include <util_filter.h>
#include <apr_strings.h>

#include "entry.h"
#include "fallback.h"

static ap_filter_rec_t *filter;

/* Status and title are httpd's fixed words: nothing in them needs escaping. */
static const char *document(request_rec *r)
{
    const char *line = ap_get_status_line(r->status);

    return apr_psprintf(r->pool, "{\"type\":\"about:blank\",\"title\":\"%s\","
                        "\"status\":%d,\"detail\":\"httpd answered this "
                        "request before the API saw it: %s.\"}",
                        strlen(line) > 4 ? line + 4 : line, r->status,
                        strlen(line) > 4 ? line + 4 : line);
}

static void set_headers(request_rec *r, apr_size_t len)
{
    ap_set_content_type(r, "application/problem+json");
    r->content_encoding = NULL;
    r->content_languages = NULL;
    ap_set_content_length(r, (apr_off_t)len);
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    if (entry_is_api(r))
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Origin",
                       "*");
}

static apr_status_t replace(ap_filter_t *f, apr_bucket_brigade *page)
{
    request_rec *r = f->r;
    apr_bucket_alloc_t *alloc = f->c->bucket_alloc;
    apr_bucket_brigade *out;
    const char *text;

    apr_brigade_cleanup(page);
    if (f->ctx)
        return APR_SUCCESS;
    f->ctx = r;
    text = document(r);
    set_headers(r, strlen(text));
    out = apr_brigade_create(r->pool, alloc);
    if (!r->header_only)
        APR_BRIGADE_INSERT_TAIL(out, apr_bucket_pool_create(text,
                                strlen(text), r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(out, apr_bucket_eos_create(alloc));
    return ap_pass_brigade(f->next, out);
}

void fallback_insert(request_rec *r)
{
    if (entry_is_ours(r) && r->status >= 400)
        ap_add_output_filter_handle(filter, NULL, r, r->connection);
}

void fallback_register(void)
{
    filter = ap_register_output_filter("MAILTRACK_PROBLEM", replace, NULL,
                                       AP_FTYPE_RESOURCE);
}
