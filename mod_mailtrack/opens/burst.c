/* SPDX-License-Identifier: MIT */
/*
 * Memory of recent fetches, and marking. Windows look both ways: segments of
 * several children are read one after the other, so hits come out of order.
 */
#include "burst.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>

#include "classify.h"

/* Mails remembered before all are forgotten (and looked up again). */
#define MAILS_MAX 20000

typedef struct recent_t {
    apr_int64_t track_id;
    unsigned int address[BURST_ADDRESSES];      /* hashes; 0: free */
    apr_int64_t at[BURST_ADDRESSES];
    apr_int64_t burst_at;       /* last hit of a burst */
} recent_t;

struct burst_t {
    apr_pool_t *pool;           /* cleared to forget */
    apr_hash_t *mails;
};

burst_t *burst_make(apr_pool_t *pool)
{
    burst_t *burst = apr_palloc(pool, sizeof(*burst));

    apr_pool_create(&burst->pool, pool);
    burst->mails = apr_hash_make(burst->pool);
    return burst;
}

void burst_forget(burst_t *burst)
{
    apr_pool_clear(burst->pool);
    burst->mails = apr_hash_make(burst->pool);
}

int burst_knows(burst_t *burst, apr_int64_t track_id)
{
    return apr_hash_get(burst->mails, &track_id, sizeof(track_id)) != NULL;
}

static recent_t *recent_of(burst_t *burst, apr_int64_t track_id)
{
    recent_t *r = apr_hash_get(burst->mails, &track_id, sizeof(track_id));

    if (!r) {
        if (apr_hash_count(burst->mails) >= MAILS_MAX) {
            burst_forget(burst);
        }
        r = apr_pcalloc(burst->pool, sizeof(*r));
        r->track_id = track_id;
        apr_hash_set(burst->mails, &r->track_id, sizeof(r->track_id), r);
    }
    return r;
}

static int near(apr_int64_t a, apr_int64_t b)
{
    return llabs(a - b) <= BURST_WINDOW;
}

/* Keep the address with its time, in place of the one seen longest ago. */
static void remember(recent_t *r, const char *address, apr_int64_t at)
{
    apr_ssize_t len = APR_HASH_KEY_STRING;
    unsigned int hash = apr_hashfunc_default(address, &len);
    int slot = 0;
    int i;

    /* 0 is a free slot; that alone is changed: x.x.x.2 and .3 must differ */
    hash = hash ? hash : 1;
    for (i = 0; i < BURST_ADDRESSES; i++) {
        if (r->address[i] == hash || !r->address[i]) {
            slot = i;
            break;
        }
        slot = r->at[i] < r->at[slot] ? i : slot;
    }
    if (r->address[slot] != hash || at > r->at[slot]) {
        r->at[slot] = at;
    }
    r->address[slot] = hash;
}

burst_state_t burst_note(burst_t *burst, apr_int64_t track_id,
                         const char *address, apr_int64_t at)
{
    recent_t *r = recent_of(burst, track_id);
    int networks = 0;
    int i;

    remember(r, address ? address : "", at);
    for (i = 0; i < BURST_ADDRESSES; i++) {
        networks += r->address[i] && near(r->at[i], at);
    }
    if (networks < BURST_ADDRESSES) {
        return BURST_NO;
    }
    if (r->burst_at && near(r->burst_at, at)) {
        r->burst_at = at;
        return BURST_GOES_ON;
    }
    r->burst_at = at;
    return BURST_BEGINS;
}

/* -- marking ------------------------------------------------------------ */

static const char *address_of(const open_t *open)
{
    return open->ip_address ? open->ip_address : "";
}

/* Different addresses in [first, last], as far as it matters. */
static int distinct(const open_t *opens, int first, int last)
{
    int count = 0;
    int i;

    for (i = first; i <= last && count < BURST_ADDRESSES; i++) {
        int j;

        for (j = first; j < i; j++) {
            if (!strcmp(address_of(&opens[i]), address_of(&opens[j]))) {
                break;
            }
        }
        count += (j == i);
    }
    return count;
}

void burst_mark(apr_array_header_t *array, char *fresh)
{
    open_t *opens = (open_t *)array->elts;
    int last = 0;
    int first;

    memset(fresh, 0, (apr_size_t)array->nelts);
    for (first = 0; first < array->nelts; first++) {
        int i;

        last = last < first ? first : last;
        while (last + 1 < array->nelts && opens[last + 1].opened_at
               - opens[first].opened_at <= BURST_WINDOW) {
            last++;
        }
        if (distinct(opens, first, last) < BURST_ADDRESSES) {
            continue;
        }
        for (i = first; i <= last; i++) {
            fresh[i] = fresh[i] || !(opens[i].context & CLASSIFY_BURST);
            opens[i].context |= CLASSIFY_BURST;
        }
    }
}
