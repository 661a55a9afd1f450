/* SPDX-License-Identifier: MIT */
/*
 * Mails on their way out. libcurl connects and logs in (CONNECT_ONLY) and not
 * more: it would wait for the verdict, and for the answer to QUIT, with the
 * whole loop standing still. Loop thread. line.c has the connections,
 * talk.c understands what is said.
 */
#include "smtp.h"

#include <string.h>

#include <apr_strings.h>

#include "line.h"
#include "talk.h"

/* The verdict may take longer than other answers: mail is scanned meanwhile
 * (RFC 5321 section 4.5.3.2.6 would allow ten minutes). */
#define VERDICT_TIMES 10

/* Where the connection does not take more for now: the next try. */
#define PUSH_AGAIN (10 * 1000)

typedef struct send_t {
    loop_t *loop;
    apr_pool_t *pool;
    smtp_done_fn done;
    void *data;
    const endpoint_t *endpoint; /* a copy */
    const char *from;
    const char *recipient;      /* NULL: a try */
    const char *text;
    apr_size_t length;
    int fresh;

    line_t *line;
    loop_timer_t *deadline;
    loop_timer_t *push;
    const char *out;            /* what is to be sent still */
    apr_size_t left;
    CURLcode broken;            /* the connection took no more */
    apr_time_t data_at;
} send_t;

static void on_line(void *data, CURLcode rc);
static int on_news(send_t *send);
static void on_socket(void *data);

static apr_status_t cancel(void *data)
{
    send_t *send = data;

    if (send->line) {
        line_close(send->line, 0);
        send->line = NULL;
    }
    return APR_SUCCESS;
}

/* -- the end --------------------------------------------------------------- */

static const char *hidden(const send_t *send, const char *words)
{
    char *copy = apr_pstrdup(send->pool, words);

    talk_hide(copy, send->endpoint->username, send->endpoint->password,
              send->pool);
    return copy;
}

static void describe(smtp_result_t *result, send_t *send, CURLcode rc)
{
    line_t *line = send->line;
    talk_t *talk = &line->talk;
    const char *words = talk->words;

    memset(result, 0, sizeof(*result));
    result->state = talk->phase == TALK_DONE ? SMTP_ACCEPTED
                    : talk_state(talk, rc, send->data_at != 0);
    result->phase = smtp_phases[talk->phase];
    result->code = talk->code;
    /* a reply that is no reason for the end must not look like one */
    if (result->state != SMTP_ACCEPTED
        && !(talk->whole && talk->code >= 400)) {
        words = line_problem(line, rc);
    }
    result->reply = hidden(send, words);
    result->queue_id = result->state == SMTP_ACCEPTED && send->recipient
                       ? talk_queue_id(result->reply, send->pool) : "";
    result->started_at = line->started_at;
    result->data_at = send->data_at;
    result->phases = line->phases;
    memcpy(result->timing, line->timing, sizeof(result->timing));
    result->tls = line->tls;
    result->cert_until = line->cert_until;
}

static void finish(send_t *send, CURLcode rc)
{
    smtp_result_t result;
    line_t *line = send->line;
    int polite = rc == CURLE_OK && line->talk.phase >= TALK_MAIL;
    int keep = !send->fresh;

    loop_timer_clear(send->deadline);
    loop_timer_clear(send->push);
    apr_pool_cleanup_kill(send->pool, send, cancel);
    describe(&result, send, rc);
    if (result.state == SMTP_ACCEPTED) {
        result.accepted_at = send->recipient ? apr_time_now() : 0;
    }
    /* the words live in the line: it goes last */
    send->done(&result, send->data);
    if (result.state == SMTP_ACCEPTED && keep) {
        line_park(line);
    } else {
        line_close(line, polite);
    }
}

/* -- the dialogue ---------------------------------------------------------- */

static void connect_line(send_t *send)
{
    apr_status_t rv = line_open(&send->line, send->loop, send->endpoint,
                                on_line, send);

    if (rv != APR_SUCCESS) {
        finish(send, CURLE_FAILED_INIT);
    }
}

/* A connection that rested may have died meanwhile: that says nothing of the
 * server, so the mail gets one of its own. */
static int try_anew(send_t *send)
{
    line_t *line = send->line;

    if (!line->used || line->talk.phase != TALK_MAIL
        || (line->talk.whole && line->talk.code != 421)) {
        return 0;
    }
    line_close(line, 0);
    loop_timer_clear(send->deadline);
    loop_timer_clear(send->push);
    send->broken = CURLE_OK;
    connect_line(send);
    return 1;
}

static void fail(send_t *send, CURLcode rc)
{
    if (!try_anew(send)) {
        finish(send, rc);
    }
}

static void on_deadline(void *data)
{
    fail(data, CURLE_OPERATION_TIMEDOUT);
}

/* Give the connection what it takes. A failure is not told here, but in the
 * next round and after what the server said before it went was read. */
static void push(void *data)
{
    send_t *send = data;
    size_t n;

    if (send->broken) {
        if (on_news(send)) {
            fail(send, send->broken);
        }
        return;
    }
    while (send->left && !send->broken) {
        CURLcode rc;

        n = 0;
        rc = curl_easy_send(send->line->easy, send->out, send->left, &n);
        if (rc != CURLE_OK) {
            send->broken = rc == CURLE_AGAIN ? CURLE_OK : rc;
            loop_timer_set(send->push, send->broken ? 0 : PUSH_AGAIN);
            return;
        }
        send->out += n;
        send->left -= n;
    }
    if (send->line->talk.phase == TALK_QUEUED) {
        send->data_at = apr_time_now();
    }
}

