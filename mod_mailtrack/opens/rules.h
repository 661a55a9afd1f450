/* SPDX-License-Identifier: MIT */
/*
 * rules: the rules file (conf/classify.yaml), read, checked and compiled.
 *
 * rules_load runs when httpd checks its configuration and when mailtrackctl
 * starts; what it returns never changes again and is shared by all threads
 * without a lock. It reads files and is slow (milliseconds); everything else
 * here is a pure read. No logging: a fault comes back as one sentence.
 *
 * rules.c is the only includer of yaml.h. The head comment of
 * conf/classify.yaml describes the format for whoever writes one.
 */
#ifndef MAILTRACK_RULES_H
#define MAILTRACK_RULES_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "cidr.h"
#include "networks.h"

/* What a hit was. The numbers may be stored: never renumber. */
typedef enum {
    VERDICT_HUMAN,    /* no sign of a machine */
    VERDICT_PROXIED,  /* a provider fetched it because a person looked */
    VERDICT_PREFETCH, /* provider or device fetched it, nobody needed */
    VERDICT_SCANNER,  /* a security product */
    VERDICT_BOT,      /* other software */
    VERDICT_SELF      /* the sender */
} verdict_e;

/* What a hit is worth. */
typedef enum {
    COUNTS_NONE,      /* kept, counted nowhere */
    COUNTS_POSSIBLE,  /* "cannot tell" */
    COUNTS_OPEN       /* a real open */
} counts_e;

/* "human", "proxied", "prefetch", "scanner", "bot", "self"; and
 * "none", "possible", "open". NULL for a value outside the enum. */
const char *verdict_name(verdict_e verdict);
const char *counts_name(counts_e counts);

/* Back; APR_EINVAL for another word. "proxy" is taken for "proxied". */
apr_status_t verdict_of(verdict_e *out, const char *name);
apr_status_t counts_of(counts_e *out, const char *name);

/* What a rule says of the hits it matches. No string is ever NULL; they live
 * as long as the rules. */
typedef struct {
    verdict_e verdict;
    counts_e counts;
    const char *rule;        /* its name: [a-z0-9-], at most 64 bytes;
                              * "default" when no rule matched */
    const char *vendor;      /* "google", or "", at most 64 bytes */
    const char *meaning;     /* a sentence for people */
    const char *confidence;  /* "high", "medium", "low": in the label */
    int verified;            /* 0: rests on a weak or a single source */
} verdict_t;

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

/* ---- The compiled form. For classify.c and nobody else. ---- */

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

/* One rule: every condition that is present must hold. */
typedef struct {
    verdict_t verdict;
    int has_net, has_not_net;
    cidr_set_t net, not_net;
    rules_texts_t ua_equals, ua_contains, ua_contains_all;
    rules_texts_t ua_prefix, ua_not_contains;
    rules_texts_t referer_empty_or_contains;
    rules_texts_t method;
    const rules_header_t *header;    /* any of them is enough */
    apr_size_t header_count;
    apr_int64_t within_seconds;      /* 0 = absent */
    int context;                     /* CLASSIFY_* bits, 0 = absent */
} rules_rule_t;

struct rules_t {
    apr_int64_t version;
    networks_t *networks;
    apr_array_header_t *rules;       /* rules_rule_t */
    apr_array_header_t *headers;     /* const char * */
    verdict_t otherwise;
};

#endif
