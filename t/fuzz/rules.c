/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a rules file, and what loads is asked.
 *
 * With libFuzzer, from the top of the sources (CPPFLAGS and LIBS as
 * configure found them):
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined $CPPFLAGS \
 *     -Imod_mailtrack/opens t/fuzz/rules.c mod_mailtrack/opens/{cidr,classify,
 *     form,memo,networks,rule,rules,verdict}.c $LIBS
 *   ./a.out -max_len=20000 CORPUS conf
 * A sentence without line, a success without rules and an answer that the
 * memo changes abort. List files are out of reach here: dir is NULL.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const rules_t *rules, apr_pool_t *pool)
{
    static const char *const agents[] = { "", "Mozilla/5.0", "curl/8", NULL };
    static const char *const addresses[] = { "10.1.2.3", "2001:db8::1", "" };
    classify_memo_t *memo;
    int i, j;

    if (classify_memo_create(&memo, pool) != APR_SUCCESS) {
        abort();
    }
    for (i = 0; i < 4; i++) {
        for (j = 0; j < 3; j++) {
            classify_facts_t facts = { .method = "GET" };
            const verdict_t *verdict;

            facts.user_agent = agents[i];
            facts.address = addresses[j];
            verdict = classify(rules, &facts, NULL);
            if (rules_networks(&facts.networks, rules, facts.address, pool)
                    != APR_SUCCESS
                || classify(rules, &facts, memo) != verdict
                || classify(rules, &facts, memo) != verdict) {
                abort();
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rules_source_t source = { (const char *)data, size, "f", NULL };
    static int started;
    const char *error;
    apr_pool_t *pool;
    rules_t *rules;

    if (!started) {
        apr_initialize();
        started = 1;
    }
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        abort();
    }
    if (rules_parse(&rules, &error, &source, pool) == APR_SUCCESS) {
        ask(rules, pool);
    }
    else if (rules != NULL || strncmp(error, "f:", 2) != 0) {
        abort();
    }
    apr_pool_destroy(pool);
    return 0;
}
