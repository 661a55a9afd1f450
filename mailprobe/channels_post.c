/* SPDX-License-Identifier: MIT */
/*
 * One POST by libcurl. Loop thread. Redirects are not followed (the body is
 * for whom the configuration names, and nobody else), an answer is read to a
 * bound, and all of it within a time.
 */
#include "channels.h"

#include <string.h>

#include <apr_strings.h>

#include "trust.h"

#define ANSWER_KEPT 2048        /* of it is looked at */
#define ANSWER_MAX  65536       /* a longer one is not read on */

typedef struct post_t {
    loop_t *loop;
    CURL *easy;
    struct curl_slist *headers;
    const channel_message_t *message;
    channels_done_fn done;
    void *data;
    apr_pool_t *pool;
    loop_timer_t *timer;        /* of a failure before anything was sent */
    char words[CURL_ERROR_SIZE];
    char body[ANSWER_KEPT + 1];
    apr_size_t kept;
    apr_size_t seen;
} post_t;

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    post_t *post = data;
    apr_size_t length = size * count, room = ANSWER_KEPT - post->kept;

    if (length < room) {
        room = length;
    }
    memcpy(post->body + post->kept, bytes, room);
    post->kept += room;
    post->body[post->kept] = '\0';
    post->seen += length;
    return post->seen > ANSWER_MAX ? 0 : length;
}

static apr_status_t post_end(void *data)
{
    post_t *post = data;

    if (post->easy) {
        loop_release(post->loop, post->easy);
        curl_easy_cleanup(post->easy);
        post->easy = NULL;
    }
    curl_slist_free_all(post->headers);
    post->headers = NULL;
    return APR_SUCCESS;
}

static void tell(post_t *post, const channel_answer_t *answer)
{
    channel_result_t result;

    channels_judge(&result, post->message->channel, answer, post->pool);
    post->done(&result, post->data);
}

static void on_done(CURL *easy, CURLcode rc, void *data)
{
    post_t *post = data;
    channel_answer_t answer = { 0 };
    curl_off_t retry = 0;

    answer.code = (int)rc;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry);
    if (retry > CHANNELS_RETRY_MAX / APR_USEC_PER_SEC) {
        retry = CHANNELS_RETRY_MAX / APR_USEC_PER_SEC;
    }
    answer.retry_after = retry > 0 ? apr_time_from_sec(retry) : 0;
    answer.words = *post->words ? post->words : curl_easy_strerror(rc);
    answer.body = post->body;
    post_end(post);             /* done may destroy the pool */
    apr_pool_cleanup_kill(post->pool, post, post_end);
    tell(post, &answer);
}

static void on_failed(void *data)
{
    channel_answer_t answer = { 0 };

    answer.words = "the request could not be made";
    answer.body = "";
    tell(data, &answer);
}

static CURLcode set_up(post_t *post, const channel_request_t *request)
{
    CURL *easy = post->easy;
    CURLcode rc = CURLE_OK;
    int i;

    for (i = 0; i < request->headers->nelts; i++) {
        struct curl_slist *longer = curl_slist_append(post->headers,
            APR_ARRAY_IDX(request->headers, i, const char *));

        if (!longer) {
            return CURLE_OUT_OF_MEMORY;
        }
        post->headers = longer;
    }
#define SET(option, value) \
    (rc = rc == CURLE_OK ? curl_easy_setopt(easy, option, value) : rc)
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->length);
    SET(CURLOPT_POSTFIELDS, request->body);
    SET(CURLOPT_HTTPHEADER, post->headers);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, post);
    SET(CURLOPT_ERRORBUFFER, post->words);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    SET(CURLOPT_TIMEOUT_MS, (long)apr_time_as_msec(CHANNELS_TIMEOUT));
#undef SET
    trust_set(post->loop, easy, post->message->channel->ca_file);
    return rc;
}

void channels_post(loop_t *loop, const channel_message_t *message,
                   channels_done_fn done, void *data, apr_pool_t *pool)
{
    post_t *post = apr_pcalloc(pool, sizeof(*post));
    channel_request_t request;

    post->loop = loop;
    post->message = message;
    post->done = done;
    post->data = data;
    post->pool = pool;
    channels_request(&request, message->channel, message->facts,
                     message->wording, pool);
    /* a server that asks for more time does so before the body */
    channels_header(&request, "Expect", "", pool);
    post->easy = curl_easy_init();
    apr_pool_cleanup_register(pool, post, post_end, apr_pool_cleanup_null);
    if (post->easy && set_up(post, &request) == CURLE_OK
        && loop_transfer(loop, post->easy, on_done, post) == APR_SUCCESS) {
        return;
    }
    post->timer = loop_timer(loop, on_failed, post, pool);
    loop_timer_set(post->timer, 0);
}
