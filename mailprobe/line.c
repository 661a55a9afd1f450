/* SPDX-License-Identifier: MIT */
/*
 * Connections to SMTP servers: opened, read from, rested, closed. Loop thread.
 * Nothing here waits: libcurl is let go before it would say QUIT by itself,
 * which it does standing still.
 */
#include "line.h"

#include <string.h>

#include <apr_strings.h>

#include "line_login.h"

/* How long a connection rests for the next mail, and how many do. */
#define REST_FOR (20 * APR_USEC_PER_SEC)
#define REST_MAX 8

#define RESTING_KEY "mailprobe:line"

/* Of one loop: the lines that rest, newest first. */
typedef struct resting_t {
    line_t *first;
    int count;
} resting_t;

/* -- open and close -------------------------------------------------------- */

static void on_done(CURL *easy, CURLcode rc, void *data)
{
    line_t *line = data;

    (void)easy;
    if (rc != CURLE_OK) {
        line_login_end(line, rc);
    }
    line->on_open(line->data, rc);
}

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
    if (line_login(line) != CURLE_OK) {
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
