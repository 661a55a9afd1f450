/* SPDX-License-Identifier: MIT */
/*
 * Who sends for which kind of channel, and how long that may take. Loop
 * thread; waits for nothing.
 */
#include "channels.h"

void channels_send(loop_t *loop, const channel_message_t *message,
                   channels_done_fn done, void *data, apr_pool_t *pool)
{
    if (message->channel->kind == CHANNEL_EMAIL) {
        channels_mail(loop, message, done, data, pool);
    }
    else {
        channels_post(loop, message, done, data, pool);
    }
}

apr_interval_time_t channels_longest(const channel_t *channel)
{
    if (channel->kind != CHANNEL_EMAIL) {
        return CHANNELS_TIMEOUT + apr_time_from_sec(5);
    }
    return channel->to->nelts
           * (4 * channel->account->smtp->timeout + apr_time_from_sec(30));
}
