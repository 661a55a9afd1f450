/* SPDX-License-Identifier: MIT */
/*
 * A request's body; see body.h. Runs in httpd's worker threads. Never holds
 * more than the limit, and reads nothing when the length already says too much.
 */
#include <httpd.h>
#include <http_protocol.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "answer.h"
#include "body.h"

/* application/json, with charset=utf-8 or without. */
static int type_good(const char *type)
{
    apr_size_t len = sizeof("application/json") - 1;

    if (!type || strncasecmp(type, "application/json", len))
        return 0;
    type += len;
    while (apr_isspace(*type))
        type++;
    if (!*type)
        return 1;
    if (*type++ != ';')
        return 0;
    while (apr_isspace(*type))
        type++;
    return !*type || !strcasecmp(type, "charset=utf-8") ||
           !strcasecmp(type, "charset=\"utf-8\"");
}

/* Add a brigade's bytes. APR_ENOSPC: beyond the limit. */
static apr_status_t gather(char *body, apr_size_t *len, int *ended,
                           apr_bucket_brigade *brigade)
{
    apr_bucket *bucket;

    for (bucket = APR_BRIGADE_FIRST(brigade);
         bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        const char *data;
        apr_size_t size;
        apr_status_t rv;

        if (APR_BUCKET_IS_EOS(bucket)) {
            *ended = 1;
            return APR_SUCCESS;
        }
        if (APR_BUCKET_IS_METADATA(bucket))
            continue;
        rv = apr_bucket_read(bucket, &data, &size, APR_BLOCK_READ);
        if (rv)
            return rv;
        if (size > REQUEST_BODY_MAX - *len)
            return APR_ENOSPC;
        memcpy(body + *len, data, size);
        *len += size;
    }
    return APR_SUCCESS;
}

static apr_status_t read_all(char *body, apr_size_t *len, request_rec *r)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool,
                                              r->connection->bucket_alloc);
    apr_status_t rv = APR_SUCCESS;
    int ended = 0;

    *len = 0;
    while (!rv && !ended) {
        rv = ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES,
                            APR_BLOCK_READ, 8192);
        if (!rv)
            rv = gather(body, len, &ended, brigade);
        apr_brigade_cleanup(brigade);
    }
    return rv;
}

/* Read on for the reader's sake: how much, while there is an end to it. */
#define DISCARD_MAX (1024 * 1024)

static void discard(request_rec *r)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool,
                                              r->connection->bucket_alloc);
    apr_off_t all = 0, len = 0;
    int ended = 0;

    while (!ended && all < DISCARD_MAX &&
           !ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES,
                           APR_BLOCK_READ, 8192) &&
           !apr_brigade_length(brigade, 1, &len)) {
        ended = APR_BRIGADE_EMPTY(brigade) ||
                APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade));
        all += len;
        apr_brigade_cleanup(brigade);
    }
}

/*
 * The rest of a body may have no end. HTTP/1 closes the connection; HTTP/2 (a
 * connection with a master) resets the stream, and the answer with it, unless
 * the client was heard out.
 */
static void leave_unread(request_rec *r)
{
    if (r->connection->master)
        discard(r);
    else
        r->connection->keepalive = AP_CONN_CLOSE;
}

static int too_large(call_t *call)
{
    leave_unread(call->r);
    return answer_problem(call, HTTP_REQUEST_ENTITY_TOO_LARGE,
                          apr_psprintf(call->r->pool, "A body may have %d "
                                       "octets.", REQUEST_BODY_MAX));
}

/* The client's own doing: it went away, was too slow, or broke its framing. */
static int unreadable(call_t *call, apr_status_t rv)
{
    int status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);

    if (status == AP_FILTER_ERROR)
        return AP_FILTER_ERROR; /* httpd has answered already */
    if (!call->r->connection->master)
        call->r->connection->keepalive = AP_CONN_CLOSE;
    return answer_problem(call, status, "The body could not be read to its "
                          "end.");
}

int body_read(call_t *call, int *answered)
{
    request_rec *r = call->r;
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    const char *error;
    char *body;
    apr_size_t len;
    apr_status_t rv;

    *answered = 1;
    if (length && apr_atoi64(length) > REQUEST_BODY_MAX)
        return too_large(call);
    if (!type_good(apr_table_get(r->headers_in, "Content-Type")))
        return answer_problem(call, HTTP_UNSUPPORTED_MEDIA_TYPE, "The body "
                              "must be application/json, in UTF-8.");
    body = apr_palloc(r->pool, REQUEST_BODY_MAX);
    rv = read_all(body, &len, r);
    if (rv == APR_ENOSPC)
        return too_large(call);
    if (rv)
        return unreadable(call, rv);
    rv = request_json(call->input, &error, body, len);
    if (rv == APR_EINVAL)
        return answer_fault(call, "body", error);
    if (rv)
        return answer_problem(call, HTTP_BAD_REQUEST,
                              apr_pstrcat(r->pool, "The body is not JSON. ",
                                          error, NULL));
    *answered = 0;
    return OK;
}
