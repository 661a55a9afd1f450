/* SPDX-License-Identifier: MIT */
/*
 * Connections to SMTP servers. Loop thread. Nothing here waits: libcurl is let
 * go before it would say QUIT by itself, which it does standing still.
 */
#include "line.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>

#include <apr_strings.h>
#include <openssl/ssl.h>

#include "trust.h"

/* How long a connection rests for the next mail, and how many do. */
#define REST_FOR (20 * APR_USEC_PER_SEC)
#define REST_MAX 8

#define RESTING_KEY "mailprobe:line"

/* Of one loop: the lines that rest, newest first. */
typedef struct resting_t {
    line_t *first;
    int count;
} resting_t;

/* -- phases and TLS -------------------------------------------------------- */

static void add_phase(line_t *line, talk_phase_t phase, apr_int64_t us)
{
    int i;

    us = us < 0 ? 0 : us;       /* libcurl's start is not quite ours */
    for (i = 0; i < line->phases; i++) {
        if (line->timing[i].name == smtp_phases[phase]) {
            line->timing[i].us += us;   /* the EHLO after STARTTLS */
            return;
        }
    }
    if (i < SMTP_PHASES) {
        line->timing[i].name = smtp_phases[phase];
        line->timing[i].us = us;
        line->phases++;
    }
}

void line_phase(line_t *line, talk_phase_t phase)
{
    apr_int64_t now = loop_clock();

    add_phase(line, phase, now - line->mark);
    line->mark = now;
}

static apr_time_t time_of(const ASN1_TIME *when)
{
    struct tm t;
    apr_time_exp_t exp;
    apr_time_t result = 0;

    if (!when || ASN1_TIME_to_tm(when, &t) != 1) {
        return 0;
    }
    memset(&exp, 0, sizeof(exp));
    exp.tm_year = t.tm_year;
    exp.tm_mon = t.tm_mon;
    exp.tm_mday = t.tm_mday;
    exp.tm_hour = t.tm_hour;
    exp.tm_min = t.tm_min;
    exp.tm_sec = t.tm_sec;
    return apr_time_exp_gmt_get(&result, &exp) == APR_SUCCESS ? result : 0;
}

/* Can be asked only while libcurl holds the connection in its hands. */
static void look_at_tls(line_t *line)
{
    struct curl_tlssessioninfo *info = NULL;
    X509 *cert;
    SSL *ssl;

    if (*line->tls || curl_easy_getinfo(line->easy, CURLINFO_TLS_SSL_PTR,
                                        &info) != CURLE_OK
        || !info || info->backend != CURLSSLBACKEND_OPENSSL
        || !info->internals) {
        return;
    }
    ssl = info->internals;
    line->tls = apr_pstrcat(line->pool, SSL_get_version(ssl), " ",
                            SSL_get_cipher_name(ssl), NULL);
    cert = SSL_get_peer_certificate(ssl);
    if (cert) {
        line->cert_until = time_of(X509_get0_notAfter(cert));
        X509_free(cert);
    }
}

/* -- libcurl's part -------------------------------------------------------- */

static int is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in a;

        memcpy(&a, address, sizeof(a));
        return ntohl(a.sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 a;

        memcpy(&a, address, sizeof(a));
        return IN6_IS_ADDR_LOOPBACK(&a.sin6_addr)
               || (IN6_IS_ADDR_V4MAPPED(&a.sin6_addr)
                   && a.sin6_addr.s6_addr[12] == 127);
    }
    return 0;
}

static curl_socket_t on_connect(void *data, curlsocktype purpose,
                                struct curl_sockaddr *address)
{
    line_t *line = data;
    curl_off_t lookup = 0;

