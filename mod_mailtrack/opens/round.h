/* SPDX-License-Identifier: MIT */
/*
 * A round of the drain: what it has in hand while it holds SPOOL/drain.lock.
 * drain.c owns the life of it, round.c what is done. The watchdog's thread of
 * one child, nobody else.
 */
#ifndef MAILTRACK_ROUND_H
#define MAILTRACK_ROUND_H

#include <apr_hash.h>

#include "../dbd.h"
#include "../instance.h"
#include "batch.h"

/** How much of a segment is read at once; the size of round_t's buffer. */
#define ROUND_READ (1024 * 1024)

typedef struct round_t {
    instance_t *in;
    apr_pool_t *held;           /* as long as the lock is held */
    apr_pool_t *loans;          /* as long as the connection is ours */
    apr_pool_t *round;          /* cleared each round */
    apr_pool_t *lines;          /* cleared each batch: what was read */
    apr_pool_t *batch;          /* cleared each try to store it */
    dbd_loan_t loan;
    int have_store;
    apr_time_t store_at;        /* next try to borrow one */
    apr_status_t told;          /* last status logged */
    apr_hash_t *segments;       /* name -> drain_segment_t, while held */
    int names;                  /* ever put into it */
    int number;                 /* of this round, set in what it lists */
    apr_time_t sweep_at;
    apr_int64_t hits_seen;      /* of the board, when all was stored */
    apr_time_t behind_since;
    char *buffer;
    classify_memo_t *memo;
    burst_t *burst;
    const int *stopping;        /* set by another thread: end soon */
} round_t;

/** Everything a round needs; pools are made under `pool`. */
apr_status_t round_make(round_t *r, instance_t *in, const int *stopping,
                        apr_pool_t *pool);

/** The lock was taken: nothing is known of the segments. */
void round_begin(round_t *r);

/** Give the connection back and forget what was known. */
void round_end(round_t *r);

/** One round: store what is new, tidy up once a second, tell the board. */
void round_run(round_t *r);

/** So many segments came and went that the lock should be let go, and with it
 * the memory of them. */
int round_full(const round_t *r);

/** Has its time come? No wait of the drain's is longer than a second: a time
 * further ahead means that the clock was set back. */
int round_due(apr_time_t at, apr_time_t now);

/** What is known of a segment; made when nothing is. */
drain_segment_t *round_segment(round_t *r, const char *name);

/** A file that cannot be read or removed costs itself, not the others: say so,
 * once a fault. */
void round_complain(const round_t *r, drain_segment_t *segment,
                    apr_status_t rv);

/** Log a status when it changes, not ten times a second. */
void round_tell(round_t *r, apr_status_t rv, const char *detail,
                const char *remedy);

#endif
