/* SPDX-License-Identifier: MIT */
/*
 * A batch of spool lines into the store, in one transaction with the offsets of
 * the segments they came from. The drain's thread.
 */
#ifndef MAILTRACK_BATCH_H
#define MAILTRACK_BATCH_H

#include <apr_tables.h>

#include "../instance.h"
#include "burst.h"
#include "classify.h"
#include "store.h"

/** A segment as the drain knows it; it lives as long as the drain's lock. */
typedef struct drain_segment_t {
    const char *name;           /* "UUID.seg" */
    const char *key;            /* in spool_offsets: "NODE:UUID.seg" */
    apr_off_t pos;              /* committed up to here */
    apr_off_t size;             /* when last listed */
    int reading;                /* mark of the round that listed it */
    apr_status_t told;          /* trouble with its file that was logged */
} drain_segment_t;

/** One line, not parsed yet. */
typedef struct batch_line_t {
    const char *text;
    apr_size_t len;             /* without its newline */
    drain_segment_t *segment;
    apr_off_t end;              /* offset behind its newline */
} batch_line_t;

/** What a batch is judged and stored with. */
typedef struct batch_context_t {
    const instance_t *in;
    store_t *store;
    classify_memo_t *memo;
    burst_t *burst;
    apr_pool_t *pool;           /* cleared between tries */
} batch_context_t;

/**
 * Store lines [first, last), in order. Committed lines have moved their
 * segment's pos. A line that no store takes goes to SPOOL/rejected alone.
 * @return APR_SUCCESS: all are done with. STORE_ECONFLICT: somebody else moved
 * an offset, read them anew. A transient status: nothing of what is left was
 * stored; try again later.
 */
apr_status_t batch_store(batch_context_t *ctx, apr_array_header_t *lines,
                         int first, int last);

#endif
