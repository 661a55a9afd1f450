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
 * @param deliver told when something was put into the outbox; may be NULL
 * @param configuration must live until the next probing_reload
 * @param owner this process's UUID */
apr_status_t probing_start(probing_t **probing, loop_t *loop,
                           storage_t *storage, deliver_t *deliver,
                           const configuration_t *configuration,
                           const char *owner, apr_pool_t *pool);

/** The same without a schedule, for probing_once alone: nothing is published,
 * and no monitor probed that nobody asked for. */
apr_status_t probing_idle(probing_t **probing, loop_t *loop,
                          storage_t *storage, deliver_t *deliver,
                          const configuration_t *configuration,
                          const char *owner, apr_pool_t *pool);

/** SIGHUP: another configuration, and what delivers by it, from now on (the old
 * ones may go when this returns). Mailboxes are opened anew; probes in flight
 * stay in flight. */
void probing_reload(probing_t *probing, const configuration_t *configuration,
                    deliver_t *deliver);

/** The end is near (SIGTERM): no more probes are begun. What is in flight is in
 * the store, and the next process takes it up. */
void probing_quiet(probing_t *probing);

/** One probe of one monitor (by name), now, whatever its schedule: --once.
 * done gets the decided probe. The row is written as any other. Where another
 * process holds the monitor, that one is asked to probe.
 * @param problem what kept it from being made; NULL: probe and monitor are
 *        there, until done returns */
typedef void (*probing_once_fn)(const probe_t *probe,
                                const monitor_t *monitor,
                                const char *problem, void *data);
apr_status_t probing_once(probing_t *probing, const char *monitor,
                          probing_once_fn done, void *data);

#endif
