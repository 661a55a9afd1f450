/* SPDX-License-Identifier: MIT */
/*
 * form: strict reading of YAML (contract in form.h).
 *
 * Runs where rules are loaded, on one thread. Must not read files, log, or
 * guess: what is not as the table of keys says is an error with its line.
 */
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include <apr_general.h>
#include <apr_strings.h>

#include <yaml.h>

#include "form.h"

#define NUMBER_MAX 1000000000

/* A rules file has five levels. */
#define DEPTH_MAX 16

struct form_t {
    apr_pool_t *pool;
    const char *name, *text;
    apr_size_t len;
    const char *error;
    void *user;
    int loaded;
    yaml_document_t document;
};

/* ---- Faults ---- */

static apr_status_t fail_at(form_t *form, apr_size_t line, const char *words)
{
    form->error = apr_psprintf(form->pool, "%s:%" APR_SIZE_T_FMT ": %s",
                               form->name, line, words);
    return APR_EINVAL;
}

apr_status_t form_fail(form_t *form, const form_node_t *node,
                       const char *format, ...)
{
    va_list arguments;
    const char *words;

    va_start(arguments, format);
    words = apr_pvsprintf(form->pool, format, arguments);
    va_end(arguments);
    return fail_at(form, node->start_mark.line + 1, words);
}

static const char *type_of(const form_node_t *node)
{
    switch (node->type) {
    case YAML_SCALAR_NODE:   return "a single value";
    case YAML_SEQUENCE_NODE: return "a list";
    case YAML_MAPPING_NODE:  return "a mapping";
    default:                 return "nothing";
    }
}

/* ---- Parsing ---- */

static apr_status_t forget(void *data)
{
    form_t *form = data;

    if (form->loaded) {
        yaml_document_delete(&form->document);
        form->loaded = 0;
    }
    return APR_SUCCESS;
}

/* libyaml gives a line for faults of grammar (one past the last when the text
 * ends too early), but only an offset for bytes that are not UTF-8. */
static apr_status_t fail_parse(form_t *form, const yaml_parser_t *parser)
{
    apr_size_t i, lines = 1, line = parser->problem_mark.line + 1;
    int bytes = parser->error == YAML_READER_ERROR;

    for (i = 0; i + 1 < form->len && !(bytes && i >= parser->problem_offset);
         i++) {
        lines += form->text[i] == '\n';
    }
    return fail_at(form, bytes || line > lines ? lines : line,
                   apr_psprintf(form->pool, "not YAML: %s%s%s; expected a "
                                "YAML 1.1 document in UTF-8",
                                parser->problem ? parser->problem
                                                : "out of memory",
                                parser->context ? " " : "",
                                parser->context ? parser->context : ""));
}

/* How much deeper it is after an event. */
static int step(const yaml_event_t *event)
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

/* A first reading that stops at nesting no good file has: libyaml needs time
 * in the square of the depth (28 s for 100,000 brackets). */
static apr_status_t check_depth(form_t *form, yaml_parser_t *parser)
{
    int depth = 0, more = 1;

    while (more) {
        yaml_event_t event;
        apr_size_t line;

        if (!yaml_parser_parse(parser, &event)) {
            return fail_parse(form, parser);
        }
        depth += step(&event);
        more = event.type != YAML_STREAM_END_EVENT;
        line = event.start_mark.line + 1;
        yaml_event_delete(&event);
        if (depth > DEPTH_MAX) {
            return fail_at(form, line, "lists and mappings nest too deeply; "
                           "expected at most " APR_STRINGIFY(DEPTH_MAX)
                           " levels");
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
        return fail_at(form, 1, "nothing in it; expected a mapping");
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
        return fail_at(form, 1, "out of memory; expected some");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)form->text,
                                 form->len);
    rv = work(form, &parser);
    yaml_parser_delete(&parser);
    return rv;
}

apr_status_t form_open(form_t **out, const char *name, const char *text,
                       apr_size_t len, apr_pool_t *pool)
{
    form_t *form = apr_pcalloc(pool, sizeof *form);
    apr_status_t rv;

    form->pool = pool;
    form->name = name;
    form->text = text;
    form->len = len;
    *out = form;
    apr_pool_cleanup_register(pool, form, forget, apr_pool_cleanup_null);
    rv = with_parser(form, check_depth);
    return rv == APR_SUCCESS ? with_parser(form, load) : rv;
}

void form_close(form_t *form)
{
    apr_pool_cleanup_run(form->pool, form, forget);
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
    return form->user;
}

void form_set_user(form_t *form, void *user)
{
    form->user = user;
}

const char *form_error(const form_t *form)
{
    return form->error;
}

/* ---- Single values ---- */

/* YAML's null, written as nothing, ~ or null without quotes. */
static int is_null(const form_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;

    return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
           && (!*text || strcmp(text, "~") == 0
               || strcasecmp(text, "null") == 0);
}

apr_status_t form_text(form_t *form, form_node_t *node, const char *key,
                       void *into)
{
    const char *text;
    apr_size_t i;

    if (node->type != YAML_SCALAR_NODE) {
        return form_fail(form, node, "\"%s\" is %s; expected a text", key,
                         type_of(node));
    }
    if (is_null(node)) {
        return form_fail(form, node, "\"%s\" has no value; expected a text, "
                         "\"\" for an empty one", key);
    }
    text = (const char *)node->data.scalar.value;
    for (i = 0; i < node->data.scalar.length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return form_fail(form, node, "\"%s\" holds a control character; "
                             "expected one line of text", key);
        }
    }
    if (i > FORM_TEXT_MAX) {
        return form_fail(form, node, "\"%s\" is %" APR_SIZE_T_FMT
                         " bytes long; expected at most %d", key, i,
                         FORM_TEXT_MAX);
    }
    *(const char **)into = apr_pstrmemdup(form->pool, text, i);
    return APR_SUCCESS;
}

