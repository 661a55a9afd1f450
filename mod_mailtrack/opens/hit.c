/* SPDX-License-Identifier: MIT */
/*
 * Spool lines. hit_format runs in the hit path, on the stack, without
 * allocation; hit_parse in the drain, on bytes that may be anything.
 */
#include "hit.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_network_io.h>
#include <apr_strings.h>
#include <arpa/inet.h>

#define FIELDS 13

static const char hex[] = "0123456789ABCDEF";

int hit_id(char *id, const char *text, apr_size_t len)
{
    apr_size_t i;

    if (len != HIT_ID_LEN) {
        return 0;
    }
    for (i = 0; i < HIT_ID_LEN; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-') {
                return 0;
            }
        } else if (!apr_isxdigit(text[i])) {
            return 0;
        }
        id[i] = (char)apr_tolower(text[i]);
    }
    id[HIT_ID_LEN] = '\0';
    return 1;
}

/* -- writing ------------------------------------------------------------ */

static char *put_text(char *out, const char *text, apr_size_t max)
{
    const char *end = text ? text + max : NULL;

    for (; text && text < end && *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c == 0x7f || c == '%') {
            *out++ = '%';
            *out++ = hex[c >> 4];
            *out++ = hex[c & 15];
        } else {
            *out++ = (char)c;
        }
    }
    *out++ = '\t';
    return out;
}

static char *put_time(char *out, apr_time_t at)
{
    char digits[24];
    int n = 0;

    do {
        digits[n++] = (char)('0' + at % 10);
        at /= 10;
    } while (at > 0);
    while (n > 0) {
        *out++ = digits[--n];
    }
    *out++ = '\t';
    return out;
}

apr_size_t hit_format(char *line, const hit_t *hit)
{
    char *out = line;

    *out++ = '1';
    *out++ = '\t';
    out = put_time(out, hit->at);
    out = put_text(out, hit->id, HIT_ID_LEN);
    out = put_text(out, hit->address, 45);
    out = put_text(out, hit->method, 16);
    *out++ = hit->anonymized ? 'a' : '-';
    *out++ = '\t';
    out = put_text(out, hit->user_agent, HIT_AGENT_MAX);
    out = put_text(out, hit->referer, HIT_REFERER_MAX);
    out = put_text(out, hit->headers, HIT_HEADERS_MAX);
    out = put_text(out, hit->anonymized ? hit->networks : NULL,
                   HIT_NAMES_MAX);
    out = put_text(out, hit->anonymized ? hit->country : NULL, 256);
    out = put_text(out, hit->anonymized ? hit->city : NULL, 512);
    *out++ = '.';
    *out++ = '\n';
    return (apr_size_t)(out - line);
}

static int plain(unsigned char c)
{
    return apr_isalnum(c) || strchr("-._~ ;,:/()*\"", c) != NULL;
}

apr_size_t hit_header(char *headers, apr_size_t len, const char *name,
                      const char *value)
{
    apr_size_t room = HIT_HEADERS_MAX - 4;
    apr_size_t n = strlen(name);

    if (len + n + 2 > room) {
        return len;
    }
    if (len) {
        headers[len++] = '&';
    }
    memcpy(headers + len, name, n);
    len += n;
    headers[len++] = '=';
    for (; *value && len < room; value++) {
        unsigned char c = (unsigned char)*value;

        if (plain(c)) {
            headers[len++] = (char)c;
        } else {
            headers[len++] = '%';
            headers[len++] = hex[c >> 4];
            headers[len++] = hex[c & 15];
        }
    }
    headers[len] = '\0';
    return len;
}

/* -- reading ------------------------------------------------------------ */

static int hex_value(char c)
{
    const char *at = c ? strchr(hex, c) : NULL;

    return at ? (int)(at - hex) : -1;
}

/* Decodes in place; a NUL cannot have come from a header and becomes '?'. */
static apr_status_t decode(char *text)
{
    char *out = text;

    for (; *text; text++, out++) {
        if (*text != '%') {
            *out = *text;
            continue;
        }
        if (hex_value(text[1]) < 0 || hex_value(text[2]) < 0) {
            return APR_EINVAL;
        }
        *out = (char)(hex_value(text[1]) * 16 + hex_value(text[2]));
        if (!*out) {
            *out = '?';
        }
        text += 2;
    }
    *out = '\0';
    return APR_SUCCESS;
}

/* Cut a copy of the line at its tabs. @return how many fields */
static int split(char **fields, char *line)
{
    int n = 0;

    for (;;) {
        char *tab = strchr(line, '\t');

        if (n == FIELDS) {
            return n + 1;
        }
        fields[n++] = line;
        if (!tab) {
            return n;
        }
        *tab = '\0';
        line = tab + 1;
    }
}

static apr_status_t parse_time(apr_time_t *at, const char *text)
{
    char *end = NULL;
    apr_int64_t value = apr_strtoi64(text, &end, 10);

    if (!apr_isdigit(*text) || *end || value <= 0
        || value > APR_INT64_C(4102444800000000)) {     /* the year 2100 */
        return APR_EINVAL;
    }
    *at = value;
    return APR_SUCCESS;
}

apr_status_t hit_parse(hit_t *hit, const char *line, apr_size_t len,
                       apr_pool_t *pool)
{
    char *fields[FIELDS];
    char id[HIT_ID_LEN + 1];
    char *copy;
    int i;

    if (len > HIT_LINE_MAX || memchr(line, '\0', len)) {
        return APR_EINVAL;
    }
    copy = apr_pstrmemdup(pool, line, len);
    if (split(fields, copy) != FIELDS || strcmp(fields[0], "1")
        || strcmp(fields[FIELDS - 1], ".")
        || parse_time(&hit->at, fields[1]) != APR_SUCCESS
        || !hit_id(id, fields[2], strlen(fields[2]))
        || (strcmp(fields[5], "a") && strcmp(fields[5], "-"))) {
        return APR_EINVAL;
    }
    for (i = 3; i < FIELDS - 1; i++) {
        if (decode(fields[i]) != APR_SUCCESS) {
            return APR_EINVAL;
        }
    }
    hit->id = apr_pstrmemdup(pool, id, HIT_ID_LEN);
    hit->address = fields[3];
    hit->method = fields[4];
    hit->anonymized = *fields[5] == 'a';
    hit->user_agent = fields[6];
    hit->referer = fields[7];
    hit->headers = fields[8];
    hit->networks = fields[9];
    hit->country = fields[10];
    hit->city = fields[11];
    return APR_SUCCESS;
}

/* -- addresses ---------------------------------------------------------- */

void hit_anonymize(char *out, const char *address)
{
    static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                              0xff, 0xff };
    unsigned char bytes[16];

    *out = '\0';
    if (inet_pton(AF_INET, address, bytes) == 1) {
        bytes[3] = 0;
        inet_ntop(AF_INET, bytes, out, 46);
    } else if (inet_pton(AF_INET6, address, bytes) == 1) {
        if (!memcmp(bytes, mapped, sizeof(mapped))) {
            bytes[15] = 0;
            inet_ntop(AF_INET, bytes + 12, out, 46);
            return;
        }
        memset(bytes + 6, 0, 10);
        inet_ntop(AF_INET6, bytes, out, 46);
    }
}
