/* SPDX-License-Identifier: MIT */
/*
 * What delivering does once a minute, by one process of all: repeats of
 * incidents, channels that are dead, follow-ups. Store thread.
 */
#include "deliver_plan.h"

#include <apr_strings.h>

#include "leases.h"
#include "log.h"

#define LEASE_CHORES "deliver:chores"
/** Longer than a minute, so that the holder keeps it. */
#define LEASE_LASTS  apr_time_from_sec(90)

static apr_status_t note_channel(store_t *store, const channel_row_t *row,
                                 apr_time_t now, apr_pool_t *pool)
{
    const char *subject = apr_pstrcat(pool, "channel:", row->name, NULL);

    if (row->failing_since == STORE_NULL) {
        return incidents_house_over(store, subject, now, pool);
    }
    if (now - row->failing_since < DELIVER_CHANNEL_DEAD) {
        return APR_SUCCESS;
    }
    return incidents_house(store, subject,
                           apr_pstrcat(pool, "Channel ", row->name,
                                       " does not deliver", NULL),
                           row->last_error, now, pool);
}

static apr_status_t channels(store_t *store, apr_time_t now, apr_pool_t *pool)
{
    apr_array_header_t *rows;
    apr_status_t rv = channels_list(&rows, store, pool);
    int i;

    for (i = 0; rv == APR_SUCCESS && i < rows->nelts; i++) {
        rv = store_begin(store);
        if (rv == APR_SUCCESS) {
            rv = store_end(store, note_channel(store,
                               &APR_ARRAY_IDX(rows, i, channel_row_t), now,
                               pool));
        }
    }
    return rv;
}

static apr_status_t follow_ups(store_t *store, const plan_t *plan,
                               apr_time_t now, apr_pool_t *pool)
{
    const char *domain = NULL;
    int held = 0;
    apr_status_t rv = follow_up_run(&held, &domain, store, plan, now, pool);

    if (rv == APR_SUCCESS && held) {
        log_line(LOG_INFO, "%d follow-up%s held back: mail to %s does not"
                 " arrive", held, held == 1 ? "" : "s", domain);
    }
    return rv;
}

apr_status_t plan_chores(store_t *store, const plan_t *plan, apr_time_t now,
                         apr_pool_t *pool)
{
    apr_status_t rv = leases_take(store, LEASE_CHORES, plan->owner,
                                  LEASE_LASTS);

    if (rv == STORE_ECONFLICT) {
        return APR_SUCCESS;     /* somebody else's */
    }
    if (rv == APR_SUCCESS) {
        rv = incidents_repeat(store, now, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = channels(store, now, pool);
    }
    return rv == APR_SUCCESS ? follow_ups(store, plan, now, pool) : rv;
}