static void say(send_t *send, const char *bytes, apr_size_t length)
{
    apr_interval_time_t wait = send->endpoint->timeout;

    if (send->line->talk.phase == TALK_QUEUED) {
        wait *= VERDICT_TIMES;
    }
    loop_timer_set(send->deadline, wait);
    send->out = bytes;
    send->left = length;
    push(send);
}

static void say_line(send_t *send, const char *text)
{
    say(send, text, strlen(text));
}

/* What the phase we are in begins with; 0: it is over, send may be gone. */
static int go_on(send_t *send)
{
    apr_size_t length;
    const char *bytes;

    switch (send->line->talk.phase) {
    case TALK_MAIL:
        say_line(send, !send->recipient ? "NOOP\r\n"
                 : apr_psprintf(send->pool, "MAIL FROM:<%s>%s\r\n",
                                send->from, talk_address(send->from) == 2
                                || talk_address(send->recipient) == 2
                                ? " SMTPUTF8" : ""));
        break;
    case TALK_RCPT:
        say_line(send, apr_psprintf(send->pool, "RCPT TO:<%s>\r\n",
                                    send->recipient));
        break;
    case TALK_DATA:
        say_line(send, "DATA\r\n");
        break;
    case TALK_QUEUED:
        bytes = talk_data(&length, send->text, send->length, send->pool);
        say(send, bytes, length);
        break;
    default:
        finish(send, CURLE_OK);
        return 0;
    }
    return 1;
}

/* 0: it is over, and send may be gone; or it begins anew. */
static int on_reply(send_t *send)
{
    talk_t *talk = &send->line->talk;

    line_phase(send->line, talk->phase);
    if (!talk_mail(talk)) {
        fail(send, talk->code >= 400 ? CURLE_OK : CURLE_WEIRD_SERVER_REPLY);
        return 0;
    }
    if (!send->recipient) {
        talk->phase = TALK_DONE;        /* a try is over with its NOOP */
    }
    return go_on(send);
}

static int on_news(send_t *send)
{
    CURLcode rc;

    for (;;) {
        switch (line_read(send->line, &rc)) {
        case LINE_REPLY:
            if (!on_reply(send)) {
                return 0;
            }
            break;
        case LINE_END:
            fail(send, rc);
            return 0;
        default:
            return 1;
        }
    }
}

static void on_socket(void *data)
{
    (void)on_news(data);
}

/* The connection is there and logged in, or it is not. */
static void on_line(void *data, CURLcode rc)
{
    send_t *send = data;
    talk_t *talk = &send->line->talk;
    const char *problem = NULL;

    if (rc == CURLE_OK && send->endpoint->username && !talk->authenticated) {
        problem = "the server offers no way to log in (AUTH)";
        talk->phase = TALK_AUTH;
        talk->code = 0;
        rc = CURLE_LOGIN_DENIED;
    } else if (rc == CURLE_OK && send->recipient && !talk->offers_utf8
               && (talk_address(send->from) == 2
                   || talk_address(send->recipient) == 2)) {
        problem = "the server does not take addresses that are not ASCII "
                  "(SMTPUTF8)";
        talk->phase = TALK_MAIL;
        rc = CURLE_REMOTE_ACCESS_DENIED;
    }
    if (problem) {
        send->line->reason = problem;
    }
    if (rc == CURLE_OK) {
        rc = line_listen(send->line, on_socket, send);
    }
    if (rc != CURLE_OK) {
        finish(send, rc);
        return;
    }
    (void)go_on(send);
}

/* -- the beginning --------------------------------------------------------- */

static const endpoint_t *copy(const endpoint_t *from, apr_pool_t *pool)
{
    endpoint_t *to = apr_pmemdup(pool, from, sizeof(*from));

    to->host = apr_pstrdup(pool, from->host);
    to->username = apr_pstrdup(pool, from->username);
    to->password = apr_pstrdup(pool, from->password);
    to->ca_file = apr_pstrdup(pool, from->ca_file);
    to->hello = apr_pstrdup(pool, from->hello);
    return to;
}

static void begin(void *data)
{
    send_t *send = data;

    if (!send->fresh) {
        send->line = line_take(send->loop, send->endpoint, on_socket,
                               send);
    }
    if (send->line) {
        (void)go_on(send);
    } else {
        connect_line(send);
    }
}

static send_t *prepare(loop_t *loop, const account_t *account,
                       smtp_done_fn done, void *data, apr_pool_t *pool)
{
    send_t *send = apr_pcalloc(pool, sizeof(*send));

    send->loop = loop;
    send->pool = pool;
    send->done = done;
    send->data = data;
    send->endpoint = copy(account->smtp, pool);
    send->deadline = loop_timer(loop, on_deadline, send, pool);
    send->push = loop_timer(loop, push, send, pool);
    apr_pool_cleanup_register(pool, send, cancel, apr_pool_cleanup_null);
    /* in the next round: done is never called before we have returned */
    loop_timer_set(loop_timer(loop, begin, send, pool), 0);
    return send;
}

apr_status_t smtp_send(loop_t *loop, const account_t *account,
                       const smtp_mail_t *mail, smtp_done_fn done, void *data,
                       apr_pool_t *pool)
{
    send_t *send;

    if (!talk_address(account->from) || !talk_address(mail->recipient)) {
        return APR_EINVAL;
    }
    send = prepare(loop, account, done, data, pool);
    send->from = apr_pstrdup(pool, account->from);
    send->recipient = apr_pstrdup(pool, mail->recipient);
    send->text = mail->text;
    send->length = mail->length;
    send->fresh = mail->fresh;
    return APR_SUCCESS;
}

apr_status_t smtp_try(loop_t *loop, const account_t *account,
                      smtp_done_fn done, void *data, apr_pool_t *pool)
{
    prepare(loop, account, done, data, pool)->fresh = 1;
    return APR_SUCCESS;
}
