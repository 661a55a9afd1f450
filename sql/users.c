/* SPDX-License-Identifier: MIT */
/*
 * Users: added, listed, given another password, removed. Runs in mailtrackctl
 * and in httpd's request threads; a bcrypt hash costs some 50 ms of CPU there,
 * which is its purpose. Never logs or returns a password.
 */
#include "users.h"

#include <string.h>

#include <apr_md5.h>
#include <openssl/rand.h>

#include "engine.h"
#include "utf8.h"

/* bcrypt's work factor: 2^10 rounds. */
#define BCRYPT_COST 10
#define BCRYPT_SALT 16
#define BCRYPT_HASH 61

#define USER_COLUMNS "id, name, role, password, created_at, (SELECT count(*)" \
    " FROM totp t WHERE t.user_id = users.id AND t.secret IS NOT NULL)"

/* Printable UTF-8; ':' ends a name in Basic authentication. */
static int is_name(const char *name)
{
    apr_size_t len = strlen(name);
    const char *p;

    if (!len || !utf8_valid(name, len) || utf8_length(name) > USER_NAME_MAX
        || name[0] == ' ' || name[len - 1] == ' ') {
        return 0;
    }
    for (p = name; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == ':' || *p == '\x7f') {
            return 0;
        }
    }
    return 1;
}

static apr_status_t check_password(store_t *store, const char *password)
{
    apr_size_t len = strlen(password);

    if (!utf8_valid(password, len)) {
        return store_fail(store, APR_EINVAL, "the password is not valid UTF-8");
    }
    if (utf8_length(password) < USER_PASSWORD_MIN) {
        return store_fail(store, APR_EINVAL,
                          "a password has at least 8 characters");
    }
    if (len > USER_PASSWORD_MAX) {
        return store_fail(store, APR_EINVAL,
                          "a password has at most 72 bytes (bcrypt reads no "
                          "more)");
    }
    return APR_SUCCESS;
}

static apr_status_t check_user(store_t *store, const char *name,
                               const char *password, const char *role)
{
    if (!is_name(name)) {
        return store_fail(store, APR_EINVAL,
                          "a user's name has 1 to 64 printable characters, no "
                          "colon, no space at its ends");
    }
    if (strcmp(role, "admin") && strcmp(role, "user")) {
        return store_fail(store, APR_EINVAL,
                          "a role is 'admin' or 'user'");
    }
    return check_password(store, password);
}

static apr_status_t hash_password(char hash[BCRYPT_HASH + 1], store_t *store,
                                  const char *password)
{
    unsigned char salt[BCRYPT_SALT];
    apr_status_t rv;

    if (RAND_bytes(salt, sizeof(salt)) != 1) {
        return store_fail(store, APR_EGENERAL, "no random numbers");
    }
    rv = apr_bcrypt_encode(password, BCRYPT_COST, salt, sizeof(salt), hash,
                           BCRYPT_HASH + 1);
    return rv == APR_SUCCESS ? rv
           : store_fail(store, rv, "the password cannot be hashed");
}

apr_status_t users_add(store_t *store, const char *name, const char *password,
                       const char *role, apr_time_t now, apr_pool_t *pool)
{
    char hash[BCRYPT_HASH + 1];
    apr_status_t rv;

    (void)pool;
    rv = check_user(store, name, password, role);
    if (rv == APR_SUCCESS) {
        rv = hash_password(hash, store, password);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_exec(store, NULL, "INSERT INTO users"
                    " (name, password, role, created_at) VALUES (?, ?, ?, ?)",
                    "ttti", name, hash, role, (apr_int64_t)now);
    return rv == STORE_ECONFLICT
           ? store_fail(store, rv, "a user of that name exists") : rv;
}

static void read_user(user_t *user, store_rows_t *rows, apr_pool_t *pool)
{
    user->id = store_int(rows, 0);
    user->name = store_text(rows, 1, pool);
    user->role = store_text(rows, 2, pool);
    user->password = store_text(rows, 3, pool);
    user->created_at = store_int(rows, 4);
    user->totp = store_int(rows, 5) > 0;
}

/* The one row of a SELECT; ends it. */
static apr_status_t one_user(user_t **out, store_rows_t *rows,
                             apr_pool_t *pool)
{
    apr_status_t rv = store_next(rows);

    if (rv == APR_SUCCESS) {
        *out = apr_palloc(pool, sizeof(**out));
        read_user(*out, rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

apr_status_t users_get(user_t **out, store_t *store, const char *name,
                       apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " USER_COLUMNS
                     " FROM users WHERE name = ?", "t", name);
    return rv != APR_SUCCESS ? rv : one_user(out, rows, pool);
}

apr_status_t users_by_id(user_t **out, store_t *store, apr_int64_t id,
                         apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " USER_COLUMNS
                     " FROM users WHERE id = ?", "i", id);
    return rv != APR_SUCCESS ? rv : one_user(out, rows, pool);
}

apr_status_t users_list(apr_array_header_t **out, store_t *store,
                        apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " USER_COLUMNS
                     " FROM users ORDER BY name", NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *out = apr_array_make(pool, 8, sizeof(user_t));
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        read_user(apr_array_push(*out), rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* Inside the transaction of users_password. */
static apr_status_t set_password(store_t *store, const char *name,
                                 const char *hash, apr_int64_t keep)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(store, &changed, "UPDATE users SET password = ?"
                    " WHERE name = ?", "tt", hash, name);
    if (rv == APR_SUCCESS && !changed) {
        return APR_NOTFOUND;
    }
    return rv != APR_SUCCESS ? rv
           : store_exec(store, NULL, "DELETE FROM sessions WHERE id <> ?"
                        " AND user_id = (SELECT id FROM users"
                        " WHERE name = ?)", "it", keep, name);
}

apr_status_t users_password(store_t *store, const char *name,
                            const char *password, apr_int64_t keep,
                            apr_pool_t *pool)
{
    char hash[BCRYPT_HASH + 1];
    apr_status_t rv;

    (void)pool;
    rv = check_password(store, password);
    if (rv == APR_SUCCESS) {
        rv = hash_password(hash, store, password);
    }
    if (rv == APR_SUCCESS) {
        rv = store_begin(store);
    }
    return rv != APR_SUCCESS ? rv
           : store_end(store, set_password(store, name, hash, keep));
}

/* Inside the transaction of users_remove. */
static apr_status_t remove_row(store_t *store, const char *name,
                               apr_time_t now, apr_pool_t *pool)
{
    static const char *const belongings[] = {
        "DELETE FROM sessions WHERE user_id = ?",
        "DELETE FROM signin_addresses WHERE user_id = ?",
        "DELETE FROM totp WHERE user_id = ?",
        "DELETE FROM recovery_codes WHERE user_id = ?",
        "DELETE FROM users WHERE id = ?",
        NULL
    };
    user_t *user = NULL;
    apr_status_t rv;
    int i;

    rv = users_get(&user, store, name, pool);
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "UPDATE api_keys SET user_id = NULL,"
                        " revoked_at = coalesce(revoked_at, ?)"
                        " WHERE user_id = ?", "ii", (apr_int64_t)now,
                        user->id);
    }
    for (i = 0; rv == APR_SUCCESS && belongings[i]; i++) {
        rv = store_exec(store, NULL, belongings[i], "i", user->id);
    }
    return rv;
}

apr_status_t users_remove(store_t *store, const char *name, apr_time_t now,
                          apr_pool_t *pool)
{
    apr_status_t rv = store_begin(store);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    return store_end(store, remove_row(store, name, now, pool));
}
