/* SPDX-License-Identifier: MIT */
/*
 * The generic engine: apr_dbd's binary calls, for PostgreSQL and MariaDB.
 * Runs in whatever thread holds the store_t. Transactions are plain BEGIN and
 * COMMIT: apr_dbd's own end with success after rolling back, and its PostgreSQL
 * driver dereferences NULL when BEGIN fails. Must not touch a handle after a
 * failed session: check() opens a new one.
 */
#include <dlfcn.h>
#include <string.h>

#include <apr_strings.h>

#include "dbd_status.h"
#include "engine.h"
#include "placeholders.h"

/* libpq's PQERRORS_VERBOSE: messages tell their SQLSTATE */
#define PGSQL_VERBOSE 2

typedef enum kind_e { KIND_PGSQL, KIND_MYSQL, KIND_OTHER } kind_e;

typedef struct session_t {
    apr_pool_t *pool;       /* statements; gone before the handle closes */
    apr_pool_t *scratch;    /* cleared by each exec */
    kind_e kind;
    int broken;             /* to be opened anew by check() */
    int labels;             /* names given to prepared statements */
} session_t;

typedef struct statement_t {
    apr_dbd_prepared_t *prepared;
    const char *types;
    int busy;               /* handed out as store_rows_t */
    int ended;              /* a driver must not be asked again then */
    apr_pool_t *pool;       /* of the results */
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    struct statement_t *next;   /* another one of the same text */
    store_rows_t rows;
} statement_t;

static const char *const pgsql_settings[] = {
    "SET client_encoding TO 'UTF8'",
    "SET standard_conforming_strings TO on",
    "SET synchronous_commit TO on",     /* spool segments go after a commit */
    "SET lock_timeout TO '5s'",
    NULL
};

static const char *const mysql_settings[] = {
    "SET NAMES utf8mb4",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,PIPES_AS_CONCAT,ANSI_QUOTES,"
        "NO_BACKSLASH_ESCAPES,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION innodb_lock_wait_timeout = 5",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    NULL
};

static const char *const other_settings[] = {
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=FULL",
    NULL
};

static kind_e kind_of(const store_t *store)
{
    const char *name = apr_dbd_name(store->driver);

    return !strcmp(name, "pgsql") ? KIND_PGSQL
         : !strcmp(name, "mysql") ? KIND_MYSQL : KIND_OTHER;
}

static apr_status_t failed(store_t *store, int code)
{
    session_t *session = store->state;
    const char *words = apr_dbd_error(store->driver, *store->handle, code);
    char line[sizeof(store->error)];
    apr_status_t rv;

    if (!words || !*words) {
        words = "the database gave no reason";
    }
    rv = dbd_status(apr_dbd_name(store->driver), code, words);
    if (rv == STORE_ELOST) {
        session->broken = 1;
    }
    apr_cpystrn(line, words, sizeof(line));
    line[strcspn(line, "\r\n")] = '\0';
    return store_fail(store, rv, line);
}

static apr_status_t run(store_t *store, const char *sql)
{
    int rows = 0;
    int code = apr_dbd_query(store->driver, *store->handle, &rows, sql);

    return code ? failed(store, code) : APR_SUCCESS;
}

/* -- session ------------------------------------------------------------ */

/* Without it an error's kind could be told by its words only, and those are
 * in the server's language. libpq came in with apr_dbd's driver. */
static void pgsql_tell_states(store_t *store)
{
    int (*set_verbosity)(void *, int);
    void *program = dlopen(NULL, RTLD_LAZY);
    void *symbol;

    if (!program) {
        return;
    }
    symbol = dlsym(program, "PQsetErrorVerbosity");
    if (symbol) {
        memcpy(&set_verbosity, &symbol, sizeof(symbol));
        set_verbosity(apr_dbd_native_handle(store->driver, *store->handle),
                      PGSQL_VERBOSE);
    }
    dlclose(program);
}

/* A silent reconnect loses the transaction and goes on without one; without
 * CLIENT_FOUND_ROWS an UPDATE to the same value counts no row. */
static apr_status_t mysql_params(store_t *store)
{
    if (strstr(store->params, "reconnect=0")
        && strstr(store->params, "flags=CLIENT_FOUND_ROWS")) {
        return APR_SUCCESS;
    }
    return store_fail(store, APR_EINVAL, "the parameters of driver mysql must "
                      "have reconnect=0,flags=CLIENT_FOUND_ROWS");
}

/* Statements closed, their memory freed; the handle must still be there. */
static void drop_statements(store_t *store)
{
    session_t *session = store->state;

    apr_hash_clear(store->statements);
    if (session->pool) {
        apr_pool_destroy(session->pool);
    }
    session->pool = NULL;
}

static apr_status_t dbd_setup(store_t *store)
{
    session_t *session = store->state;
    const char *const *settings;
    apr_status_t rv = APR_SUCCESS;

    if (!session) {
        session = store->state = apr_pcalloc(store->pool, sizeof(*session));
        session->kind = kind_of(store);
        apr_pool_create(&session->scratch, store->pool);
    }
    drop_statements(store);
    apr_pool_create(&session->pool, store->pool);
    session->labels = 0;
    settings = session->kind == KIND_PGSQL ? pgsql_settings
             : session->kind == KIND_MYSQL ? mysql_settings : other_settings;
    if (session->kind == KIND_PGSQL) {
        pgsql_tell_states(store);
    }
    else if (session->kind == KIND_MYSQL) {
        rv = mysql_params(store);
    }
    for (; rv == APR_SUCCESS && *settings; settings++) {
        rv = run(store, *settings);
    }
    session->broken = rv != APR_SUCCESS;
    return rv;
}

