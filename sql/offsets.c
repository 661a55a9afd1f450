/* SPDX-License-Identifier: MIT */
/*
 * How far each spool segment is stored. The row moves in the transaction that
 * stores the hits: that alone makes "stored exactly once" true.
 */
#include "opens.h"

#include <string.h>

apr_status_t offsets_move(store_t *store, const char *segment,
                          apr_int64_t from, apr_int64_t to, apr_time_t now)
{
    apr_int64_t moved = 0;
    apr_status_t rv;

    if (from == 0) {
        rv = store_exec(store, &moved, "INSERT INTO spool_offsets (segment,"
                        " pos, updated_at) VALUES (?, 0, ?)"
                        " ON CONFLICT DO NOTHING", "ti", segment,
                        (apr_int64_t)now);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    rv = store_exec(store, &moved, "UPDATE spool_offsets SET pos = ?,"
                    " updated_at = ? WHERE segment = ? AND pos = ?", "iiti",
                    to, (apr_int64_t)now, segment, from);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return moved == 1 ? APR_SUCCESS : STORE_ECONFLICT;
}

apr_status_t offsets_list(apr_array_header_t **out, store_t *store,
                          const char *prefix, apr_pool_t *pool)
{
    apr_size_t len = strlen(prefix);
    store_rows_t *rows;
    apr_status_t rv;

    *out = apr_array_make(pool, 16, sizeof(offset_t));
    rv = store_query(&rows, store, "SELECT segment, pos FROM spool_offsets"
                     " WHERE segment >= ?", "t", prefix);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        if (!strncmp(store_peek(rows, 0), prefix, len)) {
            offset_t *offset = apr_array_push(*out);

            offset->segment = store_text(rows, 0, pool);
            offset->pos = store_int(rows, 1);
        }
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t offsets_forget(store_t *store, const char *segment)
{
    return store_exec(store, NULL, "DELETE FROM spool_offsets"
                      " WHERE segment = ?", "t", segment);
}
