/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a request's query string and JSON body, asked for
 * what the endpoints ask for.
 *
 * Whatever a fault says goes back to the client in JSON, so it must be valid
 * UTF-8: else abort. Build and run as t/README.md says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "request.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text)
{
    if (!text || !utf8_valid(text, strlen(text))) {
        abort();
    }
}

static void check_faults(request_t *in)
{
    const apr_array_header_t *faults;
    int i;

    (void)request_end(in);
    faults = request_faults(in);
    for (i = 0; i < faults->nelts; i++) {
        check(APR_ARRAY_IDX(faults, i, request_fault_t).field);
        check(APR_ARRAY_IDX(faults, i, request_fault_t).detail);
    }
}

static void query(const char *text, apr_pool_t *pool)
{
    static const char *const choices[] = { "opened", "unopened", NULL };
    request_t *in = request_create(pool);
    const char *search;

    request_args(in, text);
    search = request_arg_text(in, "search", 200);
    if (search) {
        check(search);
    }
    (void)request_arg_bool(in, "pinned");
    (void)request_arg_int(in, "limit", 1, 1000, 50);
    (void)request_arg_time(in, "since");
    (void)request_arg_choice(in, "filter", choices, -1);
    check_faults(in);
}

static void body(const char *text, size_t size, apr_pool_t *pool)
{
    request_t *in = request_create(pool);
    const char *error = NULL;

    if (request_json(in, &error, text, size) != APR_SUCCESS) {
        check(error);
        return;
    }
    if (request_text(in, "subject", 998, REQUEST_LINE)) {
        check(request_text(in, "notes", 4000, 0)
              ? request_text(in, "notes", 4000, 0) : "");
    }
    (void)request_bool(in, "pinned");
    (void)request_recipients(in);
    check_faults(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int started;
    apr_pool_t *pool;

    if (!started) {
        apr_initialize();
        started = 1;
    }
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        abort();
    }
    query(apr_pstrmemdup(pool, (const char *)data, size), pool);
    if (size <= REQUEST_BODY_MAX) {
        body((const char *)data, size, pool);
    }
    apr_pool_destroy(pool);
    return 0;
}
