/* SPDX-License-Identifier: MIT */
/*
 * Strangers' text made harmless. Pure: bytes in, bytes out; any thread. Knows
 * no channel and no event.
 */
#include "plain.h"

#include <string.h>

#include <apr_base64.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "utf8.h"

#define ELLIPSIS "\xe2\x80\xa6"
/** Bytes of text in one encoded word: 75 - strlen("=?UTF-8?B??=") = 63, of
 * which base64 uses 60 for 45. */
#define WORD_BYTES 45

/* Characters that change how their neighbours are shown, or are not shown
 * themselves: with them "exe.fdp" reads as something else. */
static int is_hidden(apr_uint32_t c)
{
    return c == 0xad || c == 0x061c || c == 0x200b || c == 0x200e
           || c == 0x200f || (c >= 0x202a && c <= 0x202e)
           || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff
           || (c >= 0xfff9 && c <= 0xfffb)
           || (c >= 0xe0000 && c <= 0xe007f);
}

static int is_blank(apr_uint32_t c)
{
    return c <= ' ' || (c >= 0x7f && c <= 0xa0) || c == 0x2028
           || c == 0x2029;
}

const char *plain_line(const char *text, apr_size_t max_chars,
                       apr_pool_t *pool)
{
    const char *clean;
    apr_size_t len, used;
    char *line, *to;
    int blank = 0;

    if (!text) {
        return "";
    }
    /* what is dropped below must not use up the room of what stays, but a
     * megabyte of it is not worth reading */
    clean = utf8_clean(text, strlen(text), max_chars * 4 + 16, pool);
    len = strlen(clean);
    to = line = apr_palloc(pool, len + 1);
    for (; len; clean += used, len -= used) {
        apr_uint32_t c;

        used = utf8_next(&c, clean, len);
        if (is_blank(c)) {
            blank = 1;
        }
        else if (!is_hidden(c)) {
            if (blank && to > line) {
                *to++ = ' ';
            }
            blank = 0;
            memcpy(to, clean, used);
            to += used;
        }
    }
    *to = '\0';
    return plain_cut(line, max_chars, pool);
}

const char *plain_cut(const char *text, apr_size_t max_chars,
                      apr_pool_t *pool)
{
    apr_size_t len = strlen(text), at = 0, keep = 0, count = 0;
    apr_uint32_t c;

    for (; at < len && count < max_chars; count++) {
        if (count + 1 == max_chars) {
            keep = at;          /* the ellipsis is a character too */
        }
        at += utf8_next(&c, text + at, len - at);
    }
    return at == len ? text
           : apr_pstrcat(pool, apr_pstrmemdup(pool, text, keep),
                         max_chars ? ELLIPSIS : "", NULL);
}

const char *plain_cut_bytes(const char *text, apr_size_t max_bytes,
                            apr_pool_t *pool)
{
    apr_size_t len = strlen(text), at = 0;
    apr_uint32_t c;

    if (len <= max_bytes) {
        return text;
    }
    if (max_bytes < 3) {
        return "";
    }
    for (;;) {
        apr_size_t next = at + utf8_next(&c, text + at, len - at);

        if (next > max_bytes - 3) {
            return apr_pstrcat(pool, apr_pstrmemdup(pool, text, at),
                               ELLIPSIS, NULL);
        }
        at = next;
    }
}

static const char *entity_of(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

const char *plain_html(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(text) * 6 + 1), *to = out;

    for (; *text; text++) {
        const char *entity = entity_of(*text);

        if (entity) {
            to = apr_cpystrn(to, entity, 7);
        }
        else {
            *to++ = *text;
        }
    }
    *to = '\0';
    return out;
}

/* Printable ASCII that a reader will not take for an encoded word. */
static int is_header_text(const char *text)
{
    const char *c;

    for (c = text; *c; c++) {
        if (*c < ' ' || *c > '~') {
            return 0;
        }
    }
    return !strstr(text, "=?");
}

const char *plain_header(const char *text, apr_pool_t *pool)
{
    apr_size_t len = strlen(text);
    const char *out = "";

    if (is_header_text(text)) {
        return text;
    }
    while (len) {
        apr_size_t take = 0;
        char word[WORD_BYTES * 2];
        apr_uint32_t c;

        for (;;) {
            apr_size_t next = utf8_next(&c, text + take, len - take);

            if (!next || take + next > WORD_BYTES) {
                break;
            }
            take += next;
        }
        apr_base64_encode(word, text, (int)take);
        out = apr_pstrcat(pool, out, *out ? " " : "", "=?UTF-8?B?", word,
                          "?=", NULL);
        text += take;
        len -= take;
    }
    return out;
}
