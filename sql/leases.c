/* SPDX-License-Identifier: MIT */
/*
 * Table `leases`: who does what, among several mailprobes. mailprobe's store
 * thread. The clock is the database's; it is read before the statement that
 * uses it, so that a lease may only end early, never late.
 */
#include "leases.h"

#include <string.h>

#include <apr_strings.h>

#include "dialect.h"

apr_status_t leases_take(store_t *store, const char *name, const char *owner,
                         apr_interval_time_t lasts)
{
    apr_int64_t now = 0, changed = 0;
    apr_status_t rv;

    rv = dialect_now(&now, store);
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, &changed, "UPDATE leases SET owner = ?,"
                        " until = ? WHERE name = ? AND (owner = ?"
                        " OR until <= ?)", "titti", owner, now + lasts, name,
                        owner, now);
    }
    if (rv != APR_SUCCESS || changed) {
        return rv;
    }
    rv = store_exec(store, &changed, "INSERT INTO leases (name, owner, until)"
                    " VALUES (?, ?, ?) ON CONFLICT DO NOTHING", "tti", name,
                    owner, now + lasts);
    return rv == APR_SUCCESS && !changed ? STORE_ECONFLICT : rv;
}

apr_status_t leases_renew(apr_int64_t *held, store_t *store,
                          const char *owner, apr_interval_time_t lasts)
{
    apr_int64_t now = 0;
    apr_status_t rv = dialect_now(&now, store);

    return rv != APR_SUCCESS ? rv
           : store_exec(store, held, "UPDATE leases SET until = ?"
                        " WHERE owner = ? AND until > ?", "iti", now + lasts,
                        owner, now);
}

apr_status_t leases_held(store_t *store, const char *name, const char *owner)
{
    apr_int64_t now = 0, until = 0;
    apr_status_t rv;

    rv = dialect_now(&now, store);
    if (rv == APR_SUCCESS) {
        rv = store_get_int(store, &until, "SELECT until FROM leases"
                           " WHERE name = ? AND owner = ?", "tt", name,
                           owner);
    }
    if (rv == APR_NOTFOUND) {
        return STORE_ECONFLICT;
    }
    return rv == APR_SUCCESS && until <= now ? STORE_ECONFLICT : rv;
}

apr_status_t leases_drop(store_t *store, const char *name, const char *owner)
{
    return store_exec(store, NULL, "DELETE FROM leases WHERE name = ?"
                      " AND owner = ?", "tt", name, owner);
}

apr_status_t leases_drop_all(store_t *store, const char *owner)
{
    return store_exec(store, NULL, "DELETE FROM leases WHERE owner = ?", "t",
                      owner);
}

/* A name that follows all that begin with prefix: its last octet counts one
 * up. Names are ours, in ASCII. */
static const char *after(const char *prefix, char *next, apr_size_t size)
{
    apr_cpystrn(next, prefix, size);
    next[strlen(next) - 1]++;
    return next;
}

apr_status_t leases_count(apr_int64_t *count, store_t *store,
                          const char *prefix)
{
    apr_int64_t now = 0;
    char next[129];
    apr_status_t rv;

    rv = dialect_now(&now, store);
    return rv != APR_SUCCESS ? rv
           : store_get_int(store, count, "SELECT count(*) FROM leases"
                           " WHERE name >= ? AND name < ? AND until > ?",
                           "tti", prefix, after(prefix, next, sizeof(next)),
                           now);
}

apr_status_t leases_newest(apr_int64_t *until, apr_int64_t *now,
                           store_t *store, const char *prefix)
{
    char next[129];
    apr_status_t rv;

    rv = dialect_now(now, store);
    return rv != APR_SUCCESS ? rv
           : store_get_int(store, until, "SELECT coalesce(max(until), 0)"
                           " FROM leases WHERE name >= ? AND name < ?", "tt",
                           prefix, after(prefix, next, sizeof(next)));
}
