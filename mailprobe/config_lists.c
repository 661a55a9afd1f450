/* SPDX-License-Identifier: MIT */
/*
 * Readers of lists and of mail addresses (contracts in config_form.h). Runs
 * where a configuration is loaded. No value is ever repeated in an error.
 */
#include <string.h>

#include <apr_strings.h>

#include "address.h"
#include "config_form.h"
#include "config_inside.h"

static apr_status_t add_item(form_t *form, apr_array_header_t *list,
                             const form_node_t *node)
{
    const char *text;
    int literal;
    apr_status_t rv = config_scalar(form, &text, &literal, node);

    if (rv == APR_SUCCESS && !*text) {
        return form_fail(form, node, "an empty item; expected a value");
    }
    if (rv == APR_SUCCESS) {
        APR_ARRAY_PUSH(list, const char *) = text;
    }
    return rv;
}

apr_status_t form_list(form_t *form, form_node_t *node,
                       const form_field_t *field, void *into)
{
    apr_array_header_t *list = apr_array_make(form->pool, 4,
                                              sizeof(const char *));
    yaml_node_item_t *item;
    apr_status_t rv = APR_SUCCESS;

    if (node->type == YAML_SCALAR_NODE) {
        const char *text;

        rv = config_value(form, &text, node, field);
        if (rv == APR_SUCCESS && *text) {
            APR_ARRAY_PUSH(list, const char *) = text;
            *(const apr_array_header_t **)into = list;
        }
        return rv;
    }
    if (node->type != YAML_SEQUENCE_NODE) {
        return form_fail(form, node, "expected a list, such as [a, b]");
    }
    for (item = node->data.sequence.items.start;
         rv == APR_SUCCESS && item < node->data.sequence.items.top; item++) {
        rv = add_item(form, list,
                      yaml_document_get_node(&form->document, *item));
    }
    if (rv == APR_SUCCESS && field->required && list->nelts == 0) {
        return form_fail(form, node, "an empty list; expected a value");
    }
    *(const apr_array_header_t **)into = list;
    return rv;
}

apr_status_t form_words(form_t *form, form_node_t *node,
                        const form_field_t *field, void *into)
{
    const apr_array_header_t *list = NULL;
    apr_status_t rv = form_list(form, node, field, &list);
    int i;

    if (rv != APR_SUCCESS || !list) {
        return rv;
    }
    for (i = 0; i < list->nelts; i++) {
        if (config_index(APR_ARRAY_IDX(list, i, const char *),
                         field->more) < 0) {
            return config_no_word(form, node, field->more);
        }
    }
    *(const apr_array_header_t **)into = list;
    return APR_SUCCESS;
}

/* ---- addresses ---- */

static apr_status_t address_of(form_t *form, const char **address,
                               const form_node_t *node, const char *text)
{
    apr_array_header_t *list;
    const char *error;

    if (address_parse_list(&list, &error, text, strlen(text), form->pool)
        != APR_SUCCESS || list->nelts != 1) {
        return form_fail(form, node, "expected one mail address, "
                         "name@example.org");
    }
    *address = APR_ARRAY_IDX(list, 0, address_t).address;
    return APR_SUCCESS;
}

apr_status_t form_address(form_t *form, form_node_t *node,
                          const form_field_t *field, void *into)
{
    const char *text;
    apr_status_t rv = config_value(form, &text, node, field);

    return rv == APR_SUCCESS && *text
           ? address_of(form, into, node, text) : rv;
}

apr_status_t form_addresses(form_t *form, form_node_t *node,
                            const form_field_t *field, void *into)
{
    const apr_array_header_t *list = NULL;
    apr_status_t rv = form_list(form, node, field, &list);
    int i;

    for (i = 0; rv == APR_SUCCESS && list && i < list->nelts; i++) {
        const char **item = &APR_ARRAY_IDX(list, i, const char *);

        rv = address_of(form, item, node, *item);
    }
    if (rv == APR_SUCCESS && list) {
        *(const apr_array_header_t **)into = list;
    }
    return rv;
}
