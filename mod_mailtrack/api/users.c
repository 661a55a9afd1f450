/* SPDX-License-Identifier: MIT */
/*
 * /api/users: accounts added, listed, removed, by administrators. Runs in
 * httpd's worker threads.
 */
#include <string.h>

#include <httpd.h>
#include <http_log.h>
#include <apr_strings.h>

#include "answer.h"
#include "endpoints.h"
#include "users.h"
#include "view.h"

APLOG_USE_MODULE(mailtrack);

static json_t *view_user(call_t *call, const user_t *user)
{
    return json_pack("{s:o, s:s, s:b, s:o}", "name", view_text(user->name),
                     "role", user->role, "totp", user->totp,
                     "created_at", view_time(call, user->created_at));
}

int endpoint_users_list(call_t *call)
{
    apr_array_header_t *users;
    json_t *list;
    apr_status_t rv;
    int i, status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = users_list(&users, call->store, call->r->pool);
    if (rv)
        return answer_store(call, rv, "list of users");
    list = json_array();
    for (i = 0; i < users->nelts; i++)
        json_array_append_new(list, view_user(call,
                              &APR_ARRAY_IDX(users, i, user_t)));
    return answer_json(call, HTTP_OK, list);
}

static int added(call_t *call, const char *name)
{
    user_t *user;
    apr_status_t rv = users_get(&user, call->store, name, call->r->pool);

    if (rv)
        return answer_store(call, rv, "user");
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, call->r,
                  "mailtrack: user %s added by %s", name, call->actor.name);
    return answer_json(call, HTTP_CREATED, view_user(call, user));
}

int endpoint_users_create(call_t *call)
{
    request_t *in = call->input;
    const char *name = request_text(in, "username", USER_NAME_MAX,
                                    REQUEST_LINE);
    const char *password = request_text(in, "password", 256, 0);
    const char *role = request_text(in, "role", 16, REQUEST_LINE);
    apr_status_t rv;
    int status;

    if (!name)
        request_fault(in, "username", "Who is it?");
    if (!password)
        request_fault(in, "password", "A password is needed.");
    if (request_end(in))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = users_add(call->store, name, password, role ? role : "user",
                   call->r->request_time, call->r->pool);
    if (rv == STORE_ECONFLICT)
        return answer_problem(call, HTTP_CONFLICT, "There is a user of that "
                              "name.");
    if (rv == APR_EINVAL) {
        const char *why = apr_pstrcat(call->r->pool, "Not this one: ",
                                      store_error(call->store), ".", NULL);

        return answer_fault(call, strstr(why, "password") ? "password"
                            : strstr(why, "a role") ? "role" : "username",
                            why);
    }
    return rv ? answer_store(call, rv, "user") : added(call, name);
}

int endpoint_users_remove(call_t *call)
{
    const char *own = call->actor.user;
    apr_status_t rv;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if (own && !strcmp(own, call->id))
        return answer_problem(call, HTTP_CONFLICT, "This is your own account: "
                              "another administrator can remove it.");
    if ((status = call_store(call)) != OK)
        return status;
    rv = users_remove(call->store, call->id, call->r->request_time,
                      call->r->pool);
    if (rv)
        return answer_store(call, rv, "user");
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, call->r,
                  "mailtrack: user %s removed by %s", call->id,
                  call->actor.name);
    return answer_empty(call, HTTP_NO_CONTENT);
}
