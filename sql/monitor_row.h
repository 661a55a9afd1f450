/* SPDX-License-Identifier: MIT */
/*
 * How a monitor lies in its table, for the files that read monitors, and what
 * people may set. Private to sql/.
 */
#ifndef MAILTRACK_MONITOR_ROW_H
#define MAILTRACK_MONITOR_ROW_H

#include "monitors.h"

/** In the order monitor_row_read wants; `m` is monitors. */
#define MONITOR_COLUMNS \
    "m.id, m.public_id, m.name, m.recipient, m.domain, m.send_account," \
    " m.watch_account, m.interval_us, m.retry_us, m.late_us, m.missing_us," \
    " m.failures_needed, m.successes_needed, m.alert_on, m.keep_mail," \
    " m.enabled, m.declared, m.muted_until, m.probe_asked_at, m.created_at," \
    " m.updated_at, m.state, m.state_since, m.detail, m.failures," \
    " m.successes, m.alarmed, m.decided_to, m.failed_to, m.next_at," \
    " m.last_probe_at, m.last_ok_at, m.last_latency_us, m.usual_us," \
    " m.auth_state, m.cert_until"

void monitor_row_read(monitor_t *m, store_rows_t *rows, apr_pool_t *pool);

/**
 * Is what people set sound? Sets m->recipient and m->domain as they are kept.
 * Its accounts are looked up unless it is declared: the configuration that
 * declares it has them.
 * @return APR_EINVAL with store_error() "field: words"
 */
apr_status_t monitor_row_check(store_t *store, monitor_t *m,
                               apr_pool_t *pool);

/** A monitor is in another state since a time: a row of monitor_states. Later
 * ones are of a clock that has been set back, and go. */
apr_status_t monitor_row_turned(store_t *store, apr_int64_t id,
                                apr_int64_t since, const char *state,
                                const char *detail);

/** Inside the caller's transaction, and with m checked. */
apr_status_t monitor_row_insert(store_t *store, monitor_t *m, apr_time_t now,
                                apr_pool_t *pool);
apr_status_t monitor_row_change(store_t *store, const monitor_t *m,
                                apr_time_t now, apr_pool_t *pool);

/** People's part of a monitor or a window was changed; in its transaction. */
apr_status_t monitor_row_edited(store_t *store, apr_pool_t *pool);

#endif
