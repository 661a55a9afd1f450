/* SPDX-License-Identifier: MIT */
/*
 * What config_form.c and config_values.c share, and nobody else includes: the
 * state of one reading. One thread.
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

#endif
