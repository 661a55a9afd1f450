/* SPDX-License-Identifier: MIT */
/*
 * Retention (contract in retention.h): one step of one kind at a time, with
 * pauses in which others get at the store. Loop thread; steps run in the store
 * thread.
 */
#include "retention.h"

#include "forget.h"
#include "leases.h"
#include "log.h"
#include "outbox.h"
#include "probes.h"

#define EVERY  apr_time_from_sec(3600)
#define PAUSE  (200 * 1000)
#define FIRST  apr_time_from_sec(10)    /* after the start */
#define LEASE  apr_time_from_sec(300)

/* Rows a step: some tens of milliseconds on a slow disk. */
#define STEP 500

/* Delivered messages are history for so long. */
#define KEEP_OUTBOX apr_time_from_sec(30 * 86400)

enum { PROBES, OUTBOX, OPENS, KINDS };

typedef struct retention_t {
    house_t *house;
    loop_timer_t *timer;
    int kind;                   /* what the next step is about */
    apr_int64_t gone;           /* by the last step */
    apr_int64_t all;            /* in this round */
} retention_t;

static apr_status_t one_kind(store_t *store, retention_t *r, apr_pool_t *pool)
{
    const configuration_t *c = r->house->configuration;
    apr_time_t now = apr_time_now();

    switch (r->kind) {
    case PROBES:
        return probes_prune(&r->gone, store, now - c->keep_probes, STEP);
    case OUTBOX:
        return outbox_prune(&r->gone, store, now - KEEP_OUTBOX, STEP);
    default:
        return c->keep_opens ? forget_opens(&r->gone, store,
                                            now - c->keep_opens, STEP, pool)
                             : APR_SUCCESS;
    }
}

static apr_status_t step(store_t *store, void *job, apr_pool_t *pool)
{
    retention_t *r = job;
    apr_status_t rv = leases_take(store, "retention", r->house->owner, LEASE);

    r->gone = 0;
    return rv == APR_SUCCESS ? one_kind(store, r, pool) : rv;
}

static void stepped(apr_status_t rv, const char *error, void *job)
{
    retention_t *r = job;

    if (rv != APR_SUCCESS) {
        if (rv != STORE_ECONFLICT && !store_transient(rv)) {
            log_line(LOG_ERROR, "retention: %s", error);
        }
        r->kind = PROBES;
        loop_timer_set(r->timer, EVERY);
        return;
    }
    r->all += r->gone;
    if (r->gone < STEP && ++r->kind == KINDS) {
        if (r->all) {
            log_line(LOG_INFO, "retention: %" APR_INT64_T_FMT " rows are gone",
                     r->all);
        }
        r->kind = PROBES;
        r->all = 0;
        loop_timer_set(r->timer, EVERY);
        return;
    }
    loop_timer_set(r->timer, PAUSE);
}

static void tick(void *data)
{
    retention_t *r = data;

    house_submit(r->house, step, stepped, r);
}

apr_status_t retention_start(house_t *house, apr_pool_t *pool)
{
    retention_t *r = apr_pcalloc(pool, sizeof(*r));

    r->house = house;
    r->timer = loop_timer(house->loop, tick, r, pool);
    loop_timer_set(r->timer, FIRST);
    return APR_SUCCESS;
}
