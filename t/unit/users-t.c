/* SPDX-License-Identifier: MIT */
/*
 * Users and keys on a store of their own: names and passwords that are
 * refused, hashes as htpasswd makes them, keys that are right, wrong, revoked,
 * and the note of their last use.
 */
#include "tap.h"

#include <apr_md5.h>

#include "fixture.h"
#include "users.h"

#define NOW   apr_time_from_sec(1700000000)
#define LATER (NOW + apr_time_from_sec(61))

static store_t *store;
static apr_pool_t *pool;

static void refused(const char *name, const char *password, const char *role,
                    const char *why)
{
    ok(users_add(store, name, password, role, NOW, pool) == APR_EINVAL
       && *store_error(store), "refused with a reason: %s", why);
}

static void test_users(void)
{
    apr_array_header_t *list = NULL;
    user_t *user = NULL;

    ok(users_add(store, "zoë", "pässword", "admin", NOW, pool)
       == APR_SUCCESS, "add");
    ok(users_add(store, "bob", "12345678", "user", NOW, pool)
       == APR_SUCCESS, "add another");
    ok(users_add(store, "bob", "other-word", "admin", NOW, pool)
       == STORE_ECONFLICT, "a name is taken once");
    refused("", "12345678", "user", "no name");
    refused("a:b", "12345678", "user", "colon");
    refused(" a", "12345678", "user", "space first");
    refused("a\n", "12345678", "user", "control character");
    refused("a\xff", "12345678", "user", "not UTF-8");
    refused("12345678901234567890123456789012345678901234567890123456789012345",
            "12345678", "user", "65 characters");
    refused("carl", "1234567", "user", "seven characters");
    refused("carl", "äääääää", "user", "seven characters, 14 bytes");
    refused("carl", "1234567890123456789012345678901234567890123456789012345678"
            "901234567890123", "user", "73 bytes");
    refused("carl", "12345678", "root", "role");

    must(users_get(&user, store, "zoë", pool));
    ok(!strncmp(user->password, "$2y$10$", 7), "bcrypt, cost 10");
    ok(apr_password_validate("pässword", user->password) == APR_SUCCESS,
       "the right password");
    ok(apr_password_validate("pÄssword", user->password) != APR_SUCCESS,
       "a wrong password");
    is_str(user->role, "admin", "role");
    is_int(user->created_at, NOW, "created");
    ok(users_get(&user, store, "nobody", pool) == APR_NOTFOUND, "no such user");
    must(users_list(&list, store, pool));
    is_int(list->nelts, 2, "two users");
    is_str(APR_ARRAY_IDX(list, 0, user_t).name, "bob", "by name");
}

static void test_password(void)
{
    user_t *user = NULL;

    ok(users_password(store, "bob", "new-password", 0, pool) == APR_SUCCESS,
       "another password");
    must(users_get(&user, store, "bob", pool));
    ok(apr_password_validate("new-password", user->password) == APR_SUCCESS
       && apr_password_validate("12345678", user->password) != APR_SUCCESS,
       "the new one holds, the old one no more");
    ok(users_password(store, "bob", "short", 0, pool) == APR_EINVAL,
       "a short one is refused");
    ok(users_password(store, "eve", "long-enough", 0, pool) == APR_NOTFOUND,
       "of nobody");
}

