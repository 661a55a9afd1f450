/* SPDX-License-Identifier: MIT */
/*
 * The one place that keeps counters true: a mail's own, its recipients', the
 * rollups. Whoever adds, removes or re-judges a hit, makes or deletes a mail
 * says so here and flushes before the commit. Private to sql/.
 */
#ifndef MAILTRACK_COUNTERS_H
#define MAILTRACK_COUNTERS_H

#include "opens.h"
#include "store.h"

/** Bucket widths in seconds, finest first. 16 days hold any longer range in
 * few rows; 900 s divide every time zone's offset. */
#define ROLLUP_FINE   900
#define ROLLUP_DAY    86400
#define ROLLUP_COARSE 1382400

typedef struct counters_t counters_t;

/** Told of each mail whose state rises, before its counters are written. */
typedef apr_status_t (*counters_notice_t)(void *context, store_t *store,
                                          apr_int64_t track_id,
                                          apr_int64_t real_before,
                                          apr_int64_t real_added);

/** Gathers deltas of one transaction. pool as long as that. */
counters_t *counters_make(store_t *store, const char *node,
                          apr_pool_t *pool);

/** sign +1: the hit was added; -1: it is (about to be) removed. */
void counters_open(counters_t *c, const open_t *open, int sign);

/** A mail was made (+1) or is to be deleted (-1, with the seen it had). */
void counters_mail(counters_t *c, apr_int64_t created_at, int seen,
                   int sign);

/** Write everything gathered. */
apr_status_t counters_flush(counters_t *c);

/** Recount a recipient's row from its mails; delete it when it has none. */
apr_status_t counters_recipient(store_t *store, apr_int64_t recipient_id);

#endif
