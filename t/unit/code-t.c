/* SPDX-License-Identifier: MIT */
/*
 * Authenticators' codes: those of RFC 6238's appendix B, one step of skew and
 * no more, what is a code, and the URI of the QR code.
 */
#include "tap.h"

#include <apr_general.h>

#include "code.h"

/* "12345678901234567890", the RFC's secret */
#define SECRET "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

static apr_pool_t *pool;

static void right(apr_int64_t seconds, const char *digits, apr_int64_t want)
{
    apr_int64_t step = -1;

    is_int(code_check(&step, SECRET, digits, apr_time_from_sec(seconds), pool),
           APR_SUCCESS, "%s at %ld", digits, (long)seconds);
    is_int(step, want, "its step");
}

static void wrong(apr_int64_t seconds, const char *digits, const char *why)
{
    apr_int64_t step = -1;

    is_int(code_check(&step, SECRET, digits, apr_time_from_sec(seconds), pool),
           APR_NOTFOUND, "%s", why);
    is_int(step, -1, "no step");
}

static void test_codes(void)
{
    apr_int64_t step = 0;

    /* the last six of the RFC's eight digits */
    right(59, "287082", 1);
    right(1111111109, "081804", 37037036);
    right(1111111111, "050471", 37037037);
    right(1234567890, "005924", 41152263);
    right(2000000000, "279037", 66666666);
    right(20000000000, "353130", 666666666);
    right(59 + 30, "287082", 1);
    right(59 - 30, "287082", 1);
    wrong(59 + 60, "287082", "two steps late");
    wrong(1234567890 - 60, "005924", "two steps early");
    wrong(59, "287083", "another code");
    is_int(code_check(&step, "!!", "287082", 0, pool), APR_EINVAL,
           "no secret");
}

static void test_digits(void)
{
    char digits[CODE_DIGITS + 1];

    ok(code_digits(digits, "123456"), "six digits");
    ok(code_digits(digits, " 123 456 "), "with spaces");
    is_str(digits, "123456", "which are left out");
    ok(!code_digits(digits, "12345"), "five");
    ok(!code_digits(digits, "1234567"), "seven");
    ok(!code_digits(digits, "12345a"), "a letter");
    ok(!code_digits(digits, ""), "nothing");
    ok(!code_digits(digits, "ABCD-EFGH-IJKL-MNOP"), "a recovery code");
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    test_codes();
    test_digits();
    is_str(code_uri("ABC", "mail.example.org:8443", "zo\xc3\xab b&c", pool),
           "otpauth://totp/mail.example.org%3a8443:zo%c3%ab%20b%26c?secret=ABC"
           "&issuer=mail.example.org%3a8443&algorithm=SHA1&digits=6&period=30",
           "the URI");
    apr_pool_destroy(pool);
    return done_testing();
}
