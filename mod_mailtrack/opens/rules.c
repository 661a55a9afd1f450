/* SPDX-License-Identifier: MIT */
/*
 * rules: from the text of a rules file to checked, compiled rules (contract
 * in rules.h).
 *
 * Runs at configuration check and in mailtrackctl, on one thread. Here are
 * the file as a whole and its networks; one rule is rule.c's. Must not log
 * and must not guess.
 */
#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include "form.h"
#include "rule.h"
#include "rules.h"

/* The file's top level, before its parts are read in their right order. */
typedef struct {
    form_node_t *schema, *otherwise, *networks, *rules;
} top_t;

/* One entry of networks. */
typedef struct {
    form_node_t *files, *cidr;
} network_t;

static rules_t *rules_of(const form_t *form)
{
    return form_user(form);
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

/* What a list file is like; one that is not there has no size and no time. */
static void look_at(apr_finfo_t *info, const char *name, apr_pool_t *pool)
{
    memset(info, 0, sizeof *info);
    if (apr_stat(info, name, APR_FINFO_MTIME | APR_FINFO_SIZE
                             | APR_FINFO_INODE, pool) != APR_SUCCESS) {
        memset(info, 0, sizeof *info);
    }
    info->fname = name;
}

/* Before it is read: what changes meanwhile is then seen as a change. */
static void note_list(rules_t *rules, const char *name)
{
    apr_pool_t *pool = rules->lists->pool;

    look_at(apr_array_push(rules->lists), apr_pstrdup(pool, name), pool);
}

static apr_status_t read_file(form_t *form, form_node_t *node,
                              unsigned number)
{
    const char *dir = rules_of(form)->source.dir, *name, *why;
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
    note_list(rules_of(form), name);
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
    apr_status_t rv = rule_check_name(form, node, "network name", name, "_");

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

/* ---- Rules ---- */

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
        rv = rule_read(&rule, form, item);
        if (rv == APR_SUCCESS) {
            APR_ARRAY_PUSH(rules, rules_rule_t) = rule;
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
        rv = rule_read_default(&rules->otherwise, form, top.otherwise);
    }
    if (rv == APR_SUCCESS && top.networks) {
        rv = read_networks(form, top.networks);
    }
    return rv == APR_SUCCESS ? read_rules(form, top.rules) : rv;
}

apr_status_t rules_parse(rules_t **out, const char **error,
                         const rules_source_t *source, apr_pool_t *pool)
{
    rules_t *rules = apr_pcalloc(pool, sizeof *rules);
    form_t *form;
    apr_status_t rv;

    *out = NULL;
    *error = NULL;
    rules->rules = apr_array_make(pool, 64, sizeof(rules_rule_t));
    rules->headers = apr_array_make(pool, 8, sizeof(const char *));
    rules->lists = apr_array_make(pool, 4, sizeof(apr_finfo_t));
    rules->source = *source;
    rv = networks_create(&rules->networks, pool);
    if (rv != APR_SUCCESS) {
        *error = "out of memory";
        return rv;
    }
    rv = form_open(&form, source->name, source->text, source->len, pool);
    if (rv == APR_SUCCESS) {
        form_set_user(form, rules);
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

static int lists_changed(const rules_t *rules, apr_pool_t *pool)
{
    int i;

    for (i = 0; i < rules->lists->nelts; i++) {
        const apr_finfo_t *was = &APR_ARRAY_IDX(rules->lists, i, apr_finfo_t);
        apr_finfo_t now;

        look_at(&now, was->fname, pool);
        if (now.mtime != was->mtime || now.size != was->size
            || now.inode != was->inode) {
            return 1;
        }
    }
    return 0;
}

apr_status_t rules_renew(rules_t **out, const char **error,
                         const rules_t *rules, apr_pool_t *pool)
{
    rules_source_t source = rules->source;

    *out = NULL;
    *error = NULL;
    if (!lists_changed(rules, pool)) {
        return APR_SUCCESS;
    }
    source.text = apr_pstrmemdup(pool, source.text, source.len);
    source.name = apr_pstrdup(pool, source.name);
    source.dir = apr_pstrdup(pool, source.dir);
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
