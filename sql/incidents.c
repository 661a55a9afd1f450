/* SPDX-License-Identifier: MIT */
/*
 * Incidents begin, grow and end. mailprobe's store thread (and whoever pauses
 * or deletes a monitor), inside the caller's transaction: the outbox rows that
 * an alarm or a recovery causes become true with it.
 */
#include "incidents.h"

#include <string.h>

#include <apr_strings.h>

#include "dialect.h"
#include "incident_row.h"
#include "outbox.h"

#define DETAIL_MAX 1000
#define HOP_MAX 255

static const char *words(const char *text, apr_size_t max, apr_pool_t *pool)
{
    return dialect_words(text ? text : "", max, pool);
}

/* -- opened and joined ----------------------------------------------------- */

static const char *what_is_wrong(const incident_alarm_t *alarm)
{
    return !strcmp(alarm->kind, INCIDENT_AUTH) ? "authentication fails"
           : !strcmp(alarm->kind, INCIDENT_CERTIFICATE)
           ? "certificate ends soon" : alarm->state;
}

/* For lists: whoever came first, and how many followed. */
static apr_status_t entitle_by(store_t *store, apr_int64_t id,
                               const incident_alarm_t *alarm, apr_time_t now,
                               apr_pool_t *pool)
{
    const char *name = NULL, *detail = NULL, *title;
    apr_int64_t members = 0;
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT m.name, im.detail, (SELECT"
                     " count(*) FROM incident_monitors x WHERE"
                     " x.incident_id = im.incident_id) FROM incident_monitors"
                     " im JOIN monitors m ON m.id = im.monitor_id WHERE"
                     " im.incident_id = ? ORDER BY im.joined_at,"
                     " im.monitor_id LIMIT 1", "i", id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        name = store_text(rows, 0, pool);
        detail = store_text(rows, 1, pool);
        members = store_int(rows, 2);
    }
    store_done(rows);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    title = members > 1
            ? apr_psprintf(pool, "%s and %" APR_INT64_T_FMT " more: %s", name,
                           members - 1, what_is_wrong(alarm))
            : apr_pstrcat(pool, name, ": ", what_is_wrong(alarm), NULL);
    return incident_row_entitle(store, id, title, detail, now, pool);
}

static apr_status_t add_member(store_t *store, apr_int64_t id,
                               const incident_alarm_t *alarm, apr_time_t now,
                               apr_pool_t *pool)
{
    apr_status_t rv;

    rv = store_exec(store, NULL, "INSERT INTO incident_monitors (incident_id,"
                    " monitor_id, joined_at, failing_since, state, detail,"
                    " last_hop, last_ok_at, quiet) VALUES (?, ?, ?, ?, ?, ?,"
                    " ?, ?, ?)", "iiiitttNi", id, alarm->monitor->id,
                    (apr_int64_t)now, alarm->failing_since, alarm->state,
                    words(alarm->detail, DETAIL_MAX, pool),
                    words(alarm->last_hop, HOP_MAX, pool),
                    alarm->monitor->last_ok_at,
                    (apr_int64_t)(alarm->quiet != 0));
    return rv == APR_SUCCESS ? entitle_by(store, id, alarm, now, pool) : rv;
}

static apr_status_t refresh(store_t *store, apr_int64_t id, int was_quiet,
                            const incident_alarm_t *alarm, apr_time_t now,
                            apr_pool_t *pool)
{
    int heard = was_quiet && !alarm->quiet;
    apr_status_t rv;

    rv = store_exec(store, NULL, "UPDATE incident_monitors SET state = ?,"
                    " detail = ?, last_hop = CASE WHEN ? = '' THEN last_hop"
                    " ELSE ? END, quiet = ? WHERE incident_id = ? AND"
                    " monitor_id = ?", "ttttiii", alarm->state,
                    words(alarm->detail, DETAIL_MAX, pool),
                    words(alarm->last_hop, HOP_MAX, pool),
                    words(alarm->last_hop, HOP_MAX, pool),
                    (apr_int64_t)(was_quiet && alarm->quiet), id,
                    alarm->monitor->id);
    if (rv == APR_SUCCESS) {
        rv = entitle_by(store, id, alarm, now, pool);
    }
    return rv != APR_SUCCESS || !heard ? rv
           : incident_row_joined(store, id, alarm->monitor->id,
                                 now + alarm->gather, now);
}

/* The open incident of this kind that the monitor is in. APR_NOTFOUND. */
static apr_status_t find_own(apr_int64_t *id, int *quiet, store_t *store,
                             const incident_alarm_t *alarm)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT i.id, im.quiet FROM"
                     " incident_monitors im JOIN incidents i"
                     " ON i.id = im.incident_id WHERE im.monitor_id = ? AND"
                     " im.recovered_at IS NULL AND i.closed_at IS NULL AND"
                     " i.kind = ? ORDER BY i.id LIMIT 1", "it",
                     alarm->monitor->id, alarm->kind);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        *id = store_int(rows, 0);
        *quiet = store_int(rows, 1) != 0;
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

/* One that began at about the same time, by something shared. Not one that it
 * has recovered in: people were told so. APR_NOTFOUND. */
