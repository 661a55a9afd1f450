/* SPDX-License-Identifier: MIT */
/*
 * The memo of classify at its bounds: more texts than it holds, rules that
 * change under it, as many rules as there may be.
 */
#include <apr_general.h>
#include <apr_strings.h>

#include "classify.h"
#include "tap.h"

#define RULE(name, match) "- {name: " name ", kind: bot, counts: none, " \
    "match: {" match "}}\n"

static apr_pool_t *pool;
static classify_memo_t *memo;

static rules_t *made(const char *rules)
{
    rules_source_t source = { NULL, 0, "test", NULL };
    const char *error;
    rules_t *out;

    source.text = apr_pstrcat(pool, "schema: 1\ndefault: {kind: human, "
                              "counts: open}\nrules:\n", rules, NULL);
    source.len = strlen(source.text);
    if (rules_parse(&out, &error, &source, pool) != APR_SUCCESS) {
        ok(0, "rules of a test: %s", error);
        exit(done_testing());
    }
    return out;
}

/* As many as there may be: every word of a set of rules is used. */
static void many_rules(void)
{
    const char *text = "";
    classify_facts_t g = { 0 };
    rules_t *r;
    int i, wrong = 0;

    for (i = 0; i < RULES_MAX; i++) {
        text = apr_psprintf(pool, "%s- {name: r%d, kind: bot, counts: none, "
                            "match: {ua_equals: [u%d]}}\n", text, i, i);
    }
    r = made(text);
    for (i = 0; i < RULES_MAX; i++) {
        g.user_agent = apr_psprintf(pool, "u%d", i);
        wrong += strcmp(classify(r, &g, memo)->rule,
                        apr_psprintf(pool, "r%d", i)) != 0;
    }
    is_int(wrong, 0, "each of %d rules is found", RULES_MAX);
}

/* Many more texts than the memo holds, of which some come back, and rules
 * changing under it. */
static void memo_bounds(void)
{
    rules_t *one = made(RULE("one", "ua_contains: [\"7\"]"));
    rules_t *two = made(RULE("two", "ua_contains: [\"8\"]"));
    classify_facts_t g = { 0 };
    char text[32], address[32];
    int i, wrong = 0;

    g.user_agent = text;
    g.address = address;
    for (i = 0; i < 30000; i++) {
        const rules_t *r = i / 5000 % 2 ? one : two;

        sprintf(text, "agent %d", i % 4 ? i : i % 64);
        sprintf(address, "10.%d.%d.1", i / 256 % 256, i % 256);
        wrong += classify(r, &g, memo) != classify(r, &g, NULL);
    }
    is_int(wrong, 0, "the memo changes no answer in 30,000 hits");
    g.user_agent = "7";
    g.networks = "7";
    for (i = 0; i < 2; i++) {
        is_str(classify(one, &g, memo)->rule, "one", "the same text as user "
               "agent and as networks is not confused (%d)", i);
    }
    is_str(classify(two, &g, memo)->rule, "default", "other rules start "
           "anew");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    classify_memo_create(&memo, pool);
    many_rules();
    memo_bounds();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
