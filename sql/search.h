/* SPDX-License-Identifier: MIT */
/*
 * The asking side of search_words: a text becomes prefixes, each a range of
 * the index (word, track_id), which is counted up to a cap or read newest
 * mail first. No character of a search has a meaning in SQL. Private to sql/.
 */
#ifndef MAILTRACK_SEARCH_H
#define MAILTRACK_SEARCH_H

#include <apr_tables.h>

#include "store.h"

/** Prefixes of one search; of more the longest count. */
#define SEARCH_MAX_PREFIXES 16

/** A prefix: the words in [from, below). */
typedef struct search_prefix_t {
    const char *from;
    const char *below;
} search_prefix_t;

/**
 * @param prefixes array of search_prefix_t, the longest first; without those
 *        that begin another one. Empty: the text has no word
 */
apr_status_t search_parse(apr_array_header_t **prefixes, const char *text,
                          apr_pool_t *pool);

/** Entries of the index under a prefix, counted no further than cap. */
apr_status_t search_count(apr_int64_t *count, store_t *store,
                          const search_prefix_t *prefix, int cap);

/** Mails with a prefix that stands for few words, newest (by id) first. */
typedef struct search_merge_t search_merge_t;

/**
 * @param below the ids are smaller
 * @return APR_ENOTIMPL: too many words begin like that
 */
apr_status_t search_merge_open(search_merge_t **out, store_t *store,
                               const search_prefix_t *prefix,
                               apr_int64_t below, apr_pool_t *pool);

/** The next id, smaller than the one before. APR_EOF after the last. */
apr_status_t search_merge_next(apr_int64_t *id, search_merge_t *merge);

#endif
