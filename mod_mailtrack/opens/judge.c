/* SPDX-License-Identifier: MIT */
/*
 * From a row of `opens` to the facts that classify() wants, and its verdict
 * back. Runs in the drain's thread and in mailtrackctl.
 */
#include "judge.h"

#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>

/* More headers than any rules file names. */
#define HEADERS_MAX 16

static apr_size_t unpack(classify_header_t *headers, const char *text,
                         apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);
    apr_size_t n = 0;
    char *state;
    char *pair;

    for (pair = apr_strtok(copy, "&", &state); pair && n < HEADERS_MAX;
         pair = apr_strtok(NULL, "&", &state)) {
        char *value = strchr(pair, '=');

        if (value) {
            *value++ = '\0';
            headers[n].name = pair;
            headers[n].value = apr_punescape_url(pool, value, NULL, NULL, 0);
            n += headers[n].value != NULL;
        }
    }
    return n;
}

void judge_open(open_t *open, apr_int64_t sent_at, const rules_t *rules,
                classify_memo_t *memo, apr_pool_t *pool)
{
    classify_header_t headers[HEADERS_MAX];
    classify_facts_t facts = { 0 };
    const verdict_t *verdict;

    facts.method = open->method;
    facts.address = open->ip_address;
    facts.networks = open->networks;
    facts.user_agent = open->user_agent;
    facts.referer = open->referer;
    /* before it was made is no time since: the context says that */
    facts.seconds_since_sent = (open->opened_at - sent_at) / APR_USEC_PER_SEC;
    facts.sent_known = open->opened_at >= sent_at;
    facts.context = open->context;
    facts.headers = headers;
    if (open->headers && *open->headers) {
        facts.header_count = unpack(headers, open->headers, pool);
    }
    verdict = classify(rules, &facts, memo);
    open->verdict = (int)verdict->verdict;
    open->counts = (int)verdict->counts;
    open->rule = verdict->rule;
    open->vendor = verdict->vendor;
    open->rules_version = rules_version(rules);
}
