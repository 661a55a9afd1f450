/* SPDX-License-Identifier: MIT */
/*
 * The headers of an arrived probe: which fields matter, in what order they are
 * believed, and the clocks of the hops held against our own. Any thread.
 */
#include "headers.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "authres.h"
#include "field.h"
#include "maildate.h"
#include "message.h"
#include "probes.h"
#include "received.h"

#define VALUE_CHARS 4000        /* of a Received or Authentication-Results */
#define SPAM_CHARS 998
#define SPAM_MAX 20

/* Where the search for believed results stands. */
enum { RUN_BEFORE, RUN_IN, RUN_OVER };

typedef struct reading_t {
    headers_t *headers;
    const apr_array_header_t *believed;
    int run;
    apr_pool_t *pool;
} reading_t;

/* Header names of filters, by how they begin. */
static const char *const spam_names[] = {
    "X-Spam", "X-Rspamd", "X-Bogosity", "X-DSPAM-Result",
    "X-Forefront-Antispam-Report", "X-Microsoft-Antispam",
    "X-MS-Exchange-Organization-SCL", "X-Barracuda-Spam",
    "X-Proofpoint-Spam", "X-Mimecast-Spam", "X-SES-Spam", "X-Ovh-Spam",
    "X-SpamExperts", "X-IronPort-Anti-Spam", NULL
};

static void read_token(reading_t *reading, const field_t *field)
{
    const char *value = field_value(field, PROBE_TOKEN_LENGTH + 1,
                                    reading->pool);
    apr_size_t i;

    if (reading->headers->token || strlen(value) != PROBE_TOKEN_LENGTH) {
        return;
    }
    for (i = 0; i < PROBE_TOKEN_LENGTH; i++) {
        if (!apr_isdigit(value[i]) && (value[i] < 'a' || value[i] > 'f')) {
            return;
        }
    }
    reading->headers->token = value;
}

static void read_received(reading_t *reading, const field_t *field)
{
    /* what a hop before wrote is not the word of the server we believe */
    if (reading->run == RUN_IN) {
        reading->run = RUN_OVER;
    }
    if (reading->headers->hops->nelts >= HEADERS_HOPS_MAX) {
        reading->headers->cut = 1;
        return;
    }
    received_parse(apr_array_push(reading->headers->hops),
                   field_value(field, VALUE_CHARS, reading->pool),
                   reading->pool);
}

static void read_auth(reading_t *reading, const field_t *field)
{
    if (reading->run == RUN_OVER) {
        return;
    }
    if (authres_parse(reading->headers->auth,
                      field_value(field, VALUE_CHARS, reading->pool),
                      reading->believed, reading->pool)) {
        reading->run = RUN_IN;
    } else if (reading->run == RUN_IN) {
        reading->run = RUN_OVER;
    }
}

static void read_spam(reading_t *reading, const field_t *field)
{
    spam_header_t *pair;

    if (reading->headers->spam->nelts >= SPAM_MAX
        || field->name_length > 64) {
        return;
    }
    pair = apr_array_push(reading->headers->spam);
    pair->name = apr_pstrmemdup(reading->pool, field->name,
                                field->name_length);
    pair->value = field_value(field, SPAM_CHARS, reading->pool);
}

static void read_field(reading_t *reading, const field_t *field)
{
    int i;

    if (field_is(field, MESSAGE_PROBE_HEADER)) {
        read_token(reading, field);
    } else if (field_is(field, "Received")) {
        read_received(reading, field);
    } else if (field_is(field, "Authentication-Results")) {
        read_auth(reading, field);
    } else if (field_is(field, "Date") && !reading->headers->date) {
        reading->headers->date =
            maildate_parse(field_value(field, 200, reading->pool),
                           reading->pool);
    } else {
        for (i = 0; spam_names[i]; i++) {
            if (field_begins(field, spam_names[i])) {
                read_spam(reading, field);
                return;
            }
        }
    }
}

/* Received lines are read from the top, where the last hop is. */
static void sender_first(apr_array_header_t *hops)
{
    hop_t *hop = (hop_t *)hops->elts;
    int i;

    for (i = 0; i < hops->nelts / 2; i++) {
        hop_t swap = hop[i];

        hop[i] = hop[hops->nelts - 1 - i];
        hop[hops->nelts - 1 - i] = swap;
    }
}

/* A hop's clock is wrong when it is outside of the trip, by our clock; or when
 * it is behind the hop before, of which we then think nothing bad. */
static void take_times(apr_array_header_t *hops, apr_time_t sent_at,
                       apr_time_t seen_at)
{
    apr_time_t before = sent_at - sent_at % APR_USEC_PER_SEC;
    int i;

    for (i = 0; i < hops->nelts; i++) {
        hop_t *hop = &APR_ARRAY_IDX(hops, i, hop_t);

        hop->delay_us = HEADERS_UNKNOWN;
        if (!hop->at) {
            continue;
        }
        if (before) {
            hop->delay_us = hop->at - before;
        }
        hop->skewed = (sent_at && hop->at < sent_at - HEADERS_SLACK)
                      || (seen_at && hop->at > seen_at + HEADERS_SLACK)
                      || (before && hop->delay_us < -HEADERS_SLACK);
        if (!hop->skewed) {
            before = hop->at;
        }
    }
}

headers_t *headers_parse(const char *bytes, apr_size_t length,
                         const apr_array_header_t *authserv_ids,
                         apr_time_t sent_at, apr_time_t seen_at,
                         apr_pool_t *pool)
{
    headers_t *headers = apr_pcalloc(pool, sizeof(*headers));
    reading_t reading = { headers, authserv_ids, RUN_BEFORE, pool };
    const char *at = bytes;
    field_t field;

    headers->hops = apr_array_make(pool, 8, sizeof(hop_t));
    headers->auth = apr_array_make(pool, 4, sizeof(auth_method_t));
    headers->spam = apr_array_make(pool, 4, sizeof(spam_header_t));
    while (field_next(&field, &at, bytes + length)) {
        read_field(&reading, &field);
    }
    sender_first(headers->hops);
    take_times(headers->hops, sent_at, seen_at);
    return headers;
}

/* -- the verdict -------------------------------------------------------- */

static int says(const auth_method_t *m, const char *method,
                const char *result)
{
    return !strcmp(m->method, method) && !strcmp(m->result, result);
}

const char *headers_verdict(const headers_t *headers)
{
    int spf_pass = 0, spf_fail = 0, dkim_pass = 0, dkim_fail = 0;
    int i;

    for (i = 0; i < headers->auth->nelts; i++) {
        const auth_method_t *m = &APR_ARRAY_IDX(headers->auth, i,
                                                auth_method_t);

        if (says(m, "dmarc", "pass")) {
            return "pass";
        }
        if (says(m, "dmarc", "fail")) {
            return "fail";
        }
        spf_pass |= says(m, "spf", "pass");
        spf_fail |= says(m, "spf", "fail") || says(m, "spf", "softfail")
                    || says(m, "spf", "permerror");
        dkim_pass |= says(m, "dkim", "pass");
        dkim_fail |= says(m, "dkim", "fail") || says(m, "dkim", "permerror")
                     || says(m, "dkim", "policy");
    }
    if (spf_fail || (dkim_fail && !dkim_pass)) {
        return "fail";
    }
    return spf_pass && dkim_pass ? "pass" : "";
}
