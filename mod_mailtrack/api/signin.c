/* SPDX-License-Identifier: MIT */
/*
 * Passwords checked; contract in signin.h. Runs in httpd's worker threads.
 * Logs who failed (fail2ban reads that), never what they typed: an unknown name
 * may be a password in the wrong field.
 */
#include <arpa/inet.h>
#include <string.h>

#include <httpd.h>
#include <http_log.h>
#include <apr_md5.h>
#include <apr_strings.h>

#include "answer.h"
#include "signin.h"

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

static int wrong(call_t *call, const user_t *user)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, call->r,
                  "mailtrack: sign-in failed: %s%s",
                  user ? "wrong password of user " : "unknown user",
                  user ? user->name : "");
    (void)answer_problem(call, HTTP_UNAUTHORIZED, "User name and password do "
                         "not belong together.");
    return DONE;
}

int signin_password(user_t **user, call_t *call, const char *name,
                    const char *password)
{
    apr_status_t rv;
    int status = call_store(call);

    if (status)
        return status;
    *user = NULL;
    rv = users_get(user, call->store, name, call->r->pool);
    if (rv && rv != APR_NOTFOUND) {
        (void)answer_store(call, rv, "user");
        return DONE;
    }
    call_return(call);
    rv = apr_password_validate(password, *user ? (*user)->password : NOBODY);
    if (rv || !*user || strlen(password) > USER_PASSWORD_MAX)
        return wrong(call, *user);
    return call_store(call);
}
