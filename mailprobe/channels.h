/* SPDX-License-Identifier: MIT */
/*
 * Channels: a message as each kind wants it, sent, and the answer judged. What
 * builds and judges is pure; channels_send is for the loop thread.
 *
 * No secret (URL of Discord, token, key) is in a result's words.
 */
#ifndef MAILPROBE_CHANNELS_H
#define MAILPROBE_CHANNELS_H

#include <apr_hash.h>

#include "configuration.h"
#include "loop.h"
#include "wording.h"

/* Discord's limits: of a message's content, an embed's title and description,
 * and of all texts of its embeds together. In UTF-16 units, as it counts. */
#define DISCORD_CONTENT     2000
#define DISCORD_TITLE       256
#define DISCORD_DESCRIPTION 4096
#define DISCORD_TOTAL       6000
/** ntfy makes a longer message an attachment. Bytes. */
#define NTFY_MESSAGE        4096

/** The whole time one HTTP request may take. */
#define CHANNELS_TIMEOUT apr_time_from_sec(20)
/** A longer Retry-After is taken for this. */
#define CHANNELS_RETRY_MAX apr_time_from_sec(86400)

typedef struct channel_request_t {
    const char *url;
    apr_array_header_t *headers;        /* const char *: "Name: value" */
    const char *body;
    apr_size_t length;
} channel_request_t;

/** Of CHANNEL_DISCORD, CHANNEL_WEBHOOK and CHANNEL_NTFY: a POST. */
void channels_request(channel_request_t *request, const channel_t *channel,
                      const wording_facts_t *facts, const wording_t *wording,
                      apr_pool_t *pool);

/** For channels_request. Webhook: signed where the channel has a secret, over
 * "TIMESTAMP.BODY" in HMAC-SHA256. */
void channels_discord(channel_request_t *request, const channel_t *channel,
                      const wording_facts_t *facts, const wording_t *wording,
                      apr_pool_t *pool);
void channels_webhook(channel_request_t *request, const channel_t *channel,
                      const wording_facts_t *facts, const wording_t *wording,
                      apr_pool_t *pool);
void channels_ntfy(channel_request_t *request, const channel_t *channel,
                   const wording_facts_t *facts, const wording_t *wording,
                   apr_pool_t *pool);
void channels_header(channel_request_t *request, const char *name,
                     const char *value, apr_pool_t *pool);

/** Lower-case hexadecimal HMAC-SHA256 of "TIMESTAMP.BODY". */
const char *channels_signature(const char *secret, apr_int64_t timestamp,
                               const char *body, apr_size_t length,
                               apr_pool_t *pool);

typedef enum {
    CHANNEL_SENT,
    CHANNEL_REFUSED,            /* this message: others may go */
    CHANNEL_DOWN                /* the channel: all of it waits */
} channel_state_t;

typedef struct channel_result_t {
    channel_state_t state;
    apr_interval_time_t retry_after;    /* asked for by the other side; 0 */
    const char *detail;         /* one line; "" when sent */
} channel_result_t;

typedef struct channel_answer_t {
    int code;                   /* CURLcode */
    long status;                /* HTTP's, 0: none came */
    apr_interval_time_t retry_after;    /* of its header; 0: none */
    const char *words;          /* libcurl's of a failure, or "" */
    const char *body;           /* the beginning of it; NUL-terminated */
} channel_answer_t;

/** Judged by the status first: what was answered with 2xx was taken, however
 * the answer went on. */
void channels_judge(channel_result_t *result, const channel_t *channel,
                    const channel_answer_t *answer, apr_pool_t *pool);

/** @param result valid until the callback returns */
typedef void (*channels_done_fn)(const channel_result_t *result, void *data);

typedef struct channel_message_t {
    const channel_t *channel;
    const wording_facts_t *facts;
    const wording_t *wording;
    apr_hash_t *accepted;       /* email: addresses that have it already, added
                                 * to as they take it; its own pool */
} channel_message_t;

/**
 * Send. done is called once, never from within this call, unless pool was
 * destroyed before: that cancels.
 * @param message lives as long as pool
 */
void channels_send(loop_t *loop, const channel_message_t *message,
                   channels_done_fn done, void *data, apr_pool_t *pool);

/** For channels_send. */
void channels_post(loop_t *loop, const channel_message_t *message,
                   channels_done_fn done, void *data, apr_pool_t *pool);
void channels_mail(loop_t *loop, const channel_message_t *message,
                   channels_done_fn done, void *data, apr_pool_t *pool);

/** The longest channels_send may take. */
apr_interval_time_t channels_longest(const channel_t *channel);

#endif
