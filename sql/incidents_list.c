/* SPDX-License-Identifier: MIT */
/*
 * Incidents read and what people say to them: acknowledged, muted. httpd's
 * request threads and mailprobe's store thread.
 */
#include "incidents.h"

#include "dialect.h"
#include "outbox.h"

#define WHO_MAX 64

/* In the order read_incident wants. */
#define INCIDENT_COLUMNS \
    "id, public_id, kind, subject, title, detail, opened_at, closed_at," \
    " acked_at, acked_by, muted, told, repeat_at, updated_at"

static void read_incident(incident_t *i, store_rows_t *rows, apr_pool_t *pool)
{
    i->id = store_int(rows, 0);
    i->public_id = store_text(rows, 1, pool);
    i->kind = store_text(rows, 2, pool);
    i->subject = store_text(rows, 3, pool);
    i->title = store_text(rows, 4, pool);
    i->detail = store_text(rows, 5, pool);
    i->opened_at = store_int(rows, 6);
    i->closed_at = dialect_int(rows, 7);
    i->acked_at = dialect_int(rows, 8);
    i->acked_by = store_text(rows, 9, pool);
    i->muted = store_int(rows, 10) != 0;
    i->told = store_int(rows, 11);
    i->repeat_at = dialect_int(rows, 12);
    i->updated_at = store_int(rows, 13);
}

static apr_status_t read_one(incident_t **incident, store_rows_t *rows,
                             apr_pool_t *pool)
{
    apr_status_t rv = store_next(rows);

    if (rv == APR_SUCCESS) {
        *incident = apr_palloc(pool, sizeof(**incident));
        read_incident(*incident, rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

apr_status_t incidents_get(incident_t **incident, store_t *store,
                           const char *public_id, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " INCIDENT_COLUMNS
                     " FROM incidents WHERE public_id = ?", "t", public_id);
    return rv != APR_SUCCESS ? rv : read_one(incident, rows, pool);
}

apr_status_t incidents_by_id(incident_t **incident, store_t *store,
                             apr_int64_t id, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " INCIDENT_COLUMNS
                     " FROM incidents WHERE id = ?", "i", id);
    return rv != APR_SUCCESS ? rv : read_one(incident, rows, pool);
}

apr_status_t incidents_page(apr_array_header_t **list, store_t *store,
                            int open, apr_int64_t before, int limit,
                            apr_pool_t *pool)
{
    static const char *const queries[] = {
        "SELECT " INCIDENT_COLUMNS " FROM incidents WHERE id < ?"
        " ORDER BY id DESC LIMIT ?",
        "SELECT " INCIDENT_COLUMNS " FROM incidents WHERE id < ?"
        " AND closed_at IS NOT NULL ORDER BY id DESC LIMIT ?",
        "SELECT " INCIDENT_COLUMNS " FROM incidents WHERE id < ?"
        " AND closed_at IS NULL ORDER BY id DESC LIMIT ?"
    };
    store_rows_t *rows;
    apr_status_t rv;

    *list = apr_array_make(pool, 16, sizeof(incident_t));
    rv = store_query(&rows, store, queries[open < 0 ? 0 : 1 + (open != 0)],
                     "ii", before == STORE_NULL ? APR_INT64_MAX : before,
                     (apr_int64_t)limit);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        read_incident(apr_array_push(*list), rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static void read_member(incident_member_t *m, store_rows_t *rows,
                        apr_pool_t *pool)
{
    m->monitor_id = store_int(rows, 0);
    m->monitor_public_id = store_text(rows, 1, pool);
    m->monitor_name = store_text(rows, 2, pool);
    m->recipient = store_text(rows, 3, pool);
    m->joined_at = store_int(rows, 4);
    m->failing_since = store_int(rows, 5);
    m->state = store_text(rows, 6, pool);
    m->detail = store_text(rows, 7, pool);
    m->last_hop = store_text(rows, 8, pool);
    m->last_ok_at = dialect_int(rows, 9);
    m->recovered_at = dialect_int(rows, 10);
    m->quiet = store_int(rows, 11) != 0;
}

apr_status_t incidents_members(apr_array_header_t **list, store_t *store,
                               apr_int64_t id, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *list = apr_array_make(pool, 8, sizeof(incident_member_t));
    rv = store_query(&rows, store, "SELECT m.id, m.public_id, m.name,"
                     " m.recipient, im.joined_at, im.failing_since, im.state,"
                     " im.detail, im.last_hop, im.last_ok_at,"
                     " im.recovered_at, im.quiet FROM incident_monitors im"
                     " JOIN monitors m ON m.id = im.monitor_id WHERE"
                     " im.incident_id = ? ORDER BY im.joined_at, m.name", "i",
                     id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        read_member(apr_array_push(*list), rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* -- what people say ------------------------------------------------------- */

apr_status_t incidents_acknowledge(store_t *store, apr_int64_t id,
                                   const char *who, apr_time_t now)
{
    apr_int64_t changed = 0;
    apr_pool_t *scratch;
    apr_status_t rv;

    apr_pool_create(&scratch, NULL);
    rv = store_exec(store, &changed, "UPDATE incidents SET"
                    " acked_by = CASE WHEN acked_at IS NULL THEN ? ELSE"
                    " acked_by END, acked_at = coalesce(acked_at, ?),"
                    " repeat_at = NULL, updated_at = ? WHERE id = ?", "tiii",
                    dialect_words(who, WHO_MAX, scratch), (apr_int64_t)now,
                    (apr_int64_t)now, id);
    apr_pool_destroy(scratch);
    if (rv == APR_SUCCESS && !changed) {
        return APR_NOTFOUND;
    }
    return rv != APR_SUCCESS ? rv
           : store_exec(store, NULL, "DELETE FROM outbox WHERE"
                        " incident_id = ? AND event = '" EVENT_REPEAT
                        "' AND dispatched_at IS NULL", "i", id);
}

apr_status_t incidents_mute(store_t *store, apr_int64_t id, int muted,
                            apr_time_t now)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(store, &changed, "UPDATE incidents SET muted = ?,"
                    " updated_at = ? WHERE id = ?", "iii",
                    (apr_int64_t)(muted != 0), (apr_int64_t)now, id);
    if (rv == APR_SUCCESS && !changed) {
        return APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS && muted) {
        rv = store_exec(store, NULL, "DELETE FROM outbox WHERE"
                        " incident_id = ? AND event <> '" EVENT_RECOVERED
                        "' AND dispatched_at IS NULL", "i", id);
    } else if (rv == APR_SUCCESS) {
        /* muted before anybody was told: now is the time */
        rv = store_exec(store, NULL, "UPDATE incidents SET repeat_at = ?"
                        " WHERE id = ? AND closed_at IS NULL AND"
                        " acked_at IS NULL AND NOT EXISTS (SELECT 1 FROM"
                        " outbox o WHERE o.incident_id = incidents.id)", "ii",
                        (apr_int64_t)now, id);
    }
    return rv;
}
