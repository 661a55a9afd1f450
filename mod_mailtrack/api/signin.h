/* SPDX-License-Identifier: MIT */
/*
 * Is it them? Passwords checked, in the same time for everybody. For the
 * endpoints that ask for one: signing in, and changes of one's own account.
 */
#ifndef MAILTRACK_API_SIGNIN_H
#define MAILTRACK_API_SIGNIN_H

#include "route.h"
#include "users.h"

/**
 * Check a name and a password. Unknown names cost the same bcrypt and get the
 * same answer. The store is given back while bcrypt works.
 * @return OK: *user is who it is; DONE: 401 or another answer is written
 */
int signin_password(user_t **user, call_t *call, const char *name,
                    const char *password);

/** The client's address after mod_remoteip; of IPv6 its /64, which is one
 * household's. */
const char *signin_network(call_t *call);

#endif
