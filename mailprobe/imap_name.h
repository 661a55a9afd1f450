/* SPDX-License-Identifier: MIT */
/*
 * Names of mailboxes: UTF-8 for people, "modified UTF-7" and quotes on the
 * wire. Pure; any thread. RFC 3501 sections 5.1.3 and 9.
 */
#ifndef MAILPROBE_IMAP_NAME_H
#define MAILPROBE_IMAP_NAME_H

#include <apr_pools.h>

/** The name as servers know it. @return NULL: no valid UTF-8 */
const char *imap_name_encode(const char *name, apr_pool_t *pool);

/** The name for people; what is no modified UTF-7 stays as it is, cleaned. */
const char *imap_name_decode(const char *wire, apr_pool_t *pool);

/** As an argument of a command: quoted. @return NULL: it has octets that no
 * quoted string may have (CR, LF, above 127) */
const char *imap_name_quote(const char *wire, apr_pool_t *pool);

/** Is this what junk mail is filed under where nobody says so? Compares what
 * stands behind the last delimiter with the names in use.
 * @param delimiter 0: there is none */
int imap_name_is_junk(const char *wire, char delimiter);

#endif
