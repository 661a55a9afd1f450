/* SPDX-License-Identifier: MIT */
/*
 * Connections, their state and the statement API in front of the engines.
 * Runs in whatever thread holds the store_t; keeps no state of its own outside
 * it. Knows no table but schema_migrations, which tells whose store this is.
 */
#include "store.h"

#include <stdarg.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_strings.h>

#include "engine.h"

/* Key of a store_t on the pool of a borrowed connection. */
#define STORE_USERDATA "mailtrack:store"

/* More values than any statement here binds. */
#define STORE_MAX_ARGS 48

apr_status_t store_initialize(apr_pool_t *process_pool)
{
    return apr_dbd_init(process_pool);
}

apr_status_t store_fail(store_t *store, apr_status_t rv, const char *words)
{
    if (store->in_transaction && !store->failed) {
        store->failed = rv;
    }
    apr_cpystrn(store->error, words ? words : "", sizeof(store->error));
    return rv;
}

const char *store_error(const store_t *store)
{
    return store->error;
}

const char *store_name(const store_t *store)
{
    if (store->driver && strcmp(apr_dbd_name(store->driver), "sqlite3")) {
        return apr_dbd_name(store->driver);
    }
    return store->params;
}

static const engine_t *engine_for(const char *driver)
{
    return strcmp(driver, "sqlite3") ? &engine_dbd : &engine_sqlite;
}

static store_t *store_make(const engine_t *engine, const char *params,
                           apr_pool_t *pool)
{
    store_t *store = apr_pcalloc(pool, sizeof(*store));

    store->pool = pool;
    store->engine = engine;
    store->params = apr_pstrdup(pool, params);
    store->statements = apr_hash_make(pool);
    return store;
}

static apr_status_t store_close(void *data)
{
    store_t *store = data;

    if (store->own_handle) {
        apr_dbd_close(store->driver, store->own_handle);
        store->own_handle = NULL;
    }
    return APR_SUCCESS;
}

static apr_status_t open_handle(store_t *store, const char *driver)
{
    const char *words = NULL;
    apr_status_t rv;

    rv = apr_dbd_get_driver(store->pool, driver, &store->driver);
    if (rv != APR_SUCCESS) {
        return store_fail(store, rv,
                          apr_psprintf(store->pool, "apr_dbd has no driver "
                                       "'%s'; Debian: apt-get install "
                                       "libaprutil1-dbd-%s", driver, driver));
    }
    rv = apr_dbd_open_ex(store->driver, store->pool, store->params,
                         &store->own_handle, &words);
    if (rv != APR_SUCCESS) {
        store->own_handle = NULL;
        return store_fail(store, STORE_ELOST, words ? words
                          : "the database cannot be opened");
    }
    store->handle = &store->own_handle;
    apr_pool_cleanup_register(store->pool, store, store_close,
                              apr_pool_cleanup_null);
    return APR_SUCCESS;
}

apr_status_t store_open_with(store_t **out, const engine_t *engine,
                             const char *driver, const char *params,
                             apr_pool_t *pool)
{
    store_t *store = store_make(engine, params, pool);
    apr_finfo_t info;
    apr_status_t rv;

    *out = store;
    if (store->engine == &engine_sqlite
        && apr_stat(&info, params, APR_FINFO_TYPE, pool) != APR_SUCCESS) {
        return store_fail(store, STORE_EMISSING, "no such file");
    }
    rv = open_handle(store, driver);
    return rv != APR_SUCCESS ? rv : store->engine->setup(store);
}

apr_status_t store_open(store_t **out, const char *driver, const char *params,
                        apr_pool_t *pool)
{
    return store_open_with(out, engine_for(driver), driver, params, pool);
}

apr_status_t store_wrap(store_t **out, const apr_dbd_driver_t *driver,
                        apr_dbd_t **handle, const char *params,
                        apr_pool_t *conn_pool)
{
    void *known = NULL;
    store_t *store;

    apr_pool_userdata_get(&known, STORE_USERDATA, conn_pool);
    if (known) {
        *out = known;
        return APR_SUCCESS;
    }
    store = store_make(engine_for(apr_dbd_name(driver)), params, conn_pool);
    store->driver = driver;
    store->handle = handle;
    *out = store;
    apr_pool_userdata_setn(store, STORE_USERDATA, NULL, conn_pool);
    return store->engine->setup(store);
}

int store_transient(apr_status_t status)
{
    return status == STORE_EMISSING || status == STORE_EEMPTY
           || status == STORE_EFOREIGN || status == STORE_EOLD
           || status == STORE_ENEWER || status == STORE_EBUSY
           || status == STORE_ESPACE || status == STORE_ELOST;
}

void store_bulk(store_t *store, int on)
{
    if (store->engine == &engine_sqlite) {
        /* a hint: whatever becomes of it, the connection works */
        (void)store->engine->script(store, on ? "PRAGMA cache_size=-16384"
                                    : "PRAGMA cache_size=-4096");
    }
}

/* -- transactions ------------------------------------------------------- */

apr_status_t store_begin(store_t *store)
{
    apr_status_t rv;

    if (store->in_transaction) {
        return store_fail(store, STORE_ESQL, "a transaction is under way");
    }
    store->failed = APR_SUCCESS;
    rv = store->engine->begin(store);
    store->in_transaction = (rv == APR_SUCCESS);
    return rv;
}

