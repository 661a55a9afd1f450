/* SPDX-License-Identifier: MIT */
/*
 * Hits as the store keeps them: read, written by the drain, judged anew.
 * Writing belongs to a recorder, which gathers a batch's counters and writes
 * them once; the caller owns the transaction.
 */
#ifndef MAILTRACK_OPENS_H
#define MAILTRACK_OPENS_H

#include <apr_tables.h>

#include "store.h"

/** opens.counts; the same numbers as classify.h's counts_e. */
#define OPEN_NONE     0
#define OPEN_POSSIBLE 1
#define OPEN_REAL     2

/** opens.verdict, as far as counters ask; the numbers of verdict_e. */
#define OPEN_HUMAN    0
#define OPEN_PREFETCH 2
#define OPEN_SELF     5

/** Column limits in characters; longer text is cut before it gets here. */
#define OPEN_AGENT_MAX   1024
#define OPEN_REFERER_MAX 1024

typedef struct open_t {
    apr_int64_t id;             /* public: it is a number */
    apr_int64_t track_id;
    apr_int64_t opened_at;
    apr_int64_t recorded_at;
    const char *method;
    const char *ip_address;     /* NULL once retention emptied it */
    const char *user_agent;
    const char *referer;
    const char *headers;        /* name=value&..., percent-encoded; or NULL */
    const char *networks;       /* names, when the address was cut; or NULL */
    const char *country;
    const char *city;
    int verdict;                /* classify.h: verdict_e */
    int counts;                 /* OPEN_* */
    const char *rule;
    const char *vendor;
    int context;                /* classify.h: CLASSIFY_* */
    apr_int64_t rules_version;
    /* filled by opens_recent, opens_export and opens_recorded_since */
    const char *track_public_id;
    const char *recipient;
    const char *subject;
    apr_int64_t track_created_at;
} open_t;

/* -- reading ------------------------------------------------------------ */

/** A mail's hits, newest first; cursor as in tracks_list. */
apr_status_t opens_of_track(apr_array_header_t **out /* open_t */,
                            const char **next, store_t *store,
                            apr_int64_t track_id, const char *cursor,
                            int limit, apr_pool_t *pool);

/**
 * Hits that count, which the store got at or after `since`, newest first. Where
 * thousands in a row do not count, a page can be shorter than the limit, even
 * empty, and still have a next one.
 * @param cursor keyset of the page before, or NULL
 */
apr_status_t opens_recent(apr_array_header_t **out, const char **next,
                          store_t *store, apr_int64_t since,
                          const char *cursor, int limit, apr_pool_t *pool);

/** All hits the store got at or after `since`, oldest first. */
apr_status_t opens_recorded_since(apr_array_header_t **out, store_t *store,
                                  apr_int64_t since, int limit,
                                  apr_pool_t *pool);

/** One hit with its mail's fields. APR_NOTFOUND. */
apr_status_t opens_get(open_t **out, store_t *store, apr_int64_t id,
                       apr_pool_t *pool);

/** Newest recorded_at of any hit; 0 when there is none. */
apr_status_t opens_last_recorded(apr_int64_t *at, store_t *store);

/** Called for each row; the row lives until it returns. Anything but
 * APR_SUCCESS ends the walk and is returned. */
typedef apr_status_t (*open_visit_t)(void *context, const open_t *open);

/**
 * Every mail made in [since, until) with its hits, oldest first; a mail without
 * a hit is visited once with open->id 0. STORE_NULL: open end. Bounded memory.
 */
apr_status_t opens_export(store_t *store, apr_int64_t since,
                          apr_int64_t until, open_visit_t visit,
                          void *context, apr_pool_t *pool);

/**
 * The hits of one mail, oldest first, in the same way.
 * @param count out: how many were visited
 */
apr_status_t opens_export_track(apr_int64_t *count, store_t *store,
                                apr_int64_t track_id, open_visit_t visit,
                                void *context, apr_pool_t *pool);

/* -- writing ------------------------------------------------------------ */

typedef struct recorder_t recorder_t;

/** What the drain must know of a mail to judge a hit. */
typedef struct recorder_track_t {
    apr_int64_t id;
    apr_int64_t created_at;
    apr_int64_t last_hit_at;    /* before this transaction; or STORE_NULL */
} recorder_track_t;

/**
 * A recorder for one transaction. @param node whose rollup rows are written;
 * @param pool cleared by the caller after record_finish.
 */
recorder_t *record_start(store_t *store, const char *node, apr_pool_t *pool);

/** APR_NOTFOUND: unknown id. Each id is looked up once a batch. */
apr_status_t record_track(recorder_track_t *track, recorder_t *rec,
                          const char *public_id);

/** Insert a hit; open->id is set. Counters wait for record_finish. */
apr_status_t record_open(recorder_t *rec, open_t *open);

/** The hits of a mail within [from, to], oldest first, at most `limit`. */
apr_status_t record_window(apr_array_header_t **out, recorder_t *rec,
                           apr_int64_t track_id, apr_int64_t from,
                           apr_int64_t to, int limit);

/**
 * Give a stored hit another verdict, rule, context and rules version; the
 * counters follow in record_finish. @param was as it is stored now
 */
apr_status_t record_rejudge(recorder_t *rec, const open_t *was,
                            const open_t *now);

/**
 * After a person has said whose hit it was and record_rejudge has been told: a
 * mail that has no open left has nothing to tell of, and its next one is news.
 * For the pages that watch, the mail counts as changed.
 */
apr_status_t record_claimed(recorder_t *rec, apr_int64_t track_id,
                            apr_time_t now);

/**
 * Write counters, recipients, rollups and, when tell is true, outbox rows
 * (first open, hot, revived). Before the commit.
 */
apr_status_t record_finish(recorder_t *rec, int tell, apr_time_t now);

/* -- judging history anew ----------------------------------------------- */

/**
 * Hits with id > after whose rules version is another, in order of id, with
 * track_created_at; those emptied by retention (no user agent, no address) are
 * left out: the facts are gone and the old verdict stands.
 */
apr_status_t opens_outdated(apr_array_header_t **out, store_t *store,
                            apr_int64_t version, apr_int64_t after, int limit,
                            apr_pool_t *pool);
/** How many there are, for a progress bar. */
apr_status_t opens_outdated_count(apr_int64_t *count, store_t *store,
                                  apr_int64_t version);

/* -- the spool's side --------------------------------------------------- */

/** Move a segment's offset; STORE_ECONFLICT when it is not at `from`. First
 * statement of the drain's transaction: exclusiveness is never assumed. */
apr_status_t offsets_move(store_t *store, const char *segment,
                          apr_int64_t from, apr_int64_t to, apr_time_t now);
/** Where a segment stands. */
typedef struct offset_t {
    const char *segment;
    apr_int64_t pos;
} offset_t;

/** The segments whose key begins with `prefix` (the node's), any order. */
apr_status_t offsets_list(apr_array_header_t **out /* offset_t */,
                          store_t *store, const char *prefix,
                          apr_pool_t *pool);
/** After the segment's file is gone. */
apr_status_t offsets_forget(store_t *store, const char *segment);

#endif
