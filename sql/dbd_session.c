/* SPDX-License-Identifier: MIT */
/*
 * A session of PostgreSQL, MariaDB or another database of apr_dbd's. Runs in
 * whatever thread holds the store_t; keeps nothing outside of it.
 */
#include "dbd_session.h"

#include <dlfcn.h>
#include <string.h>

#include <apr_strings.h>

#include "dbd_status.h"

/* libpq's PQERRORS_VERBOSE: messages tell their SQLSTATE */
#define PGSQL_VERBOSE 2

static const char *const pgsql_settings[] = {
    "SET client_encoding TO 'UTF8'",
    "SET standard_conforming_strings TO on",
    "SET synchronous_commit TO on",     /* spool segments go after a commit */
    "SET lock_timeout TO '5s'",
    /* a plan for any word takes seconds where one for this word takes 1 ms */
    "SET plan_cache_mode TO force_custom_plan",
    NULL
};

static const char *const mysql_settings[] = {
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00'",     /* no hour comes twice */
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

static dbd_kind_e kind_of(const store_t *store)
{
    const char *name = apr_dbd_name(store->driver);

    return !strcmp(name, "pgsql") ? DBD_PGSQL
         : !strcmp(name, "mysql") ? DBD_MYSQL : DBD_OTHER;
}

apr_status_t dbd_session_failed(store_t *store, int code)
{
    dbd_session_t *session = store->state;
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

apr_status_t dbd_session_run(store_t *store, const char *sql)
{
    int rows = 0;
    int code = apr_dbd_query(store->driver, *store->handle, &rows, sql);

    return code ? dbd_session_failed(store, code) : APR_SUCCESS;
}

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
    dbd_session_t *session = store->state;

    apr_hash_clear(store->statements);
    if (session->pool) {
        apr_pool_destroy(session->pool);
    }
    session->pool = NULL;
}

apr_status_t dbd_session_setup(store_t *store)
{
    dbd_session_t *session = store->state;
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
    settings = session->kind == DBD_PGSQL ? pgsql_settings
             : session->kind == DBD_MYSQL ? mysql_settings : other_settings;
    if (session->kind == DBD_PGSQL) {
        pgsql_tell_states(store);
    }
    else if (session->kind == DBD_MYSQL) {
        rv = mysql_params(store);
    }
    for (; rv == APR_SUCCESS && *settings; settings++) {
        rv = dbd_session_run(store, *settings);
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
apr_status_t dbd_session_reopen(store_t *store)
{
    dbd_session_t *session = store->state;
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
    return dbd_session_setup(store);
}
