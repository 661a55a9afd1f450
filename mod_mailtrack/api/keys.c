/* SPDX-License-Identifier: MIT */
/*
 * /api/keys: API keys made, listed, revoked. A user has their own, an
 * administrator sees and revokes everybody's. Runs in httpd's worker threads.
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

static int may_see(const call_t *call, const api_key_t *key)
{
    return call->actor.scope == SCOPE_ADMIN
           || (key->user_id != STORE_NULL
               && key->user_id == call->actor.user_id);
}

static const char *user_of(const apr_array_header_t *users, apr_int64_t id)
{
    int i;

    for (i = 0; i < users->nelts; i++)
        if (APR_ARRAY_IDX(users, i, user_t).id == id)
            return APR_ARRAY_IDX(users, i, user_t).name;
    return NULL;
}

static json_t *view_key(call_t *call, const api_key_t *key, const char *user)
{
    return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o}",
                     "prefix", key->prefix, "name", view_text(key->name),
                     "scope", key->scope, "user", view_text(user),
                     "created_at", view_time(call, key->created_at),
                     "last_used_at", view_time(call, key->last_used_at),
                     "revoked_at", view_time(call, key->revoked_at));
}

int endpoint_keys_list(call_t *call)
{
    apr_array_header_t *keys, *users;
    json_t *list;
    apr_status_t rv;
    int i, status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = keys_list(&keys, call->store, call->r->pool);
    if (!rv)
        rv = users_list(&users, call->store, call->r->pool);
    if (rv)
        return answer_store(call, rv, "list of keys");
    list = json_array();
    for (i = keys->nelts - 1; i >= 0; i--) {
        const api_key_t *key = &APR_ARRAY_IDX(keys, i, api_key_t);

        if (may_see(call, key))
            json_array_append_new(list, view_key(call, key,
                                  user_of(users, key->user_id)));
    }
    return answer_json(call, HTTP_OK, list);
}

/* A key that was just made, found by its prefix: "mt_PREFIX_...". */
static json_t *view_new(call_t *call, const char *secret)
{
    api_key_t *key;
    json_t *json;

    if (keys_check(&key, call->store, secret, call->r->request_time,
                   call->r->pool))
        return NULL;
    key->last_used_at = STORE_NULL;
    json = view_key(call, key, call->actor.user);
    json_object_set_new(json, "key", json_string(secret));
    return json;
}

int endpoint_keys_create(call_t *call)
{
    request_t *in = call->input;
    const char *name = request_text(in, "name", KEY_NAME_MAX, REQUEST_LINE);
    const char *scope = request_text(in, "scope", 16, REQUEST_LINE);
    const char *secret;
    json_t *json;
    apr_status_t rv;
    int status;

    scope = scope ? scope : "track";
    if (!name || !*name)
        request_fault(in, "name", "What is it for?");
    if (strcmp(scope, "track") && strcmp(scope, "admin"))
        request_fault(in, "scope", "Expected track or admin.");
    if (request_end(in))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = keys_add(&secret, call->store, name, scope, call->actor.user_id,
                  call->r->request_time, call->r->pool);
    if (rv)
        return answer_store(call, rv, "API key");
    json = view_new(call, secret);
    return json ? answer_json(call, HTTP_CREATED, json)
                : answer_problem(call, HTTP_INTERNAL_SERVER_ERROR, "The key "
                                 "was made and cannot be read back. Revoke "
                                 "it.");
}

/* One's own, or anybody's for an administrator; else there is none. */
static apr_status_t find(call_t *call, const char *prefix)
{
    apr_array_header_t *keys;
    apr_status_t rv = keys_list(&keys, call->store, call->r->pool);
    int i;

    for (i = 0; !rv && i < keys->nelts; i++) {
        const api_key_t *key = &APR_ARRAY_IDX(keys, i, api_key_t);

        if (!strcmp(key->prefix, prefix))
            return may_see(call, key) ? APR_SUCCESS : APR_NOTFOUND;
    }
    return rv ? rv : APR_NOTFOUND;
}

int endpoint_keys_revoke(call_t *call)
{
    apr_status_t rv;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = find(call, call->id);
    if (!rv)
        rv = keys_revoke(call->store, call->id, call->r->request_time);
    if (rv)
        return answer_store(call, rv, "valid key");
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, call->r,
                  "mailtrack: API key %s revoked by %s", call->id,
                  call->actor.name);
    return answer_empty(call, HTTP_NO_CONTENT);
}
