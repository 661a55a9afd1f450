/* SPDX-License-Identifier: MIT */
/*
 * Is a file a place database that httpd can use? The only reader of that
 * format in mailprobe. Any thread; may take a second.
 */
#ifndef MAILPROBE_MMDB_H
#define MAILPROBE_MMDB_H

#include <apr_pools.h>

/**
 * Open it, look at what it says of itself, and read places all over it.
 * @param problem set on failure: why it will not do
 * @param edition what it must be ("GeoLite2-City"); NULL: any
 * @param present the file it would replace: one newer than that alone will do,
 *        or as new; NULL, or not readable: no matter
 */
apr_status_t mmdb_verify(const char **problem, const char *path,
                         const char *edition, const char *present,
                         apr_pool_t *pool);

#endif
