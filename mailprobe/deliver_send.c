/* SPDX-License-Identifier: MIT */
/*
 * One delivery sent, and how it ended noted: by when it is tried again, and
 * whether its whole channel waits. Loop thread, but for work_note.
 */
#include "deliver_inside.h"

#include <apr_general.h>
#include <apr_strings.h>

#include "log.h"

/** A message that is refused for so long is given up; one that waits for a
 * dead channel waits until it expires. */
#define GIVEN_UP apr_time_from_sec(86400)

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
    deliver_drop(sender);
    if (deliver_ends(deliver)) {
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
    deliver_begins(sender->deliver);
    storage_submit(sender->deliver->storage, STORAGE_UNTIL, work_note,
                   on_noted, sender);
}

void deliver_deadline(void *data)
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

void deliver_send(sender_t *sender)
{
    sender->state = SENDING;
    sender->message.channel = sender->channel;
    sender->message.facts = &sender->item.facts;
    sender->message.wording = sender->item.wording;
    sender->message.accepted = accepted_of(sender);
    loop_timer_set(sender->deadline, sender->lasts - DELIVER_SPARE);
    apr_pool_create(&sender->sending, sender->pool);
    channels_send(sender->deliver->loop, &sender->message, on_sent, sender,
                  sender->sending);
}
