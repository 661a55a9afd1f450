/* SPDX-License-Identifier: MIT */
/*
 * Which mails to look at for a list, in its order, and as few as can be: the
 * narrowest of a list's conditions is read from its index, all others are
 * left to be checked mail by mail. Private to tracks_list.c.
 *
 * Order: newest made first (created_at, id); a list by search or recipient
 * without a range of time goes by id, as the indexes of words and recipients
 * do. Both are the same unless mails were imported later than they were made.
 */
#ifndef MAILTRACK_CANDIDATES_H
#define MAILTRACK_CANDIDATES_H

#include "search.h"
#include "tracks.h"

/** A place in a list. */
typedef struct list_key_t {
    apr_int64_t created_at;     /* 0 in a list by id */
    apr_int64_t id;
} list_key_t;

/** A list, its filter resolved. */
typedef struct list_query_t {
    const track_filter_t *filter;
    const apr_array_header_t *prefixes; /* search_prefix_t; all must match */
    apr_int64_t recipient_id;   /* 0: no such condition */
    apr_int64_t since;          /* always set */
    apr_int64_t until;
    int by_id;                  /* the order */
    list_key_t after;           /* what is listed is behind this */
} list_query_t;

typedef struct candidates_t candidates_t;

/** Choose where to read. */
apr_status_t candidates_open(candidates_t **out, store_t *store,
                             const list_query_t *query, apr_pool_t *pool);

/**
 * The next keys in order, each once.
 * @param count in: room in keys; out: how many. Fewer than room: the end
 */
apr_status_t candidates_next(list_key_t *keys, int *count, candidates_t *c);

/** How many of all keys so far matched: tells whether to go on like that. */
void candidates_matched(candidates_t *c, int matches);

#endif
