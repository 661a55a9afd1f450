/* SPDX-License-Identifier: MIT */
/*
 * Passwords and codes checked; contract in signin.h. Runs in httpd's worker
 * threads. Logs who failed (fail2ban reads that), never what they typed: an
 * unknown name may be a password in the wrong field.
 */
#include <arpa/inet.h>
#include <string.h>

#include <httpd.h>
#include <http_log.h>
#include <apr_md5.h>
#include <apr_strings.h>

#include "answer.h"
#include "code.h"
#include "instance.h"
#include "sessions.h"
#include "signin.h"
#include "totp.h"

APLOG_USE_MODULE(mailtrack);

/* What an unknown user's password is compared with: random bytes' hash, of the
 * cost that users_add() takes. */
#define NOBODY "$2y$10$V8XAonbZyNLru4CXDSWgNOynTI7qQiyY/BcHzXD6b0sta.SEfsWei"

const char *signin_network(call_t *call)
{
    apr_sockaddr_t *address = call->r->useragent_addr;
    char text[INET6_ADDRSTRLEN];
    struct in6_addr net;

    if (address->family != AF_INET6
        || IN6_IS_ADDR_V4MAPPED(&address->sa.sin6.sin6_addr)) {
        return call->r->useragent_ip;
    }
    net = address->sa.sin6.sin6_addr;
    memset(net.s6_addr + 8, 0, 8);
    return inet_ntop(AF_INET6, &net, text, sizeof(text))
           ? apr_pstrdup(call->r->pool, text) : call->r->useragent_ip;
}

static throttle_t *throttle_of(const call_t *call)
{
    return call->conf->instance->throttle;
}

static int too_many(call_t *call, int seconds)
{
    apr_pool_t *pool = call->r->pool;

    apr_table_setn(call->r->headers_out, "Retry-After",
                   apr_itoa(pool, seconds));
    (void)answer_problem_with(call, HTTP_TOO_MANY_REQUESTS, apr_psprintf(
        pool, "Too many failures, or too many at a time. Try again in %d "
        "second%s.", seconds, seconds == 1 ? "" : "s"),
        json_pack("{s:i}", "retry_after", seconds));
    return DONE;
}

static void log_failure(const call_t *call, const char *what,
                        const user_t *user)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, call->r,
                  "mailtrack: sign-in failed: %s%s%s", what,
                  user ? " of user " : "", user ? user->name : "");
}

/* -- the password -------------------------------------------------------- */

/* Who it would be (NULL: nobody), and is the address known? */
static int look_up(int *known, signin_t *in, call_t *call, const char *name)
{
    apr_status_t rv;
    int status = call_store(call);

    if (status)
        return status;
    in->user = NULL;
    rv = users_get(&in->user, call->store, name, call->r->pool);
    if (rv == APR_NOTFOUND)
        rv = APR_SUCCESS;
    if (!rv)
        rv = sessions_known(known, call->store, name, signin_network(call));
    if (rv) {
        (void)answer_store(call, rv, "user");
        return DONE;
    }
    return OK;
}

int signin_password(signin_t *in, call_t *call, const char *name,
                    const char *password)
{
    throttle_t *throttle = throttle_of(call);
    apr_status_t rv;
    int seconds, known = 0;
    int status = look_up(&known, in, call, name);

    if (status)
        return status;
    call_return(call);
    seconds = throttle_begin(&in->attempt, throttle, name,
                             signin_network(call), known, apr_time_now());
    if (seconds)
        return too_many(call, seconds);
    rv = apr_password_validate(password, in->user ? in->user->password
                                                  : NOBODY);
    throttle_rest(&in->attempt, throttle);
    if (rv || !in->user || strlen(password) > USER_PASSWORD_MAX) {
        log_failure(call, in->user ? "wrong password" : "unknown user",
                    in->user);
        (void)answer_problem(call, HTTP_UNAUTHORIZED, "User name and "
                             "password do not belong together.");
        return DONE;
    }
    return call_store(call);
}

void signin_end(const signin_t *in, call_t *call)
{
    throttle_end(&in->attempt, throttle_of(call), THROTTLE_GOOD);
}

/* -- the code ------------------------------------------------------------ */

static int ask_for_code(call_t *call, const char *words)
{
    (void)answer_problem_with(call, HTTP_UNAUTHORIZED, words,
                              json_pack("{s:b}", "code_required", 1));
    return DONE;
}

/* APR_NOTFOUND: wrong, or used before. */
static apr_status_t use_code(const totp_t *totp, const signin_t *in,
                             call_t *call, const char *code)
{
    apr_time_t now = apr_time_now();
    char digits[CODE_DIGITS + 1];
    apr_int64_t step;
    apr_status_t rv;

    if (!code_digits(digits, code))
        return totp_recover(call->store, in->user->id, code, now);
    rv = code_check(&step, totp->secret, digits, now, call->r->pool);
    return rv ? rv : totp_use(call->store, in->user->id, totp->secret, step);
}

int signin_code(signin_t *in, call_t *call, const char *code)
{
    totp_t *totp;
    apr_status_t rv;

    rv = totp_get(&totp, call->store, in->user->id, call->r->pool);
    if (!rv && !totp->secret)
        return OK;
    if (!rv && !code) {
        throttle_end(&in->attempt, throttle_of(call), THROTTLE_OPEN);
        return ask_for_code(call, "A code of your authenticator is needed, "
                            "or a recovery code.");
    }
    if (!rv)
        rv = use_code(totp, in, call, code);
    if (rv == APR_NOTFOUND) {
        log_failure(call, "wrong code", in->user);
        return ask_for_code(call, "This code is wrong, too old, or was used "
                            "before. A code is good once.");
    }
    if (rv) {
        (void)answer_store(call, rv, "second factor");
        return DONE;
    }
    return OK;
}
