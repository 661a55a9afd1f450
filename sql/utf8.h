/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 as RFC 3629 has it: no overlong form, no surrogate, nothing above
 * U+10FFFF. What the databases accept, told before they are asked. Pure; any
 * thread; on the drain's way, so plain ASCII goes eight bytes a step.
 */
#ifndef MAILTRACK_UTF8_H
#define MAILTRACK_UTF8_H

#include <apr_pools.h>

/**
 * Read one character.
 * @param code the code point; of an invalid sequence (apr_uint32_t)-1
 * @return octets taken: of an invalid sequence those that belong together
 *         (Unicode 3.9, "maximal subpart"), at least 1; 0 only for len 0
 */
apr_size_t utf8_next(apr_uint32_t *code, const char *text, apr_size_t len);

/** Write a code point. @return octets written, 1 to 4 */
apr_size_t utf8_put(char *out, apr_uint32_t code);

/** Valid UTF-8, and no NUL in it? */
int utf8_valid(const char *text, apr_size_t len);

/** Characters (code points) of valid UTF-8. */
apr_size_t utf8_length(const char *text);

/**
 * Text that every database takes: each invalid sequence and each NUL becomes
 * U+FFFD, cut after max_chars characters. Control characters stay.
 * @return NUL-terminated; text itself where it is clean, short enough and has
 *         its NUL at text[len] (which is read); else a copy in pool
 */
const char *utf8_clean(const char *text, apr_size_t len, apr_size_t max_chars,
                       apr_pool_t *pool);

#endif
