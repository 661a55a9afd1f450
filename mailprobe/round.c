/* SPDX-License-Identifier: MIT */
/*
 * A look at the store. Each process holds its share of the monitors; what a
 * dead one held is free when its leases have ended. Store thread, but for
 * round_make.
 */
#include "round.h"

#include <apr_strings.h>

#include "leases.h"

round_t *round_make(probing_t *probing, apr_pool_t *pool)
{
    round_t *round = apr_pcalloc(pool, sizeof(*round));

    round->pool = pool;
    round->probing = probing;
    round->owner = probing->owner;
    round->scheduled = probing->scheduled;
    round->edition = probing->edition;
    round->live = probing->live;
    round->enabled = probing->enabled;
    round->seats = apr_array_make(pool, 16, sizeof(round_seat_t));
    return round;
}

int round_lists(const round_t *round, apr_int64_t id)
{
    int i;

    for (i = 0; i < round->monitors->nelts; i++) {
        if (APR_ARRAY_IDX(round->monitors, i, monitor_t).id == id) {
            return 1;
        }
    }
    return 0;
}

static int holds(const round_t *round, apr_int64_t id)
{
    int i;

    for (i = 0; i < round->seats->nelts; i++) {
        if (APR_ARRAY_IDX(round->seats, i, round_seat_t).id == id) {
            return 1;
        }
    }
    return 0;
}

/* All at once; and where one has ended meanwhile, each by itself. */
static apr_status_t keep(store_t *store, round_t *round, apr_pool_t *pool)
{
    apr_int64_t held = 0;
    apr_status_t rv = leases_renew(&held, store, round->owner,
                                   PROBING_LEASE);
    int i;

    if (rv == APR_SUCCESS && round->scheduled) {
        rv = leases_take(store, apr_pstrcat(pool, LEASE_PROCESS,
                                            round->owner, NULL),
                         round->owner, PROBING_LEASE);
    }
    for (i = 0; rv == APR_SUCCESS && held < round->seats->nelts
                                            + round->scheduled
         && i < round->seats->nelts; i++) {
        apr_int64_t id = APR_ARRAY_IDX(round->seats, i, round_seat_t).id;

        rv = leases_take(store, judge_lease(id, pool), round->owner,
                         PROBING_LEASE);
        if (rv == STORE_ECONFLICT) {
            APR_ARRAY_PUSH(round->lost, apr_int64_t) = id;
            rv = APR_SUCCESS;
        }
    }
    return rv;
}

static apr_int64_t count_enabled(const round_t *round)
{
    apr_int64_t n = 0;
    int i;

    for (i = 0; i < round->monitors->nelts; i++) {
        n += APR_ARRAY_IDX(round->monitors, i, monitor_t).enabled != 0;
    }
    return n;
}

static const monitor_t *listed(const round_t *round, apr_int64_t id)
{
    int i;

    for (i = 0; i < round->monitors->nelts; i++) {
        const monitor_t *m = &APR_ARRAY_IDX(round->monitors, i, monitor_t);

        if (m->id == id) {
            return m;
        }
    }
    return NULL;
}

/* What is over our share is given up, with what is waited for; what is switched
 * off once nothing of it is in flight, for nobody takes it up.
 * @param count set to what we hold then */
static apr_status_t give(store_t *store, round_t *round, apr_int64_t share,
                         apr_int64_t *count, apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    *count = round->seats->nelts - round->lost->nelts;
    for (i = 0; rv == APR_SUCCESS && i < round->seats->nelts; i++) {
        const round_seat_t *seat = &APR_ARRAY_IDX(round->seats, i,
                                                  round_seat_t);
        const monitor_t *m = listed(round, seat->id);

        if (m && (m->enabled ? !seat->busy && *count > share
                             : seat->empty)) {
            rv = leases_drop(store, judge_lease(seat->id, pool),
                             round->owner);
            APR_ARRAY_PUSH(round->dropped, apr_int64_t) = seat->id;
            --*count;
        }
    }
    return rv;
}

