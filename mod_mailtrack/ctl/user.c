/* SPDX-License-Identifier: MIT */
/*
 * user add, passwd, totp-reset, remove, list.
 */
#include "ctl.h"

#include <stdio.h>
#include <string.h>

#include <apr_time.h>

#include "sql/totp.h"
#include "sql/users.h"

static int no_such_user(const ctl_t *ctl)
{
    return ctl_refuse(ctl, "no user '%s'; `mailtrackctl user list` shows all",
                      ctl_clean(ctl->operand, ctl->pool));
}

int ctl_user_add(ctl_t *ctl)
{
    const char *role = ctl_option(ctl, "role");
    const char *name = ctl_clean(ctl->operand, ctl->pool);
    const char *password = NULL;
    user_t *known = NULL;
    apr_status_t rv;
    int code = ctl_check_text(ctl, "NAME", ctl->operand, USER_NAME_MAX);

    if (code != CTL_OK) {
        return code;
    }
    role = role ? role : "user";
    if (strcmp(role, "admin") && strcmp(role, "user")) {
        return ctl_usage(ctl, "--role: expected admin or user");
    }
    rv = users_get(&known, ctl->store, ctl->operand, ctl->pool);
    if (rv == APR_NOTFOUND) {   /* a taken name is told before one types */
        code = ctl_read_password(ctl, &password);
        if (code != CTL_OK) {
            return code;
        }
        rv = users_add(ctl->store, ctl->operand, password, role,
                       apr_time_now(), ctl->pool);
    } else if (rv == APR_SUCCESS) {
        rv = STORE_ECONFLICT;
    }
    if (rv == STORE_ECONFLICT) {
        return ctl_refuse(ctl, "user '%s' exists; try: mailtrackctl user "
                          "passwd", name);
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "'%s'", name);
    }
    printf("user '%s' added, role %s\n", name, role);
    return CTL_OK;
}

int ctl_user_passwd(ctl_t *ctl)
{
    const char *name = ctl_clean(ctl->operand, ctl->pool);
    const char *password = NULL;
    user_t *user = NULL;
    apr_status_t rv;
    int code = ctl_check_text(ctl, "NAME", ctl->operand, USER_NAME_MAX);

    if (code != CTL_OK) {
        return code;
    }
    rv = users_get(&user, ctl->store, ctl->operand, ctl->pool);
    if (rv == APR_SUCCESS) {
        code = ctl_read_password(ctl, &password);
        if (code != CTL_OK) {
            return code;
        }
        rv = users_password(ctl->store, ctl->operand, password, 0,
                            ctl->pool);
    }
    if (rv == APR_NOTFOUND) {
        return no_such_user(ctl);
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "'%s'", name);
    }
    printf("password of '%s' changed, sessions ended\n", name);
    return CTL_OK;
}

int ctl_user_totp_reset(ctl_t *ctl)
{
    const char *name = ctl_clean(ctl->operand, ctl->pool);
    user_t *user = NULL;
    apr_status_t rv;
    int code = ctl_check_text(ctl, "NAME", ctl->operand, USER_NAME_MAX);

    if (code != CTL_OK) {
        return code;
    }
    rv = users_get(&user, ctl->store, ctl->operand, ctl->pool);
    if (rv == APR_NOTFOUND) {
        return no_such_user(ctl);
    }
    if (rv == APR_SUCCESS) {
        rv = totp_remove(ctl->store, user->id);
    }
    if (rv == APR_NOTFOUND) {
        return ctl_refuse(ctl, "user '%s' has not switched TOTP on", name);
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "'%s'", name);
    }
    printf("'%s' signs in with the password alone now\n", name);
    return CTL_OK;
}

int ctl_user_remove(ctl_t *ctl)
{
    apr_status_t rv;
    int code = ctl_check_text(ctl, "NAME", ctl->operand, USER_NAME_MAX);

    if (code != CTL_OK) {
        return code;
    }
    rv = users_remove(ctl->store, ctl->operand, apr_time_now(), ctl->pool);
    if (rv == APR_NOTFOUND) {
        return no_such_user(ctl);
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "'%s'", ctl_clean(ctl->operand, ctl->pool));
    }
    printf("user '%s' removed, keys revoked, sessions ended\n",
           ctl_clean(ctl->operand, ctl->pool));
    return CTL_OK;
}

int ctl_user_list(ctl_t *ctl)
{
    apr_array_header_t *cells = apr_array_make(ctl->pool, 32,
                                               sizeof(const char *));
    apr_array_header_t *users = NULL;
    apr_status_t rv = users_list(&users, ctl->store, ctl->pool);
    int i;

    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "users");
    }
    APR_ARRAY_PUSH(cells, const char *) = "CREATED";
    APR_ARRAY_PUSH(cells, const char *) = "ROLE";
    APR_ARRAY_PUSH(cells, const char *) = "TOTP";
    APR_ARRAY_PUSH(cells, const char *) = "NAME";
    for (i = 0; i < users->nelts; i++) {
        const user_t *user = &APR_ARRAY_IDX(users, i, user_t);

        APR_ARRAY_PUSH(cells, const char *) = ctl_time(user->created_at,
                                                       ctl->pool);
        APR_ARRAY_PUSH(cells, const char *) = user->role;
        APR_ARRAY_PUSH(cells, const char *) = user->totp ? "on" : "off";
        APR_ARRAY_PUSH(cells, const char *) = ctl_clean(user->name,
                                                        ctl->pool);
    }
    ctl_table(cells, 4, ctl->pool);
    return CTL_OK;
}
