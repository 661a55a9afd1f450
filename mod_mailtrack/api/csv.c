/* SPDX-License-Identifier: MIT */
/*
 * Rows of comma separated values; see csv.h. Pure, one thread a csv_t.
 */
#include <apr_strings.h>
#include <string.h>

#include "csv.h"

struct csv_t {
    apr_pool_t *pool;
    char *row;
    apr_size_t len;
    apr_size_t size;
    int cells;
};

csv_t *csv_make(apr_pool_t *pool)
{
    csv_t *csv = apr_pcalloc(pool, sizeof(*csv));

    csv->pool = pool;
    csv->size = 4096;
    csv->row = apr_palloc(pool, csv->size);
    return csv;
}

static void put(csv_t *csv, const char *text, apr_size_t len)
{
    if (csv->size - csv->len < len) {
        char *row;

        while (csv->size - csv->len < len)
            csv->size *= 2;
        row = apr_palloc(csv->pool, csv->size);
        memcpy(row, csv->row, csv->len);
        csv->row = row;
    }
    memcpy(csv->row + csv->len, text, len);
    csv->len += len;
}

void csv_row(csv_t *csv)
{
    csv->len = 0;
    csv->cells = 0;
}

static void separate(csv_t *csv)
{
    if (csv->cells++)
        put(csv, ",", 1);
}

void csv_text(csv_t *csv, const char *text)
{
    apr_size_t part;
    int quoted;

    separate(csv);
    if (!text || !*text)
        return;
    quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted)
        put(csv, "\"", 1);
    if (strchr("=+-@\t\r", *text))
        put(csv, "'", 1);
    for (;;) {
        part = strcspn(text, "\"");
        put(csv, text, part);
        if (!text[part])
            break;
        put(csv, "\"\"", 2);
        text += part + 1;
    }
    if (quoted)
        put(csv, "\"", 1);
}

void csv_int(csv_t *csv, apr_int64_t number)
{
    char text[32];
    int len = apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT, number);

    separate(csv);
    put(csv, text, (apr_size_t)len);
}

const char *csv_end(csv_t *csv, apr_size_t *len)
{
    put(csv, "\r\n", 2);
    *len = csv->len;
    return csv->row;
}
