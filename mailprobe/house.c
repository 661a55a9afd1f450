/* SPDX-License-Identifier: MIT */
/*
 * The parts that look after the house, together (contract in house.h). Loop
 * thread. Jobs of the store run in order, so one that is submitted last comes
 * behind all others: what they use may go then.
 */
#include "house.h"

#include <apr_strings.h>

#include "heartbeat.h"
#include "housewatch.h"
#include "refresh.h"
#include "retention.h"

apr_status_t house_start(house_t **out, const house_t *with, apr_pool_t *pool)
{
    house_t *house = apr_pmemdup(pool, with, sizeof(*with));
    apr_status_t rv;

    house->pool = pool;
    *out = house;
    rv = retention_start(house, pool);
    if (rv == APR_SUCCESS) {
        rv = housewatch_start(house, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = heartbeat_start(house, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = refresh_start(house, pool);
    }
    return rv;
}

void house_submit(house_t *house, storage_work_fn work, storage_done_fn done,
                  void *job)
{
    if (!house->gone) {
        storage_submit(house->storage, STORAGE_ONCE, work, done, job);
    }
}

static apr_status_t nothing(store_t *store, void *job, apr_pool_t *pool)
{
    (void)store;
    (void)job;
    (void)pool;
    return APR_SUCCESS;
}

static void destroy(apr_status_t rv, const char *error, void *job)
{
    house_t *house = job;

    (void)rv;
    (void)error;
    apr_pool_destroy(house->pool);
}

void house_end(house_t *house)
{
    house->gone = 1;
    storage_submit(house->storage, STORAGE_ONCE, nothing, destroy, house);
}
