/* SPDX-License-Identifier: MIT */
/*
 * People: one row an address, with counters of their mails; and erasing one.
 */
#ifndef MAILTRACK_RECIPIENTS_H
#define MAILTRACK_RECIPIENTS_H

#include <apr_tables.h>

#include "address.h"
#include "store.h"

typedef struct recipient_t {
    apr_int64_t id;
    const char *address;        /* lower-cased */
    const char *name;
    const char *domain;
    apr_int64_t mails;
    apr_int64_t mails_opened;
    apr_int64_t mails_possible; /* cannot tell: outside the rate */
    apr_int64_t rate;           /* opened per mille of those one can tell of;
                                   -1: none */
    apr_int64_t last_mail_at;
    apr_int64_t last_open_at;   /* STORE_NULL: none */
    apr_int64_t recent;         /* of the newest 20 mails, those one can tell
                                   of, and those opened */
    apr_int64_t recent_opened;
    apr_int64_t score_base;     /* score.h */
    apr_int64_t score_key;
    int muted;                  /* events of their mails tell nobody */
} recipient_t;

/** Points, 0 to 100 in all. */
typedef struct score_t {
    double value;
    double rate;                /* up to 50: opened of the mails one can tell */
    double recency;             /* up to 25: falls to 0 in 90 days */
    double consistency;         /* up to 25: opened of the newest 20 mails */
} score_t;

/** score_base and score_key are in parts of a point. */
#define SCORE_UNIT 3600

/** @param today days since 1970-01-01, UTC. @return 0: one cannot tell */
int recipients_score(score_t *score, const recipient_t *r, apr_int64_t today);

typedef struct recipient_filter_t {
    const char *search;         /* begins address or a part of it, or the name;
                                   NULL: all */
    const char *sort;           /* mails, opened, rate, last_mail, last_open,
                                   address, score */
    apr_int64_t today;          /* for score: days since 1970-01-01, UTC */
    int ascending;
    const char *cursor;
    int limit;
} recipient_filter_t;

/**
 * A page, by keyset. A page of a search can be shorter than the limit, even
 * empty, and still have a next one, as in tracks_list. APR_EINVAL: bad cursor
 * or sort.
 */
apr_status_t recipients_list(apr_array_header_t **out /* recipient_t */,
                             const char **next, store_t *store,
                             const recipient_filter_t *filter,
                             apr_pool_t *pool);
/** By address, any case. APR_NOTFOUND. */
apr_status_t recipients_get(recipient_t **out, store_t *store,
                            const char *address, apr_pool_t *pool);

/** Are all the recipients of a mail muted? */
apr_status_t recipients_quiet(int *quiet, store_t *store,
                              apr_int64_t track_id);

/** Mute or not; the person as it is then. APR_NOTFOUND. */
apr_status_t recipients_mute(recipient_t **out, store_t *store,
                             const char *address, int muted,
                             apr_pool_t *pool);

/** A mail of theirs that was opened. */
typedef struct first_open_t {
    apr_int64_t created_at;
    apr_int64_t first_open_at;
} first_open_t;

/** Those of their newest `limit` mails that were opened. */
apr_status_t recipients_habits(apr_array_header_t **out /* first_open_t */,
                               store_t *store, apr_int64_t recipient_id,
                               int limit, apr_pool_t *pool);

typedef apr_status_t (*recipient_visit_t)(void *context,
                                          const recipient_t *recipient);
/** All of them, by address, in bounded memory. */
apr_status_t recipients_export(store_t *store, recipient_visit_t visit,
                               void *context, apr_pool_t *pool);

/** What recipients_erase did. */
typedef struct erased_t {
    apr_int64_t mails_deleted;  /* mails to that address alone */
    apr_int64_t mails_changed;  /* mails to others too: the address left */
    apr_int64_t opens_deleted;
} erased_t;

/** Told after each step, for a progress bar. May be NULL. */
typedef void (*progress_t)(void *context, apr_int64_t done,
                           apr_int64_t total);

/**
 * Remove every trace of an address: mails only to it go with their opens, from
 * the others it is taken out, counters are corrected, freed pages are
 * overwritten and the WAL emptied (SQLite). In bounded transactions; cut off
 * half-way it is simply run again. APR_NOTFOUND: unknown. STORE_EBUSY from a
 * reader that keeps the WAL: erased, but run it again (then APR_NOTFOUND is
 * success: the WAL was emptied).
 */
apr_status_t recipients_erase(erased_t *result, store_t *store,
                              const char *address, const char *node,
                              progress_t progress, void *context,
                              apr_pool_t *pool);

#endif
