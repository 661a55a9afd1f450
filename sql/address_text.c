/* SPDX-License-Identifier: MIT */
/*
 * The characters of an address list, before anything of it is understood. Used
 * by address.c, any thread; pure.
 */
#include "address_text.h"

#include <string.h>

#include <apr_strings.h>

#include "utf8.h"

/* Blank or invisible in print, and often pasted along with an address. */
static int is_blank(apr_uint32_t code)
{
    return code == ' ' || code == '\t' || code == 0xA0 || code == 0x1680
        || (code >= 0x2000 && code <= 0x200B)
        || code == 0x200E || code == 0x200F
        || (code >= 0x2028 && code <= 0x202F)
        || (code >= 0x205F && code <= 0x2060)
        || (code >= 0x2066 && code <= 0x2069)
        || code == 0x3000 || code == 0xFEFF;
}

/* A line break of folding: a blank follows, or nothing at all. */
static apr_size_t fold(const char *text, apr_size_t len)
{
    apr_size_t n = len > 1 && text[0] == '\r' && text[1] == '\n' ? 2
                 : len > 0 && text[0] == '\n' ? 1 : 0;

    return n == len || text[n] == ' ' || text[n] == '\t' ? n : 0;
}

apr_status_t address_text(const char **simple, const char **error,
                          const char *text, apr_size_t len, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, len + 1);
    apr_uint32_t code;
    apr_size_t i = 0, n;

    *simple = out;
    while (i < len) {
        n = fold(text + i, len - i);
        if (n > 0) {
            i += n;
            continue;
        }
        n = utf8_next(&code, text + i, len - i);
        if (code == (apr_uint32_t)-1) {
            *error = "recipients must be valid UTF-8";
            return APR_EINVAL;
        }
        if (is_blank(code)) {
            *out++ = ' ';
        }
        else if (code < 0x20 || (code >= 0x7F && code < 0xA0)) {
            *error = apr_psprintf(pool, "recipients hold a control "
                                    "character (U+%04X)", code);
            return APR_EINVAL;
        }
        else {
            memcpy(out, text + i, n);
            out += n;
        }
        i += n;
    }
    *out = '\0';
    return APR_SUCCESS;
}
