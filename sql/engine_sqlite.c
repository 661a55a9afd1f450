/* SPDX-License-Identifier: MIT */
/*
 * SQLite: sqlite3_* on the handle that APR DBD opened. apr_dbd's own SQLite
 * calls take one lock for the whole process (a 4.3 s SELECT delayed another
 * connection's by 4.2 s), buffer results and bind all as text.
 *
 * A file that was moved away or replaced while open is noticed here: writes to
 * the old inode would be lost to everybody else.
 */
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>
#include <sqlite3.h>

#include "engine.h"

/* How long a statement waits for another writer before STORE_EBUSY. */
#define BUSY_TIMEOUT_MS 2000

typedef struct statement_t {
    const char *sql;
    sqlite3_stmt *stmt;
    int busy;                   /* handed out as store_rows_t */
    int ended;                  /* a further step would begin anew */
    struct statement_t *next;   /* another one of the same text */
    store_rows_t rows;
} statement_t;

/* The last statement of each place in the code: hashing 300 characters of SQL
 * for every hit was measurable. By address of the text, then compared, as texts
 * put together at run time may share an address. */
#define RECENT 64

static statement_t **recent_of(store_t *store, const char *sql)
{
    statement_t **recent = store->state;

    return &recent[((apr_uintptr_t)sql >> 4) % RECENT];
}

static sqlite3 *db_of(store_t *store)
{
    return apr_dbd_native_handle(store->driver, *store->handle);
}

static apr_status_t status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return APR_SUCCESS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
        return STORE_EBUSY;
    case SQLITE_FULL:
    case SQLITE_READONLY:
        return STORE_ESPACE;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_CORRUPT:
        return STORE_ELOST;
    case SQLITE_NOTADB:
        return STORE_EFOREIGN;
    case SQLITE_CONSTRAINT:
        return code == SQLITE_CONSTRAINT_UNIQUE
               || code == SQLITE_CONSTRAINT_PRIMARYKEY
               ? STORE_ECONFLICT : STORE_EDATA;
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
        return STORE_EDATA;
    case SQLITE_NOMEM:
        return APR_ENOMEM;
    default:
        return STORE_ESQL;
    }
}

/*
 * Read-only is mostly not the disk but a moment: whoever made the -shm (root's
 * sqlite3, say) had not given it its mode yet when we opened it, and SQLite
 * keeps to that as long as the connection lives. So that one ends.
 */
static apr_status_t failed(store_t *store, int code)
{
    store->stale = store->stale || (code & 0xff) == SQLITE_READONLY;
    return store_fail(store, status_of(code), sqlite3_errmsg(db_of(store)));
}

/* -- session ------------------------------------------------------------ */

static void drop_statements(store_t *store)
{
    apr_hash_index_t *hi;
    void *value;

    for (hi = apr_hash_first(NULL, store->statements); hi;
         hi = apr_hash_next(hi)) {
        statement_t *st;

        apr_hash_this(hi, NULL, NULL, &value);
        for (st = value; st; st = st->next) {
            /* the same words as the failed step, which was looked at */
            sqlite3_finalize(st->stmt);
            st->stmt = NULL;
        }
    }
    apr_hash_clear(store->statements);
    memset(store->state, 0, RECENT * sizeof(statement_t *));
}

/* Before APR DBD closes the handle: sqlite3_close refuses while any lives. */
static apr_status_t drop_on_close(void *data)
{
    drop_statements(data);
    return APR_SUCCESS;
}

