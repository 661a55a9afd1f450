/* SPDX-License-Identifier: MIT */
/*
 * The session's cookie (RFC 6265bis) and the connections it may travel on.
 *
 * A connection is fit when it is encrypted as far as httpd knows:
 * - https by mod_ssl, or `ServerName https://...` behind something that ends
 *   TLS: whatever ap_http_scheme() says;
 * - MailtrackBaseURL is https and the request came through a proxy that
 *   mod_remoteip trusts. X-Forwarded-Proto can only take this away: `http`
 *   means that the proxy was asked without encryption;
 * - or, for trying things out, MailtrackBaseURL is http and the client is on
 *   this machine, in itself and through any proxy (local.h). The cookie is then
 *   not Secure, as browsers would drop it.
 * Headers of a client that no mod_remoteip vouches for are never believed; that
 * there is a proxy's can only take away.
 */
#ifndef MAILTRACK_API_COOKIE_H
#define MAILTRACK_API_COOKIE_H

#include "route.h"

/** Why nobody can sign in over this connection; NULL: one can. */
const char *cookie_refused(const call_t *call);

/** The token that came, or NULL. None is taken from an unfit connection. */
const char *cookie_token(const call_t *call);

/** Give the browser a token. */
void cookie_set(call_t *call, const char *token);
/** Take it away. */
void cookie_clear(call_t *call);

#endif