static apr_status_t find_company(apr_int64_t *id, store_t *store,
                                 const incident_alarm_t *alarm,
                                 apr_time_t now)
{
    const monitor_t *m = alarm->monitor;

    return store_get_int(store, id, "SELECT i.id FROM incidents i JOIN"
        " incident_monitors im ON im.incident_id = i.id JOIN monitors m"
        " ON m.id = im.monitor_id WHERE i.closed_at IS NULL AND i.kind = ?"
        " AND im.recovered_at IS NULL AND (i.opened_at > ? OR"
        " im.failing_since BETWEEN ? AND ?) AND (m.send_account IN (?, ?)"
        " OR m.watch_account IN (?, ?) OR m.domain = ? OR (im.last_hop = ?"
        " AND im.last_hop <> '')) AND NOT EXISTS (SELECT 1 FROM"
        " incident_monitors own WHERE own.incident_id = i.id AND"
        " own.monitor_id = ?) ORDER BY i.id LIMIT 1", "tiiitttttti",
        alarm->kind, (apr_int64_t)(now - INCIDENT_JOIN),
        alarm->failing_since - INCIDENT_JOIN,
        alarm->failing_since + INCIDENT_JOIN, m->send_account,
        m->watch_account, m->send_account, m->watch_account, m->domain,
        alarm->last_hop, m->id);
}

apr_status_t incidents_raise(store_t *store, const incident_alarm_t *alarm,
                             apr_time_t now, apr_pool_t *pool)
{
    apr_int64_t id = 0;
    apr_status_t rv;
    int quiet = 0;

    rv = find_own(&id, &quiet, store, alarm);
    if (rv != APR_NOTFOUND) {
        return rv != APR_SUCCESS ? rv
               : refresh(store, id, quiet, alarm, now, pool);
    }
    rv = find_company(&id, store, alarm, now);
    if (rv == APR_SUCCESS) {
        rv = add_member(store, id, alarm, now, pool);
        return rv != APR_SUCCESS || alarm->quiet ? rv
               : incident_row_joined(store, id, alarm->monitor->id,
                                     now + alarm->gather, now);
    }
    if (rv == APR_NOTFOUND) {
        rv = incident_row_open(&id, store, alarm->kind, "", alarm->quiet
                               ? STORE_NULL : now + incident_row_pause(0),
                               now, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = add_member(store, id, alarm, now, pool);
    }
    return rv != APR_SUCCESS || alarm->quiet ? rv
           : incident_row_tell(store, id, EVENT_ALARM, 0, now + alarm->gather,
                               now);
}

/* -- over ------------------------------------------------------------------ */

typedef struct over_t {
    store_t *store;
    apr_int64_t monitor_id;
    const char *state;          /* to be written; NULL: as it was */
    apr_time_t not_before;
    apr_time_t now;
} over_t;

static apr_status_t end_member(const over_t *o, apr_int64_t id, int quiet)
{
    apr_int64_t failing = 0;
    apr_status_t rv;

    rv = store_exec(o->store, NULL, "UPDATE incident_monitors SET"
                    " recovered_at = ?, state = coalesce(?, state) WHERE"
                    " incident_id = ? AND monitor_id = ?", "itii",
                    (apr_int64_t)o->now, o->state, id, o->monitor_id);
    if (rv == APR_SUCCESS) {
        rv = store_get_int(o->store, &failing, "SELECT count(*) FROM"
                           " incident_monitors WHERE incident_id = ? AND"
                           " recovered_at IS NULL", "i", id);
    }
    if (rv == APR_SUCCESS && !failing) {
        rv = incident_row_close(o->store, id, o->now);
    }
    return rv != APR_SUCCESS || quiet ? rv
           : incident_row_over(o->store, id, o->not_before, o->now);
}

/* @param kind NULL: of each kind */
static apr_status_t end_all(const over_t *o, const char *kind,
                            apr_pool_t *pool)
{
    apr_array_header_t *found = apr_array_make(pool, 4, sizeof(apr_int64_t));
    store_rows_t *rows;
    apr_status_t rv;
    int i;

    rv = store_query(&rows, o->store, "SELECT i.id, im.quiet FROM"
                     " incident_monitors im JOIN incidents i"
                     " ON i.id = im.incident_id WHERE im.monitor_id = ? AND"
                     " im.recovered_at IS NULL AND i.closed_at IS NULL AND"
                     " i.kind = coalesce(?, i.kind) ORDER BY i.id", "it",
                     o->monitor_id, kind);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        APR_ARRAY_PUSH(found, apr_int64_t) = store_int(rows, 0);
        APR_ARRAY_PUSH(found, apr_int64_t) = store_int(rows, 1);
    }
    store_done(rows);
    rv = rv == APR_EOF ? APR_SUCCESS : rv;
    for (i = 0; rv == APR_SUCCESS && i < found->nelts; i += 2) {
        rv = end_member(o, APR_ARRAY_IDX(found, i, apr_int64_t),
                        APR_ARRAY_IDX(found, i + 1, apr_int64_t) != 0);
    }
    return rv;
}

apr_status_t incidents_recover(store_t *store, const char *kind,
                               const monitor_t *monitor,
                               apr_interval_time_t gather, apr_time_t now,
                               apr_pool_t *pool)
{
    over_t over = { store, monitor->id, NULL, now + gather, now };

    return end_all(&over, kind, pool);
}

apr_status_t incidents_leave(store_t *store, apr_int64_t monitor_id,
                             apr_time_t now, apr_pool_t *pool)
{
    over_t over = { store, monitor_id, INCIDENT_LEFT, now, now };

    return end_all(&over, NULL, pool);
}
