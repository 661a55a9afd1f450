/* SPDX-License-Identifier: MIT */
/*
 * One test message by a channel, past the outbox and the store. Loop thread.
 */
#include "deliver.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_uuid.h>

#include "channels.h"

typedef struct trial_t {
    wording_facts_t facts;
    channel_message_t message;
    deliver_tried_fn done;
    void *data;
} trial_t;

static void on_tried(const channel_result_t *result, void *data)
{
    trial_t *trial = data;

    trial->done(result->detail, trial->data);
}

static const char *new_key(apr_pool_t *pool)
{
    char *key = apr_palloc(pool, sizeof("test:") + APR_UUID_FORMATTED_LENGTH);
    apr_uuid_t uuid;

    apr_uuid_get(&uuid);
    memcpy(key, "test:", 5);
    apr_uuid_format(key + 5, &uuid);
    return key;
}

apr_status_t deliver_try(loop_t *loop, const configuration_t *configuration,
                         const channel_t *channel, deliver_tried_fn done,
                         void *data, apr_pool_t *pool)
{
    trial_t *trial = apr_pcalloc(pool, sizeof(*trial));
    wording_facts_t *facts = &trial->facts;
    zone_t *zone = NULL;

    trial->done = done;
    trial->data = data;
    facts->event = EVENT_TEST;
    facts->key = new_key(pool);
    facts->created_at = facts->now = apr_time_now();
    facts->zone.name = configuration->time_zone;
    if (zone_load(&zone, configuration->time_zone, ZONE_DIR, pool)
        == APR_SUCCESS) {
        facts->zone.zone = zone;
    }
    facts->base_url = configuration->base_url;
    facts->channel = channel->name;
    facts->held_since = STORE_NULL;
    trial->message.channel = channel;
    trial->message.facts = facts;
    trial->message.wording = wording_make(facts, pool);
    trial->message.accepted = apr_hash_make(pool);
    channels_send(loop, &trial->message, on_tried, trial, pool);
    return APR_SUCCESS;
}
