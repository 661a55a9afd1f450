/* SPDX-License-Identifier: MIT */
/*
 * The asking of a download (contract in download.h): a conditional GET by
 * libcurl into a temporary file. Runs in the thread of a download; blocks. Must
 * not say the URL: it may hold a key.
 */
#include "config.h"

#include <string.h>
#include <strings.h>

#include <apr_atomic.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <curl/curl.h>

#include "download.h"

#define CONNECT_MS 20000L
#define WHOLE_MS   1800000L
/* Slower than this for a minute is no download. */
#define SLOW_BYTES 100L

typedef struct {
    download_t *download;
    download_answer_t *answer;
    apr_file_t *file;
    apr_off_t size;
} getting_t;

static size_t take_bytes(char *bytes, size_t size, size_t count, void *data)
{
    getting_t *getting = data;
    apr_size_t length = size * count, written = 0;

    getting->size += (apr_off_t)length;
    if (getting->size > DOWNLOAD_MAX
        || apr_file_write_full(getting->file, bytes, length, &written)
           != APR_SUCCESS) {
        return 0;
    }
    return written;
}

static void take_value(const char **into, const char *name, const char *line,
                       apr_size_t length, apr_pool_t *pool)
{
    apr_size_t skip = strlen(name);
    char *value;

    if (length <= skip || strncasecmp(line, name, skip)) {
        return;
    }
    while (skip < length && line[skip] == ' ') {
        skip++;
    }
    while (length > skip && strchr(" \r\n", line[length - 1])) {
        length--;
    }
    value = apr_pstrmemdup(pool, line + skip, length - skip);
    *into = strlen(value) < 500 ? value : NULL;
}

/* A redirect's headers come here too; the last answer's stay. */
static size_t take_header(char *line, size_t size, size_t count, void *data)
{
    getting_t *getting = data;
    download_answer_t *answer = getting->answer;
    apr_pool_t *pool = getting->download->pool;
    apr_size_t length = size * count;

    if (length > 5 && !strncasecmp(line, "HTTP/", 5)) {
        answer->etag = answer->modified = NULL;
    }
    take_value(&answer->etag, "ETag:", line, length, pool);
    take_value(&answer->modified, "Last-Modified:", line, length, pool);
    take_value(&answer->md5, "X-Database-MD5:", line, length, pool);
    return length;
}

static int give_up(void *data, curl_off_t total, curl_off_t now,
                   curl_off_t up_total, curl_off_t up_now)
{
    getting_t *getting = data;

    (void)total, (void)now, (void)up_total, (void)up_now;
    return apr_atomic_read32(&getting->download->stop) != 0;
}

static void set_transfer(CURL *easy, getting_t *getting)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, WHOLE_MS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "mailprobe/" MAILTRACK_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, getting);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, getting);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, give_up);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, getting);
}

static void set_who(CURL *easy, const refresh_t *what)
{
    if (what->account_id) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, what->account_id);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, what->license_key);
    }
    if (what->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, what->ca_file);
    }
}

static struct curl_slist *conditions(const download_memo_t *memo,
                                     apr_pool_t *pool)
{
    struct curl_slist *list = NULL;

    if (memo->etag) {
        list = curl_slist_append(list, apr_pstrcat(pool, "If-None-Match: ",
                                                   memo->etag, NULL));
    }
    if (memo->modified) {
        list = curl_slist_append(list, apr_pstrcat(pool, "If-Modified-Since: ",
                                                   memo->modified, NULL));
    }
    return list;
}

static apr_status_t judge(const getting_t *getting, CURLcode rc, long status)
{
    download_t *download = getting->download;

    if (rc == CURLE_ABORTED_BY_CALLBACK) {
        return download_fail(download, "given up");
    }
    if (rc == CURLE_WRITE_ERROR) {
        return download_fail(download, "the answer is too large, or cannot be "
                             "written beside %s", download->what.file);
    }
    if (rc) {
        return download_fail(download, "%s", curl_easy_strerror(rc));
    }
    if (status == 401 || status == 403) {
        return download_fail(download, "the server answers %ld: %s", status,
                             download->what.account_id
                             ? "account_id or license_key is not right"
                             : "it wants another URL, or a key");
    }
    if (status != 200 && status != 304) {
        return download_fail(download, "the server answers %ld", status);
    }
    if (status == 200 && getting->size == 0) {
        return download_fail(download, "the server answers nothing");
    }
    return APR_SUCCESS;
}

static apr_status_t transfer(getting_t *getting, const char *url,
                             struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();
    apr_status_t rv;
    CURLcode rc;

    if (!easy) {
        return download_fail(getting->download, "out of memory");
    }
    set_transfer(easy, getting);
    set_who(easy, &getting->download->what);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    rc = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &getting->answer->status);
    rv = judge(getting, rc, getting->answer->status);
    curl_easy_cleanup(easy);
    return rv;
}

apr_status_t download_get(download_answer_t *answer, download_t *download,
                          const char *url, const download_memo_t *memo)
{
    getting_t getting = { download, answer, NULL, 0 };
    struct curl_slist *headers;
    apr_status_t rv;

    memset(answer, 0, sizeof(*answer));
    rv = download_temporary(&getting.file, &answer->file,
                            download->kind == DOWNLOAD_RELAYS
                            ? apr_pstrcat(download->pool, download->what.file,
                                          "/.apple-relay.csv", NULL)
                            : download->what.file, download->pool);
    if (rv != APR_SUCCESS) {
        char words[128];

        return download_fail(download, "cannot write beside %s: %s",
                             download->what.file,
                             apr_strerror(rv, words, sizeof(words)));
    }
    headers = conditions(memo, download->pool);
    rv = transfer(&getting, url, headers);
    curl_slist_free_all(headers);
    if (apr_file_close(getting.file) != APR_SUCCESS && rv == APR_SUCCESS) {
        rv = download_fail(download, "cannot write beside %s",
                           download->what.file);
    }
    if (rv != APR_SUCCESS || answer->status != 200) {
        apr_file_remove(answer->file, download->pool);
    }
    return rv;
}
