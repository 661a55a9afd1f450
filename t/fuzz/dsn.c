/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a bounce. What is read must have a token and be
 * bounded, and its JSON must be JSON: else abort. Build and run as t/README.md
 * says; t/data/mail is the corpus.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <jansson.h>

#include "dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int good)
{
    if (!good) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int started;
    apr_pool_t *pool;
    dsn_t *dsn;

    if (!started) {
        apr_initialize();
        started = 1;
    }
    need(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    if (dsn_parse(&dsn, (const char *)data, size, pool) == APR_SUCCESS) {
        json_t *json = json_loads(dsn_json(dsn, pool), 0, NULL);

        need(strlen(dsn->token) == 32 && *dsn->action);
        need(strlen(dsn->diagnostic) <= 998 * 4);
        need(strlen(dsn->recipient) <= 255 * 4);
        need(json_is_object(json));
        json_decref(json);
    }
    apr_pool_destroy(pool);
    return 0;
}
