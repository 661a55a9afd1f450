/* SPDX-License-Identifier: MIT */
/*
 * Bounces read: the MIME parts of a multipart/report (RFC 6522) found, the
 * fields of the delivery status (RFC 3464) and the token of the returned
 * headers taken out. Any thread.
 */
#include "dsn.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <jansson.h>

#include "field.h"
#include "headers.h"
#include "lexer.h"
#include "part.h"
#include "utf8.h"

#define NAME_CHARS 255
#define WORDS_CHARS 998
#define DEPTH_MAX 4

typedef struct reading_t {
    dsn_t *dsn;
    int recipients;             /* groups of them read */
    int failed;                 /* one of them failed: it is the one we tell */
    apr_pool_t *pool;
} reading_t;

/* "dns; mx.example.org": what comes after the type. */
static const char *untyped(const field_t *field, apr_size_t chars,
                           apr_pool_t *pool)
{
    const char *value = field_value(field, chars + 32, pool);
    const char *semicolon = strchr(value, ';');

    if (semicolon) {
        value = semicolon + 1;
        value += strspn(value, " ");
    }
    return utf8_clean(value, strlen(value), chars, pool);
}

/* The first word, without comments, lower case. */
static const char *first_word(const field_t *field, apr_pool_t *pool)
{
    lexer_t lexer = { field_value(field, 64, pool), "", pool };
    lex_t word;

    lexer_word(&word, &lexer, NULL);
    return part_lower(word.text, pool);
}

static void recipient_field(dsn_t *one, const field_t *field,
                            apr_pool_t *pool)
{
    if (field_is(field, "Action")) {
        one->action = first_word(field, pool);
    } else if (field_is(field, "Status")) {
        one->status = first_word(field, pool);
    } else if (field_is(field, "Remote-MTA")) {
        one->remote_mta = untyped(field, NAME_CHARS, pool);
    } else if (field_is(field, "Diagnostic-Code")) {
        one->diagnostic = untyped(field, WORDS_CHARS, pool);
    } else if (field_is(field, "Final-Recipient")
               || (field_is(field, "Original-Recipient")
                   && !*one->recipient)) {
        one->recipient = untyped(field, NAME_CHARS, pool);
    }
}

/* One group of fields about one recipient. */
static void read_recipient(reading_t *reading, const char **at,
                           const char *end)
{
    dsn_t one = { NULL, "", "", "", "", "", "" };
    field_t field;
    int failed;

    while (field_next(&field, at, end)) {
        recipient_field(&one, &field, reading->pool);
    }
    failed = !strcmp(one.action, "failed");
    if (!*one.action || (reading->recipients && (reading->failed || !failed))) {
        return;
    }
    reading->recipients++;
    reading->failed = failed;
    reading->dsn->action = one.action;
    reading->dsn->status = one.status;
    reading->dsn->remote_mta = one.remote_mta;
    reading->dsn->diagnostic = one.diagnostic;
    reading->dsn->recipient = one.recipient;
}

static void read_status(reading_t *reading, const char *bytes,
                        const char *end)
{
    const char *at = bytes;
    field_t field;

    while (field_next(&field, &at, end)) {
        if (field_is(&field, "Reporting-MTA")) {
            reading->dsn->reporting_mta = untyped(&field, NAME_CHARS,
                                                  reading->pool);
        }
    }
    while (at < end) {
        read_recipient(reading, &at, end);
    }
}

static void read_returned(reading_t *reading, const char *bytes,
                          const char *end)
{
    headers_t *headers = headers_parse(bytes, (apr_size_t)(end - bytes),
                                       NULL, 0, 0, reading->pool);

    if (headers->token && !reading->dsn->token) {
        reading->dsn->token = headers->token;
    }
}

static int is_status(const char *type)
{
    return !strcmp(type, "message/delivery-status")
           || !strcmp(type, "message/global-delivery-status");
}

static int is_returned(const char *type)
{
    return !strcmp(type, "message/rfc822")
           || !strcmp(type, "text/rfc822-headers")
           || !strcmp(type, "message/global")
           || !strcmp(type, "message/global-headers");
}

/* Gateways put reports into other multiparts: looked into, to a depth. */
static void read_parts(reading_t *reading, const part_t *whole, int depth)
{
    const char *at = whole->bytes;
    part_t part;

    while (part_next(&part, whole, &at, reading->pool)) {
        if (!strncmp(part.type, "multipart/", 10)) {
            if (depth < DEPTH_MAX) {
                read_parts(reading, &part, depth + 1);
            }
            continue;
        }
        if (is_status(part.type)) {
            part_decode(&part, reading->pool);
            read_status(reading, part.bytes, part.end);
        } else if (is_returned(part.type)) {
            part_decode(&part, reading->pool);
            read_returned(reading, part.bytes, part.end);
        }
    }
}

apr_status_t dsn_parse(dsn_t **dsn, const char *bytes, apr_size_t length,
                       apr_pool_t *pool)
{
    dsn_t empty = { NULL, "", "", "", "", "", "" };
    reading_t reading = { NULL, 0, 0, pool };
    part_t mail;

    *dsn = NULL;
    part_open(&mail, bytes, bytes + length, pool);
    if (strncmp(mail.type, "multipart/", 10)) {
        return APR_EINVAL;
    }
    reading.dsn = apr_pmemdup(pool, &empty, sizeof(empty));
    read_parts(&reading, &mail, 0);
    if (!reading.recipients || !reading.dsn->token) {
        return APR_EINVAL;
    }
    *dsn = reading.dsn;
    return APR_SUCCESS;
}

const char *dsn_json(const dsn_t *dsn, apr_pool_t *pool)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}",
                             "action", dsn->action, "status", dsn->status,
                             "remote_mta", dsn->remote_mta,
                             "reporting_mta", dsn->reporting_mta,
                             "diagnostic", dsn->diagnostic,
                             "recipient", dsn->recipient);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    const char *copy = apr_pstrdup(pool, text ? text : "null");

    free(text);
    json_decref(json);
    return copy;
}
