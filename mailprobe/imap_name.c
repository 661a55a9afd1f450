/* SPDX-License-Identifier: MIT */
/*
 * Modified UTF-7: printable ASCII stands for itself, "&-" for "&", and
 * everything else is UTF-16BE in base64 (with ',' for '/', without '=') between
 * "&" and "-". Pure; any thread.
 */
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "imap_name.h"
#include "imap_parse.h"
#include "utf8.h"

#define NAME_CHARS_MAX 255

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int is_plain(apr_uint32_t code)
{
    return code >= ' ' && code <= '~';
}

/* -- to the wire ----------------------------------------------------------- */

typedef struct bits_t {
    char *out;
    apr_uint32_t held;          /* bits not written yet */
    int count;
} bits_t;

static void put_unit(bits_t *bits, apr_uint32_t unit)
{
    bits->held = (bits->held << 16) | unit;
    bits->count += 16;
    while (bits->count >= 6) {
        bits->count -= 6;
        *bits->out++ = digits[(bits->held >> bits->count) & 63];
    }
    bits->held &= (1u << bits->count) - 1;
}

static void put_end(bits_t *bits)
{
    if (bits->count) {
        *bits->out++ = digits[(bits->held << (6 - bits->count)) & 63];
    }
    *bits->out++ = '-';
    bits->held = 0;
    bits->count = 0;
}

static void put_code(bits_t *bits, apr_uint32_t code)
{
    if (code >= 0x10000) {
        put_unit(bits, 0xd800 + ((code - 0x10000) >> 10));
        put_unit(bits, 0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
        put_unit(bits, code);
    }
}

const char *imap_name_encode(const char *name, apr_pool_t *pool)
{
    apr_size_t length = strlen(name);
    char *wire = apr_palloc(pool, length * 5 + 2);
    bits_t bits = { wire, 0, 0 };
    int inside = 0;

    if (!utf8_valid(name, length)) {
        return NULL;
    }
    while (length) {
        apr_uint32_t code;
        apr_size_t taken = utf8_next(&code, name, length);

        name += taken;
        length -= taken;
        if (is_plain(code) && inside) {
            put_end(&bits);
            inside = 0;
        }
        if (!is_plain(code)) {
            if (!inside) {
                *bits.out++ = '&';
            }
            inside = 1;
            put_code(&bits, code);
            continue;
        }
        *bits.out++ = (char)code;
        if (code == '&') {
            *bits.out++ = '-';
        }
    }
    if (inside) {
        put_end(&bits);
    }
    *bits.out = '\0';
    return wire;
}

/* -- and back -------------------------------------------------------------- */

/* The units between & and -, as UTF-8. @return where the text goes on, or NULL:
 * this is no modified UTF-7 */
static char *get_units(char *out, const char *at, const char *end)
{
    apr_uint32_t held = 0;
    apr_uint32_t high = 0;
    int count = 0;

    for (; at < end; at++) {
        const char *digit = memchr(digits, *at, 64);
        apr_uint32_t unit;

        if (!digit) {
            return NULL;
        }
        held = (held << 6) | (apr_uint32_t)(digit - digits);
        count += 6;
        if (count < 16) {
            continue;
        }
        count -= 16;
        unit = (held >> count) & 0xffff;
        held &= (1u << count) - 1;
        if (high) {
            if (unit < 0xdc00 || unit > 0xdfff) {
                return NULL;
            }
            unit = 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
            high = 0;
        } else if (unit >= 0xd800 && unit <= 0xdbff) {
            high = unit;
            continue;
        }
        if (!unit || (unit >= 0xdc00 && unit <= 0xdfff)) {
            return NULL;
        }
        out += utf8_put(out, unit);
    }
    return high || count >= 6 || held ? NULL : out;
}

const char *imap_name_decode(const char *wire, apr_pool_t *pool)
{
    char *name = apr_palloc(pool, strlen(wire) * 2 + 1);
    char *out = name;
    const char *at;

    for (at = wire; *at; at++) {
        const char *end;

        if (*at != '&') {
            *out++ = *at;
            continue;
        }
        end = strchr(at, '-');
        if (end == at + 1) {
            *out++ = '&';
        } else if (!end || !(out = get_units(out, at + 1, end))) {
            return imap_words(wire, strlen(wire), NAME_CHARS_MAX, pool);
        }
        at = end;
    }
    return imap_words(name, (apr_size_t)(out - name), NAME_CHARS_MAX, pool);
}

const char *imap_name_quote(const char *wire, apr_pool_t *pool)
{
    char *quoted = apr_palloc(pool, strlen(wire) * 2 + 3);
    char *out = quoted;

    *out++ = '"';
    for (; *wire; wire++) {
        if (*wire == '\r' || *wire == '\n' || (unsigned char)*wire > 127) {
            return NULL;
        }
        if (*wire == '"' || *wire == '\\') {
            *out++ = '\\';
        }
        *out++ = *wire;
    }
    *out++ = '"';
    *out = '\0';
    return quoted;
}

int imap_name_is_junk(const char *wire, char delimiter)
{
    static const char *const names[] = {
        "junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk",
        "bulk mail", "spamverdacht"
    };
    const char *last = delimiter ? strrchr(wire, delimiter) : NULL;
    apr_size_t i;

    last = last ? last + 1 : wire;
    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (!strcasecmp(last, names[i])) {
            return 1;
        }
    }
    return 0;
}
