/* SPDX-License-Identifier: MIT */
/*
 * Bursts: several networks fetch one mail at once, as a gateway's farm does.
 * The drain remembers who fetched what within the last half minute, so that an
 * ordinary hit costs no query; the verdict's facts are stored with each hit.
 */
#ifndef MAILTRACK_BURST_H
#define MAILTRACK_BURST_H

#include <apr_tables.h>

#include "opens.h"

/** So many addresses within BURST_WINDOW of each other are a burst. */
#define BURST_ADDRESSES 3
#define BURST_WINDOW    apr_time_from_sec(30)

/** Rows looked at when a burst begins; a farm has fewer machines. */
#define BURST_ROWS 300

typedef struct burst_t burst_t;

typedef enum {
    BURST_NO,                   /* nothing of the kind */
    BURST_BEGINS,               /* this hit makes it one: mark those before */
    BURST_GOES_ON               /* one more of a known burst */
} burst_state_t;

/** The memory of one drain, used by its thread alone; bounded. */
burst_t *burst_make(apr_pool_t *pool);

/** Is anything remembered of this mail? If not, and it was fetched lately, the
 * caller shows what the store has by burst_note(). */
int burst_knows(burst_t *burst, apr_int64_t track_id);

/** Note a hit. Hits may come a little out of order. */
burst_state_t burst_note(burst_t *burst, apr_int64_t track_id,
                         const char *address, apr_int64_t at);

/** Forget all: a batch was rolled back, or another child drained. */
void burst_forget(burst_t *burst);

/**
 * Set CLASSIFY_BURST in the context of every hit that stands in a window of
 * BURST_WINDOW with BURST_ADDRESSES addresses or more. Pure.
 * @param opens open_t, oldest first, of one mail, at most BURST_ROWS
 * @param fresh set for each that was not marked before; as many as opens
 */
void burst_mark(apr_array_header_t *opens, char *fresh);

#endif
