/* SPDX-License-Identifier: MIT */
/*
 * key add, revoke, list. The one place where a secret is printed: the key that
 * was just made, alone on stdout, so that a script can take it.
 */
#include "ctl.h"

#include <stdio.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "sql/users.h"

/* --user NAME as the integer key; STORE_NULL without. */
static int find_user(const ctl_t *ctl, apr_int64_t *id)
{
    const char *name = ctl_option(ctl, "user");
    user_t *user = NULL;
    apr_status_t rv;
    int code;

    *id = STORE_NULL;
    if (!name) {
        return CTL_OK;
    }
    code = ctl_check_text(ctl, "--user", name, USER_NAME_MAX);
    if (code != CTL_OK) {
        return code;
    }
    rv = users_get(&user, ctl->store, name, ctl->pool);
    if (rv == APR_NOTFOUND) {
        return ctl_refuse(ctl, "no user '%s'; `mailtrackctl user list` shows "
                          "all", ctl_clean(name, ctl->pool));
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "--user");
    }
    *id = user->id;
    return CTL_OK;
}

int ctl_key_add(ctl_t *ctl)
{
    const char *scope = ctl_option(ctl, "scope");
    const char *secret = NULL;
    apr_int64_t user = STORE_NULL;
    apr_status_t rv;
    int code = ctl_check_text(ctl, "NAME", ctl->operand, KEY_NAME_MAX);

    scope = scope ? scope : "track";
    if (code == CTL_OK && strcmp(scope, "track") && strcmp(scope, "admin")) {
        return ctl_usage(ctl, "--scope: expected track or admin");
    }
    if (code == CTL_OK) {
        code = find_user(ctl, &user);
    }
    if (code != CTL_OK) {
        return code;
    }
    rv = keys_add(&secret, ctl->store, ctl->operand, scope, user,
                  apr_time_now(), ctl->pool);
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "'%s'", ctl_clean(ctl->operand, ctl->pool));
    }
    printf("%s\n", secret);
    if (fflush(stdout) != 0) {
        return ctl_refuse(ctl, "the key was made but could not be shown; "
                          "find it with `mailtrackctl key list` and revoke "
                          "it");
    }
    fputs("This key is shown once and kept nowhere.\n", stderr);
    return CTL_OK;
}

int ctl_key_revoke(ctl_t *ctl)
{
    char *prefix = apr_pstrdup(ctl->pool, ctl->operand);
    apr_status_t rv;
    char *p;
    int code = ctl_check_text(ctl, "PREFIX", ctl->operand, KEY_NAME_MAX);

    if (code != CTL_OK) {
        return code;
    }
    for (p = prefix; *p; p++) {
        *p = (char)apr_toupper(*p);
    }
    rv = keys_revoke(ctl->store, prefix, apr_time_now());
    if (rv == APR_NOTFOUND) {
        return ctl_refuse(ctl, "no valid key '%s'; `mailtrackctl key list` "
                          "shows all", ctl_clean(ctl->operand, ctl->pool));
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "'%s'", ctl_clean(ctl->operand, ctl->pool));
    }
    printf("key %s revoked\n", ctl_clean(prefix, ctl->pool));
    return CTL_OK;
}

static const char *owner_of(const api_key_t *key,
                            const apr_array_header_t *users, apr_pool_t *pool)
{
    int i;

    for (i = 0; i < users->nelts; i++) {
        const user_t *user = &APR_ARRAY_IDX(users, i, user_t);

        if (user->id == key->user_id) {
            return ctl_clean(user->name, pool);
        }
    }
    return "-";
}

static void push_key(apr_array_header_t *cells, const api_key_t *key,
                     const char *owner, apr_pool_t *pool)
{
    const char *const row[] = {
        ctl_clean(key->prefix, pool), key->scope,
        key->revoked_at == STORE_NULL ? "valid" : "revoked",
        ctl_time(key->created_at, pool), ctl_time(key->last_used_at, pool),
        owner, ctl_clean(key->name, pool)
    };
    apr_size_t i;

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        APR_ARRAY_PUSH(cells, const char *) = row[i];
    }
}

int ctl_key_list(ctl_t *ctl)
{
    static const char *const heading[] = {
        "PREFIX", "SCOPE", "STATE", "CREATED", "LAST USED", "USER", "NAME"
    };
    const int columns = (int)(sizeof(heading) / sizeof(heading[0]));
    apr_array_header_t *cells = apr_array_make(ctl->pool, 64,
                                               sizeof(const char *));
    apr_array_header_t *users = NULL;
    apr_array_header_t *keys = NULL;
    apr_status_t rv = keys_list(&keys, ctl->store, ctl->pool);
    int i;

    if (rv == APR_SUCCESS) {
        rv = users_list(&users, ctl->store, ctl->pool);
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "keys");
    }
    for (i = 0; i < columns; i++) {
        APR_ARRAY_PUSH(cells, const char *) = heading[i];
    }
    for (i = 0; i < keys->nelts; i++) {
        const api_key_t *key = &APR_ARRAY_IDX(keys, i, api_key_t);

        push_key(cells, key, owner_of(key, users, ctl->pool), ctl->pool);
    }
    ctl_table(cells, columns, ctl->pool);
    return CTL_OK;
}
