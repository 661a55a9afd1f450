/* SPDX-License-Identifier: MIT */
/*
 * Apple's list of relay networks (CSV: prefix, country, region, city) as two
 * list files of one merged prefix a line. Pure over foreign bytes; any thread.
 */
#ifndef MAILPROBE_RELAY_H
#define MAILPROBE_RELAY_H

#include <apr_pools.h>

typedef struct relay_lists_t {
    const char *ipv4, *ipv6;    /* a prefix a line */
    int ipv4_count, ipv6_count;
} relay_lists_t;

/** Every line must be one: else, and for a last line that was cut off, problem
 * says which, with APR_EINVAL. */
apr_status_t relay_convert(relay_lists_t *lists, const char **problem,
                           const char *text, apr_size_t len,
                           apr_pool_t *pool);

#endif
