/* SPDX-License-Identifier: MIT */
/*
 * The generic engine: apr_dbd's binary calls, for PostgreSQL and MariaDB.
 * Runs in whatever thread holds the store_t. Transactions are plain BEGIN and
 * COMMIT: apr_dbd's own end with success after rolling back, and its
 * PostgreSQL driver dereferences NULL when BEGIN fails. Must not go on with a
 * session that failed: check() opens a new one.
 */
#include <string.h>

#include <apr_strings.h>

#include "dbd_session.h"
#include "engine.h"
#include "placeholders.h"
#include "translate.h"

typedef struct statement_t {
    apr_dbd_prepared_t *prepared;
    const char *types;
    int busy;               /* handed out as store_rows_t */
    int kept;               /* a row that is there already is no failure */
    int ended;              /* a driver must not be asked again then */
    apr_pool_t *pool;       /* of the results */
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    struct statement_t *next;   /* another one of the same text */
    store_rows_t rows;
} statement_t;

/* -- statements --------------------------------------------------------- */

/* 'i' and 't' of the values, as a text that statements are told apart by. */
static const char *types_of(const store_arg_t *args, int count,
                            apr_pool_t *pool)
{
    char *types = apr_palloc(pool, (apr_size_t)count + 1);
    int i;

    for (i = 0; i < count; i++) {
        types[i] = args[i].type;
    }
    types[count] = '\0';
    return types;
}

static apr_status_t make(statement_t **out, store_t *store, const char *sql,
                         const store_arg_t *args, int count)
{
    dbd_session_t *session = store->state;
    apr_pool_t *pool;
    statement_t *st;
    const char *format;
    apr_status_t rv;
    int code;

    /* a pool of its own: one that cannot be prepared leaves nothing behind */
    apr_pool_create(&pool, session->pool);
    st = apr_pcalloc(pool, sizeof(*st));
    format = session->kind == DBD_MYSQL ? translate_mysql(&st->kept, sql, pool)
                                        : sql;
    format = placeholders_format(format, args, count, pool);
    if (!format) {
        apr_pool_destroy(pool);
        return store_fail(store, STORE_ESQL, "placeholders and values differ "
                          "in number");
    }
    code = apr_dbd_prepare(store->driver, pool, *store->handle, format,
                           apr_psprintf(pool, "mailtrack%d",
                                        session->labels++), &st->prepared);
    if (code) {
        rv = dbd_session_failed(store, code);
        apr_pool_destroy(pool);
        return rv;
    }
    st->types = types_of(args, count, pool);
    st->rows.store = store;
    st->rows.statement = st;
    apr_pool_create(&st->pool, pool);
    st->next = apr_hash_get(store->statements, sql, APR_HASH_KEY_STRING);
    apr_hash_set(store->statements, apr_pstrdup(pool, sql),
                 APR_HASH_KEY_STRING, st);
    *out = st;
    return APR_SUCCESS;
}

static int fits(const statement_t *st, const store_arg_t *args, int count)
{
    int i;

    for (i = 0; i < count && st->types[i] == args[i].type; i++)
        ;
    return i == count && !st->types[i];
}

static apr_status_t prepare(statement_t **out, store_t *store,
                            const char *sql, const store_arg_t *args,
                            int count)
{
    statement_t *st = apr_hash_get(store->statements, sql,
                                   APR_HASH_KEY_STRING);

    for (; st; st = st->next) {
        if (!st->busy && fits(st, args, count)) {
            *out = st;
            return APR_SUCCESS;
        }
    }
    return make(out, store, sql, args, count);
}

/* What the pb calls take: an address per value, NULL for NULL. */
static const void **values_of(const store_arg_t *args, int count,
                              apr_pool_t *pool)
{
    const void **values = apr_palloc(pool, sizeof(*values)
                                     * ((apr_size_t)count + 1));
    int i;

    for (i = 0; i < count; i++) {
        values[i] = args[i].null ? NULL
                  : args[i].type == 'i' ? (const void *)&args[i].i
                  : (const void *)args[i].t;
    }
    return values;
}

static apr_status_t dbd_query(store_rows_t **rows, store_t *store,
                              const char *sql, const store_arg_t *args,
                              int count)
{
    dbd_session_t *session = store->state;
    statement_t *st = NULL;
    apr_status_t rv = prepare(&st, store, sql, args, count);
    int code;

    *rows = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    st->results = NULL;
    st->row = NULL;
    st->ended = 0;
    /* PostgreSQL's sequential access takes an error for the end of the rows
     * and sleeps 0.1 s before it tells that there are none */
    code = apr_dbd_pbselect(store->driver, st->pool, *store->handle,
                            &st->results, st->prepared,
                            session->kind == DBD_PGSQL,
                            values_of(args, count, st->pool));
    if (code) {
        rv = dbd_session_failed(store, code);
        apr_pool_clear(st->pool);
        return rv;
    }
    st->busy = 1;
    *rows = &st->rows;
    return APR_SUCCESS;
}

static apr_status_t dbd_next(store_rows_t *rows)
{
    statement_t *st = rows->statement;
    store_t *store = rows->store;
    int code;

    if (st->ended) {
        return APR_EOF;
    }
    code = apr_dbd_get_row(store->driver, st->pool, st->results, &st->row,
                           -1);
    st->ended = code != 0;
    return code == 0 ? APR_SUCCESS
         : code == -1 ? APR_EOF : dbd_session_failed(store, code);
}

static apr_int64_t dbd_column_int(store_rows_t *rows, int column)
{
    statement_t *st = rows->statement;
    apr_int64_t value = 0;

    return apr_dbd_datum_get(rows->store->driver, st->row, column,
                             APR_DBD_TYPE_LONGLONG, &value) == APR_SUCCESS
           ? value : 0;
}

