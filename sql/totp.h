/* SPDX-License-Identifier: MIT */
/*
 * What the store knows of a user's second factor: the TOTP secret, the time
 * step of the last code, the recovery codes. Computes no code (RFC 6238): that
 * is the caller's.
 */
#ifndef MAILTRACK_TOTP_H
#define MAILTRACK_TOTP_H

#include <apr_tables.h>

#include "store.h"

#define TOTP_SECRET_BYTES   20  /* RFC 4226, 4: R6 */
#define TOTP_RECOVERY_CODES 10

typedef struct totp_t {
    const char *secret;         /* base32; NULL: not switched on */
    apr_int64_t enrolled_at;    /* STORE_NULL: not switched on */
    const char *pending;        /* shown, but no code was given; or NULL */
    apr_int64_t pending_at;     /* or STORE_NULL */
    apr_int64_t codes_left;     /* recovery codes not used */
} totp_t;

/** Never APR_NOTFOUND: who has none has an empty one. */
apr_status_t totp_get(totp_t **out, store_t *store, apr_int64_t user_id,
                      apr_pool_t *pool);

/** A new secret, pending; one that was pending is forgotten.
 * STORE_ECONFLICT: it is switched on. */
apr_status_t totp_begin(const char **secret, store_t *store,
                        apr_int64_t user_id, apr_time_t now,
                        apr_pool_t *pool);

/**
 * Switch on, after a code of the pending secret was right.
 * @param codes   of const char *: shown once, kept as hashes
 * @param step    the time step of that code: it is used up
 * @return STORE_ECONFLICT: that secret is no longer the pending one
 */
apr_status_t totp_activate(apr_array_header_t **codes, store_t *store,
                           apr_int64_t user_id, const char *secret,
                           apr_int64_t step, apr_time_t now,
                           apr_pool_t *pool);

/** Use a time step up: once, whoever comes first, on whichever node.
 * APR_NOTFOUND: it or a later one was used. */
apr_status_t totp_use(store_t *store, apr_int64_t user_id,
                      const char *secret, apr_int64_t step);

/** Use a recovery code up; hyphens, spaces and case do not matter.
 * APR_NOTFOUND: there is none like it, or it was used. */
apr_status_t totp_recover(store_t *store, apr_int64_t user_id,
                          const char *code, apr_time_t now);

/** Switch off. APR_NOTFOUND: it was not on. */
apr_status_t totp_remove(store_t *store, apr_int64_t user_id);

#endif
