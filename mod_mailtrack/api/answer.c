/* SPDX-License-Identifier: MIT */
/*
 * JSON answers and problem documents (RFC 9457); see answer.h.
 * Runs in httpd's worker threads. Says nothing of our insides to a client.
 */
#include <httpd.h>
#include <http_log.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include "answer.h"
#include "local.h"

APLOG_USE_MODULE(mailtrack);

void answer_headers(call_t *call)
{
    apr_table_t *out = call->r->headers_out;

    /* also on errors: err_headers_out is httpd's own, not ours */
    apr_table_setn(out, "Cache-Control", "no-store");
    apr_table_setn(out, "X-Content-Type-Options", "nosniff");
}

int answer_bytes(call_t *call, int status, const char *type,
                 const char *bytes, apr_size_t len)
{
    request_rec *r = call->r;

    call_return(call);
    answer_headers(call);
    r->status = status;
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)len);
    if (!r->header_only && len)
        (void)ap_rwrite(bytes, (int)len, r);
    return OK;
}

int answer_empty(call_t *call, int status)
{
    call_return(call);
    answer_headers(call);
    call->r->status = status;
    return OK;
}

static apr_status_t dump_free(void *text)
{
    free(text);
    return APR_SUCCESS;
}

static int answer_dump(call_t *call, int status, const char *type,
                       json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);

    json_decref(body);
    if (!text)
        return HTTP_INTERNAL_SERVER_ERROR;
    apr_pool_cleanup_register(call->r->pool, text, dump_free,
                              apr_pool_cleanup_null);
    return answer_bytes(call, status, type, text, strlen(text));
}

int answer_json(call_t *call, int status, json_t *body)
{
    return answer_dump(call, status, "application/json", body);
}

/* "404 Not Found" -> "Not Found" */
static const char *title_of(int status)
{
    const char *line = ap_get_status_line(status);

    return strlen(line) > 4 ? line + 4 : line;
}

int answer_problem_with(call_t *call, int status, const char *detail,
                        json_t *more)
{
    json_t *body = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank",
                             "title", title_of(status), "status", status,
                             "detail", detail);

    if (more) {
        json_object_update(body, more);
        json_decref(more);
    }
    /* RFC 9110, 15.5.2; no browser knows the scheme, so none asks by itself */
    if (status == HTTP_UNAUTHORIZED)
        apr_table_setn(call->r->headers_out, "WWW-Authenticate",
                       "ApiKey realm=\"mailtrack\", header=\"X-API-Key\"");
    return answer_dump(call, status, "application/problem+json", body);
}

int answer_problem(call_t *call, int status, const char *detail)
{
    return answer_problem_with(call, status, detail, NULL);
}

int answer_faults(call_t *call)
{
    const apr_array_header_t *faults = request_faults(call->input);
    const request_fault_t *first = &APR_ARRAY_IDX(faults, 0, request_fault_t);
    json_t *errors = json_array();
    int i;

    for (i = 0; i < faults->nelts; i++) {
        const request_fault_t *fault = &APR_ARRAY_IDX(faults, i,
                                                      request_fault_t);

        json_array_append_new(errors, json_pack("{s:s, s:s}", "field",
                                                fault->field, "detail",
                                                fault->detail));
    }
    return answer_problem_with(call, HTTP_UNPROCESSABLE_ENTITY,
                               apr_pstrcat(call->r->pool, first->field, ": ",
                                           first->detail, NULL),
                               json_pack("{s:s, s:o}", "field", first->field,
                                         "errors", errors));
}

int answer_fault(call_t *call, const char *field, const char *detail)
{
    request_fault(call->input, field, detail);
    return answer_faults(call);
}

#define AWAY "The store cannot be used at this moment."

const char *answer_inside(const call_t *call, const char *words,
                          const char *otherwise)
{
    return !words || !*words ? "" : local_client(call->r) ? words : otherwise;
}

int answer_store(call_t *call, apr_status_t status, const char *what)
{
    request_rec *r = call->r;
    const char *remedy;

    if (status == APR_NOTFOUND)
        return answer_problem(call, HTTP_NOT_FOUND, apr_psprintf(r->pool,
                              "There is no such %s.", what));
    if (status == APR_EINVAL)
        return answer_fault(call, "cursor", "This is no cursor of this list. "
                            "Follow the Link of a page, or begin without.");
    remedy = store_remedy(call->store, status, r->pool);
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "mailtrack: API: %s: %s%s%s",
                  what, store_error(call->store), *remedy ? ": " : "",
                  remedy);
    if (!store_transient(status))
        return answer_problem(call, HTTP_INTERNAL_SERVER_ERROR, "The request "
                              "could not be carried out. The error log of "
                              "httpd says why.");
    apr_table_setn(r->headers_out, "Retry-After", "2");
    return answer_problem_with(call, HTTP_SERVICE_UNAVAILABLE, AWAY,
                               json_pack("{s:s}", "remedy",
                                         answer_inside(call, remedy,
                                                       ANSWER_ELSEWHERE)));
}

int answer_store_away(call_t *call, json_t *health)
{
    const dbd_loan_t *loan = &call->loan;
    const char *detail = answer_inside(call, loan->detail, AWAY);
    json_t *more = json_pack("{s:s}", "remedy",
                             answer_inside(call, loan->remedy,
                                           ANSWER_ELSEWHERE));

    if (health)
        json_object_set_new(more, "health", health);
    apr_table_setn(call->r->headers_out, "Retry-After", "5");
    return answer_problem_with(call, HTTP_SERVICE_UNAVAILABLE,
                               *detail ? detail : AWAY, more);
}

/* A query string as it came, made fit for <...> in a header: what a URL never
 * has unencoded (RFC 3986, 2) is encoded. */
static const char *enclosed(const char *args, apr_size_t len,
                            apr_pool_t *pool)
{
    char *out = apr_palloc(pool, 3 * len + 1);
    apr_size_t i, n = 0;

    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)args[i];

        if (c <= ' ' || c >= 0x7f || strchr("<>\"\\^`{|}", c))
            n += (apr_size_t)apr_snprintf(out + n, 4, "%%%02X", c);
        else
            out[n++] = (char)c;
    }
    out[n] = '\0';
    return out;
}

/* This request's query string without its cursor. */
static const char *query_without_cursor(request_rec *r)
{
    const char *args = r->args ? r->args : "";
    const char *rest = "";

    while (*args) {
        apr_size_t len = strcspn(args, "&");

        if (len && strncmp(args, "cursor=", 7))
            rest = apr_pstrcat(r->pool, rest,
                               enclosed(args, len, r->pool), "&", NULL);
        args += len + (args[len] == '&');
    }
    return rest;
}

const char *answer_next_url(call_t *call, const char *cursor)
{
    request_rec *r = call->r;

    return apr_pstrcat(r->pool, call->conf->origin,
                       ap_os_escape_path(r->pool, r->uri, 1), "?",
                       query_without_cursor(r), "cursor=",
                       ap_escape_urlencoded(r->pool, cursor), NULL);
}

void answer_next(call_t *call, const char *cursor)
{
    if (cursor)
        apr_table_setn(call->r->headers_out, "Link",
                       apr_pstrcat(call->r->pool, "<",
                                   answer_next_url(call, cursor),
                                   ">; rel=\"next\"", NULL));
}
