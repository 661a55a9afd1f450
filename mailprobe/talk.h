/* SPDX-License-Identifier: MIT */
/*
 * What a server says, understood: replies from lines, where in the dialogue we
 * are, and what an end means. Pure, bounded, over foreign bytes; any thread.
 * RFC 5321 section 4.2.
 */
#ifndef MAILPROBE_TALK_H
#define MAILPROBE_TALK_H

#include <apr_pools.h>

#include "smtp.h"

/** By smtp_phases[]. */
typedef enum {
    TALK_CONNECT, TALK_TLS, TALK_GREETING, TALK_EHLO, TALK_AUTH, TALK_MAIL,
    TALK_RCPT, TALK_DATA, TALK_QUEUED, TALK_DONE
} talk_phase_t;
extern const char *const smtp_phases[];

#define TALK_WORDS 512
/** More than this in one reply is no reply. */
#define TALK_REPLY_MAX 65536

typedef struct talk_t {
    talk_phase_t phase;         /* what is waited for */
    int starttls;               /* we upgrade where it is offered */
    int upgraded;               /* STARTTLS was said, and taken */
    int wants_auth;
    int offers_starttls;
    int offers_auth;
    int offers_utf8;            /* SMTPUTF8 */
    int authenticated;
    int code;                   /* of the last reply, also an unfinished one */
    int whole;                  /* its last line was read */
    apr_size_t bytes;           /* of this reply */
    apr_size_t length;          /* of words */
    char words[TALK_WORDS];     /* "550 5.7.1 no", lines joined; valid UTF-8
                                 * without control characters */
} talk_t;

typedef enum {
    TALK_MORE,                  /* the reply goes on */
    TALK_REPLY,                 /* it is whole: code and words */
    TALK_NONSENSE               /* that is no SMTP */
} talk_line_t;

/** One line, with or without its end. */
talk_line_t talk_line(talk_t *talk, const char *line, apr_size_t length);

/** A whole reply before MAIL: where does the login go on? 1: it ended a phase
 * (the one that was), 0: it did not (334 in AUTH, a refused EHLO). */
int talk_login(talk_t *talk);

/** A whole reply from MAIL on: 1 it is what leads on, 0 a refusal. */
int talk_mail(talk_t *talk);

/** What an end without acceptance means.
 * @param handed_over all of the mail was given to the connection
 * @param rc          libcurl's, CURLE_OPERATION_TIMEDOUT for our deadlines */
smtp_state_t talk_state(const talk_t *talk, CURLcode rc, int handed_over);

/** The queue id in the words of a final reply; "" */
const char *talk_queue_id(const char *words, apr_pool_t *pool);

/** Put stars over a secret (and its base64, as AUTH says it) where a server
 * repeats it. */
void talk_hide(char *words, const char *username, const char *password,
               apr_pool_t *pool);

/** An address as SMTP can carry it between < and >? @return 0 no, 1 yes,
 * 2 with SMTPUTF8 only */
int talk_address(const char *address);

/** The mail as DATA wants it: CRLF everywhere, leading dots doubled, ended by
 * the dot. RFC 5321 section 4.5.2 */
const char *talk_data(apr_size_t *length, const char *text, apr_size_t size,
                      apr_pool_t *pool);

#endif
