/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as Apple's list of relays and as httpd's /health. With
 * libFuzzer, see t/README.md. A list that is taken must be taken again as it
 * was written, with nothing left to merge.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "housewatch.h"
#include "relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void convert(const char *text, size_t size, apr_pool_t *pool)
{
    relay_lists_t once, twice;
    const char *problem = NULL, *again;

    if (relay_convert(&once, &problem, text, size, pool) != APR_SUCCESS) {
        if (!problem) {
            abort();
        }
        return;
    }
    again = apr_pstrcat(pool, once.ipv4, once.ipv6, NULL);
    if (relay_convert(&twice, &problem, again, strlen(again), pool)
            != APR_SUCCESS
        || strcmp(once.ipv4, twice.ipv4) || strcmp(once.ipv6, twice.ipv6)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    housewatch_verdict_t verdicts[HOUSEWATCH_SUBJECTS];
    static int started;
    apr_pool_t *pool;
    int count;

    if (!started) {
        apr_initialize();
        started = 1;
    }
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        abort();
    }
    convert((const char *)data, size, pool);
    count = housewatch_judge(verdicts, "",
                             apr_pstrmemdup(pool, (const char *)data, size),
                             apr_time_from_sec(86400),
                             apr_time_from_sec(1795200000), pool);
    if (count < 1 || count > HOUSEWATCH_SUBJECTS) {
        abort();
    }
    apr_pool_destroy(pool);
    return 0;
}
