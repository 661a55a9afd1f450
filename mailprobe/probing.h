/* SPDX-License-Identifier: MIT */
/*
 * Probing: which monitor is due, the mail sent, its arrival awaited, its fate
 * decided and written. Holds the monitors' leases. Loop thread; the store by
 * storage.h.
 */
#ifndef MAILPROBE_PROBING_H
#define MAILPROBE_PROBING_H

#include "configuration.h"
#include "deliver.h"
#include "loop.h"
#include "monitors.h"
#include "probes.h"
#include "storage.h"

typedef struct probing_t probing_t;

/** Publish accounts and declared monitors, watch every watch account of a
 * monitor we hold, take up what a former process left in flight.
 * @param owner this process's UUID */
apr_status_t probing_start(probing_t **probing, loop_t *loop,
                           storage_t *storage, deliver_t *deliver,
                           const configuration_t *configuration,
                           const char *owner, apr_pool_t *pool);

/** One probe of one monitor (by name), now, whatever its schedule: --once.
 * done gets the decided probe. The row is written as any other. */
typedef void (*probing_once_fn)(const probe_t *probe,
                                const monitor_t *monitor,
                                const char *problem, void *data);
apr_status_t probing_once(probing_t *probing, const char *monitor,
                          probing_once_fn done, void *data);

#endif
