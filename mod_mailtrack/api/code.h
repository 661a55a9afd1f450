/* SPDX-License-Identifier: MIT */
/*
 * Codes of an authenticator (RFC 6238: SHA-1, 30 s, six digits, which every
 * authenticator can), by liboath. Pure; any thread.
 */
#ifndef MAILTRACK_API_CODE_H
#define MAILTRACK_API_CODE_H

#include <apr_pools.h>
#include <apr_time.h>

#define CODE_DIGITS 6
#define CODE_STEP   30          /* seconds */
#define CODE_SKEW   1           /* steps before and after now */

/** Six digits, once spaces are left out? Copied into digits. */
int code_digits(char digits[CODE_DIGITS + 1], const char *text);

/**
 * Is it a code of this secret, now or a step away?
 * @param step   the time step it belongs to
 * @param secret base32
 * @return APR_SUCCESS, APR_NOTFOUND: it is not; APR_EINVAL: no secret
 */
apr_status_t code_check(apr_int64_t *step, const char *secret,
                        const char *digits, apr_time_t now,
                        apr_pool_t *pool);

/** The URI that authenticators read from a QR code. */
const char *code_uri(const char *secret, const char *issuer,
                     const char *user, apr_pool_t *pool);

#endif
