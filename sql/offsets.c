/* SPDX-License-Identifier: MIT */
/*
 * How far each spool segment is stored. The row moves in the transaction that
 * stores the hits: that alone makes "stored exactly once" true.
 */
#include "opens.h"

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

apr_status_t offsets_get(apr_int64_t *pos, store_t *store,
                         const char *segment)
{
    apr_status_t rv;

    *pos = 0;
    rv = store_get_int(store, pos, "SELECT pos FROM spool_offsets"
                       " WHERE segment = ?", "t", segment);
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

apr_status_t offsets_forget(store_t *store, const char *segment)
{
    return store_exec(store, NULL, "DELETE FROM spool_offsets"
                      " WHERE segment = ?", "t", segment);
}
