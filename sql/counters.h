/* SPDX-License-Identifier: MIT */
/*
 * The one place that keeps counters true: a mail's own, its recipients', the
 * rollups. Whoever adds, removes or re-judges a hit, makes or deletes a mail
 * says so here and flushes before the commit of the transaction it is in.
 * Private to sql/.
 */
#ifndef MAILTRACK_COUNTERS_H
#define MAILTRACK_COUNTERS_H

#include "opens.h"
#include "rollups.h"
#include "store.h"

/** tracked_emails.told: what was put into the outbox, once per mail. */
#define TOLD_FIRST   1
#define TOLD_HOT     2
#define TOLD_REVIVED 4
#define TOLD_ALL     7

/** recipients.rate from its own row's counters. A statement of its own: MariaDB
 * lets an assignment see those before it, others do not. */
#define COUNTERS_RATE \
    "rate = CASE WHEN mails > mails_possible THEN mails_opened * 1000" \
    " / (mails - mails_possible) ELSE -1 END"

/** A mail's counters as this transaction found them, and its deltas. */
typedef struct counters_track_t {
    apr_int64_t id;
    const char *public_id;
    apr_int64_t created_at;
    apr_int64_t real;           /* before */
    apr_int64_t possible;
    apr_int64_t first_open_at;  /* STORE_NULL: none */
    apr_int64_t last_open_at;
    apr_int64_t last_hit_at;
    int seen;
    int told;
    int muted;                  /* nobody is told of this mail */
    const char *reached;        /* whose prefetch was seen, or "" */
    const char *country;        /* of the last place, or NULL */
    const char *city;
    apr_int64_t add_open;
    apr_int64_t add_real;
    apr_int64_t add_possible;
    apr_int64_t add_self;
    apr_int64_t place_at;       /* newest added that has a place; or none */
    const char *new_country;    /* of that */
    const char *new_city;
    apr_int64_t newest_real;    /* of those added; STORE_NULL: none */
    apr_int64_t oldest_real;
    apr_int64_t newest_hit;
    apr_int64_t newest_open_id; /* the real one, for the outbox */
    int recount;                /* something went: first and last anew */
} counters_track_t;

typedef struct counters_t {
    store_t *store;
    apr_pool_t *pool;
    apr_hash_t *by_id;          /* counters_track_t */
    apr_hash_t *by_public;      /* the same; ids the store does not have are
                                   kept as counters_unknown */
    rollups_t *rollups;
} counters_t;

/** Gathers deltas of one transaction. @param pool lives as long as that */
counters_t *counters_make(store_t *store, const char *node,
                          apr_pool_t *pool);

/** APR_NOTFOUND: no such mail. Each is read once a transaction. */
apr_status_t counters_track(counters_track_t **track, counters_t *c,
                            apr_int64_t id);
apr_status_t counters_track_public(counters_track_t **track, counters_t *c,
                                   const char *public_id);

/** sign +1: the hit was added, its texts live until the flush; -1: it is taken
 * away. */
void counters_open(counters_t *c, counters_track_t *track,
                   const open_t *open, int sign);

/** A mail was made (+1) or goes (-1, with the seen and the first open that it
 * had; STORE_NULL: none). */
void counters_mail(counters_t *c, apr_int64_t created_at, int seen,
                   apr_int64_t first_open_at, int sign);

/** Write everything gathered; the hits themselves are written by then. */
apr_status_t counters_flush(counters_t *c);

/** Recount a recipient's row from its mails; delete it when it has none. */
apr_status_t counters_recipient(store_t *store, apr_int64_t recipient_id);

#endif
