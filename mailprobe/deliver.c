/* SPDX-License-Identifier: MIT */
/*
 * The outbox emptied. Loop thread: every second one job for the store thread
 * dispatches rows and claims a delivery for each channel that is idle; each
 * claimed one is sent and how it ended noted, channel by channel, none waiting
 * for another. What runs in the store thread is named work_*.
 *
 * Jobs outlive the deliver_t's pool (a reload): all they touch is in a pool of
 * its own, which goes with the last of them.
 */
#include "deliver_inside.h"

#include <apr_strings.h>

#include "log.h"

#define ROUND_EVERY  APR_USEC_PER_SEC
#define CHORES_FIRST (3 * APR_USEC_PER_SEC)
#define CHORES_EVERY apr_time_from_sec(60)

/* -- jobs ------------------------------------------------------------------ */

void deliver_begins(deliver_t *deliver)
{
    deliver->jobs++;
}

int deliver_ends(deliver_t *deliver)
{
    deliver->jobs--;
    if (!deliver->alive && !deliver->jobs) {
        apr_pool_destroy(deliver->own);
        return 0;
    }
    return deliver->alive;
}

void deliver_drop(sender_t *sender)
{
    if (sender->pool) {
        apr_pool_destroy(sender->pool);
        sender->pool = NULL;
    }
    sender->state = IDLE;
}

void deliver_hurry(deliver_t *deliver)
{
    if (deliver->round_busy) {
        deliver->hurried = 1;
    }
    else {
        loop_timer_set(deliver->round_timer, 0);
    }
}

/* -- a round --------------------------------------------------------------- */

/* Of each channel that is idle. */
static apr_status_t claim_all(deliver_t *deliver, store_t *store,
                              apr_time_t now)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < deliver->count && !store_transient(rv); i++) {
        sender_t *sender = &deliver->senders[i];

        if (!sender->claim) {
            continue;
        }
        apr_pool_create(&sender->pool, NULL);
        sender->claimed = plan_claim(&sender->item, store, deliver->plan,
                                     sender->plan, sender->lasts, now,
                                     sender->pool);
        if (sender->claimed != APR_SUCCESS
            && sender->claimed != APR_NOTFOUND) {
            rv = sender->claimed;
        }
    }
    return rv;
}

/* One small read when there is nothing to do. */
static apr_status_t work_round(store_t *store, void *data, apr_pool_t *pool)
{
    deliver_t *deliver = data;
    apr_time_t now = apr_time_now();
    apr_int64_t depth = 0;
    apr_status_t rv = APR_SUCCESS;

    if (!deliver->published) {
        rv = plan_publish(store, deliver->plan, now, pool);
        deliver->published = rv == APR_SUCCESS;
    }
    if (rv == APR_SUCCESS) {
        rv = outbox_depth(&depth, store);
    }
    if (rv == APR_SUCCESS && depth) {
        rv = plan_dispatch(&deliver->more, store, deliver->plan, now, pool);
        if (rv == APR_SUCCESS) {
            rv = claim_all(deliver, store, now);
        }
    }
    return rv;
}

static void on_round(apr_status_t rv, const char *error, void *data)
{
    deliver_t *deliver = data;
    int again = deliver->more || deliver->hurried, i;

    for (i = 0; i < deliver->count; i++) {
        sender_t *sender = &deliver->senders[i];

        if (!sender->claim) {
            continue;
        }
        sender->claim = 0;
        if (deliver->alive && sender->claimed == APR_SUCCESS) {
            deliver_send(sender);
        }
        else {
            deliver_drop(sender);
        }
    }
    if (rv != APR_SUCCESS && !store_transient(rv)) {
        log_line(LOG_ERROR, "outbox: %s", error);
        again = 0;
    }
    deliver->round_busy = deliver->hurried = 0;
    if (deliver_ends(deliver)) {
        loop_timer_set(deliver->round_timer, again && rv == APR_SUCCESS ? 0
                                             : ROUND_EVERY);
    }
}

