/* SPDX-License-Identifier: MIT */
/*
 * The session under engine_dbd.c: its settings, the memory of its statements,
 * what a failure means, and a new one when it is lost. Runs in whatever thread
 * holds the store_t. Private to sql/.
 */
#ifndef MAILTRACK_DBD_SESSION_H
#define MAILTRACK_DBD_SESSION_H

#include "engine.h"

typedef enum dbd_kind_e { DBD_PGSQL, DBD_MYSQL, DBD_OTHER } dbd_kind_e;

/* store->state of this engine */
typedef struct dbd_session_t {
    apr_pool_t *pool;       /* statements; gone before the handle closes */
    apr_pool_t *scratch;    /* cleared by each exec */
    dbd_kind_e kind;
    int broken;             /* to be opened anew by check() */
    int labels;             /* names given to prepared statements */
} dbd_session_t;

/** engine_t.setup: APR_EINVAL for parameters that would lose data. */
apr_status_t dbd_session_setup(store_t *store);

/** A new connection in place of the old one, set up; STORE_ELOST. */
apr_status_t dbd_session_reopen(store_t *store);

/** What an apr_dbd call returned, as status, with the database's words. */
apr_status_t dbd_session_failed(store_t *store, int code);

/** Run one statement without values or result. */
apr_status_t dbd_session_run(store_t *store, const char *sql);

#endif
