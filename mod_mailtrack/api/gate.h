/* SPDX-License-Identifier: MIT */
/*
 * The gate: who asks, and may they? By X-API-Key, by the user whom an Apache
 * auth module has set (MailtrackTrustUser), or by a session's cookie, in this
 * order. Runs in httpd's worker threads, before an endpoint.
 */
#ifndef MAILTRACK_API_GATE_H
#define MAILTRACK_API_GATE_H

#include "route.h"

/**
 * Let a request through. Fills call->actor, except for SCOPE_NONE. A request
 * that changes something and has no key must come from our own pages.
 * @return OK to go on, DONE when an answer has been written
 */
int gate_pass(call_t *call, scope_t scope);

/** Who asks? call->actor.kind may be ACTOR_NOBODY. @return as above: a key that
 * is wrong, or a user of httpd's whom the store does not know, is answered */
int gate_identify(call_t *call);

#endif
