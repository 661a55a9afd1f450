/* SPDX-License-Identifier: MIT */
/*
 * Cursors, written and read. Strict by writing what was read once more and
 * comparing: so one place has one text, and no odd number gets through.
 */
#include "cursor.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>

#include "utf8.h"

/* Longer than any of ours: a kind, two numbers or an address. */
#define CURSOR_MAX 600

static const char *encode(const char *text, apr_pool_t *pool)
{
    return apr_pencode_base64(pool, text, APR_ENCODE_STRING,
                              APR_ENCODE_BASE64URL, NULL);
}

/* NULL where it is no text of this kind. */
static const char *decode(char kind, const char *cursor, apr_pool_t *pool)
{
    apr_size_t len = 0;
    const char *text;

    if (strlen(cursor) > CURSOR_MAX) {
        return NULL;
    }
    text = apr_pdecode_base64(pool, cursor, APR_ENCODE_STRING,
                              APR_ENCODE_BASE64URL, &len);
    /* the length counts no NUL at the end; one in it hides what follows */
    return text && len > 2 && strlen(text) == len && text[0] == kind
           && text[1] == ':' && utf8_valid(text, len) ? text + 2 : NULL;
}

const char *cursor_make(char kind, apr_int64_t key, apr_int64_t id,
                        apr_pool_t *pool)
{
    return encode(apr_psprintf(pool, "%c:%" APR_INT64_T_FMT ":%"
                               APR_INT64_T_FMT, kind, key, id), pool);
}

apr_status_t cursor_read(apr_int64_t *key, apr_int64_t *id, char kind,
                         const char *cursor, apr_pool_t *pool)
{
    const char *text = decode(kind, cursor, pool);
    char *end;

    if (!text) {
        return APR_EINVAL;
    }
    *key = apr_strtoi64(text, &end, 10);
    if (*end != ':') {
        return APR_EINVAL;
    }
    *id = apr_strtoi64(end + 1, &end, 10);
    return *end || strcmp(cursor_make(kind, *key, *id, pool), cursor)
           ? APR_EINVAL : APR_SUCCESS;
}

const char *cursor_make_text(char kind, const char *key, apr_pool_t *pool)
{
    const char start[] = { kind, ':', '\0' };

    return encode(apr_pstrcat(pool, start, key, NULL), pool);
}

apr_status_t cursor_read_text(const char **key, char kind,
                              const char *cursor, apr_pool_t *pool)
{
    *key = decode(kind, cursor, pool);
    return !*key || strcmp(cursor_make_text(kind, *key, pool), cursor)
           ? APR_EINVAL : APR_SUCCESS;
}
