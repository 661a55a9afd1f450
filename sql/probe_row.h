/* SPDX-License-Identifier: MIT */
/*
 * How a probe lies in its table, for the files that read probes, and its share
 * of the rollups. Private to sql/.
 */
#ifndef MAILTRACK_PROBE_ROW_H
#define MAILTRACK_PROBE_ROW_H

#include "probes.h"

/** In the order probe_row_read wants; `p` is probes. */
#define PROBE_COLUMNS \
    "p.id, p.monitor_id, p.token, p.due_at, p.outcome, p.detail," \
    " p.started_at, p.sent_at, p.seen_at, p.decided_at, p.latency_us," \
    " p.resolution_us, p.blind_us, p.folder, p.delivered_at, p.send_state," \
    " p.send_phase, p.send_code, p.send_reply, p.queue_id, p.tls," \
    " p.cert_until, p.phases, p.hops, p.auth, p.spam, p.bounce"
#define PROBE_COLUMN_COUNT 27

void probe_row_read(probe_t *p, store_rows_t *rows, apr_pool_t *pool);

/** Is that the outcome of a probe whose fate is known? */
int probe_row_decided(const char *outcome);

/** Add a decided probe's share to the rollups (+1), or take it out (-1). */
apr_status_t probe_row_count(store_t *store, const probe_t *p, int sign);

#endif
