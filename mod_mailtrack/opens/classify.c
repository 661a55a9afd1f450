/* SPDX-License-Identifier: MIT */
/*
 * classify: the first rule that holds (contract in classify.h).
 *
 * Runs in the drain and in reclassify, one thread each. Two sets of rules,
 * those whose conditions on the user agent hold and those whose conditions
 * on the network hold, depend on one string each and are what the memo
 * keeps; only rules in both are then tried for the rest. No I/O, no clock,
 * no logging.
 */
#include <string.h>
#include <strings.h>

#include "classify.h"
#include "memo.h"

/* A lower-case copy, and which pairs of neighbouring bytes are in it: a part
 * with a pair that is not there need not be searched. This spares nearly all
 * of some 150 searches a user agent (1 KiB of it: 18 us without, 2 with). */
typedef struct {
    apr_uint64_t pairs[64];
    apr_size_t len;
    char text[CLASSIFY_TEXT_MAX];
} lower_t;

/* Two bytes as one of 64 * 64 numbers; that several pairs share one costs a
 * search in vain at most. */
static unsigned pair_at(const char *text)
{
    return ((unsigned char)text[0] * 37u ^ (unsigned char)text[1]) & 4095u;
}

static void lower_init(lower_t *out, const char *text)
{
    apr_size_t i;

    memset(out->pairs, 0, sizeof out->pairs);
    for (i = 0; text && text[i] && i < sizeof out->text; i++) {
        char c = text[i];

        out->text[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (i > 0) {
            unsigned pair = pair_at(out->text + i - 1);

            out->pairs[pair / 64] |= (apr_uint64_t)1 << (pair % 64);
        }
    }
    out->len = i;
}

static int may_contain(const lower_t *lower, const rules_text_t *part)
{
    apr_size_t i;

    for (i = 1; i < part->len; i++) {
        unsigned pair = pair_at(part->text + i - 1);

        if (!(lower->pairs[pair / 64] >> (pair % 64) & 1)) {
            return 0;
        }
    }
    return 1;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Without the blanks around it: what "equals" and "prefix" look at. */
static rules_text_t trimmed(const lower_t *lower)
{
    rules_text_t text = { lower->text, lower->len };

    while (text.len && is_blank(text.text[text.len - 1])) {
        text.len--;
    }
    while (text.len && is_blank(*text.text)) {
        text.text++;
        text.len--;
    }
    return text;
}

static int contains(const lower_t *lower, const rules_text_t *part)
{
    return may_contain(lower, part)
           && memmem(lower->text, lower->len, part->text, part->len) != NULL;
}

static int contains_any(const lower_t *lower, const rules_texts_t *parts)
{
    apr_size_t i;

    for (i = 0; i < parts->count; i++) {
        if (contains(lower, &parts->item[i])) {
            return 1;
        }
    }
    return 0;
}

static int contains_all(const lower_t *lower, const rules_texts_t *parts)
{
    apr_size_t i;

    for (i = 0; i < parts->count; i++) {
        if (!contains(lower, &parts->item[i])) {
            return 0;
        }
    }
    return 1;
}

static int starts_with_any(rules_text_t text, const rules_texts_t *starts,
                           int whole)
{
    apr_size_t i;

    for (i = 0; i < starts->count; i++) {
        const rules_text_t *start = &starts->item[i];

        if (whole ? text.len == start->len : text.len >= start->len) {
            if (memcmp(text.text, start->text, start->len) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

/* ---- Conditions on the user agent and on the network ---- */

static int user_agent_holds(const rules_rule_t *rule, const lower_t *agent,
                            rules_text_t trim)
{
    if (rule->ua_equals.count
        && !starts_with_any(trim, &rule->ua_equals, 1)) {
        return 0;
    }
    if (rule->ua_prefix.count
        && !starts_with_any(trim, &rule->ua_prefix, 0)) {
        return 0;
    }
    if (rule->ua_contains.count && !contains_any(agent, &rule->ua_contains)) {
        return 0;
    }
    return contains_all(agent, &rule->ua_contains_all)
           && !contains_any(agent, &rule->ua_not_contains);
}

static const rules_rule_t *rule_at(const rules_t *rules, int i)
{
    return &APR_ARRAY_IDX(rules->rules, i, rules_rule_t);
}

static void put(memo_set_t *set, int rule)
{
    set->word[rule / 64] |= (apr_uint64_t)1 << (rule % 64);
}

static void user_agent_rules(memo_set_t *out, const rules_t *rules,
                             const char *user_agent)
{
    lower_t agent;
    rules_text_t trim;
    int i;

    memset(out, 0, sizeof *out);
    lower_init(&agent, user_agent);
    trim = trimmed(&agent);
    for (i = 0; i < rules->rules->nelts; i++) {
        if (user_agent_holds(rule_at(rules, i), &agent, trim)) {
            put(out, i);
        }
    }
}

static void network_rules(memo_set_t *out, const rules_t *rules,
                          const classify_facts_t *facts)
{
    cidr_set_t nets;
    int i;

    memset(out, 0, sizeof *out);
    if (facts->networks) {
        networks_of_names(&nets, rules->networks, facts->networks);
    }
    else {
        networks_of_address(&nets, rules->networks, facts->address);
    }
    for (i = 0; i < rules->rules->nelts; i++) {
        const rules_rule_t *rule = rule_at(rules, i);

        if ((!rule->net.given || cidr_set_meets(&rule->net.set, &nets))
            && !(rule->not_net.given
                 && cidr_set_meets(&rule->not_net.set, &nets))) {
            put(out, i);
        }
    }
}

/* ---- The other conditions ---- */

static int referer_holds(const rules_rule_t *rule, const char *referer)
{
    lower_t lower;

    if (referer == NULL || !*referer) {
        return 1;
    }
    lower_init(&lower, referer);
    return trimmed(&lower).len == 0
           || contains_any(&lower, &rule->referer_empty_or_contains);
}

static int method_holds(const rules_rule_t *rule, const char *method)
{
    apr_size_t i;

    for (i = 0; method && i < rule->method.count; i++) {
        if (strcasecmp(rule->method.item[i].text, method) == 0) {
            return 1;
        }
    }
    return 0;
}

static int header_holds(const rules_rule_t *rule,
                        const classify_facts_t *facts)
{
    lower_t lower;
    apr_size_t i;
    int j;

    for (i = 0; i < facts->header_count; i++) {
        const classify_header_t *header = &facts->headers[i];

        for (j = 0; j < rule->header->nelts; j++) {
            const rules_header_t *wanted =
                &APR_ARRAY_IDX(rule->header, j, rules_header_t);

            if (strcmp(wanted->name, header->name) == 0) {
                lower_init(&lower, header->value);
                if (contains_any(&lower, &wanted->contains)) {
                    return 1;
                }
            }
        }
    }
    return 0;
}

static int rest_holds(const rules_rule_t *rule, const classify_facts_t *facts)
{
    if (rule->context && !(rule->context & facts->context)) {
        return 0;
    }
    if (rule->within_seconds
        && !(facts->sent_known && facts->seconds_since_sent >= 0
             && facts->seconds_since_sent < rule->within_seconds)) {
        return 0;
    }
    if (rule->method.count && !method_holds(rule, facts->method)) {
        return 0;
    }
    if (rule->header && !header_holds(rule, facts)) {
        return 0;
    }
    return !rule->referer_empty_or_contains.count
           || referer_holds(rule, facts->referer);
}

/* ---- All of it ---- */

static void recall_user_agent(memo_set_t *out, const rules_t *rules,
                              const classify_facts_t *facts,
                              classify_memo_t *memo)
{
    const char *key = facts->user_agent ? facts->user_agent : "";

    if (!memo) {
        user_agent_rules(out, rules, key);
    }
    else if (!memo_get(memo, out, MEMO_USER_AGENT, key)) {
        user_agent_rules(out, rules, key);
        memo_put(memo, out, MEMO_USER_AGENT, key);
    }
}

/* An address is looked up each time: that costs little more than the memo
 * would, and addresses are too many to be remembered. */
static void recall_network(memo_set_t *out, const rules_t *rules,
                           const classify_facts_t *facts,
                           classify_memo_t *memo)
{
    if (!memo || !facts->networks) {
        network_rules(out, rules, facts);
    }
    else if (!memo_get(memo, out, MEMO_NETWORKS, facts->networks)) {
        network_rules(out, rules, facts);
        memo_put(memo, out, MEMO_NETWORKS, facts->networks);
    }
}

const verdict_t *classify(const rules_t *rules, const classify_facts_t *facts,
                          classify_memo_t *memo)
{
    memo_set_t agent, network;
    int word;

    if (memo) {
        memo_use(memo, rules->version);
    }
    recall_user_agent(&agent, rules, facts, memo);
    recall_network(&network, rules, facts, memo);
    for (word = 0; word < RULES_SET_WORDS; word++) {
        apr_uint64_t left = agent.word[word] & network.word[word];

        while (left) {
            const rules_rule_t *rule =
                rule_at(rules, word * 64 + __builtin_ctzll(left));

            if (rest_holds(rule, facts)) {
                return &rule->verdict;
            }
            left &= left - 1;
        }
    }
    return &rules->otherwise;
}

apr_status_t classify_memo_create(classify_memo_t **out, apr_pool_t *pool)
{
    return memo_create(out, pool);
}
