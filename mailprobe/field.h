/* SPDX-License-Identifier: MIT */
/*
 * Header fields of a mail, one after the other, over foreign bytes with a
 * length (RFC 5322 section 2.2; bare LF, NUL and 8-bit are suffered). Pure;
 * any thread.
 */
#ifndef MAILPROBE_FIELD_H
#define MAILPROBE_FIELD_H

#include <apr_pools.h>

/** Points into the mail: lives as long as its bytes. */
typedef struct field_t {
    const char *name;
    apr_size_t name_length;
    const char *raw;            /* after the colon, folded as it came */
    apr_size_t length;
} field_t;

/** The next field from *at on; lines that are none are skipped.
 * @param at moves behind it; after the last one to the body
 * @return 0: the headers are over */
int field_next(field_t *field, const char **at, const char *end);

/** Case does not matter. */
int field_is(const field_t *field, const char *name);
int field_begins(const field_t *field, const char *prefix);

/** The value in one line: unfolded, each run of blanks and control characters
 * one blank, trimmed, valid UTF-8, at most max characters. */
const char *field_value(const field_t *field, apr_size_t max,
                        apr_pool_t *pool);

#endif
