/* SPDX-License-Identifier: MIT */
/*
 * Which schema a store has, and the way to the current one. schema_version is
 * read at every acquisition; the rest is run by mailtrackctl alone.
 */
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "engine.h"
#include "schema_sql.h"

/* applied_at tells our table from other frameworks' schema_migrations. */
#define SQL_VERSION \
    "SELECT version FROM schema_migrations WHERE applied_at > 0" \
    " ORDER BY version DESC LIMIT 1"

static const schema_migration_t *migrations_of(const store_t *store)
{
    const char *driver = apr_dbd_name(store->driver);

    return !strcmp(driver, "pgsql") ? schema_pgsql
         : !strcmp(driver, "mysql") ? schema_mysql : schema_sqlite;
}

int schema_current(const store_t *store)
{
    const schema_migration_t *m = migrations_of(store);

    while (m[1].version) {
        m++;
    }
    return m->version;
}

apr_status_t schema_version(store_t *store, int *version)
{
    apr_int64_t found = 0;
    int empty = 0;
    apr_status_t rv;

    *version = 0;
    rv = store_get_int(store, &found, SQL_VERSION, NULL);
    if (rv == APR_SUCCESS) {
        *version = (int)found;
        return APR_SUCCESS;
    }
    if (rv == APR_NOTFOUND) {
        return APR_SUCCESS;
    }
    if (rv != STORE_ESQL) {
        return rv;
    }
    rv = store->engine->is_empty(store, &empty);
    if (rv == APR_SUCCESS && !empty) {
        return store_fail(store, STORE_EFOREIGN,
                          "the database holds something else: it has tables, "
                          "but not Mailtrack's");
    }
    return rv;
}

apr_status_t schema_create(const char *driver, const char *params,
                           apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;
    int fd;

    (void)pool;
    if (strcmp(driver, "sqlite3")) {
        return APR_SUCCESS;
    }
    fd = open(params, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
    if (fd < 0) {
        return errno == EEXIST ? APR_SUCCESS : apr_get_os_error();
    }
    /* the umask must not take the group's right: httpd and mailprobe share */
    if (fchmod(fd, 0660) != 0) {
        rv = apr_get_os_error();
    }
    if (close(fd) != 0 && rv == APR_SUCCESS) {
        rv = apr_get_os_error();
    }
    return rv;
}

static apr_status_t apply(store_t *store, const schema_migration_t *m)
{
    int version = 0, empty = 0;
    apr_status_t rv;

    rv = store_begin(store);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* a SELECT from a table that is not there would spoil the transaction */
    rv = store->engine->is_empty(store, &empty);
    if (rv == APR_SUCCESS && !empty) {
        rv = schema_version(store, &version);
    }
    if (rv == APR_SUCCESS && version >= m->version) {
        store_rollback(store);
        return APR_EEXIST;
    }
    if (rv == APR_SUCCESS) {
        rv = store->engine->script(store,
            "CREATE TABLE IF NOT EXISTS schema_migrations ("
            " version BIGINT NOT NULL PRIMARY KEY,"
            " name VARCHAR(64) NOT NULL,"
            " applied_at BIGINT NOT NULL)");
    }
    if (rv == APR_SUCCESS) {
        rv = store->engine->script(store, m->sql);
    }
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "INSERT INTO schema_migrations"
                        " (version, name, applied_at) VALUES (?, ?, ?)",
                        "iti", (apr_int64_t)m->version, m->name,
                        (apr_int64_t)apr_time_now());
    }
    return store_end(store, rv);
}

/* WAL: readers never wait for the drain. Kept in the file once set. */
static apr_status_t use_wal(store_t *store, apr_pool_t *pool)
{
    const char *mode = NULL;
    apr_status_t rv;

    if (store->engine != &engine_sqlite) {
        return APR_SUCCESS;
    }
    rv = store_get_text(store, &mode, pool, "PRAGMA journal_mode=WAL", NULL);
    if (rv == APR_SUCCESS && strcmp(mode, "wal")) {
        return store_fail(store, STORE_ESQL, "this file system cannot hold "
                          "a SQLite store in WAL mode (network share?)");
    }
    return rv;
}

apr_status_t schema_migrate(store_t *store, int *applied, apr_pool_t *pool)
{
    const schema_migration_t *m;
    int version = 0;
    apr_status_t rv;

    *applied = 0;
    rv = schema_version(store, &version);
    if (rv == APR_SUCCESS && version > schema_current(store)) {
        return store_fail(store, STORE_ENEWER,
                          "the store was made by a later release");
    }
    if (rv == APR_SUCCESS && version < schema_current(store)) {
        rv = use_wal(store, pool);
    }
    for (m = migrations_of(store); rv == APR_SUCCESS && m->version; m++) {
        if (m->version <= version) {
            continue;
        }
        rv = apply(store, m);
        if (rv == APR_SUCCESS) {
            ++*applied;
        } else if (rv == APR_EEXIST) {
            rv = APR_SUCCESS;
        }
    }
    return rv;
}
