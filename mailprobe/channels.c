/* SPDX-License-Identifier: MIT */
/*
 * What the kinds of channels share: which builder, how an answer is judged,
 * and which words of it may be shown. Pure; any thread.
 */
#include "config.h"

#include "channels.h"

#include <string.h>

#include <apr_strings.h>
#include <jansson.h>

#include "plain.h"

#define DETAIL_MAX 200          /* characters of the other side's words */

void channels_header(channel_request_t *request, const char *name,
                     const char *value, apr_pool_t *pool)
{
    APR_ARRAY_PUSH(request->headers, const char *) =
        apr_pstrcat(pool, name, ": ", value, NULL);
}

void channels_request(channel_request_t *request, const channel_t *channel,
                      const wording_facts_t *facts, const wording_t *wording,
                      apr_pool_t *pool)
{
    request->headers = apr_array_make(pool, 8, sizeof(const char *));
    channels_header(request, "User-Agent", "Mailtrack/" MAILTRACK_VERSION,
                    pool);
    if (channel->kind == CHANNEL_DISCORD) {
        channels_discord(request, channel, facts, wording, pool);
    }
    else if (channel->kind == CHANNEL_NTFY) {
        channels_ntfy(request, channel, facts, wording, pool);
    }
    else {
        channels_webhook(request, channel, facts, wording, pool);
    }
}

/* -- the answer ------------------------------------------------------------ */

/* A server may repeat what it was sent: secrets are cut out of its words. */
static const char *without(const char *text, const char *secret,
                           apr_pool_t *pool)
{
    const char *found;

    if (!secret || strlen(secret) < 4) {
        return text;
    }
    while ((found = strstr(text, secret)) != NULL) {
        text = apr_pstrcat(pool, apr_pstrmemdup(pool, text,
                                         (apr_size_t)(found - text)),
                           "***", found + strlen(secret), NULL);
    }
    return text;
}

/* The path of a URL: with Discord that is the secret. */
static const char *path_of(const char *url)
{
    const char *host = url ? strstr(url, "://") : NULL;

    host = host ? strchr(host + 3, '/') : NULL;
    return host && host[1] ? host : NULL;
}

static const char *clean_of(const channel_t *channel, const char *words,
                            apr_pool_t *pool)
{
    words = without(words, channel->secret, pool);
    words = without(words, channel->token, pool);
    words = without(words, path_of(channel->url), pool);
    return plain_line(words, DETAIL_MAX, pool);
}

/* The reason in the JSON of Discord ("message") and ntfy ("error"), else the
 * text as it is. */
static const char *reason_of(const char *body, apr_pool_t *pool)
{
    json_t *json = json_loads(body, 0, NULL);
    const char *words = json_string_value(json_object_get(json, "message"));

    if (!words) {
        words = json_string_value(json_object_get(json, "error"));
    }
    words = apr_pstrdup(pool, words ? words : body);
    json_decref(json);
    return words;
}

/* Discord says fractions of a second in its body. */
static apr_interval_time_t retry_in(const char *body)
{
    json_t *json = json_loads(body, 0, NULL);
    double seconds = json_number_value(json_object_get(json, "retry_after"));

    json_decref(json);
    if (!(seconds > 0)) {
        return 0;
    }
    return seconds > 86400 ? CHANNELS_RETRY_MAX
           : (apr_interval_time_t)(seconds * 1e6) + 1;
}

static void judge_status(channel_result_t *result, const channel_t *channel,
                         const channel_answer_t *answer, apr_pool_t *pool)
{
    const char *reason = clean_of(channel, reason_of(answer->body, pool),
                                  pool);
    long status = answer->status;

    result->state = status == 400 || status == 413 || status == 415
                    || status == 422 ? CHANNEL_REFUSED : CHANNEL_DOWN;
    result->retry_after = answer->retry_after;
    if (status == 429 && !result->retry_after) {
        result->retry_after = retry_in(answer->body);
    }
    if (result->retry_after > CHANNELS_RETRY_MAX) {
        result->retry_after = CHANNELS_RETRY_MAX;
    }
    if (status / 100 == 3) {
        reason = "a redirect, which is not followed: the configuration must"
                 " have the final address";
    }
    result->detail = apr_psprintf(pool, "HTTP %ld%s%s", status,
                                  *reason ? ": " : "", reason);
}

void channels_judge(channel_result_t *result, const channel_t *channel,
                    const channel_answer_t *answer, apr_pool_t *pool)
{
    memset(result, 0, sizeof(*result));
    result->detail = "";
    if (answer->status / 100 == 2) {
        result->state = CHANNEL_SENT;
    }
    else if (answer->status) {
        judge_status(result, channel, answer, pool);
    }
    else {
        result->state = CHANNEL_DOWN;
        result->detail = *answer->words
                         ? clean_of(channel, answer->words, pool)
                         : "no answer";
    }
}