static apr_status_t sqlite_script(store_t *store, const char *sql)
{
    int code = sqlite3_exec(db_of(store), sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? APR_SUCCESS : failed(store, code);
}

/*
 * journal_mode is kept in the file and set by schema.c when it is made: setting
 * it here would write. synchronous FULL, as a commit must be on disk before the
 * spool segment it came from is unlinked.
 */
static apr_status_t configure(store_t *store)
{
    sqlite3 *db = db_of(store);
    int code;

    code = sqlite3_extended_result_codes(db, 1);
    if (code == SQLITE_OK) {
        code = sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
    }
    if (code != SQLITE_OK) {
        return failed(store, code);
    }
    return sqlite_script(store, "PRAGMA foreign_keys=ON;"
                         "PRAGMA synchronous=FULL;"
                         "PRAGMA temp_store=MEMORY;"
                         "PRAGMA trusted_schema=OFF;"
                         "PRAGMA wal_autocheckpoint=10000;"
                         "PRAGMA cache_size=-4096");
}

static apr_status_t sqlite_setup(store_t *store)
{
    store->state = apr_pcalloc(store->pool, RECENT * sizeof(statement_t *));
    apr_pool_cleanup_register(store->pool, store, drop_on_close,
                              apr_pool_cleanup_null);
    return configure(store);
}

/* The pool's handle is exchanged in place: whoever owns it closes the new. */
static apr_status_t reopen(store_t *store)
{
    const char *words = NULL;
    apr_dbd_t *fresh = NULL;
    apr_status_t rv;

    rv = apr_dbd_open_ex(store->driver, store->pool, store->params, &fresh,
                         &words);
    if (rv != APR_SUCCESS) {
        return store_fail(store, STORE_ELOST, words ? words
                          : "the database cannot be opened");
    }
    drop_statements(store);
    apr_dbd_close(store->driver, *store->handle);
    *store->handle = fresh;
    return configure(store);
}

static apr_status_t sqlite_check(store_t *store)
{
    struct stat st;
    int moved = 0;

    if (stat(store->params, &st) != 0) {
        return store_fail(store, STORE_EMISSING, "no such file");
    }
    /* Someone's sqlite3_open made it. Reading it would delete the -wal that
     * a store moved away left here, and with it what was committed last. */
    if (st.st_size == 0) {
        return store_fail(store, STORE_EEMPTY, "the file is empty");
    }
    if (store->stale
        || (sqlite3_file_control(db_of(store), "main", SQLITE_FCNTL_HAS_MOVED,
                                 &moved) == SQLITE_OK && moved)) {
        store->stale = 0;
        return reopen(store);
    }
    return APR_SUCCESS;
}

/* -- statements --------------------------------------------------------- */

static apr_status_t prepare_new(statement_t **out, store_t *store,
                                const char *sql, statement_t *first)
{
    statement_t *st = apr_pcalloc(store->pool, sizeof(*st));
    int code;

    code = sqlite3_prepare_v3(db_of(store), sql, -1, SQLITE_PREPARE_PERSISTENT,
                              &st->stmt, NULL);
    if (code != SQLITE_OK) {
        return failed(store, code);
    }
    st->sql = first ? first->sql : apr_pstrdup(store->pool, sql);
    st->rows.store = store;
    st->rows.statement = st;
    st->next = first;
    apr_hash_set(store->statements, st->sql, APR_HASH_KEY_STRING, st);
    *out = st;
    return APR_SUCCESS;
}

static apr_status_t prepare(statement_t **out, store_t *store,
                            const char *sql)
{
    statement_t **recent = recent_of(store, sql);
    statement_t *first;
    apr_status_t rv = APR_SUCCESS;

    *out = *recent;
    if (*out && !(*out)->busy && !strcmp((*out)->sql, sql)) {
        return APR_SUCCESS;
    }
    first = apr_hash_get(store->statements, sql, APR_HASH_KEY_STRING);
    for (*out = first; *out && (*out)->busy; *out = (*out)->next) {
    }
    if (!*out) {
        rv = prepare_new(out, store, sql, first);
    }
    if (rv == APR_SUCCESS) {
        *recent = *out;
    }
    return rv;
}

/* @param keep SQLITE_STATIC when the statement ends before the texts do */
static apr_status_t bind_all(store_t *store, statement_t *st,
                             const store_arg_t *args, int count,
                             sqlite3_destructor_type keep)
{
    int code = SQLITE_OK;
    int i;

    for (i = 0; i < count && code == SQLITE_OK; i++) {
        if (args[i].null) {
            code = sqlite3_bind_null(st->stmt, i + 1);
        } else if (args[i].type == 'i') {
            code = sqlite3_bind_int64(st->stmt, i + 1, args[i].i);
        } else {
            code = sqlite3_bind_text(st->stmt, i + 1, args[i].t, -1, keep);
        }
    }
    return code == SQLITE_OK ? APR_SUCCESS : failed(store, code);
}

static void release(statement_t *st)
{
    /* reset repeats the failure of the last step, which was looked at */
    sqlite3_reset(st->stmt);
    st->busy = 0;
}

static apr_status_t sqlite_query(store_rows_t **rows, store_t *store,
                                 const char *sql, const store_arg_t *args,
                                 int count)
{
    statement_t *st = NULL;
    apr_status_t rv = prepare(&st, store, sql);

    *rows = NULL;
    if (rv == APR_SUCCESS) {
        rv = bind_all(store, st, args, count, SQLITE_TRANSIENT);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    st->busy = 1;
    st->ended = 0;
    *rows = &st->rows;
    return APR_SUCCESS;
}

static apr_status_t sqlite_next(store_rows_t *rows)
{
    statement_t *st = rows->statement;
    int code = st->ended ? SQLITE_DONE : sqlite3_step(st->stmt);

    if (code == SQLITE_ROW) {
        return APR_SUCCESS;
    }
    st->ended = 1;
    return code == SQLITE_DONE ? APR_EOF : failed(rows->store, code);
}

static apr_int64_t sqlite_column_int(store_rows_t *rows, int column)
{
    return sqlite3_column_int64(((statement_t *)rows->statement)->stmt,
                                column);
}

static const char *sqlite_column_text(store_rows_t *rows, int column)
{
    return (const char *)sqlite3_column_text(
        ((statement_t *)rows->statement)->stmt, column);
}

static int sqlite_column_null(store_rows_t *rows, int column)
{
    return sqlite3_column_type(((statement_t *)rows->statement)->stmt, column)
           == SQLITE_NULL;
}

static void sqlite_done(store_rows_t *rows)
{
    release(rows->statement);
}

static apr_status_t sqlite_exec(store_t *store, apr_int64_t *affected,
                                apr_int64_t *id, const char *sql,
                                const store_arg_t *args, int count)
{
    statement_t *st = NULL;
    apr_status_t rv;
    int code;

    rv = prepare(&st, store, sql);
    if (rv == APR_SUCCESS) {
        rv = bind_all(store, st, args, count, SQLITE_STATIC);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    do {
        code = sqlite3_step(st->stmt);
    } while (code == SQLITE_ROW);
    if (code != SQLITE_DONE) {
        rv = failed(store, code);
    }
    if (rv == APR_SUCCESS && affected) {
        *affected = sqlite3_changes(db_of(store));
    }
    if (rv == APR_SUCCESS && id) {
        *id = sqlite3_last_insert_rowid(db_of(store));
    }
    release(st);
    return rv;
}

/* -- transactions ------------------------------------------------------- */

static apr_status_t sqlite_begin(store_t *store)
{
    return sqlite_exec(store, NULL, NULL, "BEGIN IMMEDIATE", NULL, 0);
}

static apr_status_t sqlite_commit(store_t *store)
{
    return sqlite_exec(store, NULL, NULL, "COMMIT", NULL, 0);
}

static void sqlite_rollback(store_t *store)
{
    /* SQLite may have rolled back by itself (disk full) */
    if (!sqlite3_get_autocommit(db_of(store))) {
        sqlite_exec(store, NULL, NULL, "ROLLBACK", NULL, 0);
    }
}

static apr_status_t sqlite_is_empty(store_t *store, int *empty)
{
    apr_int64_t tables = 0;
    apr_status_t rv;

    rv = store_get_int(store, &tables,
                       "SELECT count(*) FROM sqlite_master", NULL);
    *empty = (tables == 0);
    return rv;
}

const engine_t engine_sqlite = {
    sqlite_setup,
    sqlite_check,
    sqlite_is_empty,
    sqlite_begin,
    sqlite_commit,
    sqlite_rollback,
    sqlite_exec,
    sqlite_query,
    sqlite_next,
    sqlite_column_int,
    sqlite_column_text,
    sqlite_column_null,
    sqlite_done,
    sqlite_script
};
