/* SPDX-License-Identifier: MIT */
/*
 * One mail by SMTP through an account: libcurl connects, does TLS and logs in,
 * the mail itself we send on its connection; every reply is timed as it comes.
 * Loop thread. RFC 5321, 3207, 4954, 6531.
 */
#ifndef MAILPROBE_SMTP_H
#define MAILPROBE_SMTP_H

#include "configuration.h"
#include "loop.h"

/** How it ended. smtp_states[] has the words. */
typedef enum {
    SMTP_ACCEPTED,              /* 2xx after the end of data */
    SMTP_TEMPORARY,             /* 4xx */
    SMTP_PERMANENT,             /* 5xx */
    SMTP_UNREACHABLE,           /* no such host, refused, reset */
    SMTP_TIMEOUT,               /* nothing said in time, before the data */
    SMTP_TLS,                   /* certificate, handshake, STARTTLS missing */
    SMTP_AUTH,                  /* credentials refused, or AUTH not offered */
    SMTP_UNKNOWN                /* data sent, no verdict: it may arrive */
} smtp_state_t;
extern const char *const smtp_states[];

#define SMTP_PHASES 9

typedef struct smtp_phase_t {
    const char *name;           /* connect, tls, greeting, ehlo, auth, mail,
                                 * rcpt, data, queued: where it stopped is in
                                 * smtp_result_t.phase */
    apr_int64_t us;             /* from the end of the one before */
} smtp_phase_t;

typedef struct smtp_result_t {
    smtp_state_t state;
    const char *phase;          /* "" when accepted */
    int code;                   /* last reply's; 0: none */
    const char *reply;          /* the server's words, one line; no secret */
    const char *queue_id;       /* "" where the reply names none */
    apr_time_t started_at;
    apr_time_t data_at;         /* the last byte was handed over; 0: not */
    apr_time_t accepted_at;     /* the final 250 was read; 0: not */
    int phases;
    smtp_phase_t timing[SMTP_PHASES];
    const char *tls;            /* "TLSv1.3 TLS_AES_256_GCM_SHA384", "" */
    apr_time_t cert_until;      /* 0: no TLS */
} smtp_result_t;

/** @param result valid until the callback returns */
typedef void (*smtp_done_fn)(const smtp_result_t *result, void *data);

typedef struct smtp_mail_t {
    const char *recipient;      /* envelope: one address */
    const char *text;           /* headers and body, CRLF; valid until done */
    apr_size_t length;
    int fresh;                  /* 1: own connection, closed after (a probe) */
} smtp_mail_t;

/**
 * Send. The account may be forgotten when this returns. What it promises beyond
 * the account's settings: a password goes over TLS or over loopback only, mail
 * without TLS to loopback only unless "opportunistic", and nothing is sent
 * where AUTH is configured but was not had. Each phase after the login has the
 * account's time-out, the verdict ten times that. A mail that is not fresh may
 * use a connection that an earlier one left (20 s), and is tried on one of its
 * own when that is found dead.
 * @param account has smtp and from
 * @param pool lives until done was called; destroying it before cancels
 * @return APR_EINVAL: an address that cannot be said in SMTP; done is not
 *         called then
 */
apr_status_t smtp_send(loop_t *loop, const account_t *account,
                       const smtp_mail_t *mail, smtp_done_fn done, void *data,
                       apr_pool_t *pool);

/** Log in and out again, sending nothing (--check). */
apr_status_t smtp_try(loop_t *loop, const account_t *account,
                      smtp_done_fn done, void *data, apr_pool_t *pool);

#endif
