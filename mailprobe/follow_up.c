/* SPDX-License-Identifier: MIT */
/*
 * Follow-ups: a mail of which no open was seen for so many days is put into
 * the outbox, once; not while mail to its recipient does not arrive, and never
 * one from before follow-ups were switched on. Store thread.
 */
#include "deliver_plan.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "settings.h"

#define BATCH   100
#define BATCHES 20              /* of one minute */

typedef struct search_t {
    store_t *store;
    apr_time_t now;
    apr_pool_t *pool;
    apr_hash_t *routes;         /* domain -> "" or, when it fails, itself */
    int held;
    const char *domain;
} search_t;

/* Mails from before this are not asked about. Switched off, the setting is
 * emptied: what was sent meanwhile is not asked about either. */
static apr_status_t since_of(apr_int64_t *since, store_t *store, int on,
                             apr_time_t now, apr_pool_t *pool)
{
    const char *value = NULL;
    apr_status_t rv;

    rv = settings_get(&value, store, FOLLOW_UP_SINCE, pool);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND) {
        return rv;
    }
    if (on && value && *value) {
        *since = apr_atoi64(value);
        return APR_SUCCESS;
    }
    *since = now;
    if (!on && (!value || !*value)) {
        return APR_SUCCESS;
    }
    return settings_set(store, FOLLOW_UP_SINCE, on
                        ? apr_psprintf(pool, "%" APR_INT64_T_FMT,
                                       (apr_int64_t)now) : "", pool);
}

static apr_status_t is_held(int *held, search_t *search,
                            const char *domains)
{
    char *rest = apr_pstrdup(search->pool, domains ? domains : ""), *domain;
    apr_status_t rv = APR_SUCCESS;

    *held = 0;
    while (rv == APR_SUCCESS && (domain = apr_strtok(rest, " ", &rest))) {
        const char *known = apr_hash_get(search->routes, domain,
                                         APR_HASH_KEY_STRING);

        if (!known) {
            route_state_t route;

            memset(&route, 0, sizeof(route));
            rv = monitors_route(&route, search->store, domain, search->now,
                                search->pool);
            known = plan_route_fails(&route) ? domain : "";
            if (rv == APR_SUCCESS) {
                apr_hash_set(search->routes, domain, APR_HASH_KEY_STRING,
                             known);
            }
        }
        if (*known) {
            *held = 1;
            search->domain = known;
        }
    }
    return rv;
}

static apr_status_t work_off(search_t *search, const apr_array_header_t *list)
{
    apr_status_t rv = APR_SUCCESS;
    int i, held;

    for (i = 0; i < list->nelts && rv == APR_SUCCESS; i++) {
        const follow_up_t *due = &APR_ARRAY_IDX(list, i, follow_up_t);

        rv = is_held(&held, search, due->domains);
        if (rv != APR_SUCCESS) {
            break;
        }
        if (held) {
            search->held++;
            continue;
        }
        rv = follow_ups_put(search->store, due, search->now, search->pool);
    }
    return rv;
}

/* Held for too long, or due while nobody ran: marked, and told to nobody. */
static apr_status_t give_up(store_t *store, apr_int64_t from, apr_int64_t to,
                            apr_time_t now, apr_pool_t *pool)
{
    apr_array_header_t *list;
    apr_status_t rv;
    int i;

    rv = follow_ups_due(&list, store, from, to, BATCH, pool);
    for (i = 0; rv == APR_SUCCESS && i < list->nelts; i++) {
        rv = follow_ups_drop(store, &APR_ARRAY_IDX(list, i, follow_up_t),
                             now);
    }
    return rv;
}

apr_status_t follow_up_run(int *held, const char **domain, store_t *store,
                           const plan_t *plan, apr_time_t now,
                           apr_pool_t *pool)
{
    apr_interval_time_t after = plan->follow_up_after;
    search_t search = { store, now, pool, apr_hash_make(pool), 0, NULL };
    apr_array_header_t *list;
    apr_int64_t from, last;
    apr_status_t rv;
    int i;

    rv = since_of(&from, store, after > 0, now, pool);
    last = now - after - FOLLOW_UP_GIVEN_UP;
    if (rv == APR_SUCCESS && after > 0 && from < last) {
        rv = give_up(store, from, last, now, pool);
        from = last;
    }
    for (i = 0; i < BATCHES && rv == APR_SUCCESS && after > 0
                && from <= now - after; i++) {
        rv = follow_ups_due(&list, store, from, now - after, BATCH, pool);
        if (rv == APR_SUCCESS) {
            rv = work_off(&search, list);
        }
        if (rv != APR_SUCCESS || list->nelts < BATCH) {
            break;
        }
        /* those that are held stay: go on behind them */
        last = APR_ARRAY_IDX(list, BATCH - 1, follow_up_t).created_at;
        from = last > from ? last : from + 1;
    }
    *held = search.held;
    *domain = search.domain;
    return rv;
}
