/* SPDX-License-Identifier: MIT */
/*
 * A FETCH response, read: which mail, whose, since when. Pure; any thread.
 */
#ifndef MAILPROBE_IMAP_FETCH_H
#define MAILPROBE_IMAP_FETCH_H

#include <apr_time.h>

#include "imap_parse.h"

/** A probe's token: so many hex digits in lower case. */
#define IMAP_TOKEN_LENGTH 32

/** The header fields asked for of a new mail, to know whether it is ours. */
#define IMAP_FIELDS "(X-Mailtrack-Probe Content-Type)"

typedef struct imap_fetch_t {
    apr_uint64_t sequence;
    apr_uint64_t uid;           /* 0: not said */
    apr_time_t date;            /* INTERNALDATE; 0: not said, not readable */
    const char *body;           /* BODY[...]; NULL: not said */
    apr_size_t length;
} imap_fetch_t;

/** @return 0: this is no FETCH */
int imap_fetch_read(imap_fetch_t *fetch, const imap_response_t *response);

/** "17-Jul-1996 02:44:25 -0700". @return 0: no date */
apr_time_t imap_fetch_date(const char *bytes, apr_size_t length);

/** "17-Jul-1996", of the UTC day, for SEARCH. */
const char *imap_fetch_day(apr_time_t time, apr_pool_t *pool);

/** The token in a block of header lines; NULL: there is none, or more than
 * one, or it is no token. */
const char *imap_fetch_token(const char *headers, apr_size_t length,
                             apr_pool_t *pool);

/** Do the header lines say it is a delivery report (RFC 3464)? */
int imap_fetch_is_report(const char *headers, apr_size_t length,
                         apr_pool_t *pool);

#endif
