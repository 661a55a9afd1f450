/* SPDX-License-Identifier: MIT */
/*
 * Is the client on this machine? Who is may be told of our insides (paths and
 * commands), and may try signing in out without TLS.
 */
#ifndef MAILTRACK_API_LOCAL_H
#define MAILTRACK_API_LOCAL_H

#include <httpd.h>

/**
 * Both the connection and the client that mod_remoteip has found behind it
 * come from loopback, and no proxy says that it speaks for somebody else: a
 * header that nobody vouches for can take this away, never give it.
 */
int local_client(const request_rec *r);

#endif
