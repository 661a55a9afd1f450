/* SPDX-License-Identifier: MIT */
/*
 * All mails with their hits, for the CSV export. Read in pieces, and no
 * statement is open while a row is visited: a visitor that waits for a slow
 * client must not keep SQLite's WAL from being reset, nor a result in memory.
 */
#include "opens.h"

#include "open_row.h"

/* Rows of a piece. */
#define PIECE 500

#define ROWS "SELECT " OPEN_COLUMNS ", " OPEN_TRACK_COLUMNS ", t.id"
#define TRACK_ID_COLUMN (OPEN_COLUMN_COUNT + 4)

typedef struct place_t {
    apr_int64_t created_at;     /* of the mail */
    apr_int64_t track_id;
    apr_int64_t opened_at;      /* of its hit visited last */
    apr_int64_t open_id;        /* 0: the mail is done */
} place_t;

static apr_status_t read_piece(apr_array_header_t *opens, store_rows_t *rows)
{
    apr_status_t rv;

    while ((rv = store_next(rows)) == APR_SUCCESS) {
        open_t *open = apr_array_push(opens);

        open_row_read(open, rows, 0, opens->pool);
        open_row_track(open, rows, OPEN_COLUMN_COUNT, opens->pool);
        /* of a mail without a hit every column of `opens` is NULL */
        open->track_id = store_int(rows, TRACK_ID_COLUMN);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* The mails behind a place; or the further hits of the mail it is in. */
static apr_status_t query(store_rows_t **rows, store_t *store,
                          const place_t *place, apr_int64_t until)
{
    if (place->open_id) {
        return store_query(rows, store, ROWS " FROM opens o"
                           " JOIN tracked_emails t ON t.id = o.track_id"
                           " WHERE o.track_id = ?"
                           " AND (o.opened_at, o.id) > (?, ?)"
                           " ORDER BY o.opened_at, o.id LIMIT ?", "iiii",
                           place->track_id, place->opened_at, place->open_id,
                           (apr_int64_t)PIECE);
    }
    return store_query(rows, store, ROWS " FROM tracked_emails t"
                       " LEFT JOIN opens o ON o.track_id = t.id"
                       " WHERE (t.created_at, t.id) > (?, ?)"
                       " AND t.created_at < ? ORDER BY t.created_at, t.id,"
                       " o.opened_at, o.id LIMIT ?", "iiii",
                       place->created_at, place->track_id, until,
                       (apr_int64_t)PIECE);
}

static apr_status_t visit_piece(const apr_array_header_t *opens,
                                open_visit_t visit, void *context)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < opens->nelts && rv == APR_SUCCESS; i++) {
        rv = visit(context, &APR_ARRAY_IDX(opens, i, open_t));
    }
    return rv;
}

/* @return whether there is more to read */
static int move_on(place_t *place, const apr_array_header_t *opens)
{
    const open_t *last;

    if (opens->nelts < PIECE) {
        /* the end of the mails; or of one mail, with others behind it */
        int more = place->open_id != 0;

        place->open_id = 0;
        return more;
    }
    last = &APR_ARRAY_IDX(opens, PIECE - 1, open_t);
    place->created_at = last->track_created_at;
    place->track_id = last->track_id;
    place->opened_at = last->opened_at;
    place->open_id = last->id;
    return 1;
}

apr_status_t opens_export(store_t *store, apr_int64_t since,
                          apr_int64_t until, open_visit_t visit,
                          void *context, apr_pool_t *pool)
{
    place_t place = { since != STORE_NULL ? since : -APR_INT64_MAX, 0, 0, 0 };
    apr_pool_t *scratch;
    apr_status_t rv;
    int more = 1;

    until = until != STORE_NULL ? until : APR_INT64_MAX;
    rv = apr_pool_create(&scratch, pool);
    while (rv == APR_SUCCESS && more) {
        apr_array_header_t *opens;
        store_rows_t *rows;

        apr_pool_clear(scratch);
        opens = apr_array_make(scratch, PIECE, sizeof(open_t));
        rv = query(&rows, store, &place, until);
        if (rv == APR_SUCCESS) {
            rv = read_piece(opens, rows);
        }
        if (rv == APR_SUCCESS) {
            rv = visit_piece(opens, visit, context);
            more = move_on(&place, opens);
        }
    }
    apr_pool_destroy(scratch);
    return rv;
}

apr_status_t opens_export_track(apr_int64_t *count, store_t *store,
                                apr_int64_t track_id, open_visit_t visit,
                                void *context, apr_pool_t *pool)
{
    place_t place = { 0, track_id, -APR_INT64_MAX, 1 };
    apr_pool_t *scratch;
    apr_status_t rv;
    int more = 1;

    *count = 0;
    rv = apr_pool_create(&scratch, pool);
    while (rv == APR_SUCCESS && more) {
        apr_array_header_t *opens;
        store_rows_t *rows;

        apr_pool_clear(scratch);
        opens = apr_array_make(scratch, 16, sizeof(open_t));
        rv = query(&rows, store, &place, 0);
        if (rv == APR_SUCCESS) {
            rv = read_piece(opens, rows);
        }
        if (rv == APR_SUCCESS) {
            rv = visit_piece(opens, visit, context);
            *count += opens->nelts;
            more = opens->nelts == PIECE && move_on(&place, opens);
        }
    }
    apr_pool_destroy(scratch);
    return rv;
}
