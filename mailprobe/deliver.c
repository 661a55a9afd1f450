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
#include "deliver.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_uuid.h>

#include "channels.h"
#include "deliver_plan.h"
#include "log.h"

#define ROUND_EVERY  APR_USEC_PER_SEC
#define CHORES_FIRST (3 * APR_USEC_PER_SEC)
#define CHORES_EVERY apr_time_from_sec(60)
/** The lease of a delivery ends so long after the latest end of its sending. */
#define LEASE_SPARE  apr_time_from_sec(20)
/** A message that is refused for so long is given up; one that waits for a
 * dead channel waits until it expires. */
#define GIVEN_UP      apr_time_from_sec(86400)

typedef struct sender_t {
    deliver_t *deliver;
    const plan_channel_t *plan;
    const channel_t *channel;   /* the configuration's */
    enum { IDLE, CLAIMING, SENDING, NOTING } state;
    loop_timer_t *deadline;
    apr_interval_time_t lasts;
    int streak;                 /* failures of the channel in a row */
    int claim;                  /* the round asks for it; the store thread's
                                 * while round_busy, as are these: */
    apr_pool_t *pool;           /* of the delivery in hand */
    plan_item_t item;
    apr_status_t claimed;       /* what the round said */
    /* while it is sent and noted */
    apr_pool_t *sending;
    channel_message_t message;
    int ok;                     /* what is to be noted */
    int hold;
    apr_int64_t again;
    const char *detail;
    /* email: who has the delivery of this id already */
    apr_pool_t *accepted_pool;
    apr_hash_t *accepted;
    apr_int64_t accepted_id;
} sender_t;

struct deliver_t {
    loop_t *loop;
    storage_t *storage;
    plan_t *plan;
    apr_pool_t *own;            /* of this; goes when nothing is in hand */
    int alive;                  /* the caller's pool is there */
    int jobs;                   /* in the store's queue */
    int published;
    int round_busy;
    int hurried;
    int more;
    int chores_busy;
    loop_timer_t *round_timer;
    loop_timer_t *chores_timer;
    sender_t *senders;
    int count;
};

/* -- jobs ------------------------------------------------------------------ */

static void job_begins(deliver_t *deliver)
{
    deliver->jobs++;
}

/* @return 0: the caller is gone, and with the last job so is the deliver_t */
static int job_ends(deliver_t *deliver)
{
    deliver->jobs--;
    if (!deliver->alive && !deliver->jobs) {
        apr_pool_destroy(deliver->own);
        return 0;
    }
    return deliver->alive;
}

static void drop_item(sender_t *sender)
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

/* -- how it ended ---------------------------------------------------------- */

static apr_status_t work_note(store_t *store, void *data, apr_pool_t *pool)
{
    sender_t *sender = data;
    const plan_t *plan = sender->deliver->plan;
    const delivery_t *delivery = sender->item.delivery;
    apr_time_t now = apr_time_now();
    apr_status_t rv;

    (void)pool;
    rv = sender->ok ? outbox_sent(store, delivery, plan->owner, now)
         : outbox_failed(store, delivery, plan->owner, sender->detail,
                         sender->again, sender->hold, now);
    /* taken over by another process after our lease had ended: its business */
    return rv == STORE_ECONFLICT ? APR_SUCCESS : rv;
}

static void on_noted(apr_status_t rv, const char *error, void *data)
{
    sender_t *sender = data;
    deliver_t *deliver = sender->deliver;

    if (rv != APR_SUCCESS) {
        log_line(LOG_ERROR, "channel %s: what became of %s could not be"
                 " kept: %s", sender->plan->name,
                 sender->item.delivery->row.dedupe_key, error);
    }
    drop_item(sender);
    if (job_ends(deliver)) {
        deliver_hurry(deliver);
    }
}

static void say(sender_t *sender, const channel_result_t *result,
                apr_interval_time_t wait)
{
    const char *key = sender->item.delivery->row.dedupe_key;

    if (result->state == CHANNEL_SENT) {
        if (sender->streak) {
            log_line(LOG_NOTICE, "channel %s: works again",
                     sender->plan->name);
        }
        log_line(LOG_INFO, "channel %s: sent %s", sender->plan->name, key);
        return;
    }
    if (wait < 0) {
        log_line(LOG_ERROR, "channel %s: %s given up: %s", sender->plan->name,
                 key, result->detail);
        return;
    }
    log_line(LOG_WARNING, "channel %s: %s: %s; next try in %ld s",
             sender->plan->name, key, result->detail,
             (long)apr_time_sec(wait + APR_USEC_PER_SEC / 2));
}

