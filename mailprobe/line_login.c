/* SPDX-License-Identifier: MIT */
/*
 * libcurl's part of a connection to an SMTP server: address, security, login;
 * what it tells of times and TLS on the way, and where it stopped. Loop thread.
 */
#include "line_login.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>

#include <apr_strings.h>
#include <openssl/ssl.h>

#include "trust.h"

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

void line_login_end(line_t *line, CURLcode rc)
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

CURLcode line_login(line_t *line)
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
