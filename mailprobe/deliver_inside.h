/* SPDX-License-Identifier: MIT */
/*
 * What deliver.c (rounds, life) and deliver_send.c (one delivery sent and
 * noted) share. Loop thread, but for what a round fills in the store thread.
 */
#ifndef MAILPROBE_DELIVER_INSIDE_H
#define MAILPROBE_DELIVER_INSIDE_H

#include "channels.h"
#include "deliver.h"
#include "deliver_plan.h"

/** The lease of a delivery ends so long after the latest end of its sending. */
#define DELIVER_SPARE apr_time_from_sec(20)

/** A channel, and the delivery it has in hand. */
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

/** A job of the store thread is on its way; its end. @return 0: the caller's
 * pool is gone, and with the last job the deliver_t too */
void deliver_begins(deliver_t *deliver);
int deliver_ends(deliver_t *deliver);

/** Let go of what is in hand; what is being sent is cut off. */
void deliver_drop(sender_t *sender);

/** Send what a round has claimed, and note how it ended. */
void deliver_send(sender_t *sender);
/** A timer's: it takes too long. @param data the sender_t */
void deliver_deadline(void *data);

#endif
