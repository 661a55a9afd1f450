/* SPDX-License-Identifier: MIT */
/*
 * mailprobe.yaml as tables of keys: a mapping is read into a struct, and what
 * is not as its table says becomes one sentence with file, line, key and what
 * was expected. Values are never repeated in it: any may be a secret. One
 * thread; reads no file; results and the sentence live in the pool.
 */
#ifndef MAILPROBE_CONFIG_FORM_H
#define MAILPROBE_CONFIG_FORM_H

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_tables.h>

typedef struct form_t form_t;
typedef struct yaml_node_s form_node_t;  /* libyaml's, opaque here */
typedef struct form_field_t form_field_t;

/** Bytes of one value, after the environment was put in. */
#define FORM_TEXT_MAX 4096

/** Reads one value into a field of a struct. */
typedef apr_status_t form_read_fn(form_t *form, form_node_t *node,
                                  const form_field_t *field, void *into);

/** One key of a mapping; a NULL key ends a table (of at most 32). */
struct form_field_t {
    const char *key;
    form_read_fn *read;
    apr_size_t offset;
    int required;
    apr_int64_t min, max;       /* of numbers and durations */
    const void *more;           /* what the reader wants besides */
};

/** What a file is read for. */
typedef struct form_source_t {
    const char *name;           /* in sentences */
    const char *text;
    apr_size_t len;
    void *user;
} form_source_t;

/** Parse; *out is made even on failure, for form_error. Freed with pool. */
apr_status_t form_open(form_t **out, const form_source_t *source,
                       apr_pool_t *pool);
form_node_t *form_root(form_t *form);
apr_pool_t *form_pool(const form_t *form);
void *form_user(const form_t *form);

/** "FILE:LINE: key: what was expected", or NULL. */
const char *form_error(const form_t *form);
/** Set it, at a node and the key that is being read; always APR_EINVAL. */
apr_status_t form_fail(form_t *form, const form_node_t *node,
                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** The same later, for what only the whole file shows. */
apr_status_t form_fail_at(form_t *form, int line, const char *key,
                          const char *words);
int form_line(const form_node_t *node);
/** What is being read, with the keys above it: "accounts.main.smtp.port". */
const char *form_key(const form_t *form);

/** What stands at a node is a secret after all. */
apr_status_t form_note_secret(form_t *form, const form_node_t *node,
                              const char *key);

/** Line of the first secret that stands in the file itself (not in the
 * environment), and its key; 0: none. */
int form_secret(const form_t *form, const char **key);

/** Fill a struct: unknown keys, keys given twice and required ones left out
 * are refused. A mapping left empty is one without keys. */
apr_status_t form_fill(form_t *form, form_node_t *node,
                       const form_field_t *fields, void *into);

/** A mapping of names: each is called with its name. more of the field is
 * the form_each_fn. */
typedef apr_status_t form_each_fn(form_t *form, form_node_t *node,
                                  const char *name, void *into);
typedef struct form_names_t {
    form_each_fn *each;
    apr_size_t max;             /* characters of a name */
    int free;                   /* 1: any printable text, not a word alone */
} form_names_t;
form_read_fn form_named;

/* Readers. An empty text leaves an optional value as it was. */
form_read_fn form_text;         /* const char * */
form_read_fn form_secret_text;  /* the same, a secret */
form_read_fn form_flag;         /* int: true, false */
form_read_fn form_number;       /* int, min..max */
form_read_fn form_duration;     /* apr_interval_time_t, min..max; 0 where min
                                 * is 0 */
form_read_fn form_word;         /* int: index into more, a list of words */
form_read_fn form_list;         /* const apr_array_header_t *: const char *; a
                                 * single value is a list of one */
form_read_fn form_words;        /* the same, each one of more's words */
form_read_fn form_address;      /* const char *: one mail address */
form_read_fn form_addresses;    /* list of them */
form_read_fn form_zone;         /* const char *: a time zone that is here */
form_read_fn form_url;          /* const char *: http, https */
form_read_fn form_secret_url;

#endif
