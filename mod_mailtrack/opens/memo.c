/* SPDX-License-Identifier: MIT */
/*
 * memo: the bounded table behind classify_memo_t (contract in memo.h).
 * One thread at a time. Allocates only in memo_put.
 */
#include <string.h>

#include <apr_strings.h>

#include "memo.h"

/* Twice the entries, so that runs of taken slots stay short. */
#define SLOTS (2 * MEMO_ENTRIES)

/* A key is looked for in this many slots and then given up: a client that
 * finds colliding user agents gains nothing but a miss. */
#define PROBES 16

typedef struct {
    apr_uint64_t hash;
    const char *key;                 /* NULL: free */
    apr_size_t len;
    memo_set_t set;
} slot_t;

struct classify_memo_t {
    apr_pool_t *pool;                /* of the keys alone */
    apr_int64_t version;
    int used;
    slot_t slot[SLOTS];
};

apr_status_t memo_create(classify_memo_t **out, apr_pool_t *pool)
{
    *out = apr_pcalloc(pool, sizeof **out);
    return apr_pool_create(&(*out)->pool, pool);
}

/* Eight bytes a step: a byte at a time costs more than the lookup. */
static apr_uint64_t hash_of(const char *key, apr_size_t len, memo_kind_e kind)
{
    const apr_uint64_t odd = APR_UINT64_C(0x9e3779b97f4a7c15);
    apr_uint64_t hash = (len + 1) * odd + (apr_uint64_t)kind, part;

    while (len > 0) {
        apr_size_t n = len < sizeof part ? len : sizeof part;

        part = 0;
        memcpy(&part, key, n);
        hash = (hash ^ part) * odd;
        hash ^= hash >> 29;
        key += n;
        len -= n;
    }
    return hash;
}

static void forget(classify_memo_t *memo)
{
    apr_pool_clear(memo->pool);
    memset(memo->slot, 0, sizeof memo->slot);
    memo->used = 0;
}

void memo_use(classify_memo_t *memo, apr_int64_t version)
{
    if (memo->version != version) {
        forget(memo);
        memo->version = version;
    }
}

int memo_get(const classify_memo_t *memo, memo_set_t *out, memo_kind_e kind,
             const char *key)
{
    apr_size_t len = strlen(key);
    apr_uint64_t hash = hash_of(key, len, kind);
    int i;

    for (i = 0; i < PROBES; i++) {
        const slot_t *slot = &memo->slot[(hash + (apr_uint64_t)i) % SLOTS];

        if (slot->key == NULL) {
            return 0;
        }
        /* The kind is in the hash; the last byte after the text keeps it
         * apart for certain. */
        if (slot->hash == hash && slot->len == len
            && memcmp(slot->key, key, len) == 0
            && slot->key[len] == (char)kind) {
            *out = slot->set;
            return 1;
        }
    }
    return 0;
}

void memo_put(classify_memo_t *memo, const memo_set_t *set, memo_kind_e kind,
              const char *key)
{
    apr_size_t len = strlen(key);
    apr_uint64_t hash = hash_of(key, len, kind);
    char *copy;
    int i;

    if (len > MEMO_KEY_MAX) {
        return;
    }
    if (memo->used >= MEMO_ENTRIES) {
        forget(memo);
    }
    for (i = 0; i < PROBES; i++) {
        slot_t *slot = &memo->slot[(hash + (apr_uint64_t)i) % SLOTS];

        if (slot->key == NULL) {
            copy = apr_palloc(memo->pool, len + 1);
            memcpy(copy, key, len);
            copy[len] = (char)kind;
            slot->hash = hash;
            slot->key = copy;
            slot->len = len;
            slot->set = *set;
            memo->used++;
            return;
        }
    }
}
