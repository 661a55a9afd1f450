/* SPDX-License-Identifier: MIT */
/*
 * The heartbeat (contract in heartbeat.h). Loop thread. The store is asked each
 * time, so that a store that hangs silences it.
 */
#include "heartbeat.h"

#include <apr_strings.h>

#include "fetch.h"
#include "log.h"
#include "outbox.h"

typedef struct heartbeat_t {
    house_t *house;
    fetch_t *fetch;
    loop_timer_t *timer;
    int asking;                 /* the store */
    int well;                   /* what it said */
    int silent;                 /* it was said that there is none */
} heartbeat_t;

static apr_status_t ask(store_t *store, void *job, apr_pool_t *pool)
{
    heartbeat_t *beat = job;
    apr_array_header_t *channels;
    int i, failing = 0;
    apr_status_t rv = channels_list(&channels, store, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (i = 0; i < channels->nelts; i++) {
        failing += APR_ARRAY_IDX(channels, i, channel_row_t).failing_since
                   != STORE_NULL;
    }
    beat->well = !failing || failing < channels->nelts;
    return APR_SUCCESS;
}

static void say(heartbeat_t *beat, const char *words)
{
    if (*words && !beat->silent) {
        log_line(LOG_WARNING, "no heartbeat: %s", words);
    }
    else if (!*words && beat->silent) {
        log_line(LOG_NOTICE, "the heartbeat is back");
    }
    beat->silent = *words != '\0';
}

static void sent(void *data, const char *problem, long status,
                 const char *body)
{
    heartbeat_t *beat = data;
    char words[64];

    (void)body;
    if (!*problem && status >= 300) {
        apr_snprintf(words, sizeof(words), "the server answers %ld", status);
        problem = words;
    }
    say(beat, problem);
}

static void answered(apr_status_t rv, const char *error, void *job)
{
    heartbeat_t *beat = job;
    fetch_request_t request = { .url = NULL };

    (void)error;
    beat->asking = 0;
    if (rv != APR_SUCCESS || !beat->well) {
        say(beat, rv != APR_SUCCESS ? "the store does not answer"
            : "every channel fails");
        return;
    }
    /* one that still hangs is its own answer */
    request.url = beat->house->configuration->heartbeat_url;
    (void)fetch_ask(beat->fetch, &request, sent, beat);
}

static void tick(void *data)
{
    heartbeat_t *beat = data;

    loop_timer_set(beat->timer,
                   beat->house->configuration->heartbeat_every);
    if (beat->asking) {
        say(beat, "the store hangs");
        return;
    }
    beat->asking = 1;
    house_submit(beat->house, ask, answered, beat);
}

apr_status_t heartbeat_start(house_t *house, apr_pool_t *pool)
{
    heartbeat_t *beat;
    apr_status_t rv;

    if (!house->configuration->heartbeat_url) {
        return APR_SUCCESS;
    }
    beat = apr_pcalloc(pool, sizeof(*beat));
    beat->house = house;
    rv = fetch_make(&beat->fetch, house->loop, NULL, pool);
    if (rv == APR_SUCCESS) {
        beat->timer = loop_timer(house->loop, tick, beat, pool);
        loop_timer_set(beat->timer, APR_USEC_PER_SEC);
    }
    return rv;
}
