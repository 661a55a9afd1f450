/* SPDX-License-Identifier: MIT */
/*
 * Old probes go, their rollups stay; delivered messages go; the addresses of
 * old opens are emptied. Loop thread; one process of a store at a time.
 */
#ifndef MAILPROBE_RETENTION_H
#define MAILPROBE_RETENTION_H

#include "house.h"

/** Every hour, in small steps, each a transaction of its own. */
apr_status_t retention_start(house_t *house, apr_pool_t *pool);

#endif