static apr_status_t open_once(apr_dbd_t **handle, store_t *store,
                              apr_pool_t *pool)
{
    const char *words = NULL;
    char line[sizeof(store->error)];

    if (apr_dbd_open_ex(store->driver, pool, store->params, handle, &words)
        == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    apr_cpystrn(line, words ? words : "the database cannot be opened",
                sizeof(line));
    line[strcspn(line, "\r\n")] = '\0';
    return store_fail(store, STORE_ELOST, line);
}

/* The handle's memory must live as long as the connection's pool. It is taken
 * from there only once the database answers, or each attempt would add to it
 * for as long as the database is down. */
static apr_status_t reopen(store_t *store)
{
    session_t *session = store->state;
    apr_dbd_t *fresh = NULL;
    apr_status_t rv;

    apr_pool_clear(session->scratch);
    rv = open_once(&fresh, store, session->scratch);
    if (rv == APR_SUCCESS) {
        apr_dbd_close(store->driver, fresh);
        rv = open_once(&fresh, store, store->pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    drop_statements(store);
    apr_dbd_close(store->driver, *store->handle);
    *store->handle = fresh;
    return dbd_setup(store);
}

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
    session_t *session = store->state;
    apr_pool_t *pool;
    statement_t *st;
    const char *format;
    apr_status_t rv;
    int code;

    /* a pool of its own: one that cannot be prepared leaves nothing behind */
    apr_pool_create(&pool, session->pool);
    st = apr_pcalloc(pool, sizeof(*st));
    format = placeholders_format(sql, args, count, pool);
    if (!format) {
        apr_pool_destroy(pool);
        return store_fail(store, STORE_ESQL, "placeholders and values differ "
                          "in number");
    }
    code = apr_dbd_prepare(store->driver, pool, *store->handle, format,
                           apr_psprintf(pool, "mailtrack%d",
                                        session->labels++), &st->prepared);
    if (code) {
        rv = failed(store, code);
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
    session_t *session = store->state;
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
                            session->kind == KIND_PGSQL,
                            values_of(args, count, st->pool));
    if (code) {
        rv = failed(store, code);
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
         : code == -1 ? APR_EOF : failed(store, code);
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

static apr_status_t dbd_exec(store_t *store, apr_int64_t *affected,
                             apr_int64_t *id, const char *sql,
                             const store_arg_t *args, int count)
{
    session_t *session = store->state;
    statement_t *st = NULL;
    apr_status_t rv;
    int code, changed = 0;

    apr_pool_clear(session->scratch);
    if (id && session->kind == KIND_PGSQL) {
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
        rv = code ? failed(store, code) : APR_SUCCESS;
        if (rv == APR_SUCCESS && id) {
            rv = get_id(id, store, session->kind == KIND_MYSQL
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
    session_t *session = store->state;

    return run(store, session->kind == KIND_PGSQL ? "BEGIN"
               : session->kind == KIND_MYSQL ? "START TRANSACTION"
               : "BEGIN IMMEDIATE");
}

/* store.c comes here only when no statement failed: PostgreSQL would answer
 * COMMIT with a rollback and success. */
static apr_status_t dbd_commit(store_t *store)
{
    return run(store, "COMMIT");
}

static void dbd_rollback(store_t *store)
{
    session_t *session = store->state;

    if (run(store, "ROLLBACK") != APR_SUCCESS) {
        session->broken = 1;
    }
}

static apr_status_t dbd_check(store_t *store)
{
    session_t *session = store->state;
    apr_int64_t one = 0;

    /* prepared on purpose: a session that was replaced behind our back (by
     * mod_dbd's check) answers, but knows none of our statements */
    if (!session->broken
        && get_id(&one, store, "SELECT 1", NULL, 0) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    return reopen(store);
}

static apr_status_t dbd_is_empty(store_t *store, int *empty)
{
    session_t *session = store->state;
    apr_int64_t tables = 0;
    apr_status_t rv;

    rv = get_id(&tables, store, session->kind == KIND_PGSQL
                ? "SELECT count(*) FROM information_schema.tables "
                  "WHERE table_schema = current_schema()"
                : session->kind == KIND_MYSQL
                ? "SELECT count(*) FROM information_schema.tables "
                  "WHERE table_schema = DATABASE()"
                : "SELECT count(*) FROM sqlite_master", NULL, 0);
    *empty = tables == 0;
    return rv;
}

static apr_status_t dbd_script(store_t *store, const char *sql)
{
    session_t *session = store->state;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t n;

    apr_pool_clear(session->scratch);
    while (rv == APR_SUCCESS && *sql) {
        n = placeholders_statement(sql);
        if (!placeholders_blank(sql, n)) {
            rv = run(store, apr_pstrmemdup(session->scratch, sql, n));
        }
        sql += n + (sql[n] == ';');
    }
    return rv;
}

const engine_t engine_dbd = {
    dbd_setup,
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
