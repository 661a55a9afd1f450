/* SPDX-License-Identifier: MIT */
/*
 * What the databases say differently; contract in dialect.h. Any thread. Holds
 * no state.
 */
#include "dialect.h"

#include <string.h>

#include "engine.h"
#include "utf8.h"

apr_status_t dialect_now(apr_int64_t *now, store_t *store)
{
    const char *driver = apr_dbd_name(store->driver);

    if (!strcmp(driver, "sqlite3")) {
        /* an embedded database has no other; its functions know milliseconds */
        *now = apr_time_now();
        return APR_SUCCESS;
    }
    if (!strcmp(driver, "pgsql")) {
        /* now() would be that of the transaction's start */
        return store_get_int(store, now, "SELECT CAST(extract(epoch FROM"
                             " clock_timestamp()) * 1000000 AS BIGINT)", NULL);
    }
    return store_get_int(store, now, "SELECT CAST(unix_timestamp(sysdate(6))"
                         " * 1000000 AS SIGNED)", NULL);
}

apr_int64_t dialect_int(store_rows_t *rows, int column)
{
    return store_is_null(rows, column) ? STORE_NULL : store_int(rows, column);
}

const char *dialect_words(const char *text, apr_size_t max_chars,
                          apr_pool_t *pool)
{
    return text ? utf8_clean(text, strlen(text), max_chars, pool) : NULL;
}
