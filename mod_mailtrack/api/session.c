/* SPDX-License-Identifier: MIT */
/*
 * /api/session: sign in, who am I, sign out; /api/sessions: where else am I
 * signed in. Runs in httpd's worker threads.
 */
#include <string.h>

#include <httpd.h>
#include <http_log.h>
#include <apr_strings.h>

#include "answer.h"
#include "cookie.h"
#include "endpoints.h"
#include "gate.h"
#include "sessions.h"
#include "signin.h"
#include "totp.h"
#include "users.h"
#include "view.h"

APLOG_USE_MODULE(mailtrack);

#define CODE_MAX 64

/* -- who am I ------------------------------------------------------------- */

static json_t *view_user(const call_t *call)
{
    const actor_t *actor = &call->actor;

    return actor->user ? json_pack("{s:o, s:s}", "name",
                                   view_text(actor->user), "role",
                                   actor->role)
                       : json_null();
}

static json_t *view_session(call_t *call, const session_t *session)
{
    const session_t *own = call->actor.session;
    apr_int64_t idle_end = session->seen_at + call->conf->session_idle;

    return json_pack("{s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "id", (json_int_t)session->id,
                     "current", own && own->id == session->id,
                     "created_at", view_time(call, session->created_at),
                     "seen_at", view_time(call, session->seen_at),
                     "idle_ends_at", view_time(call,
                         idle_end < session->ends_at ? idle_end
                                                     : session->ends_at),
                     "ends_at", view_time(call, session->ends_at),
                     "ip_address", view_text(session->ip_address),
                     "user_agent", view_text(session->user_agent));
}

static json_t *view_totp(call_t *call, const totp_t *totp)
{
    return json_pack("{s:b, s:o, s:I}", "enabled", totp->secret != NULL,
                     "enrolled_at", view_time(call, totp->enrolled_at),
                     "recovery_codes_left", (json_int_t)totp->codes_left);
}

/* The actor, as GET and POST answer. */
static int answer_actor(call_t *call, int http)
{
    static const char *const ways[] = { NULL, "key", "session", "httpd" };
    static const char *const scopes[] = { NULL, "track", "write", NULL,
                                          "admin" };
    const actor_t *actor = &call->actor;
    totp_t *totp = NULL;
    apr_status_t rv = APR_SUCCESS;

    if (actor->kind == ACTOR_SESSION || actor->kind == ACTOR_HTTPD)
        rv = totp_get(&totp, call->store, actor->user_id, call->r->pool);
    if (rv)
        return answer_store(call, rv, "second factor");
    return answer_json(call, http, json_pack(
        "{s:o, s:s?, s:s?, s:o, s:o, s:s?}",
        "user", view_user(call),
        "method", ways[actor->kind],
        "scope", scopes[actor->scope],
        "session", actor->session ? view_session(call, actor->session)
                                  : json_null(),
        "totp", totp ? view_totp(call, totp) : json_null(),
        "sign_in_refused", cookie_refused(call)));
}

int endpoint_session_get(call_t *call)
{
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = gate_identify(call)) != OK)
        return status;
    return answer_actor(call, HTTP_OK);
}

/* -- signing in ----------------------------------------------------------- */

/* A new token each time; the one that came with the request ends, so that
 * nobody goes on with a session that another has planted. */
static int begin(call_t *call, const user_t *user)
{
    request_rec *r = call->r;
    const char *old = cookie_token(call);
    const char *token;
    session_t *session;
    session_new_t in;
    apr_status_t rv = APR_SUCCESS;

    memset(&in, 0, sizeof(in));
    in.user_id = user->id;
    in.now = r->request_time;
    in.idle = call->conf->session_idle;
    in.ends_at = in.now + call->conf->session_end;
    in.ip_address = r->useragent_ip;
    in.network = signin_network(call);
    in.user_agent = apr_table_get(r->headers_in, "User-Agent");
    if (old && !sessions_check(&session, call->store, old, in.now, in.idle,
                               r->pool))
        rv = sessions_end(call->store, session->user_id, session->id);
    if (!rv || rv == APR_NOTFOUND)
        rv = sessions_add(&token, call->store, &in, r->pool);
    if (!rv)
        rv = sessions_check(&session, call->store, token, in.now, in.idle,
                            r->pool);
    if (rv)
        return answer_store(call, rv, "session");
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "mailtrack: user %s signed in",
                  user->name);
    call->actor.kind = ACTOR_SESSION;
    call->actor.scope = strcmp(user->role, "admin") ? SCOPE_WRITE
                                                    : SCOPE_ADMIN;
    call->actor.user_id = user->id;
    call->actor.user = user->name;
    call->actor.role = user->role;
    call->actor.session = session;
    cookie_set(call, token);
    return answer_actor(call, HTTP_CREATED);
}

int endpoint_session_create(call_t *call)
{
    request_t *in = call->input;
    const char *refused = cookie_refused(call);
    const char *name = request_text(in, "username", USER_NAME_MAX, 0);
    const char *password = request_text(in, "password", 256, 0);
    const char *code = request_text(in, "code", CODE_MAX, 0);
    signin_t it;
    int status;

    if (refused)
        return answer_problem(call, HTTP_FORBIDDEN, refused);
    if (!name)
        request_fault(in, "username", "Who is it?");
    if (!password)
        request_fault(in, "password", "A password is needed.");
    if (request_end(in))
        return answer_faults(call);
    if ((status = signin_password(&it, call, name, password)) != OK)
        return status;
    if ((status = signin_code(&it, call, code)) != OK)
        return status;
    signin_end(&it, call);
    return begin(call, it.user);
}

/* -- signing out --------------------------------------------------------- */

int endpoint_session_end(call_t *call)
{
    int everywhere = request_arg_bool(call->input, "everywhere") > 0;
    const session_t *session;
    apr_status_t rv = APR_SUCCESS;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = gate_identify(call)) != OK)
        return status;
    session = call->actor.session;
    if (everywhere && call->actor.kind != ACTOR_NOBODY
        && call->actor.kind != ACTOR_KEY)
        rv = sessions_end_all(call->store, call->actor.user_id, 0);
    else if (session)
        rv = sessions_end(call->store, session->user_id, session->id);
    if (rv && rv != APR_NOTFOUND)
        return answer_store(call, rv, "session");
    cookie_clear(call);
    return answer_empty(call, HTTP_NO_CONTENT);
}

/* -- where else ---------------------------------------------------------- */

int endpoint_sessions_list(call_t *call)
{
    apr_array_header_t *sessions;
    json_t *list;
    apr_status_t rv;
    int i, status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = sessions_list(&sessions, call->store, call->actor.user_id,
                       call->r->request_time, call->conf->session_idle,
                       call->r->pool);
    if (rv)
        return answer_store(call, rv, "list of sessions");
    list = json_array();
    for (i = 0; i < sessions->nelts; i++)
        json_array_append_new(list, view_session(call,
                              &APR_ARRAY_IDX(sessions, i, session_t)));
    return answer_json(call, HTTP_OK, list);
}

int endpoint_sessions_end(call_t *call)
{
    const session_t *own = call->actor.session;
    apr_size_t digits = strspn(call->id, "0123456789");
    apr_int64_t id = digits <= 18 && !call->id[digits]
                     ? apr_atoi64(call->id) : 0;
    apr_status_t rv;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = sessions_end(call->store, call->actor.user_id, id);
    if (rv)
        return answer_store(call, rv, "session");
    if (own && own->id == id)
        cookie_clear(call);
    return answer_empty(call, HTTP_NO_CONTENT);
}
