/* SPDX-License-Identifier: MIT */
/*
 * A store of its own for a unit test, in a temporary directory that goes with
 * the process; numbers that look random and are the same each run.
 */
#ifndef MAILTRACK_FIXTURE_H
#define MAILTRACK_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "engine.h"
#include "schema.h"
#include "store.h"

static apr_pool_t *fixture_pool;
static char fixture_dir[] = "/tmp/mailtrack-unit-XXXXXX";
static apr_uint64_t fixture_seed = 88172645463325252u;

static void fixture_end(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s", fixture_dir);
    if (fixture_pool) {
        apr_pool_destroy(fixture_pool);
    }
    if (system(command) != 0) {
        fprintf(stderr, "# %s stays\n", fixture_dir);
    }
}

__attribute__((format(printf, 1, 2), noreturn))
static inline void fixture_die(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    printf("Bail out! ");
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
    exit(99);
}

/** Must succeed; for calls that are not what is tested. */
#define must(call) fixture_must((call), #call)

static store_t *fixture;

static inline void fixture_must(apr_status_t rv, const char *call)
{
    char words[128];

    if (rv != APR_SUCCESS) {
        fixture_die("%s: %s (%d) %s", call,
                    apr_strerror(rv, words, sizeof(words)), rv,
                    fixture ? store_error(fixture) : "");
    }
}

/** The engine this test runs on: SQLite, or what t/05-engines.t says. */
static inline const char *fixture_driver(void)
{
    const char *driver = getenv("MAILTRACK_TEST_DRIVER");

    return driver ? driver : "sqlite3";
}

static inline const char *fixture_params(apr_pool_t *pool)
{
    const char *params = getenv("MAILTRACK_TEST_PARAMS");

    return params ? params : apr_pstrcat(pool, fixture_dir, "/t.db", NULL);
}

/** Plans and migrations are looked at on SQLite alone. */
static inline int fixture_is_sqlite(void)
{
    return !strcmp(fixture_driver(), "sqlite3");
}

/** A server plans by statistics, which it gathers each minute; a test has just
 * filled its tables. */
static inline void fixture_settle(store_t *store)
{
    if (!strcmp(fixture_driver(), "pgsql")) {
        must(store->engine->script(store, "ANALYZE"));
    }
}

/** Another connection to the test's store. */
static inline store_t *fixture_open(apr_pool_t *pool)
{
    store_t *store = NULL;

    must(store_open(&store, fixture_driver(), fixture_params(pool), pool));
    return store;
}

/** APR up, a fresh store with the current schema. Once, first thing in main. */
static inline store_t *fixture_start(void)
{
    int applied = 0;

    apr_initialize();
    apr_pool_create(&fixture_pool, NULL);
    must(store_initialize(fixture_pool));
    if (!mkdtemp(fixture_dir)) {
        fixture_die("no temporary directory");
    }
    atexit(fixture_end);
    must(schema_create(fixture_driver(), fixture_params(fixture_pool),
                       fixture_pool));
    fixture = fixture_open(fixture_pool);
    must(schema_migrate(fixture, &applied, fixture_pool));
    return fixture;
}

/** Uniform in [0, below). xorshift64. */
static inline int fixture_random(int below)
{
    fixture_seed ^= fixture_seed << 13;
    fixture_seed ^= fixture_seed >> 7;
    fixture_seed ^= fixture_seed << 17;
    return (int)(fixture_seed % (apr_uint64_t)below);
}

#endif
