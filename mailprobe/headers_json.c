/* SPDX-License-Identifier: MIT */
/*
 * What headers.c read, as the JSON texts the store keeps. Everything in it is
 * bounded and valid UTF-8 already. Any thread.
 */
#include "headers.h"

#include <stdlib.h>

#include <apr_strings.h>
#include <jansson.h>

/* In pool, and the JSON value is gone; "null" when there is no memory. */
static const char *text_of(json_t *json, apr_pool_t *pool)
{
    char *text = json_dumps(json, JSON_COMPACT);
    const char *copy = apr_pstrdup(pool, text ? text : "null");

    free(text);
    json_decref(json);
    return copy;
}

static json_t *number_or_null(apr_int64_t value, apr_int64_t none)
{
    return value == none ? json_null() : json_integer(value);
}

const char *headers_hops_json(const headers_t *headers, apr_pool_t *pool)
{
    json_t *list = json_array();
    int i;

    for (i = 0; i < headers->hops->nelts; i++) {
        const hop_t *hop = &APR_ARRAY_IDX(headers->hops, i, hop_t);

        json_array_append_new(list, json_pack(
            "{s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:b}",
            "from", hop->from, "by", hop->by, "protocol", hop->protocol,
            "id", hop->id, "tls", hop->tls,
            "at", number_or_null(hop->at, 0),
            "delay_us", number_or_null(hop->delay_us, HEADERS_UNKNOWN),
            "skewed", hop->skewed));
    }
    return text_of(list, pool);
}

const char *headers_auth_json(const headers_t *headers, apr_pool_t *pool)
{
    json_t *list = json_array();
    int i;

    for (i = 0; i < headers->auth->nelts; i++) {
        const auth_method_t *m = &APR_ARRAY_IDX(headers->auth, i,
                                                auth_method_t);

        json_array_append_new(list, json_pack(
            "{s:s, s:s, s:s, s:s, s:s}", "method", m->method,
            "result", m->result, "domain", m->domain,
            "selector", m->selector, "reason", m->reason));
    }
    return text_of(list, pool);
}

const char *headers_spam_json(const headers_t *headers, apr_pool_t *pool)
{
    json_t *object = json_object();
    int i;

    for (i = 0; i < headers->spam->nelts; i++) {
        const spam_header_t *pair = &APR_ARRAY_IDX(headers->spam, i,
                                                   spam_header_t);

        json_object_set_new(object, pair->name, json_string(pair->value));
    }
    return text_of(object, pool);
}
