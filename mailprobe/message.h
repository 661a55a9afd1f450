/* SPDX-License-Identifier: MIT */
/*
 * Mails put together: RFC 5322 headers, RFC 2047 words, MIME bodies in UTF-8.
 * Pure; any thread. Time and identifiers are passed in.
 */
#ifndef MAILPROBE_MESSAGE_H
#define MAILPROBE_MESSAGE_H

#include <apr_pools.h>
#include <apr_time.h>

/** The header a probe is known by. */
#define MESSAGE_PROBE_HEADER "X-Mailtrack-Probe"

typedef struct message_t {
    const char *from;           /* address; its domain makes the Message-ID */
    const char *to;             /* addresses as they stand in the header */
    const char *subject;        /* UTF-8 */
    const char *text;           /* UTF-8, LF */
    const char *html;           /* or NULL: text/plain alone */
    const char *id;             /* left side of the Message-ID */
    apr_time_t date;
    const char *token;          /* of a probe, or NULL */
    const char *thread;         /* Message-ID's left side this one is about
                                 * (References), or NULL */
} message_t;

/** @return the whole mail with CRLF. Control characters in header values become
 * blanks or gone: nothing a stranger wrote begins a header. Subjects are cut
 * after 1,000 characters. Carries Auto-Submitted:
 * auto-generated (RFC 3834). */
const char *message_make(apr_size_t *length, const message_t *message,
                         apr_pool_t *pool);

#endif
