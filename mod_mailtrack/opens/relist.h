/* SPDX-License-Identifier: MIT */
/*
 * The rules' list files, noticed when they change (mailprobe keeps Apple's
 * relay networks fresh): this child's instance gets rules with the new lists,
 * without a reload of httpd. In the watchdog's thread alone.
 */
#ifndef MAILTRACK_RELIST_H
#define MAILTRACK_RELIST_H

#include "instance.h"

typedef struct relist_t relist_t;

/** @param pool as long as the watchdog's thread may run */
relist_t *relist_make(instance_t *in, apr_pool_t *pool);

/** Each tick; looks every few seconds. Lists that cannot be read leave the
 * rules as they are, with a warning, once for each reason. */
void relist_look(relist_t *relist, apr_time_t now);

#endif
