/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as the headers of an arrived probe. What comes out
 * must be bounded, and its JSON must be JSON: else abort. Build and run as
 * t/README.md says; t/data/mail is the corpus.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <jansson.h>

#include "headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int good)
{
    if (!good) {
        abort();
    }
}

static void need_json(const char *text, json_type type)
{
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    need(json && json_typeof(json) == type);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *forever;
    static apr_array_header_t *ids;
    apr_pool_t *pool;
    headers_t *h;
    int i;

    if (!forever) {
        apr_initialize();
        apr_pool_create(&forever, NULL);
        ids = apr_array_make(forever, 2, sizeof(char *));
        APR_ARRAY_PUSH(ids, const char *) = "mx.google.com";
        APR_ARRAY_PUSH(ids, const char *) = "";
    }
    need(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    h = headers_parse((const char *)data, size, ids,
                      APR_INT64_C(1795168800000000),
                      APR_INT64_C(1795168810000000), pool);
    need(!h->token || strlen(h->token) == 32);
    need(h->hops->nelts <= HEADERS_HOPS_MAX);
    for (i = 0; i < h->hops->nelts; i++) {
        const hop_t *hop = &APR_ARRAY_IDX(h->hops, i, hop_t);

        need(strlen(hop->from) <= 255 * 4 && strlen(hop->by) <= 255 * 4);
        need(strlen(hop->protocol) <= 64 * 4 && hop->at >= 0);
    }
    need_json(headers_hops_json(h, pool), JSON_ARRAY);
    need_json(headers_auth_json(h, pool), JSON_ARRAY);
    need_json(headers_spam_json(h, pool), JSON_OBJECT);
    need(strlen(headers_verdict(h)) <= 4);
    apr_pool_destroy(pool);
    return 0;
}
