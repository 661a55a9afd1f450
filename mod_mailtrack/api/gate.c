/* SPDX-License-Identifier: MIT */
/*
 * Who asks and what they may; see gate.h. Tells nobody why a key or a session
 * is not valid: unknown, wrong, revoked and ended are one answer.
 */
#include <string.h>

#include <httpd.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include "answer.h"
#include "cookie.h"
#include "gate.h"
#include "sessions.h"
#include "users.h"
#include "utf8.h"

/* -- who ----------------------------------------------------------------- */

static int answer_unknown(call_t *call, const char *detail)
{
    (void)answer_problem(call, HTTP_UNAUTHORIZED, detail);
    return DONE;
}

static const char *own_name(call_t *call, const char *kind, apr_int64_t id)
{
    return apr_psprintf(call->r->pool, "%s/%" APR_INT64_T_FMT, kind, id);
}

static void be_user(call_t *call, actor_kind_t kind, apr_int64_t id,
                    const char *name, const char *role)
{
    actor_t *actor = &call->actor;

    actor->kind = kind;
    actor->scope = strcmp(role, "admin") ? SCOPE_WRITE : SCOPE_ADMIN;
    actor->user_id = id;
    actor->user = name;
    actor->role = role;
    actor->name = own_name(call, "user", id);
    /* httpd's access log says who it was */
    call->r->user = apr_pstrdup(call->r->pool, name);
}

/* A key can do no more than the user whose it is. */
static int be_key(call_t *call, const api_key_t *key)
{
    apr_pool_t *pool = call->r->pool;
    user_t *user = NULL;
    apr_status_t rv;

    call->actor.name = own_name(call, "key", key->id);
    call->actor.scope = SCOPE_ADMIN;
    if (key->user_id != STORE_NULL) {
        rv = users_by_id(&user, call->store, key->user_id, pool);
        if (rv) {
            (void)answer_store(call, rv, "user of this API key");
            return DONE;
        }
        be_user(call, ACTOR_KEY, user->id, user->name, user->role);
    }
    call->actor.kind = ACTOR_KEY;
    if (strcmp(key->scope, "admin"))
        call->actor.scope = SCOPE_TRACK;
    call->r->user = apr_pstrcat(pool, "key:", key->prefix, NULL);
    return OK;
}

static int by_key(call_t *call, const char *secret)
{
    api_key_t *key;
    apr_status_t rv;
    int status = call_store(call);

    if (status)
        return status;
    rv = keys_check(&key, call->store, secret, call->r->request_time,
                    call->r->pool);
    if (rv == APR_NOTFOUND)
        return answer_unknown(call, "This API key is not valid: it is wrong, "
                              "or it was revoked.");
    if (rv) {
        (void)answer_store(call, rv, "API key");
        return DONE;
    }
    return be_key(call, key);
}

/* The name as the command line takes it. Where an auth module asks another
 * server it may be any bytes. */
static const char *quoted(call_t *call, const char *name)
{
    return strpbrk(name, "'\\\n") || !utf8_valid(name, strlen(name)) ? "NAME"
           : apr_pstrcat(call->r->pool, "'", name, "'", NULL);
}

static int by_httpd(call_t *call)
{
    user_t *user;
    apr_status_t rv;
    int status = call_store(call);

    if (status)
        return status;
    rv = !utf8_valid(call->r->user, strlen(call->r->user)) ? APR_NOTFOUND
         : users_get(&user, call->store, call->r->user, call->r->pool);
    if (rv == APR_NOTFOUND) {
        const char *command = apr_pstrcat(call->r->pool,
            "mailtrackctl user add ", quoted(call, call->r->user), NULL);

        (void)answer_problem_with(call, HTTP_FORBIDDEN, apr_pstrcat(
            call->r->pool, "You are signed in to this web server, but "
            "Mailtrack does not know you. Its administrator can change that: ",
            command, NULL), json_pack("{s:s}", "remedy", command));
        return DONE;
    }
    if (rv) {
        (void)answer_store(call, rv, "user");
        return DONE;
    }
    be_user(call, ACTOR_HTTPD, user->id, user->name, user->role);
    return OK;
}

