/* SPDX-License-Identifier: MIT */
/*
 * UTF-8, checked and mended. Runs in the drain and in the API, any thread;
 * pure. It must not read past text[len] and must not copy clean text.
 */
#include "utf8.h"

#include <string.h>

#define BAD ((apr_uint32_t)-1)
#define REPLACEMENT "\xEF\xBF\xBD"

/* Length and the range of the second octet, by the first one: the narrow
 * ranges are what keeps overlong forms, surrogates and > U+10FFFF out. */
static apr_size_t sequence(unsigned char c, unsigned char *low,
                           unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (c >= 0xC2 && c <= 0xDF) {
        return 2;
    }
    if (c >= 0xE0 && c <= 0xEF) {
        *low = c == 0xE0 ? 0xA0 : 0x80;
        *high = c == 0xED ? 0x9F : 0xBF;
        return 3;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        *low = c == 0xF0 ? 0x90 : 0x80;
        *high = c == 0xF4 ? 0x8F : 0xBF;
        return 4;
    }
    return 0;
}

apr_size_t utf8_next(apr_uint32_t *code, const char *text, apr_size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned char low, high;
    apr_size_t want, i;
    apr_uint32_t value;

    *code = BAD;
    if (len == 0) {
        return 0;
    }
    if (s[0] < 0x80) {
        *code = s[0];
        return 1;
    }
    want = sequence(s[0], &low, &high);
    if (want == 0) {
        return 1;
    }
    value = s[0] & (0x7FU >> want);
    for (i = 1; i < want; i++) {
        if (i >= len || s[i] < low || s[i] > high) {
            return i;
        }
        value = value << 6 | (s[i] & 0x3FU);
        low = 0x80;
        high = 0xBF;
    }
    *code = value;
    return want;
}

apr_size_t utf8_put(char *out, apr_uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* Octets at the beginning that are ASCII other than NUL. */
static apr_size_t ascii_run(const char *text, apr_size_t len)
{
    const apr_uint64_t ones = APR_UINT64_C(0x0101010101010101);
    apr_size_t i = 0;
    apr_uint64_t eight;

    while (len - i >= sizeof(eight)) {
        memcpy(&eight, text + i, sizeof(eight));
        /* a high bit set, or borrowed by an octet of zero */
        if ((eight | (eight - ones)) & (ones << 7)) {
            break;
        }
        i += sizeof(eight);
    }
    while (i < len && text[i] > 0) {
        i++;
    }
    return i;
}

/* How far text can be taken as it is, at most max_chars characters. */
static apr_size_t clean_run(const char *text, apr_size_t len,
                            apr_size_t *max_chars)
{
    apr_size_t i = 0, n;
    apr_uint32_t code;

    while (i < len && *max_chars > 0) {
        n = ascii_run(text + i, len - i < *max_chars ? len - i : *max_chars);
        if (n > 0) {
            *max_chars -= n;
        }
        else {
            n = utf8_next(&code, text + i, len - i);
            if (code == BAD || code == 0) {
                break;
            }
            --*max_chars;
        }
        i += n;
    }
    return i;
}

int utf8_valid(const char *text, apr_size_t len)
{
    apr_size_t left = len;

    return clean_run(text, len, &left) == len;
}

apr_size_t utf8_length(const char *text)
{
    apr_size_t n = 0;

    for (; *text; text++) {
        n += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return n;
}

const char *utf8_clean(const char *text, apr_size_t len, apr_size_t max_chars,
                       apr_pool_t *pool)
{
    apr_size_t used = clean_run(text, len, &max_chars), size = 0, n, room;
    apr_uint32_t code;
    char *out;

    if (used == len && text[len] == '\0') {
        return text;
    }
    /* the worst is one octet that becomes the three of U+FFFD */
    room = (len - used) * 3;
    if (max_chars < room / 4) {
        room = max_chars * 4;
    }
    out = apr_palloc(pool, used + room + 1);
    memcpy(out, text, used);
    size = used;
    while (used < len && max_chars > 0) {
        n = clean_run(text + used, len - used, &max_chars);
        memcpy(out + size, text + used, n);
        used += n;
        size += n;
        if (used < len && max_chars > 0) {
            used += utf8_next(&code, text + used, len - used);
            memcpy(out + size, REPLACEMENT, 3);
            size += 3;
            max_chars--;
        }
    }
    out[size] = '\0';
    return out;
}
