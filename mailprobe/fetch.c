/* SPDX-License-Identifier: MIT */
/*
 * One GET at a time by libcurl in the loop (contract in fetch.h). Must not say
 * the URL: that of a heartbeat is a secret.
 */
#include "config.h"

#include <string.h>

#include <apr_strings.h>

#include "configuration.h"
#include "fetch.h"
#include "trust.h"

#define CONNECT_MS 10000L
#define WHOLE_MS   20000L

struct fetch_t {
    loop_t *loop;
    CURL *easy;
    const char *ca_file;
    struct curl_slist *headers;
    int under_way;
    fetch_done_fn done;
    void *data;
    apr_size_t length;
    char body[FETCH_MAX + 1];
};

static size_t take(char *bytes, size_t size, size_t count, void *data)
{
    fetch_t *fetch = data;
    size_t length = size * count;

    if (length > FETCH_MAX - fetch->length) {
        return 0;
    }
    memcpy(fetch->body + fetch->length, bytes, length);
    fetch->length += length;
    return length;
}

static void finished(CURL *easy, CURLcode rc, void *data)
{
    fetch_t *fetch = data;
    long status = 0;

    loop_release(fetch->loop, easy);
    fetch->under_way = 0;
    fetch->body[fetch->length] = '\0';
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    fetch->done(fetch->data, rc ? curl_easy_strerror(rc) : "", status,
                fetch->body);
}

static apr_status_t end(void *data)
{
    fetch_t *fetch = data;

    if (fetch->under_way) {
        loop_release(fetch->loop, fetch->easy);
    }
    curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(fetch->headers);
    return APR_SUCCESS;
}

apr_status_t fetch_make(fetch_t **out, loop_t *loop, const char *ca_file,
                        apr_pool_t *pool)
{
    fetch_t *fetch = apr_pcalloc(pool, sizeof(*fetch));

    fetch->loop = loop;
    fetch->ca_file = ca_file;
    fetch->easy = curl_easy_init();
    if (!fetch->easy) {
        return APR_ENOMEM;
    }
    apr_pool_pre_cleanup_register(pool, fetch, end);
    *out = fetch;
    return APR_SUCCESS;
}

static void set_options(fetch_t *fetch, const fetch_request_t *request)
{
    CURL *easy = fetch->easy;

    curl_easy_reset(easy);
    curl_slist_free_all(fetch->headers);
    fetch->headers = request->header
                     ? curl_slist_append(NULL, request->header) : NULL;
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->headers);
    curl_easy_setopt(easy, CURLOPT_NOBODY, request->head ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, WHOLE_MS);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "mailprobe/" MAILTRACK_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    trust_set(fetch->loop, easy, fetch->ca_file);
}

apr_status_t fetch_ask(fetch_t *fetch, const fetch_request_t *request,
                       fetch_done_fn done, void *data)
{
    apr_status_t rv;

    if (fetch->under_way) {
        return APR_EBUSY;
    }
    set_options(fetch, request);
    fetch->length = 0;
    fetch->done = done;
    fetch->data = data;
    rv = loop_transfer(fetch->loop, fetch->easy, finished, fetch);
    fetch->under_way = rv == APR_SUCCESS;
    return rv;
}
