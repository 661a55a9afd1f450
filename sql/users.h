/* SPDX-License-Identifier: MIT */
/*
 * Users and API keys. Passwords are bcrypt hashes (apr_bcrypt_encode, as
 * htpasswd -B); keys are 256 random bits, stored as SHA-256.
 */
#ifndef MAILTRACK_USERS_H
#define MAILTRACK_USERS_H

#include <apr_tables.h>

#include "store.h"

#define USER_NAME_MAX     64
#define USER_PASSWORD_MIN 8     /* characters; bcrypt reads 72 bytes */
#define USER_PASSWORD_MAX 72
#define KEY_NAME_MAX      64

typedef struct user_t {
    apr_int64_t id;
    const char *name;
    const char *role;           /* "admin" or "user" */
    const char *password;       /* the hash; never leaves the process */
    apr_int64_t created_at;
    int totp;                   /* has switched a second factor on */
} user_t;

typedef struct api_key_t {
    apr_int64_t id;
    const char *prefix;         /* public part, for people to tell keys */
    const char *name;
    const char *scope;          /* "track" or "admin" */
    apr_int64_t user_id;        /* STORE_NULL: nobody's */
    apr_int64_t created_at;
    apr_int64_t last_used_at;   /* STORE_NULL: never; to the minute */
    apr_int64_t revoked_at;     /* STORE_NULL: valid */
} api_key_t;

/** STORE_ECONFLICT: the name is taken. APR_EINVAL: name, role or password
 * breaks a rule; store_error() says which. */
apr_status_t users_add(store_t *store, const char *name, const char *password,
                       const char *role, apr_time_t now, apr_pool_t *pool);
apr_status_t users_get(user_t **out, store_t *store, const char *name,
                       apr_pool_t *pool);
apr_status_t users_by_id(user_t **out, store_t *store, apr_int64_t id,
                         apr_pool_t *pool);
apr_status_t users_list(apr_array_header_t **out /* user_t */,
                        store_t *store, apr_pool_t *pool);
/** Also ends the user's sessions but one. @param keep its id; 0: none */
apr_status_t users_password(store_t *store, const char *name,
                            const char *password, apr_int64_t keep,
                            apr_pool_t *pool);
/** The user's keys are revoked, sessions end; mails stay. APR_NOTFOUND. */
apr_status_t users_remove(store_t *store, const char *name, apr_time_t now,
                          apr_pool_t *pool);

/**
 * Make a key. @param secret the whole key, "mt_PREFIX_...": shown once, kept
 * nowhere. @param user_id or STORE_NULL
 */
apr_status_t keys_add(const char **secret, store_t *store, const char *name,
                      const char *scope, apr_int64_t user_id, apr_time_t now,
                      apr_pool_t *pool);
apr_status_t keys_list(apr_array_header_t **out /* api_key_t */,
                       store_t *store, apr_pool_t *pool);
/** By prefix. APR_NOTFOUND: no such key, or revoked before. */
apr_status_t keys_revoke(store_t *store, const char *prefix, apr_time_t now);

/**
 * Who is it? The row is found by its public prefix and the hash compared in
 * constant time. APR_NOTFOUND: malformed, unknown, wrong or revoked (one
 * answer). Notes last_used_at at most once a minute; a store that cannot be
 * written at this moment does not make a right key wrong.
 */
apr_status_t keys_check(api_key_t **out, store_t *store, const char *secret,
                        apr_time_t now, apr_pool_t *pool);

#endif