    (void)purpose;
    if (!line->started_at) {
        curl_easy_getinfo(line->easy, CURLINFO_NAMELOOKUP_TIME_T, &lookup);
        line->started_at = apr_time_now() - lookup;
        line->begun = line->mark = loop_clock() - lookup;
    }
    if (line->endpoint->security == SECURITY_NONE
        && !is_loopback(&address->addr)) {
        line->reason = "without TLS mail goes to this machine only";
        line->talk.phase = TALK_TLS;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}

/* libcurl does not tell whether a connection that came to nothing was one. */
static int on_close(void *data, curl_socket_t fd)
{
    line_t *line = data;
    struct sockaddr_storage peer;
    socklen_t size = sizeof(peer);

    line->connected |= getpeername(fd, (struct sockaddr *)&peer, &size) == 0;
    return close(fd);
}

/* The end of a phase that libcurl has timed. */
static void phase_until(line_t *line, talk_phase_t phase, CURLINFO what)
{
    curl_off_t us = 0;
    apr_int64_t end;

    if (curl_easy_getinfo(line->easy, what, &us) == CURLE_OK && us > 0) {
        end = line->begun + us;
        if (end > line->mark) {
            add_phase(line, phase, end - line->mark);
            line->mark = end;
        }
    }
}

static void time_connect(line_t *line)
{
    phase_until(line, TALK_CONNECT, CURLINFO_CONNECT_TIME_T);
    phase_until(line, TALK_TLS, CURLINFO_APPCONNECT_TIME_T);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *data)
{
    line_t *line = data;
    talk_phase_t phase = line->talk.phase;

    switch (talk_line(&line->talk, bytes, size * count)) {
    case TALK_MORE:
        return size * count;
    case TALK_NONSENSE:
        line->reason = apr_pstrcat(line->pool, "this is no SMTP: ",
                                   line->talk.words, NULL);
        return 0;
    default:
        break;
    }
    if (phase == TALK_CONNECT) {
        time_connect(line);
        phase = TALK_GREETING;
    }
    if (phase == TALK_EHLO) {
        phase_until(line, TALK_TLS, CURLINFO_APPCONNECT_TIME_T);
    }
    look_at_tls(line);
    if (talk_login(&line->talk)) {
        line_phase(line, phase);
    }
    return size * count;
}

static size_t swallow(char *bytes, size_t size, size_t count, void *data)
{
    (void)bytes;
    (void)data;
    return size * count;
}

/* Where it stopped, which replies alone do not tell. */
static void place_end(line_t *line, CURLcode rc)
{
    curl_off_t secured = 0;
    talk_t *talk = &line->talk;

    curl_easy_getinfo(line->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
    if (talk->phase == TALK_CONNECT && line->connected) {
        time_connect(line);
        talk->phase = line->endpoint->security == SECURITY_TLS && !secured
                      ? TALK_TLS : TALK_GREETING;
    } else if (talk->upgraded && !*line->tls) {
        talk->phase = TALK_TLS;
    }
    if (!(talk->whole && talk->code >= 400)
        && talk_state(talk, rc, 0) == SMTP_TLS) {
        talk->phase = TALK_TLS;
    }
}

static void on_done(CURL *easy, CURLcode rc, void *data)
{
    line_t *line = data;

    (void)easy;
    if (rc != CURLE_OK) {
        place_end(line, rc);
    }
    line->on_open(line->data, rc);
}

static const char *url_of(const line_t *line, apr_pool_t *pool)
{
    const endpoint_t *endpoint = line->endpoint;
    const char *brackets = strchr(endpoint->host, ':') ? "[]" : "";
    char *hello = NULL;
    const char *url;

    if (endpoint->hello) {
        hello = curl_easy_escape(line->easy, endpoint->hello, 0);
    }
    url = apr_psprintf(pool, "%s://%.1s%s%s:%d/%s",
                       endpoint->security == SECURITY_TLS ? "smtps" : "smtp",
                       brackets, endpoint->host, *brackets ? "]" : "",
                       endpoint->port, hello ? hello : "");
    curl_free(hello);
    return url;
}

static void set_security(const line_t *line)
{
    const endpoint_t *endpoint = line->endpoint;
    long want = CURLUSESSL_ALL;

    if (endpoint->security == SECURITY_NONE) {
        want = CURLUSESSL_NONE;
    } else if (endpoint->security == SECURITY_OPPORTUNISTIC
               && !endpoint->username) {
        want = CURLUSESSL_TRY;
    }
    curl_easy_setopt(line->easy, CURLOPT_USE_SSL, want);
    /* each handshake whole: it is part of what a probe measures */
    curl_easy_setopt(line->easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    trust_set(line->loop, line->easy, endpoint->ca_file);
}

static CURLcode set_up(line_t *line)
{
    const endpoint_t *endpoint = line->endpoint;
    long ms = (long)(endpoint->timeout / 1000);
    CURL *easy = line->easy;
    CURLcode rc;

    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, line->problem);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)LINE_BUFFER);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, ms);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_connect);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, line);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, line);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, line);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_SASL_IR, 1L);
    rc = curl_easy_setopt(easy, CURLOPT_URL, url_of(line, line->pool));
    set_security(line);
    if (rc == CURLE_OK && endpoint->username) {
        rc = curl_easy_setopt(easy, CURLOPT_USERNAME, endpoint->username);
        if (rc == CURLE_OK) {
            rc = curl_easy_setopt(easy, CURLOPT_PASSWORD,
                                  endpoint->password);
        }
    }
    return rc;
}

