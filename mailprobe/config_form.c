/* SPDX-License-Identifier: MIT */
/*
 * Strict reading of YAML (contract in config_form.h). With config_values.c and
 * config_lists.c all that sees libyaml. Runs where a configuration is loaded,
 * before the loop or in it (a file of a few KiB). Must not guess, and repeats
 * no value: it may be a secret.
 */
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include <yaml.h>

#include "config_form.h"
#include "config_inside.h"

/* A good file has four levels; libyaml needs time in the square of them. */
#define DEPTH_MAX 16

/* ---- faults ---- */

apr_status_t form_fail_at(form_t *form, int line, const char *key,
                          const char *words)
{
    form->error = apr_psprintf(form->pool, "%s:%d: %s%s%s", form->source.name,
                               line, key, *key ? ": " : "", words);
    return APR_EINVAL;
}

int form_line(const form_node_t *node)
{
    return (int)node->start_mark.line + 1;
}

apr_status_t form_fail(form_t *form, const form_node_t *node,
                       const char *format, ...)
{
    va_list arguments;
    const char *words;

    va_start(arguments, format);
    words = apr_pvsprintf(form->pool, format, arguments);
    va_end(arguments);
    return form_fail_at(form, form_line(node), form->key, words);
}

/* ---- parsing ---- */

static apr_status_t forget(void *data)
{
    form_t *form = data;

    if (form->loaded) {
        yaml_document_delete(&form->document);
        form->loaded = 0;
    }
    return APR_SUCCESS;
}

/* libyaml has a line for faults of grammar (one past the last when the text
 * ends too early), but only an offset for bytes that are not UTF-8. */
static apr_status_t fail_parse(form_t *form, const yaml_parser_t *parser)
{
    const form_source_t *source = &form->source;
    apr_size_t i, lines = 1, line = parser->problem_mark.line + 1;
    int bytes = parser->error == YAML_READER_ERROR;

    for (i = 0; i + 1 < source->len
                && !(bytes && i >= parser->problem_offset); i++) {
        lines += source->text[i] == '\n';
    }
    return form_fail_at(form, (int)(bytes || line > lines ? lines : line), "",
                        apr_psprintf(form->pool, "not YAML: %s",
                                     parser->problem ? parser->problem
                                                     : "out of memory"));
}

static int deeper(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return 1;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return -1;
    default:
        return 0;
    }
}

/* A first reading, for what must not reach the second: deep nests, and
 * aliases, by which a short file can be an endless one. */
static apr_status_t check_events(form_t *form, yaml_parser_t *parser)
{
    int depth = 0, more = 1;

    while (more) {
        yaml_event_t event;
        int line, alias;

        if (!yaml_parser_parse(parser, &event)) {
            return fail_parse(form, parser);
        }
        depth += deeper(&event);
        more = event.type != YAML_STREAM_END_EVENT;
        alias = event.type == YAML_ALIAS_EVENT;
        line = (int)event.start_mark.line + 1;
        yaml_event_delete(&event);
        if (depth > DEPTH_MAX || alias) {
            return form_fail_at(form, line, "", alias
                                ? "an alias; expected the value itself"
                                : "nests too deeply; expected at most "
                                  APR_STRINGIFY(DEPTH_MAX) " levels");
        }
    }
    return APR_SUCCESS;
}

static apr_status_t load(form_t *form, yaml_parser_t *parser)
{
    yaml_document_t more;
    form_node_t *second;
    apr_status_t rv = APR_SUCCESS;

    if (!yaml_parser_load(parser, &form->document)) {
        return fail_parse(form, parser);
    }
    form->loaded = 1;
    if (form_root(form) == NULL) {
        return form_fail_at(form, 1, "", "nothing in it; expected a mapping");
    }
    if (!yaml_parser_load(parser, &more)) {
        return fail_parse(form, parser);
    }
    second = yaml_document_get_root_node(&more);
    if (second) {
        rv = form_fail(form, second, "a second document; expected one");
    }
    yaml_document_delete(&more);
    return rv;
}

static apr_status_t with_parser(form_t *form,
                                apr_status_t (*work)(form_t *,
                                                     yaml_parser_t *))
{
    yaml_parser_t parser;
    apr_status_t rv;

    if (!yaml_parser_initialize(&parser)) {
        return form_fail_at(form, 1, "", "out of memory");
    }
    yaml_parser_set_input_string(&parser,
                                 (const unsigned char *)form->source.text,
                                 form->source.len);
    rv = work(form, &parser);
    yaml_parser_delete(&parser);
    return rv;
}

apr_status_t form_open(form_t **out, const form_source_t *source,
                       apr_pool_t *pool)
{
    form_t *form = apr_pcalloc(pool, sizeof *form);
    apr_status_t rv;

    form->pool = pool;
    form->source = *source;
    form->key = "";
    *out = form;
    apr_pool_cleanup_register(pool, form, forget, apr_pool_cleanup_null);
    rv = with_parser(form, check_events);
    return rv == APR_SUCCESS ? with_parser(form, load) : rv;
}

form_node_t *form_root(form_t *form)
{
    return yaml_document_get_root_node(&form->document);
}

apr_pool_t *form_pool(const form_t *form)
{
    return form->pool;
}

void *form_user(const form_t *form)
{
    return form->source.user;
}

const char *form_error(const form_t *form)
{
    return form->error;
}

const char *form_key(const form_t *form)
{
    return form->key;
}

int form_secret(const form_t *form, const char **key)
{
    *key = form->secret_key;
    return form->secret_line;
}

/* ---- mappings ---- */

static int is_nothing(const form_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;

    return node->type == YAML_SCALAR_NODE
           && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
           && (!*text || strcmp(text, "~") == 0
               || strcasecmp(text, "null") == 0);
}

