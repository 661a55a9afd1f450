/* SPDX-License-Identifier: MIT */
/*
 * One connection to an SMTP server: made and logged in by libcurl
 * (CONNECT_ONLY), then ours to talk on; rested between two mails of the same
 * account. Loop thread. Only smtp.c includes it.
 */
#ifndef MAILPROBE_LINE_H
#define MAILPROBE_LINE_H

#include "smtp.h"
#include "talk.h"

#define LINE_BUFFER 4096
#define LINE_KEPT   1000        /* of a line that does not fit */

typedef void (*line_fn)(void *data, CURLcode rc);

typedef struct line_t line_t;
struct line_t {
    loop_t *loop;
    apr_pool_t *pool;           /* of the line_t, too */
    const endpoint_t *endpoint; /* its maker's: until it is connected */
    const char *key;            /* who may take it; has the password in it */
    CURL *easy;
    talk_t talk;
    apr_time_t started_at;
    apr_int64_t begun;          /* loop_clock, as libcurl counts from */
    apr_int64_t mark;           /* loop_clock at the end of the last phase */
    int phases;
    smtp_phase_t timing[SMTP_PHASES];
    const char *tls;
    apr_time_t cert_until;
    int used;                   /* it carried a mail before */
    int connected;              /* there was a connection, now closed */
    const char *reason;         /* ours for the end; NULL: libcurl's is told */
    char problem[CURL_ERROR_SIZE];

    line_fn on_open;
    loop_fn on_news;
    void *data;
    loop_socket_t *socket;
    apr_size_t fill;
    apr_size_t flood;           /* bytes since the last reply */
    char buffer[LINE_BUFFER];

    loop_timer_t *rest;         /* ends it when nobody took it */
    line_t *next;               /* among those that rest */
};

/** Connect and log in; on_open follows, in a later round, unless this fails
 * (*out is set then as well: it has the problem).
 * @param endpoint lives until on_open */
apr_status_t line_open(line_t **out, loop_t *loop, const endpoint_t *endpoint,
                       line_fn on_open, void *data);

/** From now on on_news is called when there is something to read. */
CURLcode line_listen(line_t *line, loop_fn on_news, void *data);

/** One that rests and is logged in there as this endpoint; NULL: none. In
 * phase MAIL, with nothing timed. */
line_t *line_take(loop_t *loop, const endpoint_t *endpoint, loop_fn on_news,
                  void *data);

typedef enum { LINE_NONE, LINE_REPLY, LINE_END } line_read_t;

/** Read to the end of the next reply: it is in line->talk.
 * LINE_NONE: not all of it is there yet. LINE_END: rc says why. */
line_read_t line_read(line_t *line, CURLcode *rc);

/** A phase is over now. */
void line_phase(line_t *line, talk_phase_t phase);

/** Why it ended: ours, libcurl's or the server's words. */
const char *line_problem(const line_t *line, CURLcode rc);

/** Let it rest; line is not the caller's any more. */
void line_park(line_t *line);

/** @param polite say QUIT before (nobody waits for the answer) */
void line_close(line_t *line, int polite);

#endif
