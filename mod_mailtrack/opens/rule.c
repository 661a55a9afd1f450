/* SPDX-License-Identifier: MIT */
/*
 * rule: the keys of one rule and of the default, and how each value is read
 * (contract in rule.h).
 *
 * Runs at configuration check and in mailtrackctl, on one thread. Two tables
 * of keys at the ends of the sections; form.c refuses what they do not know.
 * Must not log and must not guess.
 */
#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include "classify.h"
#include "rule.h"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"

static rules_t *rules_of(const form_t *form)
{
    return form_user(form);
}

/* ---- Words ---- */

static char *lowered(apr_pool_t *pool, const char *text)
{
    char *copy = apr_pstrdup(pool, text), *c;

    for (c = copy; *c; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
    return copy;
}

apr_status_t rule_check_name(form_t *form, const form_node_t *node,
                             const char *what, const char *name,
                             const char *mark)
{
    apr_size_t i, len = strlen(name);
    int good = len > 0 && len <= RULES_NAME_MAX;

    for (i = 0; good && i < len; i++) {
        good = strchr(NAME_LETTERS, name[i]) || name[i] == *mark;
    }
    return good ? APR_SUCCESS
                : form_fail(form, node, "bad %s \"%s\"; expected 1 to %d of "
                            "a-z, 0-9 and %s", what, name, RULES_NAME_MAX,
                            mark);
}

static apr_status_t read_name(form_t *form, form_node_t *node,
                              const char *key, void *into)
{
    apr_array_header_t *rules = rules_of(form)->rules;
    const char *name;
    apr_status_t rv = form_text(form, node, key, &name);
    int i;

    if (rv == APR_SUCCESS) {
        rv = rule_check_name(form, node, "rule name", name, "-");
    }
    if (rv == APR_SUCCESS && strcmp(name, "default") == 0) {
        rv = form_fail(form, node, "rule name \"default\" is reserved; "
                       "expected another, for it says that no rule matched");
    }
    for (i = 0; rv == APR_SUCCESS && i < rules->nelts; i++) {
        const rules_rule_t *rule = &APR_ARRAY_IDX(rules, i, rules_rule_t);

        if (strcmp(rule->verdict.rule, name) == 0) {
            rv = form_fail(form, node, "duplicate rule name \"%s\"; expected "
                           "a name that no earlier rule has", name);
        }
    }
    *(const char **)into = name;
    return rv;
}

static apr_status_t read_vendor(form_t *form, form_node_t *node,
                                const char *key, void *into)
{
    apr_status_t rv = form_text(form, node, key, into);

    if (rv == APR_SUCCESS && strlen(*(const char **)into) > RULES_NAME_MAX) {
        rv = form_fail(form, node, "vendor is too long; expected at most %d "
                       "bytes", RULES_NAME_MAX);
    }
    return rv;
}

static apr_status_t read_kind(form_t *form, form_node_t *node,
                              const char *key, void *into)
{
    const char *word;
    apr_status_t rv = form_text(form, node, key, &word);

    if (rv == APR_SUCCESS && verdict_of(into, word) != APR_SUCCESS) {
        rv = form_fail(form, node, "bad kind \"%s\"; expected human, proxy, "
                       "prefetch, scanner, bot or self", word);
    }
    return rv;
}

static apr_status_t read_counts(form_t *form, form_node_t *node,
                                const char *key, void *into)
{
    const char *word;
    apr_status_t rv = form_text(form, node, key, &word);

    if (rv == APR_SUCCESS && counts_of(into, word) != APR_SUCCESS) {
        rv = form_fail(form, node, "bad counts \"%s\"; expected open, "
                       "possible or none", word);
    }
    return rv;
}

static apr_status_t read_confidence(form_t *form, form_node_t *node,
                                    const char *key, void *into)
{
    const char *word;
    apr_status_t rv = form_text(form, node, key, &word);

    if (rv == APR_SUCCESS && strcmp(word, "high") && strcmp(word, "medium")
        && strcmp(word, "low")) {
        rv = form_fail(form, node, "bad confidence \"%s\"; expected high, "
                       "medium or low", word);
    }
    *(const char **)into = word;
    return rv;
}

/* ---- Conditions ---- */

static apr_status_t texts_of(form_t *form, form_node_t *node, const char *key,
                             rules_texts_t *out, int may_be_empty)
{
    rules_text_t *texts;
    int i, count;
    apr_status_t rv = form_items(form, node, key, &count);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    texts = apr_pcalloc(form_pool(form), (apr_size_t)count * sizeof *texts);
    for (i = 0; i < count; i++) {
        form_node_t *item = form_item(form, node, i);

        rv = form_text(form, item, key, &texts[i].text);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        texts[i].text = lowered(form_pool(form), texts[i].text);
        texts[i].len = strlen(texts[i].text);
        if (texts[i].len == 0 && !may_be_empty) {
            return form_fail(form, item, "empty text in \"%s\"; expected at "
                             "least one character, for an empty text would "
                             "match always", key);
        }
    }
    out->item = texts;
    out->count = (apr_size_t)count;
    return APR_SUCCESS;
}

static apr_status_t read_texts(form_t *form, form_node_t *node,
                               const char *key, void *into)
{
    return texts_of(form, node, key, into, 0);
}

static apr_status_t read_equals(form_t *form, form_node_t *node,
                                const char *key, void *into)
{
    return texts_of(form, node, key, into, 1);
}

static const char *known_networks(form_t *form)
{
    cidr_set_t all;

    memset(&all, 0xff, sizeof all);
    return networks_names(rules_of(form)->networks, &all, form_pool(form));
}

static apr_status_t read_nets(form_t *form, form_node_t *node,
                              const char *key, void *into)
{
    rules_nets_t *nets = into;
    int i, count;
    apr_status_t rv = form_items(form, node, key, &count);

    for (i = 0; rv == APR_SUCCESS && i < count; i++) {
        form_node_t *item = form_item(form, node, i);
        const char *name;
        unsigned number;

        rv = form_text(form, item, key, &name);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (networks_find(&number, rules_of(form)->networks, name,
                          strlen(name)) != APR_SUCCESS) {
            return form_fail(form, item, "unknown network \"%s\"; expected "
                             "one of those under networks (%s)", name,
                             known_networks(form));
        }
        cidr_set_put(&nets->set, number);
        nets->given = 1;
    }
    return rv;
}

static apr_status_t read_context(form_t *form, form_node_t *node,
                                 const char *key, void *into)
{
    static const char *const facts[] = {
        "before_sent", "sender_session", "burst"
    };
    static const int bits[] = {
        CLASSIFY_BEFORE_SENT, CLASSIFY_SENDER_SESSION, CLASSIFY_BURST
    };
    rules_texts_t words;
    apr_size_t i;
    int j;
    apr_status_t rv = texts_of(form, node, key, &words, 0);

    for (i = 0; rv == APR_SUCCESS && i < words.count; i++) {
        for (j = 0; j < 3 && strcmp(facts[j], words.item[i].text); j++) {
            continue;
        }
        if (j == 3) {
            return form_fail(form, form_item(form, node, (int)i),
                             "unknown context \"%s\"; expected before_sent, "
                             "sender_session or burst", words.item[i].text);
        }
        *(int *)into |= bits[j];
    }
    return rv;
}

/* What rules read is spooled to disk, so no rule may name a header in which
 * secrets travel. */
static apr_status_t check_header(form_t *form, const form_node_t *node,
                                 const char *name)
{
    static const char *const secret[] = {
        "authorization", "cookie", "proxy-authorization", "x-api-key", NULL
    };
    int i;

    for (i = 0; secret[i]; i++) {
        if (strcmp(secret[i], name) == 0) {
            return form_fail(form, node, "header \"%s\" carries secrets; "
                             "expected another, for the values of headers "
                             "in rules are kept on disk", name);
        }
    }
    return rule_check_name(form, node, "header name", name, "-");
}

static void note_header(form_t *form, const char *name)
{
    apr_array_header_t *headers = rules_of(form)->headers;
    int i;

    for (i = 0; i < headers->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(headers, i, const char *), name) == 0) {
            return;
        }
    }
    APR_ARRAY_PUSH(headers, const char *) = name;
}

