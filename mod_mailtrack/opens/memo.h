/* SPDX-License-Identifier: MIT */
/*
 * memo: string -> set of rules, bounded; classify.c's memory.
 *
 * Owned by whoever classifies, one thread at a time. Knows neither rules nor
 * hits. An open hash table that is emptied when it is full: a plain rule
 * that needs no bookkeeping on a hit, and user agents come back quickly.
 */
#ifndef MAILTRACK_MEMO_H
#define MAILTRACK_MEMO_H

#include "classify.h"

/* Entries, and the longest key in bytes; longer ones are not kept. */
#define MEMO_ENTRIES 4096
#define MEMO_KEY_MAX CLASSIFY_TEXT_MAX

/* Bit n % 64 of word n / 64 is rule n. */
typedef struct {
    apr_uint64_t word[RULES_SET_WORDS];
} memo_set_t;

/* What the key is: the same text can mean different things. */
typedef enum { MEMO_USER_AGENT, MEMO_NETWORKS } memo_kind_e;

apr_status_t memo_create(classify_memo_t **out, apr_pool_t *pool);

/* Forget all if what is there was learned with another version of rules. */
void memo_use(classify_memo_t *memo, apr_int64_t version);

/* 1 and *out, or 0. */
int memo_get(const classify_memo_t *memo, memo_set_t *out, memo_kind_e kind,
             const char *key);

/* Keep it, if there is room or can be made. */
void memo_put(classify_memo_t *memo, const memo_set_t *set, memo_kind_e kind,
              const char *key);

#endif
