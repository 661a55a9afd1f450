/* SPDX-License-Identifier: MIT */
/*
 * Header fields, found and unfolded. Reads each byte a bounded number of times
 * whatever the mail looks like. Any thread; no state.
 */
#include "field.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "utf8.h"

/* The end of the line, and where the next one begins. */
static const char *line_end(const char **next, const char *at,
                            const char *end)
{
    const char *lf = memchr(at, '\n', (apr_size_t)(end - at));

    *next = lf ? lf + 1 : end;
    if (!lf) {
        return end;
    }
    return lf > at && lf[-1] == '\r' ? lf - 1 : lf;
}

static int continues(const char *at, const char *end)
{
    return at < end && (*at == ' ' || *at == '\t');
}

/* ftext is 33..126 but the colon; blanks before the colon are obsolete, not
 * unheard of. */
static int name_of(field_t *field, const char *at, const char *end)
{
    const char *colon = memchr(at, ':', (apr_size_t)(end - at));
    const char *p;

    if (!colon) {
        return 0;
    }
    field->name = at;
    field->raw = colon + 1;
    while (colon > at && (colon[-1] == ' ' || colon[-1] == '\t')) {
        colon--;
    }
    for (p = at; p < colon; p++) {
        if (*p < 33 || *p > 126) {
            return 0;
        }
    }
    field->name_length = (apr_size_t)(colon - at);
    return colon > at;
}

int field_next(field_t *field, const char **at, const char *end)
{
    while (*at < end) {
        const char *start = *at;
        const char *stop = line_end(at, start, end);
        int good;

        if (stop == start) {
            return 0;
        }
        good = !continues(start, end) && name_of(field, start, stop);
        while (continues(*at, end)) {
            stop = line_end(at, *at, end);
        }
        if (good) {
            field->length = (apr_size_t)(stop - field->raw);
            return 1;
        }
    }
    return 0;
}

int field_is(const field_t *field, const char *name)
{
    return strlen(name) == field->name_length && field_begins(field, name);
}

int field_begins(const field_t *field, const char *prefix)
{
    apr_size_t len = strlen(prefix);

    return len <= field->name_length
           && !strncasecmp(field->name, prefix, len);
}

const char *field_value(const field_t *field, apr_size_t max,
                        apr_pool_t *pool)
{
    /* a character has at most 4 octets; blanks that go are not counted */
    apr_size_t room = max * 4 < field->length ? max * 4 : field->length;
    char *text = apr_palloc(pool, room + 1);
    apr_size_t n = 0;
    apr_size_t i;

    for (i = 0; i < field->length && n < room; i++) {
        unsigned char c = (unsigned char)field->raw[i];

        if (c > 0x20 && c != 0x7f) {
            text[n++] = (char)c;
        } else if (n && text[n - 1] != ' ') {
            text[n++] = ' ';
        }
    }
    if (n && text[n - 1] == ' ') {
        n--;
    }
    text[n] = '\0';
    return utf8_clean(text, n, max, pool);
}