apr_status_t form_flag(form_t *form, form_node_t *node, const char *key,
                       void *into)
{
    const char *text;
    apr_status_t rv = form_text(form, node, key, &text);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (strcmp(text, "true") && strcmp(text, "false")) {
        return form_fail(form, node, "bad %s \"%s\"; expected true or false",
                         key, text);
    }
    *(int *)into = strcmp(text, "true") == 0;
    return APR_SUCCESS;
}

apr_status_t form_number(form_t *form, form_node_t *node, const char *key,
                         void *into)
{
    const char *text;
    apr_status_t rv = form_text(form, node, key, &text);
    apr_size_t len;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    len = strlen(text);
    if (len == 0 || len > 10 || strspn(text, "0123456789") != len
        || text[0] == '0' || apr_atoi64(text) > NUMBER_MAX) {
        return form_fail(form, node, "bad %s \"%s\"; expected a whole "
                         "number from 1 to %d", key, text, NUMBER_MAX);
    }
    *(apr_int64_t *)into = apr_atoi64(text);
    return APR_SUCCESS;
}

apr_status_t form_remark(form_t *form, form_node_t *node, const char *key,
                         void *into)
{
    const char *text;

    (void)into;
    return form_text(form, node, key, &text);
}

apr_status_t form_node(form_t *form, form_node_t *node, const char *key,
                       void *into)
{
    (void)form;
    (void)key;
    *(form_node_t **)into = node;
    return APR_SUCCESS;
}

/* ---- Lists and mappings ---- */

apr_status_t form_items(form_t *form, form_node_t *node, const char *key,
                        int *count)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        return form_fail(form, node, "\"%s\" is %s; expected a list, such "
                         "as [a, b]", key, type_of(node));
    }
    *count = (int)(node->data.sequence.items.top
                   - node->data.sequence.items.start);
    if (*count == 0) {
        return form_fail(form, node, "\"%s\" is an empty list; expected at "
                         "least one item", key);
    }
    return APR_SUCCESS;
}

form_node_t *form_item(form_t *form, form_node_t *node, int index)
{
    return yaml_document_get_node(&form->document,
                                  node->data.sequence.items.start[index]);
}

apr_status_t form_pairs(form_t *form, form_node_t *node, const char *key,
                        int *count)
{
    if (node->type != YAML_MAPPING_NODE) {
        return form_fail(form, node, "\"%s\" is %s; expected a mapping, "
                         "such as {key: value}", key, type_of(node));
    }
    *count = (int)(node->data.mapping.pairs.top
                   - node->data.mapping.pairs.start);
    if (*count == 0) {
        return form_fail(form, node, "\"%s\" is an empty mapping; expected "
                         "at least one key", key);
    }
    return APR_SUCCESS;
}

apr_status_t form_pair(form_t *form, form_node_t *node, int index,
                       const char **key, form_node_t **value)
{
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start + index;

    *value = yaml_document_get_node(&form->document, pair->value);
    return form_text(form, yaml_document_get_node(&form->document, pair->key),
                     "key", key);
}

/* The keys a table knows, for "expected". */
static const char *keys_of(form_t *form, const form_field_t *fields)
{
    const char *keys = fields->key;

    while ((++fields)->key) {
        keys = apr_pstrcat(form->pool, keys, ", ", fields->key, NULL);
    }
    return keys;
}

static apr_status_t fill_one(form_t *form, form_node_t *pair[2],
                             const char *what, const form_field_t *fields,
                             unsigned *seen, void *into)
{
    const form_field_t *field = fields;
    const char *key;
    unsigned bit;
    apr_status_t rv = form_text(form, pair[0], "key", &key);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    while (field->key && strcmp(field->key, key)) {
        field++;
    }
    if (field->key == NULL) {
        return form_fail(form, pair[0], "unknown key \"%s\" in %s; expected "
                         "one of %s", key, what, keys_of(form, fields));
    }
    bit = 1u << (field - fields);
    if (*seen & bit) {
        return form_fail(form, pair[0], "key \"%s\" stands twice in %s; "
                         "expected it once", key, what);
    }
    *seen |= bit;
    return field->read(form, pair[1], key, (char *)into + field->offset);
}

apr_status_t form_fill(form_t *form, form_node_t *node, const char *what,
                       const form_field_t *fields, void *into)
{
    const form_field_t *field;
    unsigned seen = 0;
    int i, count;

    if (node->type != YAML_MAPPING_NODE) {
        return form_fail(form, node, "%s is %s; expected a mapping with the "
                         "keys %s", what, type_of(node),
                         keys_of(form, fields));
    }
    count = (int)(node->data.mapping.pairs.top
                  - node->data.mapping.pairs.start);
    for (i = 0; i < count; i++) {
        const yaml_node_pair_t *at = node->data.mapping.pairs.start + i;
        form_node_t *pair[2];
        apr_status_t rv;

        pair[0] = yaml_document_get_node(&form->document, at->key);
        pair[1] = yaml_document_get_node(&form->document, at->value);
        rv = fill_one(form, pair, what, fields, &seen, into);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    for (field = fields; field->key; field++) {
        if (field->required && !(seen & 1u << (field - fields))) {
            return form_fail(form, node, "%s has no %s; expected the key "
                             "\"%s\"", what, field->key, field->key);
        }
    }
    return APR_SUCCESS;
}
