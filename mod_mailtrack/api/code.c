/* SPDX-License-Identifier: MIT */
/*
 * Authenticators' codes; contract in code.h. The one includer of liboath's
 * header.
 */
#include "code.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_escape.h>
#include <apr_strings.h>
#include <liboath/oath.h>

int code_digits(char digits[CODE_DIGITS + 1], const char *text)
{
    int n = 0;

    for (; *text; text++) {
        if (*text == ' ') {
            continue;
        }
        if (*text < '0' || *text > '9' || n == CODE_DIGITS) {
            return 0;
        }
        digits[n++] = *text;
    }
    digits[n] = '\0';
    return n == CODE_DIGITS;
}

apr_status_t code_check(apr_int64_t *step, const char *secret,
                        const char *digits, apr_time_t now,
                        apr_pool_t *pool)
{
    apr_size_t len = 0;
    const unsigned char *key;
    uint64_t counter = 0;

    key = apr_pdecode_base32_binary(pool, secret, APR_ENCODE_STRING,
                                    APR_ENCODE_NONE, &len);
    if (!key || !len) {
        return APR_EINVAL;
    }
    if (oath_totp_validate3((const char *)key, len,
                            (time_t)apr_time_sec(now), CODE_STEP, 0,
                            CODE_SKEW, NULL, &counter, digits) < 0) {
        return APR_NOTFOUND;
    }
    *step = (apr_int64_t)counter;
    return APR_SUCCESS;
}

/* A label is percent-encoded; authenticators show a '+' as it is. */
static const char *label(const char *text, apr_pool_t *pool)
{
    const char *all = apr_pescape_urlencoded(pool, text);
    const char *out = "";
    apr_size_t len;

    for (; *(all += (len = strcspn(all, "+"))); all++) {
        out = apr_pstrcat(pool, out, apr_pstrmemdup(pool, all - len, len),
                          "%20", NULL);
    }
    return apr_pstrcat(pool, out, all - len, NULL);
}

const char *code_uri(const char *secret, const char *issuer,
                     const char *user, apr_pool_t *pool)
{
    const char *name = label(user, pool);
    const char *host = label(issuer, pool);

    return apr_psprintf(pool, "otpauth://totp/%s:%s?secret=%s&issuer=%s"
                        "&algorithm=SHA1&digits=%d&period=%d", host, name,
                        secret, host, CODE_DIGITS, CODE_STEP);
}
