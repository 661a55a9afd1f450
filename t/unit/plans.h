/* SPDX-License-Identifier: MIT */
/*
 * No statement that a test has run reads all of a table that grows: asked of
 * SQLite's planner for each statement that the connection has prepared.
 */
#ifndef MAILTRACK_PLANS_H
#define MAILTRACK_PLANS_H

#include <sqlite3.h>

#include "engine.h"
#include "tap.h"

/* Tables whose rows pile up. A partial index (of what waits, of what is open)
 * may be read whole, a table and its other indexes may not. */
static inline int plans_is_scan(const char *detail)
{
    static const char *const few[] = {
        "incidents_open", "incident_monitors_failing",
        "incident_monitors_quiet", "outbox_waiting", "outbox_deliveries_due",
        "monitors_asked", NULL
    };
    static const char *const small[] = {
        "accounts", "channels", "leases", "maintenance_windows", "monitors",
        "c", "m", "x", "CONSTANT", "schema_migrations", "sqlite_master", NULL
    };
    int i;

    if (strncmp(detail, "SCAN ", 5)) {
        return 0;
    }
    for (i = 0; few[i]; i++) {
        if (strstr(detail, few[i])) {
            return 0;
        }
    }
    for (i = 0; small[i]; i++) {
        size_t n = strlen(small[i]);

        if (!strncmp(detail + 5, small[i], n)
            && (detail[5 + n] == ' ' || !detail[5 + n])) {
            return 0;
        }
    }
    return 1;
}

static inline int plans_scans(sqlite3 *db, const char *sql)
{
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    sqlite3_stmt *st = NULL;
    int found = 0;

    if (sqlite3_prepare_v2(db, explain, -1, &st, NULL) == SQLITE_OK) {
        while (sqlite3_step(st) == SQLITE_ROW) {
            const char *detail = (const char *)sqlite3_column_text(st, 3);

            if (plans_is_scan(detail)) {
                printf("# %s: %s\n", detail, sql);
                found = 1;
            }
        }
    }
    sqlite3_finalize(st);
    sqlite3_free(explain);
    return found;
}

/** The store's statements begin with a capital; a test's own that may scan are
 * written small. */
static inline void test_plans(store_t *store)
{
    sqlite3 *db = apr_dbd_native_handle(store->driver, *store->handle);
    sqlite3_stmt *st;
    int scans = 0, seen = 0;

    if (store->engine != &engine_sqlite) {
        return;                 /* others plan by statistics */
    }
    for (st = sqlite3_next_stmt(db, NULL); st; st = sqlite3_next_stmt(db, st)) {
        const char *sql = sqlite3_sql(st);

        if (strchr("SUD", *sql)) {
            scans += plans_scans(db, sql);
            seen++;
        }
    }
    ok(scans == 0 && seen > 10, "none of %d statements scans", seen);
}

#endif