static apr_status_t pairs_of(form_t *form, form_node_t *node, int *count)
{
    *count = 0;
    if (is_nothing(node)) {
        return APR_SUCCESS;
    }
    if (node->type != YAML_MAPPING_NODE) {
        return form_fail(form, node, "expected a mapping, \"key: value\" on "
                         "lines of their own");
    }
    *count = (int)(node->data.mapping.pairs.top
                   - node->data.mapping.pairs.start);
    return APR_SUCCESS;
}

static apr_status_t pair_of(form_t *form, form_node_t *pair[2],
                            const form_node_t *node, int index)
{
    const yaml_node_pair_t *at = node->data.mapping.pairs.start + index;

    pair[0] = yaml_document_get_node(&form->document, at->key);
    pair[1] = yaml_document_get_node(&form->document, at->value);
    if (pair[0]->type != YAML_SCALAR_NODE
        || strlen((const char *)pair[0]->data.scalar.value)
           != pair[0]->data.scalar.length) {
        return form_fail(form, pair[0], "a key that is no text; expected "
                         "\"key: value\"");
    }
    return APR_SUCCESS;
}

/* The key within those above it; the caller puts the old one back. */
static const char *enter(form_t *form, const char *key)
{
    const char *above = form->key;

    form->key = *above ? apr_pstrcat(form->pool, above, ".", key, NULL)
                       : apr_pstrdup(form->pool, key);
    return above;
}

static const char *keys_of(form_t *form, const form_field_t *fields)
{
    const char *keys = fields->key;

    while ((++fields)->key) {
        keys = apr_pstrcat(form->pool, keys, ", ", fields->key, NULL);
    }
    return keys;
}

/* A key of a stranger's file in a sentence: short and printable. */
static const char *shown(form_t *form, const char *key)
{
    char *copy = apr_pstrndup(form->pool, key, 64);
    char *at;

    for (at = copy; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = '?';
        }
    }
    return copy;
}

static apr_status_t fill_one(form_t *form, form_node_t *pair[2],
                             const form_field_t *fields, unsigned *seen,
                             char *into)
{
    const char *key = (const char *)pair[0]->data.scalar.value;
    const form_field_t *field = fields;
    const char *above;
    apr_status_t rv;
    unsigned bit;

    while (field->key && strcmp(field->key, key)) {
        field++;
    }
    above = enter(form, shown(form, key));
    if (field->key == NULL) {
        return form_fail(form, pair[0], "unknown key; expected one of %s",
                         keys_of(form, fields));
    }
    bit = 1u << (field - fields);
    if (*seen & bit) {
        return form_fail(form, pair[0], "given twice; expected it once");
    }
    *seen |= bit;
    rv = field->read(form, pair[1], field, into + field->offset);
    form->key = above;
    return rv;
}

apr_status_t form_fill(form_t *form, form_node_t *node,
                       const form_field_t *fields, void *into)
{
    form_node_t *pair[2];
    unsigned seen = 0;
    int i, count;
    apr_status_t rv = pairs_of(form, node, &count);

    for (i = 0; rv == APR_SUCCESS && i < count; i++) {
        rv = pair_of(form, pair, node, i);
        if (rv == APR_SUCCESS) {
            rv = fill_one(form, pair, fields, &seen, into);
        }
    }
    for (i = 0; rv == APR_SUCCESS && fields[i].key; i++) {
        if (fields[i].required && !(seen & 1u << i)) {
            rv = form_fail(form, node, "\"%s\" is missing", fields[i].key);
        }
    }
    return rv;
}

/* ---- mappings of names ---- */

static int name_fits(const char *name, const form_names_t *names)
{
    const unsigned char *at = (const unsigned char *)name;
    apr_size_t length = strlen(name);

    if (length == 0 || length > names->max || *at == ' '
        || at[length - 1] == ' ') {
        return 0;
    }
    for (; *at; at++) {
        if (names->free ? *at < 0x20 || *at == 0x7f
                        : !apr_isalnum(*at) && !strchr("._-", *at)) {
            return 0;
        }
    }
    return 1;
}

static apr_status_t name_one(form_t *form, form_node_t *pair[2],
                             const form_names_t *names, void *into)
{
    const char *name = (const char *)pair[0]->data.scalar.value;
    const char *above = enter(form, shown(form, name));
    apr_status_t rv;

    if (!name_fits(name, names)) {
        return form_fail(form, pair[0], "not a name; expected up to %d %s",
                         (int)names->max, names->free ? "characters"
                         : "letters, digits, \".\", \"_\" and \"-\"");
    }
    rv = names->each(form, pair[1], apr_pstrdup(form->pool, name), into);
    form->key = above;
    return rv;
}

apr_status_t form_named(form_t *form, form_node_t *node,
                        const form_field_t *field, void *into)
{
    apr_hash_t *seen = apr_hash_make(form->pool);
    form_node_t *pair[2];
    int i, count;
    apr_status_t rv = pairs_of(form, node, &count);

    for (i = 0; rv == APR_SUCCESS && i < count; i++) {
        const char *name;

        rv = pair_of(form, pair, node, i);
        if (rv != APR_SUCCESS) {
            break;
        }
        name = (const char *)pair[0]->data.scalar.value;
        if (apr_hash_get(seen, name, APR_HASH_KEY_STRING)) {
            enter(form, shown(form, name));
            return form_fail(form, pair[0], "given twice; expected it once");
        }
        apr_hash_set(seen, name, APR_HASH_KEY_STRING, name);
        rv = name_one(form, pair, field->more, into);
    }
    return rv;
}
