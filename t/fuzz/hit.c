/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a spool line, and as what a client sends.
 *
 * The first byte chooses. A line that parses must come out of hit_format and
 * hit_parse again as the same hit, and a hit of any bytes must make one line
 * of at most HIT_LINE_MAX bytes that parses: else abort. Build and run as
 * t/README.md says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "hit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int good)
{
    if (!good) {
        abort();
    }
}

static int bounded(const hit_t *hit)
{
    return strlen(hit->address) <= 45 && strlen(hit->method) <= 16
           && strlen(hit->user_agent) <= HIT_AGENT_MAX
           && strlen(hit->referer) <= HIT_REFERER_MAX
           && strlen(hit->headers) <= HIT_HEADERS_MAX
           && strlen(hit->networks) <= HIT_NAMES_MAX
           && strlen(hit->country) <= 256 && strlen(hit->city) <= 512;
}

/* One line, which says what the hit says. */
static void write_read(const hit_t *hit, apr_pool_t *pool)
{
    char *line = apr_palloc(pool, HIT_LINE_MAX);
    apr_size_t len = hit_format(line, hit);
    hit_t again;

    need(len > 0 && len <= HIT_LINE_MAX && line[len - 1] == '\n');
    need(memchr(line, '\n', len) == line + len - 1);
    need(hit_parse(&again, line, len - 1, pool) == APR_SUCCESS);
    need(bounded(&again) && again.at == hit->at);
    need(!strcmp(again.id, hit->id) && again.anonymized == hit->anonymized);
    if (bounded(hit)) {
        need(!strcmp(again.user_agent, hit->user_agent));
        need(!strcmp(again.referer, hit->referer));
        need(!strcmp(again.headers, hit->headers));
        need(!hit->anonymized || !strcmp(again.city, hit->city));
    }
}

static void parse(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    char cut[46];
    hit_t hit;

    if (hit_parse(&hit, (const char *)data, size, pool) == APR_SUCCESS) {
        hit_anonymize(cut, hit.address);
        need(strlen(cut) < sizeof(cut));
        write_read(&hit, pool);
    }
}

/* Texts of any bytes but NUL, as httpd hands them over. */
static void format(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    char *text = apr_pstrmemdup(pool, (const char *)data, size);
    char *headers = apr_palloc(pool, HIT_HEADERS_MAX + 1);
    const char *parts[7];
    apr_size_t len = 0;
    hit_t hit;
    int i;

    for (i = 0; i < 7; i++) {
        char *end = strchr(text, '|');

        parts[i] = text;
        text = end ? end + 1 : text + strlen(text);
        if (end) {
            *end = '\0';
        }
    }
    headers[0] = '\0';
    for (i = 0; i < 7; i++) {
        len = hit_header(headers, len, "name", parts[i]);
        need(len <= HIT_HEADERS_MAX && strlen(headers) == len);
    }
    hit.at = (apr_time_t)size + 1;
    hit.id = "0123abcd-0000-4000-8000-00000000cdef";
    hit.address = parts[0];
    hit.method = parts[1];
    hit.user_agent = parts[2];
    hit.referer = parts[3];
    hit.headers = headers;
    hit.anonymized = size & 1;
    hit.networks = parts[4];
    hit.country = parts[5];
    hit.city = parts[6];
    write_read(&hit, pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int started;
    apr_pool_t *pool;

    if (!started) {
        apr_initialize();
        started = 1;
    }
    if (!size) {
        return 0;
    }
    need(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    if (*data == '0') {
        format(data + 1, size - 1, pool);
    } else {
        parse(data + 1, size - 1, pool);
    }
    apr_pool_destroy(pool);
    return 0;
}