apr_status_t store_commit(store_t *store)
{
    apr_status_t rv;

    if (!store->in_transaction) {
        return store_fail(store, STORE_ESQL, "no transaction is under way");
    }
    /* a swallowed failure must not become half a transaction (PostgreSQL would
     * roll back and call it success) */
    rv = store->failed;
    if (rv == APR_SUCCESS) {
        rv = store->engine->commit(store);
    }
    if (rv != APR_SUCCESS) {
        store_rollback(store);
    }
    store->in_transaction = 0;
    return rv;
}

void store_rollback(store_t *store)
{
    char words[sizeof(store->error)];

    if (!store->in_transaction) {
        return;
    }
    /* what went wrong before is what the caller wants to read */
    memcpy(words, store->error, sizeof(words));
    store->engine->rollback(store);
    memcpy(store->error, words, sizeof(words));
    store->in_transaction = 0;
}

apr_status_t store_end(store_t *store, apr_status_t rv)
{
    if (rv == APR_SUCCESS) {
        return store_commit(store);
    }
    store_rollback(store);
    return rv;
}

/* -- statements --------------------------------------------------------- */

static int collect(store_arg_t *args, const char *types, va_list values)
{
    int n = 0;

    for (; types && types[n] && n < STORE_MAX_ARGS; n++) {
        store_arg_t *arg = &args[n];

        if (types[n] == 't') {
            arg->type = 't';
            arg->i = 0;
            arg->t = va_arg(values, const char *);
            arg->null = (arg->t == NULL);
        } else {
            arg->type = 'i';
            arg->i = va_arg(values, apr_int64_t);
            arg->t = NULL;
            arg->null = (types[n] == 'N' && arg->i == STORE_NULL);
        }
    }
    return n;
}

apr_status_t store_exec(store_t *store, apr_int64_t *affected,
                        const char *sql, const char *types, ...)
{
    store_arg_t args[STORE_MAX_ARGS];
    va_list values;
    int n;

    va_start(values, types);
    n = collect(args, types, values);
    va_end(values);
    return store->engine->exec(store, affected, NULL, sql, args, n);
}

apr_status_t store_insert(store_t *store, apr_int64_t *id,
                          const char *sql, const char *types, ...)
{
    store_arg_t args[STORE_MAX_ARGS];
    va_list values;
    int n;

    va_start(values, types);
    n = collect(args, types, values);
    va_end(values);
    return store->engine->exec(store, NULL, id, sql, args, n);
}

apr_status_t store_query(store_rows_t **rows, store_t *store,
                         const char *sql, const char *types, ...)
{
    store_arg_t args[STORE_MAX_ARGS];
    va_list values;
    int n;

    va_start(values, types);
    n = collect(args, types, values);
    va_end(values);
    return store->engine->query(rows, store, sql, args, n);
}

apr_status_t store_query_args(store_rows_t **rows, store_t *store,
                              const char *sql, const store_arg_t *args,
                              int count)
{
    return store->engine->query(rows, store, sql, args, count);
}

apr_status_t store_next(store_rows_t *rows)
{
    return rows->store->engine->next(rows);
}

apr_int64_t store_int(store_rows_t *rows, int column)
{
    return rows->store->engine->column_int(rows, column);
}

const char *store_peek(store_rows_t *rows, int column)
{
    return rows->store->engine->column_text(rows, column);
}

const char *store_text(store_rows_t *rows, int column, apr_pool_t *pool)
{
    const char *text = store_peek(rows, column);

    return text ? apr_pstrdup(pool, text) : NULL;
}

int store_is_null(store_rows_t *rows, int column)
{
    return rows->store->engine->column_null(rows, column);
}

void store_done(store_rows_t *rows)
{
    if (rows) {
        rows->store->engine->done(rows);
    }
}

/* One row, one column: what store_get_int and store_get_text share. */
static apr_status_t get_first(apr_int64_t *number,
                              const char **text, apr_pool_t *pool,
                              store_rows_t *rows)
{
    apr_status_t rv = store_next(rows);

    if (rv == APR_SUCCESS && number) {
        *number = store_int(rows, 0);
    } else if (rv == APR_SUCCESS) {
        *text = store_text(rows, 0, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

apr_status_t store_get_int(store_t *store, apr_int64_t *value,
                           const char *sql, const char *types, ...)
{
    store_arg_t args[STORE_MAX_ARGS];
    store_rows_t *rows;
    va_list values;
    apr_status_t rv;
    int n;

    va_start(values, types);
    n = collect(args, types, values);
    va_end(values);
    rv = store->engine->query(&rows, store, sql, args, n);
    return rv != APR_SUCCESS ? rv
           : get_first(value, NULL, NULL, rows);
}

apr_status_t store_get_text(store_t *store, const char **value,
                            apr_pool_t *pool, const char *sql,
                            const char *types, ...)
{
    store_arg_t args[STORE_MAX_ARGS];
    store_rows_t *rows;
    va_list values;
    apr_status_t rv;
    int n;

    va_start(values, types);
    n = collect(args, types, values);
    va_end(values);
    rv = store->engine->query(&rows, store, sql, args, n);
    return rv != APR_SUCCESS ? rv : get_first(NULL, value, pool, rows);
}
