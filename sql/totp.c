/* SPDX-License-Identifier: MIT */
/*
 * The second factor's rows; contract in totp.h. Runs in httpd's request threads
 * and in mailtrackctl. What may happen once is one conditional UPDATE.
 */
#include "totp.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "engine.h"
#include "token.h"

#define CODE_BYTES  10          /* 16 characters of base32 */
#define CODE_LENGTH 16

static apr_int64_t int_or_null(store_rows_t *rows, int column)
{
    return store_is_null(rows, column) ? STORE_NULL : store_int(rows, column);
}

apr_status_t totp_get(totp_t **out, store_t *store, apr_int64_t user_id,
                      apr_pool_t *pool)
{
    totp_t *totp = apr_pcalloc(pool, sizeof(*totp));
    store_rows_t *rows;
    apr_status_t rv;

    totp->enrolled_at = totp->pending_at = STORE_NULL;
    *out = totp;
    rv = store_query(&rows, store, "SELECT secret, enrolled_at,"
                     " pending_secret, pending_at, (SELECT count(*) FROM"
                     " recovery_codes r WHERE r.user_id = totp.user_id"
                     " AND r.used_at IS NULL) FROM totp WHERE user_id = ?",
                     "i", user_id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        totp->secret = store_text(rows, 0, pool);
        totp->enrolled_at = int_or_null(rows, 1);
        totp->pending = store_text(rows, 2, pool);
        totp->pending_at = int_or_null(rows, 3);
        totp->codes_left = store_int(rows, 4);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* -- switched on --------------------------------------------------------- */

static apr_status_t insert_pending(store_t *store, apr_int64_t user_id,
                                   const char *secret, apr_time_t now)
{
    apr_int64_t count = 0;
    apr_status_t rv;

    rv = store_exec(store, NULL, "DELETE FROM totp WHERE user_id = ?"
                    " AND secret IS NULL", "i", user_id);
    if (rv == APR_SUCCESS) {
        rv = store_get_int(store, &count, "SELECT count(*) FROM totp"
                           " WHERE user_id = ?", "i", user_id);
    }
    if (rv == APR_SUCCESS && count) {
        return STORE_ECONFLICT;
    }
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "INSERT INTO totp (user_id,"
                        " pending_secret, pending_at) VALUES (?, ?, ?)",
                        "iti", user_id, secret, (apr_int64_t)now);
    }
    return rv;
}

apr_status_t totp_begin(const char **secret, store_t *store,
                        apr_int64_t user_id, apr_time_t now,
                        apr_pool_t *pool)
{
    apr_status_t rv = token_base32(secret, store, TOTP_SECRET_BYTES, pool);

    if (rv == APR_SUCCESS) {
        rv = store_begin(store);
    }
    return rv != APR_SUCCESS ? rv
           : store_end(store, insert_pending(store, user_id, *secret, now));
}

/* The user's id goes in: one hash for one code of one user. */
static apr_status_t hash_code(char hash[TOKEN_HASH_LENGTH + 1],
                              store_t *store, apr_int64_t user_id,
                              const char *code)
{
    char text[64];

    apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT ":%s", user_id,
                 code);
    return token_hash(hash, store, text);
}

static apr_status_t insert_code(const char **shown, store_t *store,
                                apr_int64_t user_id, apr_pool_t *pool)
{
    char hash[TOKEN_HASH_LENGTH + 1];
    const char *code = "";
    apr_status_t rv = token_base32(&code, store, CODE_BYTES, pool);

    if (rv == APR_SUCCESS) {
        rv = hash_code(hash, store, user_id, code);
    }
    if (rv == APR_SUCCESS) {
        *shown = apr_psprintf(pool, "%.4s-%.4s-%.4s-%.4s", code, code + 4,
                              code + 8, code + 12);
        rv = store_exec(store, NULL, "INSERT INTO recovery_codes"
                        " (user_id, hash) VALUES (?, ?)", "it", user_id,
                        hash);
    }
    return rv;
}

static apr_status_t activate(apr_array_header_t *codes, store_t *store,
                             apr_int64_t user_id, apr_pool_t *pool)
{
    apr_status_t rv;
    int i;

    rv = store_exec(store, NULL, "DELETE FROM recovery_codes"
                    " WHERE user_id = ?", "i", user_id);
    for (i = 0; i < TOTP_RECOVERY_CODES && rv == APR_SUCCESS; i++) {
        rv = insert_code(apr_array_push(codes), store, user_id, pool);
    }
    return rv;
}

apr_status_t totp_activate(apr_array_header_t **codes, store_t *store,
                           apr_int64_t user_id, const char *secret,
                           apr_int64_t step, apr_time_t now,
                           apr_pool_t *pool)
{
    apr_int64_t changed = 0;
    apr_status_t rv = store_begin(store);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *codes = apr_array_make(pool, TOTP_RECOVERY_CODES, sizeof(const char *));
    rv = store_exec(store, &changed, "UPDATE totp SET secret ="
                    " pending_secret, enrolled_at = ?, last_step = ?,"
                    " pending_secret = NULL, pending_at = NULL"
                    " WHERE user_id = ? AND secret IS NULL"
                    " AND pending_secret = ?", "iiit", (apr_int64_t)now,
                    step, user_id, secret);
    if (rv == APR_SUCCESS) {
        rv = changed ? activate(*codes, store, user_id, pool)
                     : STORE_ECONFLICT;
    }
    return store_end(store, rv);
}

/* -- used and switched off ----------------------------------------------- */

apr_status_t totp_use(store_t *store, apr_int64_t user_id,
                      const char *secret, apr_int64_t step)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(store, &changed, "UPDATE totp SET last_step = ?"
                    " WHERE user_id = ? AND secret = ? AND last_step < ?",
                    "iiti", step, user_id, secret, step);
    return rv == APR_SUCCESS && !changed ? APR_NOTFOUND : rv;
}

apr_status_t totp_recover(store_t *store, apr_int64_t user_id,
                          const char *code, apr_time_t now)
{
    char hash[TOKEN_HASH_LENGTH + 1];
    char plain[CODE_LENGTH + 1];
    apr_int64_t changed = 0;
    apr_size_t n = 0;
    apr_status_t rv;

    for (; *code; code++) {
        if (*code == '-' || *code == ' ') {
            continue;
        }
        if (n == CODE_LENGTH) {
            return APR_NOTFOUND;
        }
        plain[n++] = (char)apr_toupper(*code);
    }
    if (n != CODE_LENGTH) {
        return APR_NOTFOUND;
    }
    plain[n] = '\0';
    rv = hash_code(hash, store, user_id, plain);
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, &changed, "UPDATE recovery_codes"
                        " SET used_at = ? WHERE user_id = ? AND hash = ?"
                        " AND used_at IS NULL", "iit", (apr_int64_t)now,
                        user_id, hash);
    }
    return rv == APR_SUCCESS && !changed ? APR_NOTFOUND : rv;
}

apr_status_t totp_remove(store_t *store, apr_int64_t user_id)
{
    apr_int64_t gone = 0;
    apr_status_t rv = store_begin(store);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_exec(store, NULL, "DELETE FROM recovery_codes"
                    " WHERE user_id = ?", "i", user_id);
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, &gone, "DELETE FROM totp WHERE user_id = ?"
                        " AND secret IS NOT NULL", "i", user_id);
    }
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "DELETE FROM totp WHERE user_id = ?",
                        "i", user_id);
    }
    rv = store_end(store, rv);
    return rv == APR_SUCCESS && !gone ? APR_NOTFOUND : rv;
}