static apr_status_t read_headers(form_t *form, form_node_t *node,
                                 const char *key, void *into)
{
    apr_array_header_t *headers;
    form_node_t *value;
    int i, count;
    apr_status_t rv = form_pairs(form, node, key, &count);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    headers = apr_array_make(form_pool(form), count, sizeof(rules_header_t));
    for (i = 0; i < count; i++) {
        rules_header_t *header = apr_array_push(headers);

        rv = form_pair(form, node, i, &header->name, &value);
        if (rv == APR_SUCCESS) {
            header->name = lowered(form_pool(form), header->name);
            rv = check_header(form, value, header->name);
        }
        if (rv == APR_SUCCESS) {
            rv = texts_of(form, value, header->name, &header->contains, 0);
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
        note_header(form, header->name);
    }
    *(apr_array_header_t **)into = headers;
    return APR_SUCCESS;
}

#define AT(member) offsetof(rules_rule_t, member)

static const form_field_t match_fields[] = {
    { "net", read_nets, AT(net), 0 },
    { "not_net", read_nets, AT(not_net), 0 },
    { "ua_equals", read_equals, AT(ua_equals), 0 },
    { "ua_contains", read_texts, AT(ua_contains), 0 },
    { "ua_contains_all", read_texts, AT(ua_contains_all), 0 },
    { "ua_prefix", read_texts, AT(ua_prefix), 0 },
    { "ua_not_contains", read_texts, AT(ua_not_contains), 0 },
    { "referer_empty_or_contains", read_texts,
      AT(referer_empty_or_contains), 0 },
    { "method", read_texts, AT(method), 0 },
    { "header_contains", read_headers, AT(header), 0 },
    { "within_seconds", form_number, AT(within_seconds), 0 },
    { "context", read_context, AT(context), 0 },
    { NULL, NULL, 0, 0 }
};

static apr_status_t read_match(form_t *form, form_node_t *node,
                               const char *key, void *into)
{
    int count;
    apr_status_t rv = form_pairs(form, node, key, &count);

    return rv == APR_SUCCESS
           ? form_fill(form, node, "match", match_fields, into) : rv;
}

/* ---- Rules ---- */

static const form_field_t rule_fields[] = {
    { "name", read_name, AT(verdict.rule), 1 },
    { "kind", read_kind, AT(verdict.verdict), 1 },
    { "vendor", read_vendor, AT(verdict.vendor), 0 },
    { "match", read_match, 0, 1 },
    { "meaning", form_text, AT(verdict.meaning), 0 },
    { "counts", read_counts, AT(verdict.counts), 1 },
    { "confidence", read_confidence, AT(verdict.confidence), 0 },
    { "verified", form_flag, AT(verdict.verified), 0 },
    { "source", form_remark, 0, 0 },
    { NULL, NULL, 0, 0 }
};

#undef AT
#define AT(member) offsetof(verdict_t, member)

static const form_field_t default_fields[] = {
    { "kind", read_kind, AT(verdict), 1 },
    { "vendor", read_vendor, AT(vendor), 0 },
    { "meaning", form_text, AT(meaning), 0 },
    { "counts", read_counts, AT(counts), 1 },
    { "confidence", read_confidence, AT(confidence), 0 },
    { "verified", form_flag, AT(verified), 0 },
    { "source", form_remark, 0, 0 },
    { NULL, NULL, 0, 0 }
};

#undef AT

static void blank(verdict_t *verdict, const char *rule)
{
    verdict->rule = rule;
    verdict->vendor = "";
    verdict->meaning = "";
    verdict->confidence = "medium";
    verdict->verified = 1;
}

apr_status_t rule_read(rules_rule_t *out, form_t *form, form_node_t *node)
{
    memset(out, 0, sizeof *out);
    blank(&out->verdict, "");
    return form_fill(form, node, "rule", rule_fields, out);
}

apr_status_t rule_read_default(verdict_t *out, form_t *form,
                               form_node_t *node)
{
    memset(out, 0, sizeof *out);
    blank(out, "default");
    return form_fill(form, node, "default", default_fields, out);
}
