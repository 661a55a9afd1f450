/* SPDX-License-Identifier: MIT */
/*
 * /health asked each minute (contract in housewatch.h): find out where it is,
 * ask, judge, and note the verdicts in one transaction. Loop thread; what is
 * named note_* and find_* runs in the store thread.
 */
#include "housewatch.h"

#include <string.h>

#include <apr_strings.h>

#include "fetch.h"
#include "incidents.h"
#include "leases.h"
#include "log.h"
#include "settings.h"

#define EVERY apr_time_from_sec(60)
#define FIRST apr_time_from_sec(5)

/* Longer than the time between two rounds: who has it keeps it. */
#define LEASE apr_time_from_sec(150)

/* A restart of httpd is no incident. */
#define FAILURES_NEEDED 3

typedef struct housewatch_t {
    house_t *house;
    apr_pool_t *round;          /* of one asking */
    fetch_t *fetch;
    loop_timer_t *timer;
    const char *url;            /* NULL: nobody has said where */
    int failures;               /* in a row */
    housewatch_verdict_t verdicts[HOUSEWATCH_SUBJECTS];
    int count;
} housewatch_t;

static apr_status_t note_one(store_t *store, const housewatch_verdict_t *v,
                             apr_time_t now, apr_pool_t *pool)
{
    return v->title ? incidents_house(store, v->subject, v->title, v->detail,
                                      now, pool)
                    : incidents_house_over(store, v->subject, now, pool);
}

static apr_status_t note_verdicts(store_t *store, void *job, apr_pool_t *pool)
{
    housewatch_t *watch = job;
    apr_time_t now = apr_time_now();
    apr_status_t rv = store_begin(store);
    int i;

    if (rv == APR_SUCCESS) {
        rv = leases_held(store, "housewatch", watch->house->owner);
    }
    for (i = 0; i < watch->count && rv == APR_SUCCESS; i++) {
        rv = note_one(store, &watch->verdicts[i], now, pool);
    }
    if (rv != APR_SUCCESS) {
        store_rollback(store);
        return rv;
    }
    return store_commit(store);
}

static void noted(apr_status_t rv, const char *error, void *job)
{
    housewatch_t *watch = job;

    if (rv != APR_SUCCESS && rv != STORE_ECONFLICT && !store_transient(rv)) {
        log_line(LOG_ERROR, "watching the house: %s", error);
    }
    loop_timer_set(watch->timer, EVERY);
}

static void answered(void *data, const char *problem, long status,
                     const char *body)
{
    housewatch_t *watch = data;

    (void)status;               /* 503 with a body is an answer */
    watch->count = housewatch_judge(watch->verdicts, problem, body,
                                    watch->house->configuration->place_age,
                                    apr_time_now(), watch->round);
    if (!watch->verdicts[0].title) {
        watch->failures = 0;
    }
    else if (++watch->failures < FAILURES_NEEDED) {
        loop_timer_set(watch->timer, EVERY);
        return;
    }
    house_submit(watch->house, note_verdicts, noted,
                   watch);
}

/* Is it our turn, and where is it? */
static apr_status_t find_health(store_t *store, void *job, apr_pool_t *pool)
{
    housewatch_t *watch = job;
    const configuration_t *c = watch->house->configuration;
    const char *base = c->base_url;
    apr_status_t rv = leases_take(store, "housewatch", watch->house->owner,
                                  LEASE);

    watch->url = c->health_url;
    if (rv == APR_SUCCESS && !watch->url && !base) {
        rv = settings_get(&base, store, "base_url", pool);
        if (rv == APR_NOTFOUND) {
            base = NULL;
            rv = APR_SUCCESS;
        }
    }
    if (rv == APR_SUCCESS && !watch->url && base && *base) {
        watch->url = apr_pstrcat(watch->round, base,
                                 base[strlen(base) - 1] == '/' ? "" : "/",
                                 "health", NULL);
    }
    return rv;
}

static void found(apr_status_t rv, const char *error, void *job)
{
    housewatch_t *watch = job;
    fetch_request_t request = { .url = watch->url };

    (void)error;
    if (rv != APR_SUCCESS || !watch->url
        || fetch_ask(watch->fetch, &request, answered, watch)
           != APR_SUCCESS) {
        loop_timer_set(watch->timer, EVERY);
    }
}

static void tick(void *data)
{
    housewatch_t *watch = data;

    apr_pool_clear(watch->round);
    house_submit(watch->house, find_health, found,
                   watch);
}

apr_status_t housewatch_start(house_t *house, apr_pool_t *pool)
{
    housewatch_t *watch = apr_pcalloc(pool, sizeof(*watch));
    apr_status_t rv;

    watch->house = house;
    apr_pool_create(&watch->round, pool);
    rv = fetch_make(&watch->fetch, house->loop,
                    house->configuration->health_ca_file, pool);
    if (rv == APR_SUCCESS) {
        watch->timer = loop_timer(house->loop, tick, watch, pool);
        loop_timer_set(watch->timer, FIRST);
    }
    return rv;
}
