/* SPDX-License-Identifier: MIT */
/*
 * rules: the rules file (conf/classify.yaml), read, checked and compiled.
 *
 * rules_load runs when httpd checks its configuration and when mailtrackctl
 * starts; what it returns never changes again and is shared by all threads
 * without a lock. It reads files and is slow (milliseconds); everything else
 * here is a pure read. No logging: a fault comes back as one sentence.
 *
 * YAML itself is form.c's business. The head comment of
 * conf/classify.yaml describes the format for whoever writes one.
 */
#ifndef MAILTRACK_RULES_H
#define MAILTRACK_RULES_H

#include <apr_file_info.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "cidr.h"
#include "networks.h"
#include "verdict.h"

typedef struct rules_t rules_t;

/* A file larger than this is refused. */
#define RULES_FILE_MAX (1024 * 1024)

/* More rules are refused: a set of rules is four machine words. */
#define RULES_MAX 256
#define RULES_SET_WORDS (RULES_MAX / 64)

/* Lengths of names, in bytes; they fit the store's columns. */
#define RULES_NAME_MAX 64

/*
 * Read the rules file and the list files it names (their paths are relative
 * to the directory of the rules file). *out lives in pool.
 * On failure *out is NULL and *error, in pool, is one sentence:
 *     FILE:LINE: what is wrong; what was expected
 * (FILE: ... when the file cannot be read). APR_EINVAL for faulty content,
 * the system's status for a file that cannot be read.
 */
apr_status_t rules_load(rules_t **out, const char **error, const char *path,
                        apr_pool_t *pool);

/* The same over bytes in memory. dir NULL: list files are an error. */
typedef struct {
    const char *text;
    apr_size_t len;
    const char *name;        /* for error sentences */
    const char *dir;         /* where list files are, or NULL */
} rules_source_t;

apr_status_t rules_parse(rules_t **out, const char **error,
                         const rules_source_t *source, apr_pool_t *pool);

/*
 * The same text with its list files read anew, if one of them is another than
 * when it was read (inode, size, time): those are kept fresh by mailprobe,
 * while the rules file itself is its administrator's, who reloads httpd.
 * *out lives in pool and needs nothing of the old one's. NULL with
 * APR_SUCCESS: they are as they were; failures as with rules_load.
 */
apr_status_t rules_renew(rules_t **out, const char **error,
                         const rules_t *rules, apr_pool_t *pool);

/* > 0; changes with every byte of the rules file or of a list file (the
 * first 63 bits of a SHA-256), the same on every machine. */
apr_int64_t rules_version(const rules_t *rules);

/* The request headers that rules look into: const char *, lower case,
 * without user-agent and referer unless a rule names them. The hit path
 * spools these and no others. */
const apr_array_header_t *rules_headers(const rules_t *rules);

/* The rules in the order they are tried; rules_at(rules, rules_count()) is
 * the default, anything beyond is NULL. */
apr_size_t rules_count(const rules_t *rules);
const verdict_t *rules_at(const rules_t *rules, apr_size_t index);

/*
 * The networks of an address by name, "apple_relay_coarse,google_own" or
 * "", in pool. With MailtrackAnonymizeIP the hit path calls this while it
 * still has the address and spools the names, for no full address may reach
 * a disk; classify() takes the names in its place, also at reclassify, when
 * names that the file has lost since are skipped. Always APR_SUCCESS: what
 * is no address is in no network.
 */
apr_status_t rules_networks(const char **names, const rules_t *rules,
                            const char *address, apr_pool_t *pool);

/* ---- The compiled form. For rule.c and classify.c only. ---- */

/* A lower-case text with its length; and a list of them, count 0 = key
 * absent (an empty list in the file is an error). */
typedef struct {
    const char *text;
    apr_size_t len;
} rules_text_t;

typedef struct {
    const rules_text_t *item;
    apr_size_t count;
} rules_texts_t;

typedef struct {
    const char *name;        /* lower case */
    rules_texts_t contains;
} rules_header_t;

typedef struct {
    int given;
    cidr_set_t set;
} rules_nets_t;

/* One rule: every condition that is present must hold. */
typedef struct {
    verdict_t verdict;
    rules_nets_t net, not_net;
    rules_texts_t ua_equals, ua_contains, ua_contains_all;
    rules_texts_t ua_prefix, ua_not_contains;
    rules_texts_t referer_empty_or_contains;
    rules_texts_t method;
    apr_array_header_t *header;      /* rules_header_t, any is enough;
                                      * NULL = absent */
    apr_int64_t within_seconds;      /* 0 = absent */
    int context;                     /* CLASSIFY_* bits, 0 = absent */
} rules_rule_t;

struct rules_t {
    apr_int64_t version;
    rules_source_t source;           /* dir NULL: it names no files */
    apr_array_header_t *lists;       /* apr_finfo_t, fname set: as read */
    networks_t *networks;
    apr_array_header_t *rules;       /* rules_rule_t */
    apr_array_header_t *headers;     /* const char * */
    verdict_t otherwise;
};

#endif
