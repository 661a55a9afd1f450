/* SPDX-License-Identifier: MIT */
/*
 * form: a YAML text read strictly, by tables of keys.
 *
 * form.c is the only includer of yaml.h in mod_mailtrack. It knows nothing
 * of rules: it hands out texts, lists and mappings and turns every departure
 * from the expected form into one sentence with a line number. One thread,
 * at load time. Reads no file, logs nothing.
 */
#ifndef MAILTRACK_FORM_H
#define MAILTRACK_FORM_H

#include <apr_errno.h>
#include <apr_pools.h>

typedef struct form_t form_t;
typedef struct yaml_node_s form_node_t;  /* libyaml's, opaque here */

/* Texts longer than this, in bytes, are refused. */
#define FORM_TEXT_MAX 1000

/*
 * Parse len bytes of YAML, one document. name is the file in messages; user
 * is handed back by form_user. *out is made even on failure, for form_error;
 * it is freed by form_close or with pool. What readers return lives in pool,
 * also after the close, as does the error.
 */
apr_status_t form_open(form_t **out, const char *name, const char *text,
                       apr_size_t len, apr_pool_t *pool);
void form_close(form_t *form);
form_node_t *form_root(form_t *form);
apr_pool_t *form_pool(const form_t *form);
void *form_user(const form_t *form);
void form_set_user(form_t *form, void *user);

/* The sentence "NAME:LINE: what is wrong; what was expected", or NULL. */
const char *form_error(const form_t *form);

/* Set that sentence, with the line of node; always APR_EINVAL. */
apr_status_t form_fail(form_t *form, const form_node_t *node,
                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A reader of one value: into is the field of a struct that a mapping fills,
 * key is for messages.
 */
typedef apr_status_t form_read_fn(form_t *form, form_node_t *node,
                                  const char *key, void *into);

/* One key of a mapping; a NULL key ends a table (of at most 32). */
typedef struct {
    const char *key;
    form_read_fn *read;
    apr_size_t offset;
    int required;
} form_field_t;

/* Fill the struct at into; refused are keys outside the table, keys given
 * twice and required keys left out. what names the mapping in messages. */
apr_status_t form_fill(form_t *form, form_node_t *node, const char *what,
                       const form_field_t *fields, void *into);

form_read_fn form_text;    /* const char *: no control characters */
form_read_fn form_flag;    /* int: true or false */
form_read_fn form_number;  /* apr_int64_t: 1 to 1,000,000,000 */
form_read_fn form_remark;  /* nothing: a text that is not kept */
form_read_fn form_node;    /* form_node_t *: to be read later */

/* How many items a list, or pairs a mapping, has; none is an error. */
apr_status_t form_items(form_t *form, form_node_t *node, const char *key,
                        int *count);
apr_status_t form_pairs(form_t *form, form_node_t *node, const char *key,
                        int *count);
form_node_t *form_item(form_t *form, form_node_t *node, int index);
apr_status_t form_pair(form_t *form, form_node_t *node, int index,
                       const char **key, form_node_t **value);

#endif
