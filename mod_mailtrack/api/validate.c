/* SPDX-License-Identifier: MIT */
/*
 * ETags; see validate.h. Runs in httpd's worker threads; reads no store.
 */
#include <http_protocol.h>
#include <apr_strings.h>
#include <openssl/evp.h>
#include <string.h>

#include "answer.h"
#include "validate.h"

/* A strong validator without its quotes: half of the body's SHA-256. */
static const char *etag_of(const char *text, apr_pool_t *pool)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    char *out = apr_pcalloc(pool, 33);
    unsigned int i;

    if (EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL) != 1)
        return NULL;
    for (i = 0; i < 16; i++)
        apr_snprintf(out + 2 * i, 3, "%02x", hash[i]);
    return out;
}

/* mod_deflate adds "-gzip" to the ETag of what it packs. */
static int etag_asked(request_rec *r, const char *etag)
{
    const char *asked = apr_table_get(r->headers_in, "If-None-Match");
    const char *plain = apr_psprintf(r->pool, "\"%s\"", etag);
    const char *packed = apr_psprintf(r->pool, "\"%s-gzip\"", etag);

    return asked && (!strcmp(asked, "*") ||
                     ap_find_etag_weak(r->pool, asked, plain) ||
                     ap_find_etag_weak(r->pool, asked, packed));
}

/* The text of a body, in the request's pool; NULL: no memory. */
static const char *text_of(call_t *call, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    const char *copy = text ? apr_pstrdup(call->r->pool, text) : NULL;

    free(text);
    json_decref(body);
    return copy;
}

/* Set the ETag. @return does the client have it already? */
static int tagged(call_t *call, const char *text)
{
    request_rec *r = call->r;
    const char *etag = etag_of(text, r->pool);

    if (!etag)
        return 0;
    apr_table_setn(r->headers_out, "ETag",
                   apr_psprintf(r->pool, "\"%s\"", etag));
    return etag_asked(r, etag);
}

int validate_same(call_t *call, json_t *state)
{
    const char *text = text_of(call, state);

    if (!text || !tagged(call, text))
        return 0;
    (void)answer_empty(call, HTTP_NOT_MODIFIED);
    return 1;
}

int validate_answer(call_t *call, json_t *body)
{
    const char *text = text_of(call, body);

    if (!text)
        return HTTP_INTERNAL_SERVER_ERROR;
    if (tagged(call, text))
        return answer_empty(call, HTTP_NOT_MODIFIED);
    return answer_bytes(call, HTTP_OK, "application/json", text,
                        strlen(text));
}
