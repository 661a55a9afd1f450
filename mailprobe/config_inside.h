/* SPDX-License-Identifier: MIT */
/*
 * What config_form.c, config_values.c and config_lists.c share, and nobody else
 * includes: the state of one reading. One thread.
 */
#ifndef MAILPROBE_CONFIG_INSIDE_H
#define MAILPROBE_CONFIG_INSIDE_H

#include <apr_hash.h>
#include <apr_lib.h>

#include <yaml.h>

#include "config_form.h"

struct form_t {
    apr_pool_t *pool;
    form_source_t source;
    const char *error;
    const char *key;            /* being read, with those above: "a.b.c" */
    int secret_line;            /* of the first secret in the file; 0: none */
    const char *secret_key;
    int loaded;
    yaml_document_t document;
};

/** A single value with the environment put in. @param text never NULL; "" where
 * there is none @param literal whether any of it stands in the file */
apr_status_t config_scalar(form_t *form, const char **text, int *literal,
                           const form_node_t *node);
/** The same; nothing where something is required is an error. */
apr_status_t config_value(form_t *form, const char **text,
                          const form_node_t *node, const form_field_t *field);
/** Which of these words; -1: none. And the error for that. */
int config_index(const char *text, const char *const *words);
apr_status_t config_no_word(form_t *form, const form_node_t *node,
                            const char *const *words);

#endif
