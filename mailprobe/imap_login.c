/* SPDX-License-Identifier: MIT */
/*
 * libcurl's options for a login, and the words for each way it can fail. The
 * server's own words are shown unless they have the password in them, plain or
 * as SASL sends it: servers do repeat a command they did not understand. Loop
 * thread.
 */
#include <string.h>
#include <strings.h>

#include <apr_base64.h>
#include <apr_strings.h>

#include "imap_login.h"
#include "imap_parse.h"

#define WORDS_MAX 200

/* Keeps the last line that refuses something: "A002 NO ...", "* BYE ...". */
static size_t on_line(char *bytes, size_t size, size_t count, void *data)
{
    imap_login_t *login = data;
    apr_size_t length = size * count;
    const char *space = memchr(bytes, ' ', length);
    apr_size_t left = space ? length - (apr_size_t)(space + 1 - bytes) : 0;

    if (left >= 3 && (!strncasecmp(space + 1, "NO", 2)
                      || !strncasecmp(space + 1, "BAD", 3)
                      || !strncasecmp(space + 1, "BYE", 3))) {
        apr_cpystrn(login->reply, space + 1,
                    left < sizeof(login->reply) ? left + 1
                                                : sizeof(login->reply));
    }
    return length;
}

static void security(CURL *easy, const endpoint_t *endpoint)
{
    long use = CURLUSESSL_NONE;

    if (endpoint->security == SECURITY_STARTTLS) {
        use = CURLUSESSL_ALL;
    } else if (endpoint->security == SECURITY_OPPORTUNISTIC) {
        /* who takes STARTTLS out of the offer must not get the password */
        use = endpoint->username ? CURLUSESSL_ALL : CURLUSESSL_TRY;
    }
    curl_easy_setopt(easy, CURLOPT_USE_SSL, use);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static CURLcode address(CURL *easy, const endpoint_t *endpoint)
{
    int bare = strchr(endpoint->host, ':') && endpoint->host[0] != '[';
    char url[600];

    apr_snprintf(url, sizeof(url), "imap%s://%s%s%s:%d/",
                 endpoint->security == SECURITY_TLS ? "s" : "",
                 bare ? "[" : "", endpoint->host, bare ? "]" : "",
                 endpoint->port);
    return curl_easy_setopt(easy, CURLOPT_URL, url);
}

CURL *imap_login_handle(imap_login_t *login, const endpoint_t *endpoint)
{
    CURL *easy = curl_easy_init();
    long timeout = (long)apr_time_as_msec(endpoint->timeout);

    login->endpoint = endpoint;
    if (!easy || address(easy, endpoint) != CURLE_OK) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "imap,imaps");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
    /* a connection that died in silence is found without any work of ours */
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 60L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 20L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 1024L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, login->error);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, login);
    security(easy, endpoint);
    if (endpoint->username) {
        curl_easy_setopt(easy, CURLOPT_SASL_IR, 1L);
        curl_easy_setopt(easy, CURLOPT_USERNAME, endpoint->username);
        curl_easy_setopt(easy, CURLOPT_PASSWORD,
                         endpoint->password ? endpoint->password : "");
    }
    return easy;
}

/* -- words ----------------------------------------------------------------- */

static const char *base64(const char *bytes, apr_size_t length,
                          apr_pool_t *pool)
{
    char *text = apr_palloc(pool,
                            (apr_size_t)apr_base64_encode_len((int)length));

    apr_base64_encode_binary(text, (const unsigned char *)bytes, (int)length);
    return text;
}

/* Has it the password in it, as LOGIN, AUTH LOGIN or AUTH PLAIN send it? */
static int tells(const char *words, const endpoint_t *endpoint,
                 apr_pool_t *pool)
{
    const char *password = endpoint->password;
    const char *plain;
    apr_size_t length;

    if (!password || !*password) {
        return 0;
    }
    plain = apr_pstrcat(pool, "x", endpoint->username, "y", password, NULL);
    length = strlen(plain);
    ((char *)plain)[0] = '\0';
    ((char *)plain)[1 + strlen(endpoint->username)] = '\0';
    return strstr(words, password)
           || strstr(words, base64(password, strlen(password), pool))
           || strstr(words, base64(plain, length, pool));
}

static const char *reply_of(const imap_login_t *login, apr_pool_t *pool)
{
    if (!login->reply[0] || tells(login->reply, login->endpoint, pool)) {
        return "";
    }
    return apr_pstrcat(pool, ": ",
                       imap_words(login->reply, strlen(login->reply),
                                  WORDS_MAX, pool), NULL);
}

static const char *refusal(int *refused, const imap_login_t *login,
                           apr_pool_t *pool)
{
    const char *reply = reply_of(login, pool);

    if (!login->reply[0]) {
        return "the server offers no way to log in that is known here";
    }
    if (strstr(reply, "[UNAVAILABLE]") || strstr(reply, "[INUSE]")
        || strstr(reply, "[LIMIT]") || !strncasecmp(login->reply, "BYE", 3)) {
        return apr_pstrcat(pool, "no login at present", reply, NULL);
    }
    *refused = 1;
    return apr_pstrcat(pool, "wrong user name or password", reply, NULL);
}

/* Nobody answered, or somebody stopped answering. */
static const char *timeout_words(const imap_login_t *login, CURL *easy,
                                 const char *where, apr_pool_t *pool)
{
    long seconds = (long)apr_time_sec(login->endpoint->timeout);
    curl_off_t connected = 0;

    curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
    return apr_psprintf(pool, connected ? "%s took the connection and then "
                        "did not answer for %ld s"
                        : "no answer from %s within %ld s", where, seconds);
}

static const char *connect_words(const imap_login_t *login, CURL *easy,
                                 const char *where, apr_pool_t *pool)
{
    char text[120];
    long error = 0;

    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
    if (!error) {
        return apr_psprintf(pool, "cannot connect to %s: %s", where,
                            login->error);
    }
    return apr_psprintf(pool, "cannot connect to %s: %s", where,
                        apr_strerror((apr_status_t)error, text,
                                     sizeof(text)));
}

const char *imap_login_words(int *refused, const imap_login_t *login,
                             CURL *easy, CURLcode rc, apr_pool_t *pool)
{
    const endpoint_t *endpoint = login->endpoint;
    const char *where = apr_psprintf(pool, "%s:%d", endpoint->host,
                                     endpoint->port);
    const char *error = login->error[0] ? login->error
                                        : curl_easy_strerror(rc);

    *refused = 0;
    switch (rc) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return apr_psprintf(pool, "no such host: %s", endpoint->host);
    case CURLE_COULDNT_CONNECT:
        return connect_words(login, easy, where, pool);
    case CURLE_OPERATION_TIMEDOUT:
        return timeout_words(login, easy, where, pool);
    case CURLE_LOGIN_DENIED:
        return refusal(refused, login, pool);
    case CURLE_USE_SSL_FAILED:
        return apr_psprintf(pool, "%s offers no STARTTLS", where);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
        return apr_psprintf(pool, "TLS with %s: %s", where, error);
    case CURLE_WEIRD_SERVER_REPLY:
        return apr_psprintf(pool, "%s does not speak IMAP%s", where,
                            reply_of(login, pool));
    default:
        return apr_psprintf(pool, "%s: %s%s", where, error,
                            reply_of(login, pool));
    }
}
