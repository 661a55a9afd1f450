/* SPDX-License-Identifier: MIT */
/*
 * The session's cookie; contract in cookie.h. Runs in httpd's worker threads.
 * Writes no log: httpd's own cookie functions put values into the debug log.
 */
#include <string.h>

#include <httpd.h>
#include <http_core.h>
#include <http_protocol.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "cookie.h"
#include "local.h"
#include "sessions.h"

static int base_is_https(const call_t *call)
{
    return !strncasecmp(call->conf->base_url, "https:", 6);
}

/* mod_remoteip has put the client in the place of its proxy, and so says that
 * it trusts the proxy. */
static int through_proxy(const request_rec *r)
{
    return strcmp(r->useragent_ip, r->connection->client_ip) != 0;
}

static int is_encrypted(const call_t *call)
{
    request_rec *r = call->r;
    const char *proto = apr_table_get(r->headers_in, "X-Forwarded-Proto");

    if (!strcmp(ap_http_scheme(r), "https")) {
        return 1;
    }
    return base_is_https(call) && through_proxy(r)
           && (!proto || !strcasecmp(proto, "https"));
}

static int is_trial(const call_t *call)
{
    return !base_is_https(call) && local_client(call->r);
}

const char *cookie_refused(const call_t *call)
{
    if (is_encrypted(call) || is_trial(call)) {
        return NULL;
    }
    if (base_is_https(call)) {
        return apr_pstrcat(call->r->pool, "Nobody can sign in over plain "
                           "http, where others read along. Open ",
                           call->conf->base_url, "/ instead. (Behind a "
                           "reverse proxy that ends TLS, httpd must trust it: "
                           "mod_remoteip's RemoteIPInternalProxy.)", NULL);
    }
    return "Nobody can sign in over plain http from another machine, where "
           "others read along. Give this server a certificate and an https "
           "MailtrackBaseURL; or, to try things out, open it on the machine "
           "itself or through ssh -L.";
}

/* -- the cookie ---------------------------------------------------------- */

/*
 * __Host- and __Secure- make a browser refuse the cookie from any other origin
 * that could overwrite it. Cookies know no ports, so the name has it: two
 * instances on one machine do not sign each other's people out.
 */
static const char *name_of(const call_t *call)
{
    const char *host = strstr(call->conf->origin, "://") + 3;
    const char *port = strrchr(host, ':');
    const char *prefix = !is_encrypted(call) ? ""
        : *call->conf->base_path ? "__Secure-" : "__Host-";

    if (port && strchr(port, ']')) {
        port = NULL;            /* a colon of an IPv6 address */
    }
    return apr_pstrcat(call->r->pool, prefix, "mailtrack", port ? "-" : "",
                       port ? port + 1 : "", NULL);
}

const char *cookie_token(const call_t *call)
{
    const char *p = apr_table_get(call->r->headers_in, "Cookie");
    const char *name;
    apr_size_t len;

    if (!p || cookie_refused(call)) {
        return NULL;
    }
    name = name_of(call);
    len = strlen(name);
    while (*p) {
        apr_size_t size;

        p += strspn(p, "; \t");
        size = strcspn(p, ";");
        if (!strncmp(p, name, len) && p[len] == '='
            && size - len - 1 == SESSION_TOKEN_LENGTH) {
            return apr_pstrmemdup(call->r->pool, p + len + 1, size - len - 1);
        }
        p += size;
    }
    return NULL;
}

static void set(call_t *call, const char *token, apr_int64_t seconds)
{
    const char *path = *call->conf->base_path ? call->conf->base_path : "/";

    apr_table_addn(call->r->headers_out, "Set-Cookie", apr_psprintf(
        call->r->pool, "%s=%s; Path=%s; Max-Age=%" APR_INT64_T_FMT
        "; HttpOnly; SameSite=Strict%s", name_of(call), token, path, seconds,
        is_encrypted(call) ? "; Secure" : ""));
}

void cookie_set(call_t *call, const char *token)
{
    set(call, token, apr_time_sec(call->conf->session_end));
}

void cookie_clear(call_t *call)
{
    set(call, "", 0);
}