static const char *dbd_column_text(store_rows_t *rows, int column)
{
    statement_t *st = rows->statement;
    const char *value = NULL;

    return apr_dbd_datum_get(rows->store->driver, st->row, column,
                             APR_DBD_TYPE_STRING, &value) == APR_SUCCESS
           ? value : NULL;
}

static int dbd_column_null(store_rows_t *rows, int column)
{
    return dbd_column_text(rows, column) == NULL;
}

static void dbd_done(store_rows_t *rows)
{
    statement_t *st = rows->statement;

    while (dbd_next(rows) == APR_SUCCESS)
        ;
    apr_pool_clear(st->pool);
    st->results = NULL;
    st->row = NULL;
    st->busy = 0;
}

/* The first column of the only row; 0 where there is none. */
static apr_status_t get_id(apr_int64_t *id, store_t *store, const char *sql,
                           const store_arg_t *args, int count)
{
    store_rows_t *rows;
    apr_status_t rv = dbd_query(&rows, store, sql, args, count);

    *id = 0;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = dbd_next(rows);
    if (rv == APR_SUCCESS) {
        *id = dbd_column_int(rows, 0);
    }
    dbd_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* A statement says "on conflict do nothing" where the database has no words
 * for it: store->failed must not learn of a conflict then. */
static apr_status_t failed(store_t *store, const statement_t *st,
                           int *changed, int code)
{
    apr_status_t before = store->failed;
    apr_status_t rv = dbd_session_failed(store, code);

    if (!st->kept || rv != STORE_ECONFLICT) {
        return rv;
    }
    store->failed = before;
    store->error[0] = '\0';
    *changed = 0;
    return APR_SUCCESS;
}

static apr_status_t dbd_exec(store_t *store, apr_int64_t *affected,
                             apr_int64_t *id, const char *sql,
                             const store_arg_t *args, int count)
{
    dbd_session_t *session = store->state;
    statement_t *st = NULL;
    apr_status_t rv;
    int code, changed = 0;

    apr_pool_clear(session->scratch);
    if (id && session->kind == DBD_PGSQL) {
        rv = get_id(id, store, apr_pstrcat(session->scratch, sql,
                                           " RETURNING id", NULL),
                    args, count);
        changed = rv == APR_SUCCESS && *id;
    }
    else {
        rv = prepare(&st, store, sql, args, count);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        code = apr_dbd_pbquery(store->driver, session->scratch,
                               *store->handle, &changed, st->prepared,
                               values_of(args, count, session->scratch));
        rv = code ? failed(store, st, &changed, code) : APR_SUCCESS;
        if (rv == APR_SUCCESS && id) {
            rv = get_id(id, store, session->kind == DBD_MYSQL
                        ? "SELECT LAST_INSERT_ID()"
                        : "SELECT last_insert_rowid()", NULL, 0);
        }
    }
    if (rv == APR_SUCCESS && affected) {
        *affected = changed;
    }
    return rv;
}

/* -- transactions ------------------------------------------------------- */

static apr_status_t dbd_begin(store_t *store)
{
    dbd_session_t *session = store->state;

    return dbd_session_run(store, session->kind == DBD_PGSQL ? "BEGIN"
               : session->kind == DBD_MYSQL ? "START TRANSACTION"
               : "BEGIN IMMEDIATE");
}

/* store.c comes here only when no statement failed: PostgreSQL would answer
 * COMMIT with a rollback and success. */
static apr_status_t dbd_commit(store_t *store)
{
    return dbd_session_run(store, "COMMIT");
}

static void dbd_rollback(store_t *store)
{
    dbd_session_t *session = store->state;

    if (dbd_session_run(store, "ROLLBACK") != APR_SUCCESS) {
        session->broken = 1;
    }
}

static apr_status_t dbd_check(store_t *store)
{
    dbd_session_t *session = store->state;
    apr_int64_t one = 0;

    /* prepared on purpose: a session that was replaced behind our back (by
     * mod_dbd's check) answers, but knows none of our statements */
    if (!session->broken
        && get_id(&one, store, "SELECT 1", NULL, 0) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    return dbd_session_reopen(store);
}

static apr_status_t dbd_is_empty(store_t *store, int *empty)
{
    dbd_session_t *session = store->state;
    apr_int64_t tables = 0;
    apr_status_t rv;

    rv = get_id(&tables, store, session->kind == DBD_PGSQL
                ? "SELECT count(*) FROM information_schema.tables "
                  "WHERE table_schema = current_schema()"
                : session->kind == DBD_MYSQL
                ? "SELECT count(*) FROM information_schema.tables "
                  "WHERE table_schema = DATABASE()"
                : "SELECT count(*) FROM sqlite_master", NULL, 0);
    *empty = tables == 0;
    return rv;
}

static apr_status_t dbd_script(store_t *store, const char *sql)
{
    dbd_session_t *session = store->state;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t n;

    apr_pool_clear(session->scratch);
    while (rv == APR_SUCCESS && *sql) {
        n = placeholders_statement(sql);
        if (!placeholders_blank(sql, n)) {
            rv = dbd_session_run(store,
                                 apr_pstrmemdup(session->scratch, sql, n));
        }
        sql += n + (sql[n] == ';');
    }
    return rv;
}

const engine_t engine_dbd = {
    dbd_session_setup,
    dbd_check,
    dbd_is_empty,
    dbd_begin,
    dbd_commit,
    dbd_rollback,
    dbd_exec,
    dbd_query,
    dbd_next,
    dbd_column_int,
    dbd_column_text,
    dbd_column_null,
    dbd_done,
    dbd_script
};
