/* SPDX-License-Identifier: MIT */
/*
 * The dead man's switch: a URL is asked for while all is well here. Loop
 * thread.
 */
#ifndef MAILPROBE_HEARTBEAT_H
#define MAILPROBE_HEARTBEAT_H

#include "house.h"

/** All is well: the store answers, and of the channels at least one has not
 * failed lately. Nothing happens without heartbeat.url. */
apr_status_t heartbeat_start(house_t *house, apr_pool_t *pool);

#endif
