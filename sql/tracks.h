/* SPDX-License-Identifier: MIT */
/*
 * Tracked mails: made, read, listed, changed, deleted. Each changing function
 * is one transaction of its own and keeps search words, recipients and rollups
 * true in it.
 */
#ifndef MAILTRACK_TRACKS_H
#define MAILTRACK_TRACKS_H

#include <apr_tables.h>

#include "address.h"
#include "store.h"

/** tracked_emails.seen: what is known of a mail. */
#define TRACK_UNSEEN   0        /* no open seen */
#define TRACK_POSSIBLE 1        /* cannot tell: only possible hits */
#define TRACK_OPENED   2        /* a hit that counts */

/** Column limits, in characters. */
#define TRACK_SUBJECT_MAX 998   /* RFC 5322 line */
#define TRACK_NOTES_MAX   10000
#define TRACK_GROUP_MAX   255
#define TRACK_KEY_MAX     255   /* idempotency key */

/** A mail as read. Times in microseconds; STORE_NULL where there is none. */
typedef struct track_t {
    apr_int64_t id;             /* joins only; never leaves the process */
    const char *public_id;
    apr_int64_t created_at;
    apr_int64_t updated_at;
    apr_int64_t created_by;     /* users.id or STORE_NULL */
    const char *recipient;      /* all recipients, as people write them */
    const char *subject;
    const char *notes;
    const char *message_group_id;       /* NULL: none */
    int pinned;
    apr_int64_t open_count;     /* every hit */
    apr_int64_t real_open_count;
    apr_int64_t possible_count;
    apr_int64_t first_open_at;  /* of the hits that count */
    apr_int64_t last_open_at;
    apr_int64_t last_hit_at;
    int seen;                   /* TRACK_* */
    apr_int64_t self_count;     /* the sender's own hits */
    const char *reached;        /* vendor whose prefetch was seen; "": none */
    const char *last_country;   /* of the newest open that no proxy made */
    const char *last_city;      /* NULL: unknown */
    int muted;                  /* its events tell nobody */
    apr_array_header_t *recipients;     /* address_t; in the mail's order */
} track_t;

/** A mail to be made. Texts are valid UTF-8 within the limits above. */
typedef struct track_new_t {
    const char *public_id;      /* lower-case UUID, made by the caller */
    apr_time_t created_at;
    apr_int64_t created_by;     /* or STORE_NULL */
    const apr_array_header_t *recipients;       /* address_t, one or more */
    const char *subject;
    const char *notes;
    const char *message_group_id;       /* or NULL */
    int pinned;
    int muted;
    const char *idempotency_key;        /* actor and key; NULL: none */
    const char *request_hash;   /* hex SHA-256 of what was asked */
    const char *replaces;       /* idempotency key of a mail that this one
                                   stands for; or NULL */
} track_new_t;

/** A change; NULL and -1 leave as it is. */
typedef struct track_change_t {
    const apr_array_header_t *recipients;
    const char *subject;
    const char *notes;
    int pinned;
    int muted;
} track_change_t;

/** Which mails a list shows. */
typedef struct track_filter_t {
    const char *search;         /* words; NULL: all */
    const char *recipient;      /* whole address; NULL: all */
    const char *group;          /* message_group_id; NULL: all */
    int seen;                   /* TRACK_* or -1 */
    int pinned;                 /* 1, 0 or -1 */
    apr_int64_t created_by;     /* users.id or STORE_NULL */
    apr_int64_t since;          /* created_at >= ; or STORE_NULL */
    apr_int64_t until;          /* created_at < ; or STORE_NULL */
    const char *cursor;         /* from the page before; NULL: first page */
    int limit;
    int pinned_first;           /* all pinned ones before the others */
} track_filter_t;

/**
 * Make a mail. APR_EEXIST: that idempotency key made *out earlier, from the
 * same request (a replay). STORE_ECONFLICT: from another request. The mail it
 * replaces is deleted, unless its picture has been fetched: then it did go out.
 * @param node whose rollup rows are written
 */
apr_status_t tracks_create(track_t **out, store_t *store,
                           const track_new_t *in, const char *node,
                           apr_pool_t *pool);

/** APR_NOTFOUND: no such mail. public_id must be lower-case. */
apr_status_t tracks_get(track_t **out, store_t *store, const char *public_id,
                        apr_pool_t *pool);

/** How many ids tracks_by_ids takes. */
#define TRACKS_IDS_MAX 100

/** Those mails that exist, newest first. @param ids const char *, lower-case;
 * at most TRACKS_IDS_MAX */
apr_status_t tracks_by_ids(apr_array_header_t **out /* track_t */,
                           store_t *store, const apr_array_header_t *ids,
                           apr_pool_t *pool);

/**
 * A page, newest first (by time made; a search, or the mails of a recipient,
 * without since and until: in the order they were put in, which differs for
 * imported mails only); with pinned_first the pinned ones in that order, then
 * the others. Every word of a search begins a word of the mail.
 * A page can be shorter than the limit, even empty, and still have a next one:
 * where many mails meet each condition and few meet all, the search stops after
 * some thousand and the cursor goes on from there.
 * @param next cursor of the next page, or NULL
 * @return APR_EINVAL: the cursor is none of ours
 */
apr_status_t tracks_list(apr_array_header_t **out /* track_t */,
                         const char **next, store_t *store,
                         const track_filter_t *filter, apr_pool_t *pool);

typedef apr_status_t (*track_visit_t)(void *context, const track_t *track);

/** Every mail of a list, page by page, in bounded memory; no statement is open
 * while a mail is visited. Anything but APR_SUCCESS ends it and is returned. */
apr_status_t tracks_walk(store_t *store, const track_filter_t *filter,
                         track_visit_t visit, void *context,
                         apr_pool_t *pool);

/** Those mails that were made or changed at or after a time, oldest change
 * first, for /api/changes. */
apr_status_t tracks_changed(apr_array_header_t **out, store_t *store,
                            apr_int64_t since, int limit, apr_pool_t *pool);

apr_status_t tracks_update(track_t **out, store_t *store,
                           const char *public_id,
                           const track_change_t *change, apr_time_t now,
                           apr_pool_t *pool);

/**
 * Delete a mail, its opens and its share of every counter and rollup.
 * APR_NOTFOUND. One transaction.
 */
apr_status_t tracks_delete(store_t *store, const char *public_id,
                           const char *node, apr_pool_t *pool);

/**
 * Make recipient text and search words of a mail anew from its rows, inside the
 * caller's transaction (after a recipient was taken out, or the text changed).
 */
apr_status_t tracks_reword(store_t *store, apr_int64_t id, apr_time_t now,
                           apr_pool_t *pool);

/** tracks_delete inside the caller's transaction, by integer key. */
apr_status_t tracks_delete_in(store_t *store, apr_int64_t id,
                              const char *node, apr_pool_t *pool);

#endif
