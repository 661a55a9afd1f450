/* SPDX-License-Identifier: MIT */
/*
 * Spool to store: a mod_watchdog callback in every child, of which the one that
 * holds SPOOL/drain.lock works. (mod_watchdog's own singleton takes 10 s to
 * fail over after its child ends.) A store that is down stops the drain, never
 * the pixel; on return it catches up.
 */
#ifndef MAILTRACK_DRAIN_H
#define MAILTRACK_DRAIN_H

#include "../instance.h"

typedef struct drain_t drain_t;

/** Register the callback of an instance. In post_config. */
apr_status_t drain_register(instance_t *in, apr_pool_t *pconf);

/**
 * Let this child take part. In child_init, after mod_dbd's. A pre-cleanup of
 * pchild stops it and waits, bounded: mod_watchdog does not join its threads.
 */
apr_status_t drain_child(instance_t *in, apr_pool_t *pchild);

#endif
