/* SPDX-License-Identifier: MIT */
/*
 * A list of addresses made simple for its parser. Private to address.c; pure.
 */
#ifndef MAILTRACK_ADDRESS_TEXT_H
#define MAILTRACK_ADDRESS_TEXT_H

#include <apr_pools.h>

/**
 * Check the characters, unfold lines, and write every blank as a space: what
 * cannot be seen comes along when addresses are pasted.
 * @param simple valid UTF-8 without control characters, in pool
 * @return APR_EINVAL with *error: no UTF-8, a control character, a bare line
 *         break (which would be another header)
 */
apr_status_t address_text(const char **simple, const char **error,
                          const char *text, apr_size_t len, apr_pool_t *pool);

#endif
