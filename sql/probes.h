/* SPDX-License-Identifier: MIT */
/*
 * Probes: one mail each, from before it was sent until its fate is known, and
 * the rollups that outlive them. Written by mailprobe's store thread, read by
 * the API. JSON columns are texts here; headers.h, smtp.h and dsn.h of
 * mailprobe/ say what is in them.
 */
#ifndef MAILTRACK_PROBES_H
#define MAILTRACK_PROBES_H

#include <apr_tables.h>

#include "monitors.h"
#include "store.h"

#define PROBE_TOKEN_LENGTH 32

/* Outcomes: these, and the states of monitors.h from ok to blind. */
#define OUTCOME_SENDING "sending"
#define OUTCOME_SENT    "sent"

#define PROBE_BUCKETS 14
/** Upper bounds of the latency buckets, microseconds; the last is -1: all. */
extern const apr_int64_t probe_bounds[PROBE_BUCKETS];

typedef struct probe_t {
    apr_int64_t id;
    apr_int64_t monitor_id;
    const char *token;
    apr_int64_t due_at;
    const char *outcome;
    const char *detail;
    apr_int64_t started_at;     /* STORE_NULL where unknown, and so below */
    apr_int64_t sent_at;
    apr_int64_t seen_at;
    apr_int64_t decided_at;
    apr_int64_t latency_us;
    apr_int64_t resolution_us;
    apr_int64_t blind_us;
    const char *folder;         /* NULL where unknown, and so below */
    apr_int64_t delivered_at;
    const char *send_state;
    const char *send_phase;
    apr_int64_t send_code;
    const char *send_reply;
    const char *queue_id;
    const char *tls;
    apr_int64_t cert_until;
    const char *phases;
    const char *hops;
    const char *auth;
    const char *spam;
    const char *bounce;
} probe_t;

/**
 * The row before the mail. Only while owner holds the monitor's lease, and only
 * once for a due_at: STORE_ECONFLICT otherwise. Joins the caller's transaction,
 * in which the monitor's next_at moves on.
 */
apr_status_t probes_begin(store_t *store, probe_t *probe, const char *owner);

/** Write all of it by its id. When the outcome changes, rollups move from the
 * old to the new (a late arrival corrects history). Joins the caller's
 * transaction. */
apr_status_t probes_write(store_t *store, const probe_t *probe);

/** By token. APR_NOTFOUND: none of ours. */
apr_status_t probes_by_token(probe_t **probe, store_t *store,
                             const char *token, apr_pool_t *pool);

/** Those of a monitor not yet decided, oldest first. @param list of probe_t */
apr_status_t probes_undecided(apr_array_header_t **list, store_t *store,
                              apr_int64_t monitor_id, apr_pool_t *pool);

/** A page of history, newest first. @param outcome NULL: any.
 * @param before due_at to go on below; STORE_NULL: from the newest */
apr_status_t probes_page(apr_array_header_t **list, store_t *store,
                         apr_int64_t monitor_id, const char *outcome,
                         apr_int64_t before, int limit, apr_pool_t *pool);

/** One by id of that monitor. APR_NOTFOUND. */
apr_status_t probes_get(probe_t **probe, store_t *store,
                        apr_int64_t monitor_id, apr_int64_t id,
                        apr_pool_t *pool);

/** Points of a chart: due_at, latency, outcome alone are set; oldest first. */
apr_status_t probes_points(apr_array_header_t **list, store_t *store,
                           apr_int64_t monitor_id, apr_int64_t from,
                           apr_int64_t to, int limit, apr_pool_t *pool);

/** Stream all of from..to of one monitor (id 0: of all), oldest first. */
typedef apr_status_t (*probes_row_fn)(void *data, const probe_t *probe,
                                      const char *monitor_name);
apr_status_t probes_export(store_t *store, apr_int64_t monitor_id,
                           apr_int64_t from, apr_int64_t to,
                           probes_row_fn row, void *data);

/** Median of the newest 50 good latencies; STORE_NULL below 10 of them. */
apr_status_t probes_usual(apr_int64_t *usual_us, store_t *store,
                          apr_int64_t monitor_id);

/** Sums of a bucket, or of all time (width 0, bucket 0). */
typedef struct probe_rollup_t {
    apr_int64_t monitor_id;
    apr_int64_t bucket;
    apr_int64_t ok, slow, late, missing, spam, bounced, send_failed, blind;
    apr_int64_t latency_us;     /* sum */
    apr_int64_t le[PROBE_BUCKETS];      /* each bucket's own, not cumulative */
} probe_rollup_t;

/** Widths kept, in seconds: an hour, a day; 0 is all time.
 * @param monitor_id 0: of all, each monitor's together */
apr_status_t probes_rollups(apr_array_header_t **list, store_t *store,
                            apr_int64_t monitor_id, apr_int64_t width,
                            apr_int64_t from, apr_int64_t to,
                            apr_pool_t *pool);
/** All time, of every monitor (metrics). */
apr_status_t probes_totals(apr_array_header_t **list, store_t *store,
                           apr_pool_t *pool);

/** Retention: remove up to limit decided probes that were due before; gone
 * says how many went, less than limit: that was all. */
apr_status_t probes_prune(apr_int64_t *gone, store_t *store,
                          apr_int64_t before, int limit);

#endif
