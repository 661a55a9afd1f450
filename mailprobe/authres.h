/* SPDX-License-Identifier: MIT */
/*
 * One Authentication-Results header by the grammar of RFC 8601 section 2.2:
 * comments, quoted strings, versions, many methods, properties. Pure; any
 * thread.
 */
#ifndef MAILPROBE_AUTHRES_H
#define MAILPROBE_AUTHRES_H

#include "headers.h"

#define AUTHRES_METHODS_MAX 32

/**
 * @param methods auth_method_t are appended, AUTHRES_METHODS_MAX in all;
 *        a result that cannot be read is left out, those beside it stay
 * @param believed const char *: ids of servers. Case does not matter; "" is a
 *        server that leaves its id out (Exchange Online does)
 * @return 1: it is of a believed server (and read), 0: not, or of a version
 *         that is not ours to read
 */
int authres_parse(apr_array_header_t *methods, const char *value,
                  const apr_array_header_t *believed, apr_pool_t *pool);

#endif
