/* SPDX-License-Identifier: MIT */
/*
 * From `?` to apr_dbd's formats, and a script cut into statements. Used by
 * engine_dbd.c, any thread; pure.
 */
#include "placeholders.h"

#include <string.h>

/* Octets of the quoted text or comment that begins here; else 0. A doubled
 * quote is two quoted texts in a row, which comes to the same. */
static apr_size_t quoted(const char *sql)
{
    const char *end = NULL;

    if (*sql == '\'' || *sql == '"' || *sql == '`') {
        end = strchr(sql + 1, *sql);
        return end ? (apr_size_t)(end - sql) + 1 : strlen(sql);
    }
    if (sql[0] == '-' && sql[1] == '-') {
        return strcspn(sql, "\n");
    }
    if (sql[0] == '/' && sql[1] == '*') {
        end = strstr(sql + 2, "*/");
        return end ? (apr_size_t)(end - sql) + 2 : strlen(sql);
    }
    return 0;
}

static char *put(char *out, const char *text)
{
    apr_size_t n = strlen(text);

    memcpy(out, text, n);
    return out + n;
}

const char *placeholders_format(const char *sql, const store_arg_t *args,
                                int count, apr_pool_t *pool)
{
    /* the longest: one octet that becomes the four of %lld */
    char *format = apr_palloc(pool, 4 * strlen(sql) + 1), *out = format;
    apr_size_t inside = 0;
    int n = 0;

    for (; *sql; sql++) {
        if (inside == 0) {
            inside = quoted(sql);
        }
        if (*sql == '%') {
            out = put(out, "%%");
        }
        else if (*sql == '?' && inside == 0) {
            if (n == count) {
                return NULL;
            }
            out = put(out, args[n++].type == 'i' ? "%lld" : "%s");
        }
        else {
            *out++ = *sql;
        }
        inside -= inside > 0;
    }
    *out = '\0';
    return n == count ? format : NULL;
}

apr_size_t placeholders_statement(const char *sql)
{
    const char *at = sql;
    apr_size_t n;

    while (*at && *at != ';') {
        n = quoted(at);
        at += n ? n : 1;
    }
    return (apr_size_t)(at - sql);
}

int placeholders_blank(const char *sql, apr_size_t len)
{
    apr_size_t at = 0, n;

    while (at < len) {
        n = *sql == '-' || *sql == '/' ? quoted(sql) : strspn(sql, " \t\r\n");
        if (n == 0) {
            return 0;
        }
        sql += n;
        at += n;
    }
    return 1;
}
