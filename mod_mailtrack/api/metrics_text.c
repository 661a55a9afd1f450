/* SPDX-License-Identifier: MIT */
/*
 * Prometheus' text format; see metrics_text.h. Pure: makes text, knows no
 * store.
 */
#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

#include "metrics_text.h"

struct metrics_t {
    apr_pool_t *pool;
    apr_array_header_t *lines;
    const char *name;           /* of the family */
};

metrics_t *metrics_make(apr_pool_t *pool)
{
    metrics_t *out = apr_pcalloc(pool, sizeof(*out));

    out->pool = pool;
    out->lines = apr_array_make(pool, 256, sizeof(const char *));
    out->name = "";
    return out;
}

static void add(metrics_t *out, const char *line)
{
    APR_ARRAY_PUSH(out->lines, const char *) = line;
}

void metrics_family(metrics_t *out, const char *name, const char *type,
                    const char *help)
{
    out->name = name;
    add(out, apr_psprintf(out->pool, "# HELP %s %s\n# TYPE %s %s\n", name,
                          help, name, type));
}

/* Backslash, quote and line feed are the three that must be escaped. */
static const char *escaped(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, 2 * strlen(text) + 1), *to = out;

    for (; *text; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n')
            *to++ = '\\';
        *to++ = *text;
        if (*text == '\n')
            to[-1] = 'n';
    }
    *to = '\0';
    return out;
}

static const char *labels_text(const char *const *labels, apr_pool_t *pool)
{
    const char *text = "";

    if (!labels || !*labels)
        return "";
    for (; *labels; labels += 2)
        text = apr_pstrcat(pool, text, *text ? "," : "{", labels[0], "=\"",
                           escaped(labels[1], pool), "\"", NULL);
    return apr_pstrcat(pool, text, "}", NULL);
}

static void sample(metrics_t *out, const char *suffix,
                   const char *const *labels, const char *value)
{
    add(out, apr_pstrcat(out->pool, out->name, suffix,
                         labels_text(labels, out->pool), " ", value, "\n",
                         NULL));
}

void metrics_int(metrics_t *out, const char *suffix,
                 const char *const *labels, apr_int64_t value)
{
    sample(out, suffix, labels, apr_psprintf(out->pool, "%" APR_INT64_T_FMT,
                                             value));
}

void metrics_us(metrics_t *out, const char *suffix,
                const char *const *labels, apr_int64_t us)
{
    apr_int64_t size = us < 0 ? -us : us;

    sample(out, suffix, labels, apr_psprintf(out->pool, "%s%"
           APR_INT64_T_FMT ".%06" APR_INT64_T_FMT, us < 0 ? "-" : "",
           size / APR_USEC_PER_SEC, size % APR_USEC_PER_SEC));
}

const char *metrics_text(const metrics_t *out, apr_size_t *len)
{
    const char *text = apr_array_pstrcat(out->pool, out->lines, 0);

    *len = strlen(text);
    return text;
}
