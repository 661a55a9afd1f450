/* SPDX-License-Identifier: MIT */
/*
 * The store: one database connection and the statements run on it.
 *
 * Connections are opened by APR DBD (by mod_dbd inside httpd); statements go
 * through the small typed API below, because apr_dbd's own binds text, buffers
 * whole results and, on SQLite, holds one lock for the whole process.
 *
 * Threads: a store_t is used by one thread at a time; any number may exist.
 * Nothing here logs. A function that fails returns a status and leaves the
 * engine's words in store_error().
 */
#ifndef MAILTRACK_STORE_H
#define MAILTRACK_STORE_H

#include <apr_dbd.h>
#include <apr_pools.h>
#include <apr_time.h>

typedef struct store_t store_t;
typedef struct store_rows_t store_rows_t;

/* What a caller must tell apart; everything else is APR's own status. */
#define STORE_EMISSING  (APR_OS_START_USERERR + 1) /* no database there */
#define STORE_EEMPTY    (APR_OS_START_USERERR + 2) /* there, without schema */
#define STORE_EFOREIGN  (APR_OS_START_USERERR + 3) /* somebody else's data */
#define STORE_EOLD      (APR_OS_START_USERERR + 4) /* migrations outstanding */
#define STORE_ENEWER    (APR_OS_START_USERERR + 5) /* made by a later release */
#define STORE_EBUSY     (APR_OS_START_USERERR + 6) /* locked or in conflict */
#define STORE_ESPACE    (APR_OS_START_USERERR + 7) /* disk full, read-only */
#define STORE_ELOST     (APR_OS_START_USERERR + 8) /* connection is gone */
#define STORE_EDATA     (APR_OS_START_USERERR + 9) /* refuses these values */
#define STORE_ECONFLICT (APR_OS_START_USERERR + 10) /* unique key is taken */
#define STORE_ESQL      (APR_OS_START_USERERR + 11) /* any other failure */

/** Where the store is when nobody says otherwise (mailtrackctl, samples). */
#ifndef STORE_DEFAULT_PATH
#define STORE_DEFAULT_PATH "/var/lib/mailtrack/mailtrack.db"
#endif

/**
 * Prepare apr_dbd for this process. Once, before any other call; httpd's
 * mod_dbd has done it already.
 */
apr_status_t store_initialize(apr_pool_t *process_pool);

/**
 * Open a connection of one's own (mailtrackctl, mailprobe, tests).
 * @param driver apr_dbd's driver name: "sqlite3", "pgsql", "mysql"
 * @param params driver parameters; a path for sqlite3, never created here:
 *        STORE_EMISSING when it is not there (see schema_create)
 * @param pool   owns the connection; closed with it
 * On failure *store may still be set: it carries store_error().
 */
apr_status_t store_open(store_t **store, const char *driver,
                        const char *params, apr_pool_t *pool);

/**
 * Wrap a connection that somebody else pools (mod_dbd's ap_dbd_t).
 * Call it at each acquisition: the store, with its prepared statements, is kept
 * on conn_pool and found again, so a pooled connection keeps its statements.
 * @param handle    address of the pool's own handle field: when the SQLite file
 *                  was replaced under us the handle is opened anew in place
 * @param conn_pool the pool that dies with the connection
 */
apr_status_t store_wrap(store_t **store, const apr_dbd_driver_t *driver,
                        apr_dbd_t **handle, const char *params,
                        apr_pool_t *conn_pool);

/**
 * Is the store there, ours, and of the schema this program speaks? Called
 * before each piece of work; two small reads. Reopens a SQLite file that was
 * replaced, sets a lost session up anew.
 * @return APR_SUCCESS, or STORE_E* with store_error() and store_remedy()
 */
apr_status_t store_ready(store_t *store);

/** The engine's words for the last failure. Lives until the next call. */
const char *store_error(const store_t *store);

/** The command that mends status, for people; "" where there is none. */
const char *store_remedy(const store_t *store, apr_status_t status,
                         apr_pool_t *pool);

/** Is it the database's state (connection, lock, space), not the data? */
int store_transient(apr_status_t status);

/** Path of a SQLite store, else the driver's name; never a password. */
const char *store_name(const store_t *store);

/**
 * This connection is about to write in bulk (the drain), or no longer is: on
 * SQLite it gets 16 MiB of page cache instead of 4, as the pages of a thousand
 * mails' newest hits are written again and again. Failure leaves it as it is.
 */
void store_bulk(store_t *store, int on);

/* -- transactions ------------------------------------------------------- */

/** Begin; takes the write lock at once (SQLite: BEGIN IMMEDIATE). */
apr_status_t store_begin(store_t *store);

/** APR_SUCCESS means committed and, on SQLite, on disk (synchronous FULL).
 * After a statement of the transaction failed it rolls back and returns that
 * failure, whatever became of it. */
apr_status_t store_commit(store_t *store);

/** Undo. Never fails in a way a caller could act on. */
void store_rollback(store_t *store);

/** Commit when rv is success, else roll back; returns what became of it. */
apr_status_t store_end(store_t *store, apr_status_t rv);

/* -- statements --------------------------------------------------------- */

/** An 'N' argument of this value is bound as NULL. */
#define STORE_NULL APR_INT64_MIN

/** One bound value; arrays of these serve statements put together at run
 * time from fixed pieces (never from a user's text). */
typedef struct store_arg_t {
    char type;          /* 'i' integer, 't' text */
    int null;
    apr_int64_t i;
    const char *t;      /* NUL-terminated, valid UTF-8; NULL binds NULL */
} store_arg_t;

/*
 * sql has `?` for each value. types has a letter per value and the arguments
 * follow: 'i' apr_int64_t, 'N' apr_int64_t where STORE_NULL is NULL, 't' const
 * char * (NULL is NULL). Statements are prepared once per connection and text.
 */

/** Run a statement without result. @param affected rows changed, or NULL */
apr_status_t store_exec(store_t *store, apr_int64_t *affected,
                        const char *sql, const char *types, ...);

/** Run an INSERT and tell the new integer key (column `id`). */
apr_status_t store_insert(store_t *store, apr_int64_t *id,
                          const char *sql, const char *types, ...);

/** Start a SELECT. Ends with store_done(), always. */
apr_status_t store_query(store_rows_t **rows, store_t *store,
                         const char *sql, const char *types, ...);
apr_status_t store_query_args(store_rows_t **rows, store_t *store,
                              const char *sql, const store_arg_t *args,
                              int count);

/** Next row: APR_SUCCESS, APR_EOF after the last, or a failure. */
apr_status_t store_next(store_rows_t *rows);

apr_int64_t store_int(store_rows_t *rows, int column);
/** @return copy in pool, NULL for SQL NULL */
const char *store_text(store_rows_t *rows, int column, apr_pool_t *pool);
/** @return as store_text, but valid only until store_next/store_done */
const char *store_peek(store_rows_t *rows, int column);
int store_is_null(store_rows_t *rows, int column);

/** Give the statement back (rows not read are skipped). */
void store_done(store_rows_t *rows);

/** The first column of the first row as integer. APR_NOTFOUND: no row. */
apr_status_t store_get_int(store_t *store, apr_int64_t *value,
                           const char *sql, const char *types, ...);

/** The first column of the first row as text. APR_NOTFOUND: no row. */
apr_status_t store_get_text(store_t *store, const char **value,
                            apr_pool_t *pool, const char *sql,
                            const char *types, ...);

#endif
