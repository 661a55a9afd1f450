/* SPDX-License-Identifier: MIT */
/*
 * One's own account: /api/totp (the second factor) and /api/password. Runs in
 * httpd's worker threads. Secrets shown here are shown once.
 */
#include <string.h>

#include <httpd.h>
#include <http_log.h>
#include <apr_strings.h>

#include "answer.h"
#include "body.h"
#include "code.h"
#include "endpoints.h"
#include "sessions.h"
#include "signin.h"
#include "totp.h"

APLOG_USE_MODULE(mailtrack);

/* A secret that was shown and not confirmed in this time is none. */
#define PENDING_KEPT apr_time_from_sec(15 * 60)

/* The issuer an authenticator shows: this server's name. */
static const char *issuer(const call_t *call)
{
    return strstr(call->conf->origin, "://") + 3;
}

int endpoint_totp_begin(call_t *call)
{
    const char *secret;
    apr_status_t rv;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = totp_begin(&secret, call->store, call->actor.user_id,
                    call->r->request_time, call->r->pool);
    if (rv == STORE_ECONFLICT)
        return answer_problem(call, HTTP_CONFLICT, "It is switched on. To "
                              "use another authenticator, switch it off "
                              "first.");
    if (rv)
        return answer_store(call, rv, "second factor");
    return answer_json(call, HTTP_CREATED, json_pack("{s:s, s:s}", "secret",
                       secret, "uri", code_uri(secret, issuer(call),
                                               call->actor.user,
                                               call->r->pool)));
}

static json_t *view_codes(const apr_array_header_t *codes)
{
    json_t *list = json_array();
    int i;

    for (i = 0; i < codes->nelts; i++)
        json_array_append_new(list, json_string(APR_ARRAY_IDX(codes, i,
                                                              const char *)));
    return json_pack("{s:o}", "recovery_codes", list);
}

/* The secret whose code is awaited. @return OK or what was answered */
static int pending(totp_t **totp, call_t *call)
{
    apr_status_t rv;
    int status = call_store(call);

    if (status)
        return status;
    rv = totp_get(totp, call->store, call->actor.user_id, call->r->pool);
    if (rv) {
        (void)answer_store(call, rv, "second factor");
        return DONE;
    }
    if (!(*totp)->pending
        || call->r->request_time - (*totp)->pending_at > PENDING_KEPT) {
        (void)answer_problem(call, HTTP_CONFLICT, "Nothing waits for a code: "
                             "begin with POST.");
        return DONE;
    }
    return OK;
}

int endpoint_totp_activate(call_t *call)
{
    const char *code = request_text(call->input, "code", 64, 0);
    char digits[CODE_DIGITS + 1];
    apr_array_header_t *codes;
    apr_int64_t step;
    totp_t *totp;
    apr_status_t rv;
    int status;

    if (!code || !code_digits(digits, code))
        request_fault(call->input, "code", "Expected the six digits that the "
                      "authenticator shows.");
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = pending(&totp, call)) != OK)
        return status;
    rv = code_check(&step, totp->pending, digits, apr_time_now(),
                    call->r->pool);
    if (rv == APR_NOTFOUND)
        return answer_fault(call, "code", "This is not the code of now. Does "
                            "the authenticator have the right time?");
    if (!rv)
        rv = totp_activate(&codes, call->store, call->actor.user_id,
                           totp->pending, step, call->r->request_time,
                           call->r->pool);
    if (rv == STORE_ECONFLICT)
        return answer_problem(call, HTTP_CONFLICT, "This was begun anew "
                              "elsewhere. Read the QR code again.");
    if (rv)
        return answer_store(call, rv, "second factor");
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, call->r,
                  "mailtrack: user %s switched TOTP on", call->actor.user);
    return answer_json(call, HTTP_OK, view_codes(codes));
}

/* Who asks must know the password; a session that was left open is not enough.
 */
static int ask_password(call_t *call, const char *field)
{
    const char *password = request_text(call->input, field, 256, 0);
    signin_t in;
    int status;

    if (!password)
        request_fault(call->input, field, "Your password is needed.");
    if (request_end(call->input)) {
        (void)answer_faults(call);
        return DONE;
    }
    status = signin_password(&in, call, call->actor.user, password);
    if (status == OK)
        signin_end(&in, call);
    return status;
}

int endpoint_totp_remove(call_t *call)
{
    int answered = 0;
    int status;
    apr_status_t rv;

    call_return(call);
    status = body_read(call, &answered);
    if (answered)
        return status;
    if ((status = ask_password(call, "password")) != OK)
        return status;
    rv = totp_remove(call->store, call->actor.user_id);
    if (rv)
        return answer_store(call, rv, "second factor switched on");
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, call->r,
                  "mailtrack: user %s switched TOTP off", call->actor.user);
    return answer_empty(call, HTTP_NO_CONTENT);
}

int endpoint_password(call_t *call)
{
    const char *fresh = request_text(call->input, "new_password", 256, 0);
    const session_t *own = call->actor.session;
    apr_status_t rv;
    int status;

    if (!fresh)
        request_fault(call->input, "new_password", "A password is needed.");
    if ((status = ask_password(call, "old_password")) != OK)
        return status;
    rv = users_password(call->store, call->actor.user, fresh,
                        own ? own->id : 0, call->r->pool);
    if (rv == APR_EINVAL)
        return answer_fault(call, "new_password", apr_pstrcat(call->r->pool,
                            "Not this one: ", store_error(call->store), ".",
                            NULL));
    if (rv)
        return answer_store(call, rv, "user");
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, call->r,
                  "mailtrack: user %s changed the password",
                  call->actor.user);
    return answer_empty(call, HTTP_NO_CONTENT);
}
