/* SPDX-License-Identifier: MIT */
/*
 * open_t -> classify_facts_t -> verdict -> open_t. Runs in the drain (one
 * thread of one child) and in mailtrackctl; reads nothing but its arguments.
 */
#include "judge.h"

#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <apr_time.h>

/* More than any rules file looks into; a line with more was not ours. */
#define HEADERS_MAX 64

/* Undo percent-encoding; text that is none is kept as it stands. */
static const char *decode(const char *text, apr_pool_t *pool)
{
    const char *plain = apr_punescape_url(pool, text, NULL, NULL, 0);

    return plain ? plain : text;
}

/* "name=value&name=value" */
static apr_size_t read_headers(classify_header_t *out, const char *text,
                               apr_pool_t *pool)
{
    apr_size_t n = 0;
    char *last = NULL;
    char *pair;

    if (!text) {
        return 0;
    }
    for (pair = apr_strtok(apr_pstrdup(pool, text), "&", &last);
         pair && n < HEADERS_MAX; pair = apr_strtok(NULL, "&", &last)) {
        char *value = strchr(pair, '=');

        if (value) {
            *value++ = '\0';
            out[n].name = decode(pair, pool);
            out[n++].value = decode(value, pool);
        }
    }
    return n;
}

apr_status_t judge_open(open_t *open, const rules_t *rules,
                        classify_memo_t *memo, apr_int64_t track_created_at,
                        apr_pool_t *pool)
{
    classify_header_t headers[HEADERS_MAX];
    classify_facts_t facts = { 0 };
    const verdict_t *v;

    facts.method = open->method;
    facts.address = open->ip_address;
    facts.networks = open->networks;
    facts.user_agent = open->user_agent;
    facts.referer = open->referer;
    facts.context = open->context;
    facts.headers = headers;
    facts.header_count = read_headers(headers, open->headers, pool);
    if (track_created_at != STORE_NULL) {
        facts.sent_known = 1;
        facts.seconds_since_sent =
            apr_time_sec(open->opened_at - track_created_at);
    }
    v = classify(rules, &facts, memo);
    open->verdict = (int)v->verdict;
    open->counts = (int)v->counts;
    open->rule = v->rule;
    open->vendor = v->vendor;
    open->rules_version = rules_version(rules);
    return APR_SUCCESS;
}
