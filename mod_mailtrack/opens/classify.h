/* SPDX-License-Identifier: MIT */
/*
 * classify: a hit and the rules -> the verdict.
 *
 * Runs in the drain (one thread of one child) and in mailtrackctl's
 * reclassify. A pure function of rules and facts: no I/O, no clock, no
 * logging, no lock. The memo only makes it faster and never changes an
 * answer.
 */
#ifndef MAILTRACK_CLASSIFY_H
#define MAILTRACK_CLASSIFY_H

#include <apr_pools.h>

#include "rules.h"

/* What the server knows besides the request (bits of context). */
#define CLASSIFY_BEFORE_SENT    1   /* before the mail left: the composer */
#define CLASSIFY_SENDER_SESSION 2   /* came with a signed-in session */
#define CLASSIFY_BURST          4   /* several networks, one mail, at once */

/* Of a longer text only so much is looked at: as much as spool and store
 * keep, so that reclassify sees what the drain saw, and a bound on what a
 * hostile user agent can cost. */
#define CLASSIFY_TEXT_MAX 1024

typedef struct {
    const char *name;            /* lower case */
    const char *value;
} classify_header_t;

/* Every pointer may be NULL: unknown or absent. All-zero is valid. */
typedef struct {
    const char *method;          /* "GET" */
    const char *address;         /* IPv4, IPv6 or ::ffff:a.b.c.d */
    const char *networks;        /* non-NULL: the names that rules_networks
                                  * gave, used in place of address */
    const char *user_agent;      /* NULL is the same as "" */
    const char *referer;
    apr_int64_t seconds_since_sent;
    int sent_known;              /* 0: within_seconds never holds */
    int context;                 /* CLASSIFY_* bits */
    const classify_header_t *headers;
    apr_size_t header_count;
} classify_facts_t;

/*
 * What earlier hits taught: user agent -> rules whose conditions on it hold,
 * and the same for names of networks. Addresses are not kept: a lookup takes
 * 0.1 us, and thousands of them would drive out user agents, which take
 * several times that. One thread at a time. Bounded: past 4,096 entries, or
 * with other rules than before, it starts anew; texts longer than
 * CLASSIFY_TEXT_MAX are not kept. 0.5 MiB, and at most 4 MiB of texts in a
 * pool of its own under pool.
 */
typedef struct classify_memo_t classify_memo_t;

apr_status_t classify_memo_create(classify_memo_t **out, apr_pool_t *pool);

/*
 * The first rule whose every condition holds, else the default. Never NULL;
 * lives as long as rules. memo may be NULL. No allocation on a memo hit.
 */
const verdict_t *classify(const rules_t *rules, const classify_facts_t *facts,
                          classify_memo_t *memo);

#endif
