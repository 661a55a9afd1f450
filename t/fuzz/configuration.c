/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as mailprobe.yaml. With libFuzzer, see t/README.md. A
 * refusal without a sentence, or a success with half a configuration, aborts.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "configuration.h"
#include "monitors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const configuration_t *c)
{
    int i;

    for (i = 0; i < c->channels->nelts; i++) {
        const channel_t *channel = APR_ARRAY_IDX(c->channels, i,
                                                 const channel_t *);

        if (!channel->target || (channel->kind == CHANNEL_EMAIL
                                 ? !channel->account : !channel->url)) {
            abort();
        }
    }
    for (i = 0; i < c->monitors->nelts; i++) {
        const monitor_t *m = &APR_ARRAY_IDX(c->monitors, i, monitor_t);

        if (!apr_hash_get(c->accounts, m->send_account, APR_HASH_KEY_STRING)
            || m->interval_us < 10000000 || !*m->domain) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int started;
    configuration_t *configuration;
    const char *problem = NULL;
    apr_pool_t *pool;

    if (!started) {
        apr_initialize();
        started = 1;
    }
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        abort();
    }
    if (configuration_parse(&configuration, &problem, (const char *)data,
                            size, pool) == APR_SUCCESS) {
        look(configuration);
    }
    else if (configuration || !problem
             || strncmp(problem, "mailprobe.yaml:", 15)) {
        abort();
    }
    apr_pool_destroy(pool);
    return 0;
}