/* -- open and close -------------------------------------------------------- */

static apr_status_t end(void *data)
{
    line_t *line = data;

    if (line->socket) {
        loop_socket_end(line->socket);
    }
    if (line->easy) {
        loop_release(line->loop, line->easy);
        curl_easy_cleanup(line->easy);
    }
    return APR_SUCCESS;
}

static const char *key_of(const endpoint_t *endpoint, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s\n%d\n%d\n%s\n%s\n%s\n%s", endpoint->host,
                        endpoint->port, (int)endpoint->security,
                        endpoint->username ? endpoint->username : "",
                        endpoint->password ? endpoint->password : "",
                        endpoint->ca_file ? endpoint->ca_file : "",
                        endpoint->hello ? endpoint->hello : "");
}

static line_t *make(loop_t *loop, const endpoint_t *endpoint)
{
    apr_pool_t *pool;
    line_t *line;

    apr_pool_create(&pool, loop_pool(loop));
    line = apr_pcalloc(pool, sizeof(*line));
    line->loop = loop;
    line->pool = pool;
    line->endpoint = endpoint;
    line->key = key_of(endpoint, pool);
    line->tls = "";
    line->talk.starttls = endpoint->security == SECURITY_STARTTLS
                          || endpoint->security == SECURITY_OPPORTUNISTIC;
    line->talk.wants_auth = endpoint->username != NULL;
    apr_pool_cleanup_register(pool, line, end, apr_pool_cleanup_null);
    return line;
}

apr_status_t line_open(line_t **out, loop_t *loop, const endpoint_t *endpoint,
                       line_fn on_open, void *data)
{
    line_t *line = make(loop, endpoint);

    *out = line;
    line->on_open = on_open;
    line->data = data;
    line->easy = curl_easy_init();
    if (!line->easy) {
        return APR_ENOMEM;
    }
    if (set_up(line) != CURLE_OK) {
        return APR_EINVAL;
    }
    return loop_transfer(loop, line->easy, on_done, line);
}

void line_close(line_t *line, int polite)
{
    size_t n;

    if (polite) {
        (void)curl_easy_send(line->easy, "QUIT\r\n", 6, &n);
    }
    apr_pool_destroy(line->pool);
}

const char *line_problem(const line_t *line, CURLcode rc)
{
    if (line->reason) {
        return line->reason;
    }
    if (rc == CURLE_SSL_CACERT_BADFILE) {
        return "the certificates of the authorities cannot be read (ca)";
    }
    if (*line->problem) {
        return line->problem;
    }
    if (rc == CURLE_WEIRD_SERVER_REPLY && *line->talk.words) {
        return line->talk.words;
    }
    if (rc == CURLE_OPERATION_TIMEDOUT) {
        return "no answer in time";
    }
    if (rc == CURLE_RECV_ERROR || rc == CURLE_SEND_ERROR
        || rc == CURLE_GOT_NOTHING) {
        return "the server closed the connection";
    }
    return curl_easy_strerror(rc);
}

/* -- reading --------------------------------------------------------------- */

static void on_socket(void *data)
{
    line_t *line = data;

    line->on_news(line->data);
}

CURLcode line_listen(line_t *line, loop_fn on_news, void *data)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    line->on_news = on_news;
    line->data = data;
    if (curl_easy_getinfo(line->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK
        || fd == CURL_SOCKET_BAD
        || loop_socket(&line->socket, line->loop, fd, on_socket, line,
                       line->pool) != APR_SUCCESS) {
        return CURLE_RECV_ERROR;
    }
    return CURLE_OK;
}