static int by_session(call_t *call, const char *token)
{
    session_t *session;
    apr_status_t rv;
    int status = call_store(call);

    if (status)
        return status;
    rv = sessions_check(&session, call->store, token, call->r->request_time,
                        call->conf->session_idle, call->r->pool);
    if (rv == APR_NOTFOUND)
        return OK;
    if (rv) {
        (void)answer_store(call, rv, "session");
        return DONE;
    }
    be_user(call, ACTOR_SESSION, session->user_id, session->user,
            session->role);
    call->actor.session = session;
    return OK;
}

static const char *key_of(const call_t *call)
{
    const char *secret = apr_table_get(call->r->headers_in, "X-API-Key");

    return secret && *secret ? secret : NULL;
}

int gate_identify(call_t *call)
{
    const char *secret = key_of(call);
    const char *token = secret ? NULL : cookie_token(call);

    if (secret)
        return by_key(call, secret);
    if (call->conf->trust_user && call->r->user && *call->r->user)
        return by_httpd(call);
    return token ? by_session(call, token) : OK;
}

/* -- from where ---------------------------------------------------------- */

/* An origin without the port its scheme has anyway (RFC 6454, 6.2). */
static apr_size_t origin_length(const char *origin)
{
    apr_size_t len = strlen(origin);

    if (!strncasecmp(origin, "https:", 6) && len > 4
        && !strcmp(origin + len - 4, ":443"))
        return len - 4;
    if (!strncasecmp(origin, "http:", 5) && len > 3
        && !strcmp(origin + len - 3, ":80"))
        return len - 3;
    return len;
}

static int same_origin(const call_t *call)
{
    apr_table_t *in = call->r->headers_in;
    const char *origin = apr_table_get(in, "Origin");
    const char *site = apr_table_get(in, "Sec-Fetch-Site");
    const char *ours = call->conf->origin;

    if (!origin)
        return site && !strcmp(site, "same-origin");
    return origin_length(origin) == origin_length(ours)
           && !strncasecmp(origin, ours, origin_length(ours));
}

/* Another site's page can make a browser send its cookies, a certificate or a
 * Basic password; it cannot forge Origin, nor send a key it does not know. */
static int refuse_foreign(call_t *call)
{
    (void)answer_problem(call, HTTP_FORBIDDEN, apr_pstrcat(call->r->pool,
        "Without an API key, changes are taken from Mailtrack's own pages "
        "alone, under ", call->conf->origin, " (MailtrackBaseURL).", NULL));
    return DONE;
}

/* -- what they may -------------------------------------------------------- */

static int refuse_scope(call_t *call, scope_t scope)
{
    const char *words = "This API key may create and read; a key of scope "
        "admin is needed.";

    if (scope == SCOPE_SELF)
        words = "This is for a person who is signed in, not for an API key.";
    else if (call->actor.kind != ACTOR_KEY)
        words = "Only an administrator may do this.";
    else if (call->actor.scope == SCOPE_WRITE)
        words = "Only an administrator may do this, and the user of this API "
            "key is none.";
    (void)answer_problem(call, HTTP_FORBIDDEN, words);
    return DONE;
}

int gate_pass(call_t *call, scope_t scope)
{
    int changes = call->r->method_number != M_GET;
    int status;

    if (scope == SCOPE_NONE)
        return changes && !same_origin(call) ? refuse_foreign(call) : OK;
    if ((status = gate_identify(call)) != OK)
        return status;
    if (call->actor.kind == ACTOR_NOBODY)
        return answer_unknown(call, "Sign in, or send an API key in the "
                              "header X-API-Key.");
    if (changes && call->actor.kind != ACTOR_KEY && !same_origin(call))
        return refuse_foreign(call);
    if (scope == SCOPE_SELF ? call->actor.kind == ACTOR_KEY
                            : call->actor.scope < scope)
        return refuse_scope(call, scope);
    return OK;
}