/* @return until the next try; -1: there is none */
static apr_interval_time_t wait_of(const sender_t *sender,
                                   const channel_result_t *result,
                                   apr_time_t now)
{
    const delivery_t *delivery = sender->item.delivery;
    apr_int64_t tries = delivery->attempts;
    unsigned char dice[2] = { 0, 0 };

    if (result->state == CHANNEL_REFUSED
        && now - delivery->row.created_at > GIVEN_UP) {
        return -1;
    }
    if (sender->hold && sender->streak > tries) {
        tries = sender->streak;
    }
    (void)apr_generate_random_bytes(dice, sizeof(dice));
    return result->retry_after > 0 ? result->retry_after
           : plan_backoff(tries, (unsigned)(dice[0] * 256 + dice[1]));
}

static void on_sent(const channel_result_t *result, void *data)
{
    sender_t *sender = data;
    apr_time_t now = apr_time_now();
    apr_interval_time_t wait = 0;

    loop_timer_clear(sender->deadline);
    sender->state = NOTING;
    sender->ok = result->state == CHANNEL_SENT;
    sender->hold = result->state == CHANNEL_DOWN;
    sender->detail = apr_pstrdup(sender->pool, result->detail);
    sender->again = STORE_NULL;
    if (!sender->ok) {
        wait = wait_of(sender, result, now);
        sender->again = wait < 0 ? STORE_NULL : now + wait;
    }
    say(sender, result, wait);
    sender->streak = sender->ok ? 0 : sender->streak + sender->hold;
    job_begins(sender->deliver);
    storage_submit(sender->deliver->storage, STORAGE_UNTIL, work_note,
                   on_noted, sender);
}

static void on_deadline(void *data)
{
    sender_t *sender = data;
    channel_result_t result = { CHANNEL_DOWN, 0, "it took too long" };

    apr_pool_destroy(sender->sending);  /* which cuts it off */
    on_sent(&result, sender);
}

/* -- sending --------------------------------------------------------------- */

/* Remembered from one try of a delivery to the next, not longer. */
static apr_hash_t *accepted_of(sender_t *sender)
{
    apr_int64_t id = sender->item.delivery->id;

    if (sender->accepted && sender->accepted_id != id) {
        apr_pool_clear(sender->accepted_pool);
        sender->accepted = NULL;
    }
    if (!sender->accepted) {
        sender->accepted = apr_hash_make(sender->accepted_pool);
        sender->accepted_id = id;
    }
    return sender->accepted;
}

static void send_item(sender_t *sender)
{
    sender->state = SENDING;
    sender->message.channel = sender->channel;
    sender->message.facts = &sender->item.facts;
    sender->message.wording = sender->item.wording;
    sender->message.accepted = accepted_of(sender);
    loop_timer_set(sender->deadline, sender->lasts - LEASE_SPARE);
    apr_pool_create(&sender->sending, sender->pool);
    channels_send(sender->deliver->loop, &sender->message, on_sent, sender,
                  sender->sending);
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
            send_item(sender);
        }
        else {
            drop_item(sender);
        }
    }
    if (rv != APR_SUCCESS && !store_transient(rv)) {
        log_line(LOG_ERROR, "outbox: %s", error);
        again = 0;
    }
    deliver->round_busy = deliver->hurried = 0;
    if (job_ends(deliver)) {
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
    job_begins(deliver);
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
    if (job_ends(deliver)) {
        loop_timer_set(deliver->chores_timer, CHORES_EVERY);
        deliver_hurry(deliver);
    }
}

static void begin_chores(void *data)
{
    deliver_t *deliver = data;

    if (!deliver->chores_busy) {
        deliver->chores_busy = 1;
        job_begins(deliver);
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
            drop_item(&deliver->senders[i]);
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
        sender->lasts = channels_longest(sender->channel) + LEASE_SPARE;
        sender->deadline = loop_timer(deliver->loop, on_deadline, sender,
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
