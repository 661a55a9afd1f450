/* SPDX-License-Identifier: MIT */
/*
 * Is it them? Passwords and codes checked, slowed down by the throttle. For the
 * endpoints that ask for a password: signing in, and changes of one's account.
 */
#ifndef MAILTRACK_API_SIGNIN_H
#define MAILTRACK_API_SIGNIN_H

#include "route.h"
#include "throttle.h"
#include "users.h"

typedef struct signin_t {
    user_t *user;               /* after signin_password() */
    throttle_try_t attempt;
} signin_t;

/**
 * Check a name and a password. Unknown names cost the same bcrypt and get the
 * same answer. The store is given back while bcrypt works, and is there after.
 * @return OK: in->user is who it is, and signin_end() must follow; DONE: 401,
 *         429 or another answer is written
 */
int signin_password(signin_t *in, call_t *call, const char *name,
                    const char *password);

/**
 * Check the second factor, where the user has one. A code is used up by it.
 * @param code six digits, a recovery code, or NULL
 * @return OK, also where none is needed; DONE: 401 with code_required, and
 *         signin_end() has been done
 */
int signin_code(signin_t *in, call_t *call, const char *code);

/** It is them: their failures are forgotten. */
void signin_end(const signin_t *in, call_t *call);

/** The client's address after mod_remoteip; of IPv6 its /64, which is one
 * household's. */
const char *signin_network(call_t *call);

#endif