static void test_keys(void)
{
    const char *secret = NULL, *second = NULL;
    api_key_t *key = NULL;
    char *wrong;
    apr_array_header_t *list = NULL;
    user_t *user = NULL;
    apr_int64_t n = 0;

    must(users_get(&user, store, "bob", pool));
    ok(keys_add(&secret, store, "laptop", "track", user->id, NOW, pool)
       == APR_SUCCESS, "add a key");
    must(keys_add(&second, store, "cron", "admin", STORE_NULL, NOW, pool));
    is_int(strlen(secret), 3 + 8 + 1 + 43, "its length");
    ok(!strncmp(secret, "mt_", 3) && secret[11] == '_'
       && !strpbrk(secret, "+/="), "its form: %.12s...", secret);
    ok(strcmp(secret + 12, second + 12), "no key twice");
    ok(keys_add(&second, store, "", "track", STORE_NULL, NOW, pool)
       == APR_EINVAL, "a name is needed");
    ok(keys_add(&second, store, "x", "all", STORE_NULL, NOW, pool)
       == APR_EINVAL, "scope");
    must(store_get_int(store, &n, "SELECT count(*) FROM api_keys"
                       " WHERE hash LIKE ? OR hash = ?", "tt",
                       apr_pstrcat(pool, "%", secret + 12, "%", NULL),
                       secret));
    is_int(n, 0, "the key itself is nowhere");

    ok(keys_check(&key, store, secret, NOW, pool) == APR_SUCCESS, "right");
    is_str(key->scope, "track", "scope");
    is_int(key->user_id, user->id, "whose");
    must(keys_check(&key, store, secret, NOW + 59000000, pool));
    is_int(key->last_used_at, NOW, "noted once a minute");
    must(keys_check(&key, store, secret, LATER, pool));
    must(keys_list(&list, store, pool));
    is_int(list->nelts, 2, "two keys");
    is_int(APR_ARRAY_IDX(list, 0, api_key_t).last_used_at, LATER, "kept");
    ok(APR_ARRAY_IDX(list, 1, api_key_t).user_id == STORE_NULL
       && APR_ARRAY_IDX(list, 1, api_key_t).last_used_at == STORE_NULL,
       "nobody's, never used");

    wrong = apr_pstrdup(pool, secret);
    wrong[54] = wrong[54] == 'A' ? 'E' : 'A';
    ok(keys_check(&key, store, wrong, NOW, pool) == APR_NOTFOUND,
       "last character wrong");
    wrong[5] = '\xff';
    ok(keys_check(&key, store, wrong, NOW, pool) == APR_NOTFOUND,
       "a byte that is no text");
    ok(keys_check(&key, store, "", NOW, pool) == APR_NOTFOUND, "empty");
    ok(keys_check(&key, store, "mt_", NOW, pool) == APR_NOTFOUND, "cut");
    ok(keys_check(&key, store, apr_pstrcat(pool, secret, "A", NULL), NOW, pool)
       == APR_NOTFOUND, "longer");
}

static void test_locked(void)
{
    const char *secret = NULL;
    api_key_t *key = NULL;
    store_t *other = fixture_open(pool);

    must(keys_add(&secret, store, "busy", "track", STORE_NULL, NOW, pool));
    must(store_begin(other));
    ok(keys_check(&key, store, secret, NOW, pool) == APR_SUCCESS,
       "a right key is right while the store is locked");
    ok(key->last_used_at == STORE_NULL, "only the note is missing");
    store_rollback(other);
    must(keys_check(&key, store, secret, NOW, pool));
    is_int(key->last_used_at, NOW, "it comes with the next use");
}

static void test_revoked(void)
{
    const char *secret = NULL, *bobs = NULL;
    api_key_t *key = NULL;
    user_t *user = NULL, *next = NULL;
    const char *prefix;

    must(users_get(&user, store, "bob", pool));
    must(keys_add(&bobs, store, "bob's", "admin", user->id, NOW, pool));
    must(keys_add(&secret, store, "old", "admin", STORE_NULL, NOW, pool));
    prefix = apr_pstrndup(pool, secret + 3, 8);
    ok(keys_revoke(store, prefix, NOW) == APR_SUCCESS, "revoke");
    ok(keys_revoke(store, prefix, NOW) == APR_NOTFOUND, "once");
    ok(keys_revoke(store, "none", NOW) == APR_NOTFOUND, "no such key");
    ok(keys_check(&key, store, secret, NOW, pool) == APR_NOTFOUND,
       "a revoked key is none");

    ok(users_remove(store, "bob", NOW, pool) == APR_SUCCESS, "remove a user");
    ok(users_remove(store, "bob", NOW, pool) == APR_NOTFOUND, "once");
    ok(keys_check(&key, store, bobs, NOW, pool) == APR_NOTFOUND,
       "his keys go with him");
    must(users_add(store, "next", "12345678", "user", NOW, pool));
    must(users_get(&next, store, "next", pool));
    ok(next->id > user->id, "his number, on the mails he made, is not "
       "given to another");
}

int main(void)
{
    store = fixture_start();
    pool = fixture_pool;
    test_users();
    test_password();
    test_keys();
    if (fixture_is_sqlite()) {  /* others lock rows */
        test_locked();
    }
    test_revoked();
    return done_testing();
}
