/* SPDX-License-Identifier: MIT */
/*
 * Where a response of an IMAP server ends: literals are counted, so that a mail
 * which looks like a tagged answer is none. Pure; any thread. RFC 3501 sections
 * 2.2.2, 4.3 and 7.
 */
#ifndef MAILPROBE_IMAP_FRAME_H
#define MAILPROBE_IMAP_FRAME_H

#include <apr.h>
#include <apr_errno.h>

/** A response with its literals has at most so many octets. */
#define IMAP_RESPONSE_MAX (384 * 1024)

/** Where the search for an end has got to; zeroed for a new response. */
typedef struct imap_frame_t {
    apr_size_t line;            /* start of the line looked at */
    apr_size_t scanned;         /* no line end before this */
} imap_frame_t;

/**
 * Find the end of the first response in a buffer that grows: call it again
 * with more of the same, and the same frame.
 * @param length set to the response's octets, line end included
 * @return APR_SUCCESS, APR_INCOMPLETE (more is needed), APR_ENOSPC (it is
 *         longer than IMAP_RESPONSE_MAX, or says so)
 */
apr_status_t imap_frame_end(apr_size_t *length, imap_frame_t *frame,
                            const char *bytes, apr_size_t have);

/** The literal that a line (its end included) announces at its end. @return its
 * octets, -1: none, APR_INT64_MAX: more than can be */
apr_int64_t imap_frame_literal(const char *line, apr_size_t length);

/** Digits and nothing else, at most 18. @return 0: it is no number */
int imap_frame_number(apr_uint64_t *number, const char *bytes,
                      apr_size_t length);

#endif