static apr_status_t take_one(store_t *store, round_t *round,
                             const monitor_t *m, apr_pool_t *pool)
{
    apr_array_header_t *flights = NULL;
    apr_status_t rv = leases_take(store, judge_lease(m->id, pool),
                                  round->owner, PROBING_LEASE);

    if (rv == APR_SUCCESS) {
        rv = monitors_unwatched(store, m, apr_time_now());
    }
    if (rv == APR_SUCCESS) {
        rv = probes_undecided(&flights, store, m->id, pool);
    }
    if (rv == APR_SUCCESS) {
        round_taken_t *taken = apr_array_push(round->taken);

        taken->monitor = m;
        taken->flights = flights;
    }
    return rv;
}

static apr_status_t take(store_t *store, round_t *round, apr_int64_t share,
                         apr_int64_t count, apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && count < share
         && i < round->monitors->nelts; i++) {
        const monitor_t *m = &APR_ARRAY_IDX(round->monitors, i, monitor_t);

        if (!m->enabled || holds(round, m->id)) {
            continue;
        }
        rv = take_one(store, round, m, pool);
        if (rv == APR_SUCCESS) {
            count++;
        } else if (rv == STORE_ECONFLICT) {
            rv = APR_SUCCESS;
        }
    }
    return rv;
}

static apr_int64_t share_of(const round_t *round)
{
    return (round->enabled + round->live - 1) / round->live;
}

/* Leases renewed. @param still set to 1: as long as nobody edits a monitor
 * there is nothing to give or take, and no need to read them all */
static apr_status_t renew(int *still, store_t *store, round_t *round,
                          apr_pool_t *pool)
{
    apr_int64_t live = round->live, held = 0;
    apr_status_t rv = keep(store, round, pool);

    *still = !round->scheduled;
    if (rv != APR_SUCCESS || !round->scheduled) {
        return rv;
    }
    rv = leases_count(&round->live, store, LEASE_PROCESS);
    if (rv == APR_SUCCESS) {
        rv = leases_count(&held, store, LEASE_MONITOR);
    }
    if (round->live < 1) {
        round->live = 1;
    }
    *still = live == round->live && held >= round->enabled
             && !round->lost->nelts
             && round->seats->nelts <= share_of(round);
    return rv;
}

static apr_status_t deal(store_t *store, round_t *round, apr_pool_t *pool)
{
    apr_int64_t count = 0;
    apr_status_t rv = monitors_list(&round->monitors, store, pool);

    if (rv != APR_SUCCESS || !round->scheduled) {
        return rv;
    }
    round->enabled = count_enabled(round);
    rv = give(store, round, share_of(round), &count, pool);
    return rv != APR_SUCCESS ? rv : take(store, round, share_of(round), count,
                                         pool);
}

static apr_status_t look(store_t *store, round_t *round, apr_int64_t edition,
                         apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;
    int still = 0;

    if (round->renew) {
        rv = renew(&still, store, round, pool);
    }
    if (rv == APR_SUCCESS && (!still || edition != round->edition)) {
        rv = deal(store, round, pool);
    }
    return rv;
}

apr_status_t round_work(store_t *store, void *job, apr_pool_t *pool)
{
    round_t *round = job;
    apr_int64_t edition = 0;
    apr_status_t rv = monitors_edition(&edition, store);

    round->monitors = NULL;
    round->lost = apr_array_make(pool, 4, sizeof(apr_int64_t));
    round->dropped = apr_array_make(pool, 4, sizeof(apr_int64_t));
    round->asked = apr_array_make(pool, 4, sizeof(apr_int64_t));
    round->taken = apr_array_make(pool, 4, sizeof(round_taken_t));
    if (rv == APR_SUCCESS && (round->renew || edition != round->edition)) {
        rv = store_begin(store);
        if (rv == APR_SUCCESS) {
            rv = store_end(store, look(store, round, edition, pool));
        }
    }
    if (rv == APR_SUCCESS && round->scheduled) {
        rv = monitors_asked(&round->asked, store, pool);
    }
    round->edition = edition;
    return rv;
}