/* The next line that is in the buffer. 1: a reply is whole; -1: nonsense */
static int take_line(line_t *line, int *found)
{
    char *end = memchr(line->buffer, '\n', line->fill);
    apr_size_t length;
    talk_line_t what;

    *found = end != NULL;
    if (!end) {
        if (line->fill == sizeof(line->buffer)) {
            line->fill = LINE_KEPT;     /* its middle is lost, not its end */
        }
        return 0;
    }
    length = (apr_size_t)(end + 1 - line->buffer);
    what = talk_line(&line->talk, line->buffer, length);
    line->fill -= length;
    memmove(line->buffer, line->buffer + length, line->fill);
    return what == TALK_REPLY ? 1 : what == TALK_NONSENSE ? -1 : 0;
}

line_read_t line_read(line_t *line, CURLcode *rc)
{
    for (;;) {
        size_t n = 0;
        int found, what = take_line(line, &found);

        if (what < 0 || line->flood > TALK_REPLY_MAX) {
            *rc = CURLE_WEIRD_SERVER_REPLY;
            return LINE_END;
        }
        if (what > 0) {
            line->flood = 0;
            return LINE_REPLY;
        }
        if (found) {
            continue;
        }
        *rc = curl_easy_recv(line->easy, line->buffer + line->fill,
                             sizeof(line->buffer) - line->fill, &n);
        if (*rc == CURLE_AGAIN) {
            return LINE_NONE;
        }
        if (*rc != CURLE_OK || !n) {
            *rc = CURLE_RECV_ERROR;
            return LINE_END;
        }
        line->fill += n;
        line->flood += n;
    }
}

/* -- rest ------------------------------------------------------------------ */

static resting_t *resting_of(loop_t *loop)
{
    void *found = NULL;
    resting_t *resting;

    apr_pool_userdata_get(&found, RESTING_KEY, loop_pool(loop));
    if (found) {
        return found;
    }
    resting = apr_pcalloc(loop_pool(loop), sizeof(*resting));
    apr_pool_userdata_setn(resting, RESTING_KEY, NULL, loop_pool(loop));
    return resting;
}

static void leave_rest(line_t *line)
{
    resting_t *resting = resting_of(line->loop);
    line_t **at = &resting->first;

    while (*at && *at != line) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = line->next;
        resting->count--;
    }
    loop_timer_clear(line->rest);
}

static void on_rested(void *data)
{
    leave_rest(data);
    line_close(data, 1);
}

/* Nothing is asked, so what comes is the server's farewell. */
static void on_farewell(void *data)
{
    leave_rest(data);
    line_close(data, 0);
}

void line_park(line_t *line)
{
    resting_t *resting = resting_of(line->loop);

    if (resting->count >= REST_MAX || line->fill || !line->socket) {
        line_close(line, 1);
        return;
    }
    if (!line->rest) {
        line->rest = loop_timer(line->loop, on_rested, line, line->pool);
    }
    line->on_news = on_farewell;
    line->data = line;
    line->next = resting->first;
    resting->first = line;
    resting->count++;
    loop_timer_set(line->rest, REST_FOR);
}

line_t *line_take(loop_t *loop, const endpoint_t *endpoint, loop_fn on_news,
                  void *data)
{
    line_t *line = resting_of(loop)->first;
    apr_pool_t *scratch;
    const char *key;

    if (!line) {
        return NULL;
    }
    apr_pool_create(&scratch, loop_pool(loop));
    key = key_of(endpoint, scratch);
    while (line && strcmp(line->key, key)) {
        line = line->next;
    }
    apr_pool_destroy(scratch);
    if (line) {
        leave_rest(line);
        line->used = 1;
        line->on_news = on_news;
        line->data = data;
        line->phases = 0;
        line->started_at = apr_time_now();
        line->mark = loop_clock();
        line->talk.phase = TALK_MAIL;
        line->talk.code = line->talk.whole = 0;
        line->talk.length = 0;
        *line->talk.words = '\0';
    }
    return line;
}
