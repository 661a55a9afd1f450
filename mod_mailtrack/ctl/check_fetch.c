/* SPDX-License-Identifier: MIT */
/*
 * One GET by libcurl, with all that check wants to know of it. Bounded in time
 * and size; sends no secret, so a wrong certificate may be looked past to see
 * what else is wrong.
 */
#include "check.h"

#include <string.h>

#include <apr_strings.h>
#include <curl/curl.h>

#include "config.h"

#define CONNECT_TIMEOUT_MS 5000L
#define TIMEOUT_MS 15000L
#define BODY_MAX 65536
#define HEADERS_MAX 100

/* Begins as curl's own agent, so that the rules call the hit a bot's and
 * nobody is told of an open. */
#define AGENT "curl/" LIBCURL_VERSION " (mailtrackctl " MAILTRACK_VERSION ")"

typedef struct sink_t {
    fetch_t *out;
    apr_pool_t *pool;
    char *body;
} sink_t;

apr_status_t fetch_start(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? APR_SUCCESS
           : APR_EGENERAL;
}

void fetch_stop(void)
{
    curl_global_cleanup();
}

static size_t take_body(char *data, size_t size, size_t n, void *context)
{
    sink_t *sink = context;
    apr_size_t len = size * n;
    apr_size_t room = BODY_MAX - sink->out->length;
    apr_size_t kept = len < room ? len : room;

    memcpy(sink->body + sink->out->length, data, kept);
    sink->out->length += kept;
    return len == kept ? len : 0;       /* too much: ends with WRITE_ERROR */
}

static size_t take_header(char *data, size_t size, size_t n, void *context)
{
    sink_t *sink = context;
    apr_size_t len = size * n;
    char *line = apr_pstrmemdup(sink->pool, data, len);
    char *value = strchr(line, ':');

    if (value && apr_table_elts(sink->out->headers)->nelts < HEADERS_MAX) {
        *value++ = '\0';
        value += strspn(value, " \t");
        value[strcspn(value, "\r\n")] = '\0';
        apr_table_addn(sink->out->headers, line, value);
    }
    return len;
}

static apr_int64_t certificate_until(CURL *curl)
{
    struct curl_certinfo *info = NULL;
    struct curl_slist *line;

    if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK
        || !info || info->num_of_certs < 1) {
        return STORE_NULL;
    }
    for (line = info->certinfo[0]; line; line = line->next) {
        if (!strncmp(line->data, "Expire date:", 12)) {
            time_t until = curl_getdate(line->data + 12, NULL);

            return until == (time_t)-1 ? STORE_NULL : (apr_int64_t)until;
        }
    }
    return STORE_NULL;
}

static void prepare(CURL *curl, const char *url, int verify, sink_t *sink)
{
    /* options of constant kind: a failure shows in perform */
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, AGENT);
    curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, sink);
}

/* What the handle knows, out of it before it goes. */
static void collect(fetch_t *out, CURL *curl, apr_pool_t *pool)
{
    char *text = NULL;

    if (curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &text) == CURLE_OK
        && text) {
        out->remote = apr_pstrdup(pool, text);
    }
    if (curl_easy_getinfo(curl, CURLINFO_LOCAL_IP, &text) == CURLE_OK
        && text) {
        out->local = apr_pstrdup(pool, text);
    }
    if (curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status)
        != CURLE_OK) {
        out->status = 0;
    }
    out->certificate_until = certificate_until(curl);
}

void fetch_get(fetch_t *out, const char *url, int verify, apr_pool_t *pool)
{
    char error[CURL_ERROR_SIZE] = "";
    CURL *curl = curl_easy_init();
    sink_t sink = { out, pool, NULL };

    memset(out, 0, sizeof(*out));
    out->headers = apr_table_make(pool, 16);
    out->remote = out->local = out->body = out->error = "";
    out->certificate_until = STORE_NULL;
    if (!curl) {
        out->code = CURLE_OUT_OF_MEMORY;
        out->error = "out of memory";
        return;
    }
    sink.body = apr_pcalloc(pool, BODY_MAX + 1);
    prepare(curl, url, verify, &sink);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    out->code = (int)curl_easy_perform(curl);
    collect(out, curl, pool);
    out->body = sink.body;
    if (out->code != CURLE_OK) {
        out->error = apr_pstrdup(pool, *error ? error
                                 : curl_easy_strerror((CURLcode)out->code));
    }
    curl_easy_cleanup(curl);
}

int fetch_url_ok(const char *url)
{
    static const CURLUPart unwanted[] = {
        CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
        CURLUPART_FRAGMENT
    };
    CURLU *parsed = curl_url();
    char *part = NULL;
    apr_size_t i;
    int ok;

    ok = parsed && !curl_url_set(parsed, CURLUPART_URL, url, 0)
         && !curl_url_get(parsed, CURLUPART_SCHEME, &part, 0)
         && (!strcmp(part, "http") || !strcmp(part, "https"));
    curl_free(part);
    for (i = 0; ok && i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
        part = NULL;
        ok = curl_url_get(parsed, unwanted[i], &part, 0) != CURLUE_OK;
        curl_free(part);
    }
    curl_url_cleanup(parsed);
    return ok;
}
