/* SPDX-License-Identifier: MIT */
/*
 * The parts put together, in the order of who needs whom (contract in
 * running.h). Loop thread. The store thread and probing live as long as the
 * process; the rest, with its configuration, as long as nobody says SIGHUP.
 */
#include "running.h"

#include <string.h>

#include <apr_strings.h>

#include "deliver.h"
#include "house.h"
#include "leases.h"
#include "probing.h"
#include "storage.h"

struct running_t {
    loop_t *loop;
    storage_t *storage;
    probing_t *probing;
    const char *owner;
    apr_pool_t *pool;
    house_t *house;
    apr_pool_t *delivering;     /* of deliver: what it owes the store has a
                                 * pool of its own */
    config_store_t store;
    int stopped;
};

static apr_status_t start_delivering(deliver_t **deliver, running_t *running,
                                     const running_by_t *by)
{
    apr_status_t rv = apr_pool_create(&running->delivering, running->pool);

    return rv == APR_SUCCESS
           ? deliver_start(deliver, running->loop, running->storage,
                           by->configuration, running->owner,
                           running->delivering)
           : rv;
}

static apr_status_t start_house(running_t *running, const running_by_t *by)
{
    house_t with = { running->loop, running->storage, by->configuration,
                     running->owner, by->pool, 0 };

    return house_start(&running->house, &with, by->pool);
}

apr_status_t running_start(running_t **out, loop_t *loop,
                           const running_by_t *by, const char *owner,
                           apr_pool_t *pool)
{
    running_t *running = apr_pcalloc(pool, sizeof(*running));
    const config_store_t *store = &by->configuration->store;
    deliver_t *deliver = NULL;
    apr_status_t rv = storage_start(&running->storage, loop, store, pool);

    running->loop = loop;
    running->pool = pool;
    running->owner = apr_pstrdup(pool, owner);
    running->store.driver = apr_pstrdup(pool, store->driver);
    running->store.params = apr_pstrdup(pool, store->params);
    *out = running;
    if (rv == APR_SUCCESS) {
        rv = start_delivering(&deliver, running, by);
    }
    if (rv == APR_SUCCESS) {
        rv = probing_start(&running->probing, loop, running->storage, deliver,
                           by->configuration, running->owner, pool);
    }
    return rv == APR_SUCCESS ? start_house(running, by) : rv;
}

apr_status_t running_reload(running_t *running, const running_by_t *by)
{
    const config_store_t *store = &by->configuration->store;
    apr_pool_t *delivered = running->delivering;
    house_t *before = running->house;
    deliver_t *deliver = NULL;
    apr_status_t rv;

    if (strcmp(store->driver, running->store.driver)
        || strcmp(store->params, running->store.params)) {
        return APR_EINVAL;
    }
    apr_pool_destroy(delivered);
    rv = start_delivering(&deliver, running, by);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    probing_reload(running->probing, by->configuration, deliver);
    house_end(before);
    return start_house(running, by);
}

const char *running_trouble(running_t *running)
{
    return running->stopped ? NULL : storage_trouble(running->storage);
}

/* Another process may take over at once, instead of in 30 s. */
static apr_status_t give_up_leases(store_t *store, void *job, apr_pool_t *pool)
{
    const running_t *running = job;

    (void)pool;
    return leases_drop_all(store, running->owner);
}

int running_stop(running_t *running, apr_interval_time_t within)
{
    running->stopped = 1;
    running->house->gone = 1;
    probing_quiet(running->probing);
    storage_submit(running->storage, STORAGE_ONCE, give_up_leases, NULL,
                   running);
    return storage_stop(running->storage, within);
}
