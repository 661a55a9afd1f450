/* SPDX-License-Identifier: MIT */
/*
 * The outbox emptied: rows become deliveries (who wants them: events of the
 * channel, the mail's owner's preferences, quiet hours, a monitor's toggles),
 * and each channel sends its own, one at a time, whatever the others do. Loop
 * thread; the store by storage.h.
 */
#ifndef MAILPROBE_DELIVER_H
#define MAILPROBE_DELIVER_H

#include "configuration.h"
#include "loop.h"
#include "storage.h"

typedef struct deliver_t deliver_t;

/** @param owner this process's UUID */
apr_status_t deliver_start(deliver_t **deliver, loop_t *loop,
                           storage_t *storage,
                           const configuration_t *configuration,
                           const char *owner, apr_pool_t *pool);

/** Something was put into the outbox: look now, not at the next round. */
void deliver_hurry(deliver_t *deliver);

/** Send one test message by a channel, past the outbox (--test-channel,
 * --check). done: "" or what went wrong */
typedef void (*deliver_tried_fn)(const char *problem, void *data);
apr_status_t deliver_try(loop_t *loop, const configuration_t *configuration,
                         const channel_t *channel, deliver_tried_fn done,
                         void *data, apr_pool_t *pool);

#endif
