/* SPDX-License-Identifier: MIT */
/*
 * What an engine does for store.c. Two exist: engine_sqlite.c speaks sqlite3
 * on apr_dbd's native handle, engine_dbd.c uses apr_dbd's binary calls
 * (PostgreSQL, MariaDB). Private to sql/.
 */
#ifndef MAILTRACK_ENGINE_H
#define MAILTRACK_ENGINE_H

#include <apr_hash.h>

#include "store.h"

typedef struct engine_t engine_t;

struct store_t {
    const engine_t *engine;
    const apr_dbd_driver_t *driver;
    apr_dbd_t **handle;         /* the pool's own field, or &own_handle */
    apr_dbd_t *own_handle;
    const char *params;         /* may hold a password: never shown */
    apr_pool_t *pool;           /* lives as the connection */
    apr_hash_t *statements;     /* SQL text -> prepared, the engine's type */
    void *state;                /* the engine's own */
    int in_transaction;
    int stale;                  /* open it anew at the next check */
    apr_status_t failed;        /* the transaction's first failure */
    char error[256];
};

struct store_rows_t {
    store_t *store;
    void *statement;            /* the engine's own */
};

/* All return APR's or STORE_E* statuses and set store->error on failure. */
struct engine_t {
    /* Settings of a fresh session; drops statements of the one before. */
    apr_status_t (*setup)(store_t *store);
    /* Still the same, living database? Reopens where that can be done. */
    apr_status_t (*check)(store_t *store);
    /* Is any table there? For STORE_EEMPTY against STORE_EFOREIGN. */
    apr_status_t (*is_empty)(store_t *store, int *empty);
    apr_status_t (*begin)(store_t *store);
    apr_status_t (*commit)(store_t *store);
    void (*rollback)(store_t *store);
    /* affected and id may be NULL; id is the new integer key */
    apr_status_t (*exec)(store_t *store, apr_int64_t *affected,
                         apr_int64_t *id, const char *sql,
                         const store_arg_t *args, int count);
    apr_status_t (*query)(store_rows_t **rows, store_t *store,
                          const char *sql, const store_arg_t *args,
                          int count);
    apr_status_t (*next)(store_rows_t *rows);
    apr_int64_t (*column_int)(store_rows_t *rows, int column);
    const char *(*column_text)(store_rows_t *rows, int column);
    int (*column_null)(store_rows_t *rows, int column);
    void (*done)(store_rows_t *rows);
    /* Several statements without values, as a migration file holds them. */
    apr_status_t (*script)(store_t *store, const char *sql);
};

extern const engine_t engine_sqlite;
extern const engine_t engine_dbd;

/** store_open, but with an engine of the caller's choice: for tests. */
apr_status_t store_open_with(store_t **store, const engine_t *engine,
                             const char *driver, const char *params,
                             apr_pool_t *pool);

/** Keep words as store->error, shortened to fit; returns rv. */
apr_status_t store_fail(store_t *store, apr_status_t rv, const char *words);

#endif
