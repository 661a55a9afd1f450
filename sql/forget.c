/* SPDX-License-Identifier: MIT */
/*
 * Retention of opens, step by step. mailprobe's store thread. Where the last
 * step ended is kept: what is emptied already is not read again.
 */
#include "forget.h"

#include <apr_strings.h>
#include <apr_tables.h>

#include "settings.h"

#define POSITION "forget_opens"

typedef struct position_t {
    apr_int64_t recorded_at;
    apr_int64_t id;
} position_t;

static apr_status_t read_position(position_t *at, store_t *store,
                                  apr_pool_t *pool)
{
    const char *value = NULL;
    char *end = NULL;
    apr_status_t rv = settings_get(&value, store, POSITION, pool);

    at->recorded_at = at->id = 0;
    if (rv == APR_SUCCESS) {
        at->recorded_at = apr_strtoi64(value, &end, 10);
        at->id = *end == ':' ? apr_strtoi64(end + 1, NULL, 10) : 0;
    }
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

static apr_status_t find_old(apr_array_header_t *ids, position_t *at,
                             store_t *store, apr_int64_t before, int limit)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT recorded_at, id FROM opens WHERE"
                     " recorded_at >= ? AND recorded_at < ? AND"
                     " (recorded_at > ? OR id > ?) ORDER BY recorded_at, id"
                     " LIMIT ?", "iiiii", at->recorded_at, before,
                     at->recorded_at, at->id, (apr_int64_t)limit);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        at->recorded_at = store_int(rows, 0);
        at->id = store_int(rows, 1);
        APR_ARRAY_PUSH(ids, apr_int64_t) = at->id;
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static apr_status_t step(apr_int64_t *gone, store_t *store,
                         apr_int64_t before, int limit, apr_pool_t *pool)
{
    apr_array_header_t *ids = apr_array_make(pool, limit, sizeof(before));
    position_t at;
    apr_status_t rv;
    int i;

    rv = read_position(&at, store, pool);
    if (rv == APR_SUCCESS) {
        rv = find_old(ids, &at, store, before, limit);
    }
    for (i = 0; rv == APR_SUCCESS && i < ids->nelts; i++) {
        rv = store_exec(store, NULL, "UPDATE opens SET ip_address = NULL,"
                        " user_agent = NULL, referer = NULL, headers = NULL"
                        " WHERE id = ?", "i",
                        APR_ARRAY_IDX(ids, i, apr_int64_t));
    }
    *gone = ids->nelts;
    if (rv == APR_SUCCESS && ids->nelts) {
        rv = settings_set(store, POSITION,
                          apr_psprintf(pool, "%" APR_INT64_T_FMT ":%"
                                       APR_INT64_T_FMT, at.recorded_at,
                                       at.id), pool);
    }
    return rv;
}

apr_status_t forget_opens(apr_int64_t *gone, store_t *store,
                          apr_int64_t before, int limit, apr_pool_t *pool)
{
    apr_status_t rv = store_begin(store);

    return rv != APR_SUCCESS ? rv
           : store_end(store, step(gone, store, before, limit, pool));
}
