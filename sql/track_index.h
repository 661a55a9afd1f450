/* SPDX-License-Identifier: MIT */
/*
 * The indexes of tracked_emails, each in order of created_at: keys of mails
 * that meet one condition of a list within its range of time, read from a
 * place on, or counted up to a cap. Private to candidates.c.
 */
#ifndef MAILTRACK_TRACK_INDEX_H
#define MAILTRACK_TRACK_INDEX_H

#include "candidates.h"

typedef enum {
    BY_GROUP, BY_USER, BY_SEEN, BY_PINNED, BY_TIME, INDEXES
} track_index_e;

/** Does the list have this condition? BY_TIME: since or until. */
int track_index_given(const list_query_t *query, int index);

/** Newest first, behind `after`. @param count in: room; out: how many */
apr_status_t track_index_keys(list_key_t *keys, int *count, store_t *store,
                              const list_query_t *query, int index,
                              const list_key_t *after);

apr_status_t track_index_count(apr_int64_t *count, store_t *store,
                               const list_query_t *query, int index, int cap);

/**
 * Run any SELECT of ids, or of created_at and id (with_time), into keys.
 * @param count in: room; out: how many
 */
apr_status_t track_index_read(list_key_t *keys, int *count, int with_time,
                              store_t *store, const char *sql,
                              const store_arg_t *args, int n);

#endif
