/* SPDX-License-Identifier: MIT */
/*
 * Reading hits: a mail's, the latest, those to be judged anew. Writing is in
 * record.c, the export in opens_export.c. Runs in httpd's request threads and
 * in mailtrackctl; changes nothing.
 */
#include "opens.h"

#include "cursor.h"
#include "open_row.h"

#define CURSOR_OF_TRACK 'o'
#define CURSOR_RECENT   'r'

#define LIMIT_MAX 1000

/* Hits fetched by one query; fewer are filled up with the last. */
#define CHUNK 64
/* opens_recent looks at that many at a time, and at most at that many. */
#define STEP     256
#define PATIENCE 5120

#define WITH_TRACK \
    "SELECT " OPEN_COLUMNS ", " OPEN_TRACK_COLUMNS \
    " FROM opens o JOIN tracked_emails t ON t.id = o.track_id"

#define SIXTEEN "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

static int limited(int limit)
{
    return limit < 1 ? 1 : limit > LIMIT_MAX ? LIMIT_MAX : limit;
}

/* All rows of a query that is under way; of a mail's too, or not. */
static apr_status_t read_rows(apr_array_header_t *out, store_rows_t *rows,
                              int with_track)
{
    apr_status_t rv;

    while ((rv = store_next(rows)) == APR_SUCCESS) {
        open_t *open = apr_array_push(out);

        open_row_read(open, rows, 0, out->pool);
        if (with_track) {
            open_row_track(open, rows, OPEN_COLUMN_COUNT, out->pool);
        }
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t opens_of_track(apr_array_header_t **out, const char **next,
                            store_t *store, apr_int64_t track_id,
                            const char *cursor, int limit, apr_pool_t *pool)
{
    apr_int64_t at = APR_INT64_MAX, id = 0;
    store_rows_t *rows;
    apr_status_t rv = APR_SUCCESS;

    *next = NULL;
    limit = limited(limit);
    *out = apr_array_make(pool, 16, sizeof(open_t));
    if (cursor) {
        rv = cursor_read(&at, &id, CURSOR_OF_TRACK, cursor, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = store_query(&rows, store, "SELECT " OPEN_COLUMNS " FROM opens o"
                         " WHERE o.track_id = ?"
                         " AND (o.opened_at, o.id) < (?, ?)"
                         " ORDER BY o.opened_at DESC, o.id DESC LIMIT ?",
                         "iiii", track_id, at, id, (apr_int64_t)limit + 1);
    }
    if (rv == APR_SUCCESS) {
        rv = read_rows(*out, rows, 0);
    }
    if (rv == APR_SUCCESS && (*out)->nelts > limit) {
        const open_t *last = &APR_ARRAY_IDX(*out, limit - 1, open_t);

        (*out)->nelts = limit;
        *next = cursor_make(CURSOR_OF_TRACK, last->opened_at, last->id, pool);
    }
    return rv;
}

/* -- the latest that count ----------------------------------------------- */

/* A place in the order of arrival. */
typedef struct place_t {
    apr_int64_t at;
    apr_int64_t id;
} place_t;

/*
 * Walk the hits before `place`, newest first, and keep the ids of those that
 * count, until there are `most`. An index of counting hits alone would cost
 * each insert more than this costs a page.
 * @param end out: where the walk gave up; id 0: it did not
 */
static apr_status_t walk_recent(apr_array_header_t *ids, place_t *end,
                                int most, store_t *store, place_t place,
                                apr_int64_t since)
{
    int examined = 0, count = STEP;
    apr_status_t rv = APR_SUCCESS;

    end->id = 0;
    while (rv == APR_SUCCESS && count == STEP && ids->nelts < most) {
        store_rows_t *rows;

        if (examined >= PATIENCE) {
            *end = place;
            return APR_SUCCESS;
        }
        rv = store_query(&rows, store, "SELECT recorded_at, id, counts"
                         " FROM opens WHERE (recorded_at, id) < (?, ?)"
                         " AND recorded_at >= ?"
                         " ORDER BY recorded_at DESC, id DESC LIMIT ?",
                         "iiii", place.at, place.id, since,
                         (apr_int64_t)STEP);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        for (count = 0; ids->nelts < most
             && (rv = store_next(rows)) == APR_SUCCESS; count++) {
            place.at = store_int(rows, 0);
            place.id = store_int(rows, 1);
            if (store_int(rows, 2) == OPEN_REAL) {
                APR_ARRAY_PUSH(ids, apr_int64_t) = place.id;
            }
        }
        store_done(rows);
        rv = rv == APR_EOF ? APR_SUCCESS : rv;
        examined += count;
    }
    return rv;
}

static apr_status_t fetch(apr_array_header_t *out, store_t *store,
                          const apr_array_header_t *ids)
{
    apr_status_t rv = APR_SUCCESS;
    int from, i;

    for (from = 0; from < ids->nelts && rv == APR_SUCCESS; from += CHUNK) {
        store_arg_t args[CHUNK];
        store_rows_t *rows;

        for (i = 0; i < CHUNK; i++) {
            int at = from + i < ids->nelts ? from + i : ids->nelts - 1;

            args[i] = (store_arg_t){ 'i', 0,
                                     APR_ARRAY_IDX(ids, at, apr_int64_t),
                                     NULL };
        }
        rv = store_query_args(&rows, store, WITH_TRACK " WHERE o.id IN ("
                              SIXTEEN ", " SIXTEEN ", " SIXTEEN ", " SIXTEEN
                              ") ORDER BY o.recorded_at DESC, o.id DESC",
                              args, CHUNK);
        if (rv == APR_SUCCESS) {
            rv = read_rows(out, rows, 1);
        }
    }
    return rv;
}

apr_status_t opens_recent(apr_array_header_t **out, const char **next,
                          store_t *store, apr_int64_t since,
                          const char *cursor, int limit, apr_pool_t *pool)
{
    place_t place = { APR_INT64_MAX, 0 };
    place_t end = { 0, 0 };
    apr_array_header_t *ids;
    apr_status_t rv = APR_SUCCESS;

    *next = NULL;
    limit = limited(limit);
    *out = apr_array_make(pool, 16, sizeof(open_t));
    ids = apr_array_make(pool, limit + 1, sizeof(apr_int64_t));
    if (cursor) {
        rv = cursor_read(&place.at, &place.id, CURSOR_RECENT, cursor, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = walk_recent(ids, &end, limit + 1, store, place, since);
    }
    if (rv == APR_SUCCESS) {
        rv = fetch(*out, store, ids);
    }
    if (rv == APR_SUCCESS && (*out)->nelts > limit) {
        const open_t *last = &APR_ARRAY_IDX(*out, limit - 1, open_t);

        (*out)->nelts = limit;
        end.at = last->recorded_at;
        end.id = last->id;
    }
    if (rv == APR_SUCCESS && end.id) {
        *next = cursor_make(CURSOR_RECENT, end.at, end.id, pool);
    }
    return rv;
}

/* -- by arrival, and to be judged anew ------------------------------------ */

apr_status_t opens_recorded_since(apr_array_header_t **out, store_t *store,
                                  apr_int64_t since, int limit,
                                  apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *out = apr_array_make(pool, 16, sizeof(open_t));
    rv = store_query(&rows, store, WITH_TRACK " WHERE o.recorded_at >= ?"
                     " ORDER BY o.recorded_at, o.id LIMIT ?", "ii", since,
                     (apr_int64_t)limit);
    return rv != APR_SUCCESS ? rv : read_rows(*out, rows, 1);
}

apr_status_t opens_get(open_t **out, store_t *store, apr_int64_t id,
                       apr_pool_t *pool)
{
    apr_array_header_t *one = apr_array_make(pool, 1, sizeof(open_t));
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, WITH_TRACK " WHERE o.id = ?", "i", id);
    if (rv == APR_SUCCESS) {
        rv = read_rows(one, rows, 1);
    }
    if (rv == APR_SUCCESS && !one->nelts) {
        rv = APR_NOTFOUND;
    }
    *out = rv == APR_SUCCESS ? (open_t *)(void *)one->elts : NULL;
    return rv;
}

apr_status_t opens_last_recorded(apr_int64_t *at, store_t *store)
{
    return store_get_int(store, at, "SELECT coalesce(max(recorded_at), 0)"
                         " FROM opens", NULL);
}

#define OUTDATED \
    " o.rules_version <> ?" \
    " AND (o.user_agent IS NOT NULL OR o.ip_address IS NOT NULL)"

apr_status_t opens_outdated(apr_array_header_t **out, store_t *store,
                            apr_int64_t version, apr_int64_t after, int limit,
                            apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *out = apr_array_make(pool, 16, sizeof(open_t));
    rv = store_query(&rows, store, WITH_TRACK " WHERE o.id > ? AND" OUTDATED
                     " ORDER BY o.id LIMIT ?", "iii", after, version,
                     (apr_int64_t)limit);
    return rv != APR_SUCCESS ? rv : read_rows(*out, rows, 1);
}

apr_status_t opens_outdated_count(apr_int64_t *count, store_t *store,
                                  apr_int64_t version)
{
    return store_get_int(store, count, "SELECT count(*) FROM opens o WHERE"
                         OUTDATED, "i", version);
}
