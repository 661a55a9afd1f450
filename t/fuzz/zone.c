/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a TZif file, and what loads is asked about every
 * sort of day.
 *
 * A day must begin within its own day of UTC, two days at most: offsets of a
 * sane file are within a day. Bytes from elsewhere than the system's own
 * directory never get here in service; a broken package of it may. Build and
 * run as t/README.md says.
 */
#include <stdint.h>
#include <stdlib.h>

#include <apr_general.h>

#include "zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const zone_t *zone)
{
    static const apr_int64_t days[] = {
        -800000, -1, 0, 59, 19782, 20513, 47481, 1000000, 2932896
    };
    apr_size_t i;

    for (i = 0; i < sizeof(days) / sizeof(*days); i++) {
        apr_int64_t start = zone_day_start(zone, days[i]);

        (void)zone_offset(zone, start);
        (void)zone_day_of(zone, start);
        (void)zone_day_of(zone, start - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int started;
    zone_t *zone = NULL;
    apr_pool_t *pool;

    if (!started) {
        apr_initialize();
        started = 1;
    }
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        abort();
    }
    if (zone_parse(&zone, (const char *)data, size, pool) == APR_SUCCESS) {
        ask(zone);
    }
    apr_pool_destroy(pool);
    return 0;
}
