/* SPDX-License-Identifier: MIT */
/*
 * API keys: made, listed, revoked, checked. Contract in users.h. keys_check
 * runs in httpd's request threads for each request with a key. A key's text
 * is never stored.
 */
#include "users.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>

#include "engine.h"
#include "token.h"
#include "utf8.h"

/* "mt_" PREFIX "_" SECRET; the prefix in base32, so that it has no '_'. */
#define KEY_START         "mt_"
#define KEY_PREFIX_BYTES  5
#define KEY_PREFIX_LENGTH 8
#define KEY_RANDOM_BYTES  32
#define KEY_RANDOM_LENGTH 43
#define KEY_LENGTH (sizeof(KEY_START) - 1 + KEY_PREFIX_LENGTH + 1 \
                    + KEY_RANDOM_LENGTH)

/* last_used_at is written no more often. */
#define KEY_USED_STEP apr_time_from_sec(60)

#define KEY_COLUMNS \
    "id, prefix, name, scope, user_id, created_at, last_used_at, revoked_at"
#define KEY_COLUMN_COUNT 8

/* @param prefix KEY_PREFIX_LENGTH + 1 bytes */
static apr_status_t make_key(const char **secret, char *prefix,
                             store_t *store, apr_pool_t *pool)
{
    const char *public = "";
    const char *random = "";
    apr_status_t rv;

    rv = token_base32(&public, store, KEY_PREFIX_BYTES, pool);
    if (rv == APR_SUCCESS) {
        rv = token_base64(&random, store, KEY_RANDOM_BYTES, pool);
    }
    if (rv == APR_SUCCESS) {
        apr_cpystrn(prefix, public, KEY_PREFIX_LENGTH + 1);
        *secret = apr_pstrcat(pool, KEY_START, prefix, "_", random, NULL);
    }
    return rv;
}

static apr_status_t check_new(store_t *store, const char *name,
                              const char *scope)
{
    apr_size_t len = strlen(name);
    const char *p;

    for (p = name; (unsigned char)*p >= ' ' && *p != '\x7f'; p++) {
    }
    if (!len || *p || !utf8_valid(name, len)
        || utf8_length(name) > KEY_NAME_MAX) {
        return store_fail(store, APR_EINVAL,
                          "a key's name has 1 to 64 printable characters");
    }
    if (strcmp(scope, "track") && strcmp(scope, "admin")) {
        return store_fail(store, APR_EINVAL,
                          "a scope is 'track' or 'admin'");
    }
    return APR_SUCCESS;
}

apr_status_t keys_add(const char **secret, store_t *store, const char *name,
                      const char *scope, apr_int64_t user_id, apr_time_t now,
                      apr_pool_t *pool)
{
    char prefix[KEY_PREFIX_LENGTH + 1];
    char hash[TOKEN_HASH_LENGTH + 1];
    apr_status_t rv;

    rv = check_new(store, name, scope);
    if (rv == APR_SUCCESS) {
        rv = make_key(secret, prefix, store, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = token_hash(hash, store, *secret);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return store_exec(store, NULL, "INSERT INTO api_keys"
                      " (prefix, hash, name, scope, user_id, created_at)"
                      " VALUES (?, ?, ?, ?, ?, ?)", "ttttNi", prefix, hash,
                      name, scope, user_id, (apr_int64_t)now);
}

static apr_int64_t int_or_null(store_rows_t *rows, int column)
{
    return store_is_null(rows, column) ? STORE_NULL : store_int(rows, column);
}

static void read_key(api_key_t *key, store_rows_t *rows, apr_pool_t *pool)
{
    key->id = store_int(rows, 0);
    key->prefix = store_text(rows, 1, pool);
    key->name = store_text(rows, 2, pool);
    key->scope = store_text(rows, 3, pool);
    key->user_id = int_or_null(rows, 4);
    key->created_at = store_int(rows, 5);
    key->last_used_at = int_or_null(rows, 6);
    key->revoked_at = int_or_null(rows, 7);
}

apr_status_t keys_list(apr_array_header_t **out, store_t *store,
                       apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " KEY_COLUMNS
                     " FROM api_keys ORDER BY id", NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *out = apr_array_make(pool, 8, sizeof(api_key_t));
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        read_key(apr_array_push(*out), rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t keys_revoke(store_t *store, const char *prefix, apr_time_t now)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(store, &changed, "UPDATE api_keys SET revoked_at = ?"
                    " WHERE prefix = ? AND revoked_at IS NULL", "it",
                    (apr_int64_t)now, prefix);
    return rv == APR_SUCCESS && !changed ? APR_NOTFOUND : rv;
}

/* Its prefix, or NULL where the text cannot be a key. */
static const char *prefix_of(const char *secret, apr_pool_t *pool)
{
    apr_size_t start = sizeof(KEY_START) - 1;
    apr_size_t i;

    if (strlen(secret) != KEY_LENGTH || strncmp(secret, KEY_START, start)
        || secret[start + KEY_PREFIX_LENGTH] != '_') {
        return NULL;
    }
    /* a store would take anything else for text that is not UTF-8 */
    for (i = start; i < start + KEY_PREFIX_LENGTH; i++) {
        if ((unsigned char)secret[i] <= ' '
            || (unsigned char)secret[i] >= 0x7f) {
            return NULL;
        }
    }
    return apr_pstrndup(pool, secret + start, KEY_PREFIX_LENGTH);
}

/* Fails with APR_NOTFOUND for a hash that differs or a revoked key. */
static apr_status_t find_key(api_key_t **out, store_t *store,
                             const char *prefix, const char *hash,
                             apr_pool_t *pool)
{
    const char *kept;
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " KEY_COLUMNS ", hash"
                     " FROM api_keys WHERE prefix = ?", "t", prefix);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        kept = store_peek(rows, KEY_COLUMN_COUNT);
        if (!kept || strlen(kept) != TOKEN_HASH_LENGTH
            || CRYPTO_memcmp(kept, hash, TOKEN_HASH_LENGTH)
            || !store_is_null(rows, KEY_COLUMN_COUNT - 1)) {
            rv = APR_NOTFOUND;
        } else {
            *out = apr_palloc(pool, sizeof(**out));
            read_key(*out, rows, pool);
        }
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

static void note_use(store_t *store, api_key_t *key, apr_time_t now)
{
    apr_status_t rv;

    if (key->last_used_at != STORE_NULL
        && now - key->last_used_at < KEY_USED_STEP) {
        return;
    }
    rv = store_exec(store, NULL, "UPDATE api_keys SET last_used_at = ?"
                    " WHERE id = ? AND (last_used_at IS NULL"
                    " OR last_used_at < ?)", "iii", (apr_int64_t)now,
                    key->id, (apr_int64_t)now);
    /* a note for people: a store that is locked or full right now must not
     * turn a right key away */
    if (rv == APR_SUCCESS) {
        key->last_used_at = now;
    }
}

apr_status_t keys_check(api_key_t **out, store_t *store, const char *secret,
                        apr_time_t now, apr_pool_t *pool)
{
    char hash[TOKEN_HASH_LENGTH + 1];
    const char *prefix = prefix_of(secret, pool);
    apr_status_t rv;

    if (!prefix) {
        return APR_NOTFOUND;
    }
    rv = token_hash(hash, store, secret);
    if (rv == APR_SUCCESS) {
        rv = find_key(out, store, prefix, hash, pool);
    }
    if (rv == APR_SUCCESS) {
        note_use(store, *out, now);
    }
    return rv;
}