static void begin_round(void *data)
{
    deliver_t *deliver = data;
    int i;

    if (deliver->round_busy) {
        return;
    }
    for (i = 0; i < deliver->count; i++) {
        sender_t *sender = &deliver->senders[i];

        if (sender->state == IDLE) {
            sender->state = CLAIMING;
            sender->claim = 1;
            sender->claimed = APR_NOTFOUND;
        }
    }
    deliver->round_busy = 1;
    deliver->hurried = 0;
    deliver->more = 0;
    deliver_begins(deliver);
    storage_submit(deliver->storage, STORAGE_ONCE, work_round, on_round,
                   deliver);
}

/* -- chores ---------------------------------------------------------------- */

static apr_status_t work_chores(store_t *store, void *data, apr_pool_t *pool)
{
    deliver_t *deliver = data;

    return plan_chores(store, deliver->plan, apr_time_now(), pool);
}

static void on_chores(apr_status_t rv, const char *error, void *data)
{
    deliver_t *deliver = data;

    if (rv != APR_SUCCESS && !store_transient(rv)) {
        log_line(LOG_ERROR, "outbox: %s", error);
    }
    deliver->chores_busy = 0;
    if (deliver_ends(deliver)) {
        loop_timer_set(deliver->chores_timer, CHORES_EVERY);
        deliver_hurry(deliver);
    }
}

static void begin_chores(void *data)
{
    deliver_t *deliver = data;

    if (!deliver->chores_busy) {
        deliver->chores_busy = 1;
        deliver_begins(deliver);
        storage_submit(deliver->storage, STORAGE_ONCE, work_chores, on_chores,
                       deliver);
    }
}

/* -- life ------------------------------------------------------------------ */

/* What is on its way is cut off; its lease ends, and it is sent anew. */
static apr_status_t end_all(void *data)
{
    deliver_t *deliver = data;
    int i;

    deliver->alive = 0;
    for (i = 0; i < deliver->count; i++) {
        if (deliver->senders[i].state == SENDING) {
            deliver_drop(&deliver->senders[i]);
        }
    }
    if (!deliver->jobs) {
        apr_pool_destroy(deliver->own);
    }
    return APR_SUCCESS;
}

static void make_senders(deliver_t *deliver,
                         const configuration_t *configuration,
                         apr_pool_t *pool)
{
    int i;

    deliver->count = deliver->plan->channels->nelts;
    deliver->senders = apr_pcalloc(deliver->own, sizeof(sender_t)
                                   * (apr_size_t)(deliver->count + 1));
    for (i = 0; i < deliver->count; i++) {
        sender_t *sender = &deliver->senders[i];

        sender->deliver = deliver;
        sender->plan = &APR_ARRAY_IDX(deliver->plan->channels, i,
                                      plan_channel_t);
        sender->channel = APR_ARRAY_IDX(configuration->channels, i,
                                        const channel_t *);
        sender->lasts = channels_longest(sender->channel) + DELIVER_SPARE;
        sender->deadline = loop_timer(deliver->loop, deliver_deadline, sender,
                                      pool);
        apr_pool_create(&sender->accepted_pool, deliver->own);
    }
}

apr_status_t deliver_start(deliver_t **out, loop_t *loop, storage_t *storage,
                           const configuration_t *configuration,
                           const char *owner, apr_pool_t *pool)
{
    deliver_t *deliver;
    apr_pool_t *own;
    apr_status_t rv = apr_pool_create(&own, NULL);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    deliver = apr_pcalloc(own, sizeof(*deliver));
    deliver->own = own;
    deliver->alive = 1;
    deliver->loop = loop;
    deliver->storage = storage;
    deliver->plan = plan_make(configuration, owner, own);
    make_senders(deliver, configuration, pool);
    deliver->round_timer = loop_timer(loop, begin_round, deliver, pool);
    deliver->chores_timer = loop_timer(loop, begin_chores, deliver, pool);
    apr_pool_cleanup_register(pool, deliver, end_all, apr_pool_cleanup_null);
    loop_timer_set(deliver->round_timer, 0);
    loop_timer_set(deliver->chores_timer, CHORES_FIRST);
    *out = deliver;
    return APR_SUCCESS;
}
