/* SPDX-License-Identifier: MIT */
/*
 * Text that strangers wrote, made harmless for where it goes: one line without
 * control or direction characters, HTML, a header of HTTP. Pure; any thread.
 * Every result is NUL-terminated UTF-8 in pool.
 */
#ifndef MAILPROBE_PLAIN_H
#define MAILPROBE_PLAIN_H

#include <apr_pools.h>

/** At most max_chars characters of one line: what is no UTF-8 becomes U+FFFD,
 * runs of blanks, line ends and controls one space; characters that turn or
 * hide text (bidirectional controls, zero-width ones but the joiners of
 * scripts and emoji) are dropped. What was cut ends in an ellipsis.
 * @param text NULL is "" */
const char *plain_line(const char *text, apr_size_t max_chars,
                       apr_pool_t *pool);

/** The first max_chars characters, an ellipsis as the last where it was cut.
 * @param text valid UTF-8; lines stay lines */
const char *plain_cut(const char *text, apr_size_t max_chars,
                      apr_pool_t *pool);

/** The same by bytes, never within a character. */
const char *plain_cut_bytes(const char *text, apr_size_t max_bytes,
                            apr_pool_t *pool);

/** Escaped for text and attributes of HTML. */
const char *plain_html(const char *text, apr_pool_t *pool);

/** A header's value in ASCII: as it is, or as encoded words (RFC 2047, base64,
 * each at most 75 characters and whole characters). */
const char *plain_header(const char *text, apr_pool_t *pool);

#endif
