/* SPDX-License-Identifier: MIT */
/*
 * Mails and their recipients out of result rows. Runs in whatever thread holds
 * the store; changes nothing.
 */
#include "track_row.h"

#include <apr_hash.h>

/* Ids a query takes; fewer are filled up with the last one, so that two
 * texts are enough and stay prepared. */
#define BATCH 50

#define RECIPIENTS_OF \
    "SELECT er.track_id, r.address, er.name, r.domain" \
    " FROM email_recipients er" \
    " JOIN recipients r ON r.id = er.recipient_id" \
    " WHERE er.track_id IN ("
#define IN_ORDER ") ORDER BY er.track_id, er.position"
#define TEN "?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

static apr_int64_t int_or_null(store_rows_t *rows, int column)
{
    return store_is_null(rows, column) ? STORE_NULL : store_int(rows, column);
}

void track_row_read(track_t *track, store_rows_t *rows, int first_column,
                    apr_pool_t *pool)
{
    int c = first_column;

    track->id = store_int(rows, c++);
    track->public_id = store_text(rows, c++, pool);
    track->created_at = store_int(rows, c++);
    track->updated_at = store_int(rows, c++);
    track->created_by = int_or_null(rows, c++);
    track->recipient = store_text(rows, c++, pool);
    track->subject = store_text(rows, c++, pool);
    track->notes = store_text(rows, c++, pool);
    track->message_group_id = store_text(rows, c++, pool);
    track->pinned = (int)store_int(rows, c++);
    track->open_count = store_int(rows, c++);
    track->real_open_count = store_int(rows, c++);
    track->possible_count = store_int(rows, c++);
    track->first_open_at = int_or_null(rows, c++);
    track->last_open_at = int_or_null(rows, c++);
    track->last_hit_at = int_or_null(rows, c++);
    track->seen = (int)store_int(rows, c++);
    track->self_count = store_int(rows, c++);
    track->reached = store_text(rows, c++, pool);
    track->last_country = store_text(rows, c++, pool);
    track->last_city = store_text(rows, c++, pool);
    track->muted = (int)store_int(rows, c++);
    track->recipients = apr_array_make(pool, 1, sizeof(address_t));
}

/* by_id: &track_t.id -> track_t */
static apr_status_t read_recipients(store_rows_t *rows, apr_hash_t *by_id,
                                    apr_pool_t *pool)
{
    apr_status_t rv;

    while ((rv = store_next(rows)) == APR_SUCCESS) {
        apr_int64_t id = store_int(rows, 0);
        track_t *track = apr_hash_get(by_id, &id, sizeof(id));
        address_t *address;

        if (!track) {
            continue;
        }
        address = apr_array_push(track->recipients);
        address->address = store_text(rows, 1, pool);
        address->key = address->address;
        address->name = store_text(rows, 2, pool);
        address->domain = store_text(rows, 3, pool);
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static apr_status_t load_batch(track_t *tracks, int count, store_t *store,
                               apr_pool_t *pool)
{
    apr_hash_t *by_id = apr_hash_make(pool);
    store_arg_t args[BATCH];
    store_rows_t *rows;
    apr_status_t rv;
    int i;

    for (i = 0; i < BATCH; i++) {
        track_t *track = &tracks[i < count ? i : count - 1];

        args[i] = (store_arg_t){ 'i', 0, track->id, NULL };
        apr_hash_set(by_id, &track->id, sizeof(track->id), track);
    }
    rv = count == 1
         ? store_query_args(&rows, store, RECIPIENTS_OF "?" IN_ORDER, args, 1)
         : store_query_args(&rows, store, RECIPIENTS_OF TEN ", " TEN ", " TEN
                            ", " TEN ", " TEN IN_ORDER, args, BATCH);
    if (rv == APR_SUCCESS) {
        rv = read_recipients(rows, by_id, pool);
        store_done(rows);
    }
    return rv;
}

apr_status_t track_row_recipients(apr_array_header_t *tracks, store_t *store,
                                  apr_pool_t *pool)
{
    track_t *list = (track_t *)tracks->elts;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < tracks->nelts && rv == APR_SUCCESS; i += BATCH) {
        int left = tracks->nelts - i;

        rv = load_batch(list + i, left < BATCH ? left : BATCH, store, pool);
    }
    return rv;
}
