/* SPDX-License-Identifier: MIT */
/*
 * rules: from the text of a rules file to checked, compiled rules (contract
 * in rules.h).
 *
 * Runs at configuration check and in mailtrackctl, on one thread. Each level
 * of the file is a table of keys at the end of its section; form.c refuses
 * what the tables do not know. Must not log and must not guess.
 */
#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include "classify.h"
#include "form.h"
#include "rules.h"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"

/* The file's top level, before its parts are read in their right order. */
typedef struct {
    form_node_t *schema, *otherwise, *networks, *rules;
} top_t;

/* One entry of networks. */
typedef struct {
    form_node_t *files, *cidr;
} network_t;

/* What readers of values need to know: the user of the form. */
typedef struct {
    rules_t *rules;
    const char *dir;
} reader_t;

static rules_t *rules_of(const form_t *form)
{
    return ((reader_t *)form_user(form))->rules;
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

static apr_status_t check_name(form_t *form, const form_node_t *node,
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
        rv = check_name(form, node, "rule name", name, "-");
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
    return check_name(form, node, "header name", name, "-");
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

static void blank_verdict(verdict_t *verdict, const char *rule)
{
    verdict->rule = rule;
    verdict->vendor = "";
    verdict->meaning = "";
    verdict->confidence = "medium";
    verdict->verified = 1;
}

static apr_status_t read_rules(form_t *form, form_node_t *node)
{
    apr_array_header_t *rules = rules_of(form)->rules;
    int i, count;
    apr_status_t rv = form_items(form, node, "rules", &count);

    for (i = 0; rv == APR_SUCCESS && i < count; i++) {
        form_node_t *item = form_item(form, node, i);
        rules_rule_t rule;

        if (i == RULES_MAX) {
            return form_fail(form, item, "one rule too many; expected at "
                             "most %d", RULES_MAX);
        }
        memset(&rule, 0, sizeof rule);
        blank_verdict(&rule.verdict, "");
        rv = form_fill(form, item, "rule", rule_fields, &rule);
        if (rv == APR_SUCCESS) {
            APR_ARRAY_PUSH(rules, rules_rule_t) = rule;
        }
    }
    return rv;
}

/* ---- Networks ---- */

static apr_status_t read_cidrs(form_t *form, form_node_t *node,
                               unsigned number)
{
    int i, count;
    apr_status_t rv = form_items(form, node, "cidr", &count);

    for (i = 0; rv == APR_SUCCESS && i < count; i++) {
        form_node_t *item = form_item(form, node, i);
        const char *text, *why;

        rv = form_text(form, item, "cidr", &text);
        if (rv == APR_SUCCESS
            && networks_cidr(rules_of(form)->networks, &why, number, text)
               != APR_SUCCESS) {
            rv = form_fail(form, item, "%s", why);
        }
    }
    return rv;
}

static apr_status_t read_file(form_t *form, form_node_t *node,
                              unsigned number)
{
    const char *dir = ((reader_t *)form_user(form))->dir, *name, *why;
    apr_status_t rv = form_text(form, node, "files", &name);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (dir == NULL) {
        return form_fail(form, node, "list file \"%s\" cannot be read here; "
                         "expected prefixes under \"cidr\"", name);
    }
    if (name[0] != '/') {
        name = apr_pstrcat(form_pool(form), dir, "/", name, NULL);
    }
    if (networks_file(rules_of(form)->networks, &why, number, name)
        != APR_SUCCESS) {
        return form_fail(form, node, "%s", why);
    }
    return APR_SUCCESS;
}

static const form_field_t network_fields[] = {
    { "files", form_node, offsetof(network_t, files), 0 },
    { "cidr", form_node, offsetof(network_t, cidr), 0 },
    { NULL, NULL, 0, 0 }
};

static apr_status_t read_network(form_t *form, const char *name,
                                 form_node_t *node)
{
    network_t network = { NULL, NULL };
    unsigned number;
    int i, count = 0;
    apr_status_t rv = check_name(form, node, "network name", name, "_");

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = networks_add(&number, rules_of(form)->networks, name);
    if (rv != APR_SUCCESS) {
        return form_fail(form, node, rv == APR_EEXIST
                         ? "duplicate network \"%s\"; expected each name once"
                         : "no room for network \"%s\"; expected at most "
                           "128 networks", name);
    }
    rv = form_fill(form, node, "network", network_fields, &network);
    if (rv == APR_SUCCESS && network.files == NULL && network.cidr == NULL) {
        rv = form_fail(form, node, "network \"%s\" is empty; expected files "
                       "or cidr", name);
    }
    if (rv == APR_SUCCESS && network.cidr) {
        rv = read_cidrs(form, network.cidr, number);
    }
    if (rv == APR_SUCCESS && network.files) {
        rv = form_items(form, network.files, "files", &count);
    }
    for (i = 0; rv == APR_SUCCESS && i < count; i++) {
        rv = read_file(form, form_item(form, network.files, i), number);
    }
    return rv;
}

static apr_status_t read_networks(form_t *form, form_node_t *node)
{
    int i, count;
    apr_status_t rv = form_pairs(form, node, "networks", &count);

    for (i = 0; rv == APR_SUCCESS && i < count; i++) {
        form_node_t *value;
        const char *name;

        rv = form_pair(form, node, i, &name, &value);
        if (rv == APR_SUCCESS) {
            rv = read_network(form, name, value);
        }
    }
    return rv;
}

/* ---- The whole ---- */

static const form_field_t top_fields[] = {
    { "schema", form_node, offsetof(top_t, schema), 1 },
    { "default", form_node, offsetof(top_t, otherwise), 1 },
    { "networks", form_node, offsetof(top_t, networks), 0 },
    { "rules", form_node, offsetof(top_t, rules), 1 },
    { NULL, NULL, 0, 0 }
};

static apr_status_t read_schema(form_t *form, form_node_t *node)
{
    const char *number;
    apr_status_t rv = form_text(form, node, "schema", &number);

    if (rv == APR_SUCCESS && strcmp(number, "1")) {
        rv = form_fail(form, node, "schema is \"%s\"; expected 1", number);
    }
    return rv;
}

/* Networks before the rules that name them, wherever they stand. */
static apr_status_t read_top(form_t *form)
{
    rules_t *rules = rules_of(form);
    top_t top = { NULL, NULL, NULL, NULL };
    apr_status_t rv = form_fill(form, form_root(form), "the rules file",
                                top_fields, &top);

    if (rv == APR_SUCCESS) {
        rv = read_schema(form, top.schema);
    }
    if (rv == APR_SUCCESS) {
        rv = form_fill(form, top.otherwise, "default", default_fields,
                       &rules->otherwise);
    }
    if (rv == APR_SUCCESS && top.networks) {
        rv = read_networks(form, top.networks);
    }
    return rv == APR_SUCCESS ? read_rules(form, top.rules) : rv;
}

apr_status_t rules_parse(rules_t **out, const char **error,
                         const rules_source_t *source, apr_pool_t *pool)
{
    reader_t reader;
    rules_t *rules = apr_pcalloc(pool, sizeof *rules);
    form_t *form;
    apr_status_t rv;

    *out = NULL;
    *error = NULL;
    rules->rules = apr_array_make(pool, 64, sizeof(rules_rule_t));
    rules->headers = apr_array_make(pool, 8, sizeof(const char *));
    blank_verdict(&rules->otherwise, "default");
    rv = networks_create(&rules->networks, pool);
    if (rv != APR_SUCCESS) {
        *error = "out of memory";
        return rv;
    }
    reader.rules = rules;
    reader.dir = source->dir;
    rv = form_open(&form, source->name, source->text, source->len, pool);
    if (rv == APR_SUCCESS) {
        form_set_user(form, &reader);
        rv = read_top(form);
    }
    *error = form_error(form);
    form_close(form);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = networks_digest(&rules->version, rules->networks, source->text,
                         source->len);
    if (rv != APR_SUCCESS) {
        *error = apr_psprintf(pool, "%s: libcrypto gives no SHA-256; "
                              "expected one", source->name);
        return rv;
    }
    *out = rules;
    return APR_SUCCESS;
}

static const char *directory_of(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL) {
        return ".";
    }
    return slash == path ? "" : apr_pstrmemdup(pool, path,
                                               (apr_size_t)(slash - path));
}

apr_status_t rules_load(rules_t **out, const char **error, const char *path,
                        apr_pool_t *pool)
{
    rules_source_t source = { NULL, 0, path, directory_of(path, pool) };
    const char *why;
    apr_status_t rv = networks_slurp(&source.text, &source.len, &why, path,
                                     RULES_FILE_MAX, pool);

    if (rv != APR_SUCCESS) {
        *out = NULL;
        *error = apr_psprintf(pool, "%s: %s", path, why);
        return rv;
    }
    return rules_parse(out, error, &source, pool);
}

apr_int64_t rules_version(const rules_t *rules)
{
    return rules->version;
}

const apr_array_header_t *rules_headers(const rules_t *rules)
{
    return rules->headers;
}

apr_size_t rules_count(const rules_t *rules)
{
    return (apr_size_t)rules->rules->nelts;
}

const verdict_t *rules_at(const rules_t *rules, apr_size_t index)
{
    apr_size_t count = rules_count(rules);

    if (index < count) {
        return &APR_ARRAY_IDX(rules->rules, index, rules_rule_t).verdict;
    }
    return index == count ? &rules->otherwise : NULL;
}

apr_status_t rules_networks(const char **names, const rules_t *rules,
                            const char *address, apr_pool_t *pool)
{
    cidr_set_t set;

    networks_of_address(&set, rules->networks, address);
    *names = networks_names(rules->networks, &set, pool);
    return APR_SUCCESS;
}
