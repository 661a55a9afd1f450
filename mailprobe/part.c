/* SPDX-License-Identifier: MIT */
/*
 * MIME parts found by their boundaries, and decoded. Any thread; no state.
 */
#include "part.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "field.h"
#include "lexer.h"

#define TYPE_CHARS 998
#define BOUNDARY_MAX 200        /* the RFC allows 70 */

const char *part_lower(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);
    char *p;

    for (p = copy; *p; p++) {
        *p = (char)apr_tolower(*p);
    }
    return copy;
}

static int is_value(const lex_t *word)
{
    return word->kind == LEX_ATOM || word->kind == LEX_QUOTED;
}

/* type/subtype; name=value ... */
static void content_type(part_t *part, const char *value, apr_pool_t *pool)
{
    lexer_t lexer = { value, ";=", pool };
    lex_t word;

    lexer_word(&word, &lexer, NULL);
    part->type = part_lower(word.text, pool);
    while (word.kind != LEX_END) {
        const char *name;

        lexer_word(&word, &lexer, NULL);
        if (!is_value(&word) || strcasecmp(word.text, "boundary")) {
            continue;
        }
        name = word.text;
        lexer_word(&word, &lexer, NULL);
        if (word.kind == LEX_SPECIAL && word.special == '=') {
            lexer.specials = ";";       /* unquoted "=" is seen in the wild */
            lexer_word(&word, &lexer, NULL);
            lexer.specials = ";=";
            if (is_value(&word) && *name && !*part->boundary
                && strlen(word.text) <= BOUNDARY_MAX) {
                part->boundary = word.text;
            }
        }
    }
}

void part_open(part_t *part, const char *bytes, const char *end,
               apr_pool_t *pool)
{
    int typed = 0;
    field_t field;

    part->type = "text/plain";
    part->boundary = part->encoding = "";
    part->bytes = bytes;
    part->end = end;
    while (field_next(&field, &part->bytes, end)) {
        if (field_is(&field, "Content-Type") && !typed++) {
            content_type(part, field_value(&field, TYPE_CHARS, pool), pool);
        } else if (field_is(&field, "Content-Transfer-Encoding")) {
            part->encoding = part_lower(field_value(&field, 32, pool), pool);
        }
    }
}

/* The next line "--boundary", with "--" behind the last. @return where it
 * begins, or end; *next is behind it, or NULL after the last */
static const char *delimiter(const char **next, const part_t *whole,
                             const char *at)
{
    apr_size_t len = strlen(whole->boundary);

    while (at < whole->end) {
        apr_size_t left = (apr_size_t)(whole->end - at);
        const char *lf = memchr(at, '\n', left);

        if (left >= len + 2 && at[0] == '-' && at[1] == '-'
            && !memcmp(at + 2, whole->boundary, len)) {
            int last = left >= len + 4 && at[len + 2] == '-'
                       && at[len + 3] == '-';

            *next = last || !lf ? NULL : lf + 1;
            return at;
        }
        at = lf ? lf + 1 : whole->end;
    }
    *next = NULL;
    return whole->end;
}

int part_next(part_t *part, const part_t *whole, const char **at,
              apr_pool_t *pool)
{
    const char *next;
    const char *end;

    if (!*at || !*whole->boundary) {
        return 0;
    }
    if (*at == whole->bytes) {
        delimiter(at, whole, *at);
        if (!*at) {
            return 0;
        }
    }
    end = delimiter(&next, whole, *at);
    part_open(part, *at, end, pool);
    *at = next;
    return 1;
}

/* -- transfer encodings -------------------------------------------------- */

static int digit64(char c)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* What is no digit is passed over, as RFC 2045 wants. */
static char *base64(char *out, const char *at, const char *end)
{
    unsigned int bits = 0;
    int n = 0;

    for (; at < end && *at != '='; at++) {
        int value = digit64(*at);

        if (value < 0) {
            continue;
        }
        bits = (bits << 6 | (unsigned int)value) & 0xffffff;
        if (++n % 4 != 1) {
            *out++ = (char)(bits >> (8 - n % 4 * 2) % 8 & 0xff);
        }
    }
    return out;
}

static int digit16(char c)
{
    if (apr_isdigit(c)) {
        return c - '0';
    }
    c = (char)apr_tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *quoted_printable(char *out, const char *at, const char *end)
{
    while (at < end) {
        if (*at != '=') {
            *out++ = *at++;
        } else if (end - at >= 3 && digit16(at[1]) >= 0
                   && digit16(at[2]) >= 0) {
            *out++ = (char)(digit16(at[1]) * 16 + digit16(at[2]));
            at += 3;
        } else {                /* a soft line break, or nonsense */
            at++;
            at += at < end && *at == '\r';
            at += at < end && *at == '\n';
        }
    }
    return out;
}

void part_decode(part_t *part, apr_pool_t *pool)
{
    int base = !strcmp(part->encoding, "base64");
    char *text;

    if (!base && strcmp(part->encoding, "quoted-printable")) {
        return;
    }
    /* neither ever gets longer */
    text = apr_palloc(pool, (apr_size_t)(part->end - part->bytes) + 1);
    part->end = base ? base64(text, part->bytes, part->end)
                     : quoted_printable(text, part->bytes, part->end);
    part->bytes = text;
    part->encoding = "";
}
