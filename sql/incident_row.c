/* SPDX-License-Identifier: MIT */
/*
 * What every kind of incident needs: its row, its outbox rows, its end; and
 * those of the house, which have no members. Contract in incident_row.h and
 * incidents.h; inside the caller's transaction.
 */
#include "incident_row.h"

#include <apr_strings.h>

#include "dialect.h"
#include "outbox.h"
#include "token.h"

#define DETAIL_MAX 1000

/* An alarm is superseded long before. */
#define EXPIRES apr_time_from_sec(30 * 86400)

/* -- messages -------------------------------------------------------------- */

apr_interval_time_t incident_row_pause(apr_int64_t repeats)
{
    static const int seconds[] = INCIDENT_REPEATS;
    int last = (int)(sizeof(seconds) / sizeof(*seconds)) - 1;

    return apr_time_from_sec(seconds[repeats < last ? repeats : last]);
}

apr_status_t incident_row_tell(store_t *store, apr_int64_t id,
                               const char *event, apr_int64_t part,
                               apr_time_t not_before, apr_time_t now)
{
    outbox_row_t row = { 0, NULL, event, STORE_NULL, STORE_NULL, id, NULL,
                         NULL, now, not_before, now + EXPIRES };
    char key[80];
    apr_status_t rv;

    if (part) {
        apr_snprintf(key, sizeof(key), "%s:%" APR_INT64_T_FMT ":%"
                     APR_INT64_T_FMT, event, id, part);
    } else {
        apr_snprintf(key, sizeof(key), "%s:%" APR_INT64_T_FMT, event, id);
    }
    row.dedupe_key = key;
    rv = outbox_put(store, &row);
    return rv != APR_SUCCESS ? rv
           : store_exec(store, NULL, "UPDATE incidents SET told = told + 1,"
                        " updated_at = ? WHERE id = ?", "ii",
                        (apr_int64_t)now, id);
}

static apr_status_t is_waiting(int *waiting, store_t *store, apr_int64_t id,
                               const char *event)
{
    apr_int64_t count = 0;
    apr_status_t rv;

    rv = store_get_int(store, &count, "SELECT count(*) FROM outbox WHERE"
                       " incident_id = ? AND event = ? AND"
                       " dispatched_at IS NULL", "it", id, event);
    *waiting = count > 0;
    return rv;
}

apr_status_t incident_row_joined(store_t *store, apr_int64_t id,
                                 apr_int64_t monitor_id, apr_time_t not_before,
                                 apr_time_t now)
{
    apr_int64_t muted = 0;
    apr_status_t rv;
    int waiting = 0;

    rv = store_get_int(store, &muted, "SELECT muted FROM incidents"
                       " WHERE id = ?", "i", id);
    if (rv == APR_SUCCESS) {
        rv = is_waiting(&waiting, store, id, EVENT_ALARM);
    }
    if (rv != APR_SUCCESS || muted || waiting) {
        return rv;
    }
    rv = store_exec(store, NULL, "UPDATE incidents SET repeat_at = ? WHERE"
                    " id = ? AND repeat_at IS NULL AND acked_at IS NULL",
                    "ii", (apr_int64_t)(now + incident_row_pause(0)), id);
    return rv != APR_SUCCESS ? rv
           : incident_row_tell(store, id, EVENT_ALARM, monitor_id, not_before,
                               now);
}

apr_status_t incident_row_supersede(store_t *store, apr_int64_t id,
                                    apr_time_t now)
{
    return store_exec(store, NULL, "UPDATE outbox SET expires_at = ? WHERE"
                      " incident_id = ? AND dispatched_at IS NOT NULL AND"
                      " expires_at > ?", "iii", (apr_int64_t)now, id,
                      (apr_int64_t)now);
}

/* -- opened, named, closed ------------------------------------------------- */

apr_status_t incident_row_open(apr_int64_t *id, store_t *store,
                               const char *kind, const char *subject,
                               apr_int64_t repeat_at, apr_time_t now,
                               apr_pool_t *pool)
{
    const char *public_id = NULL;
    apr_status_t rv = token_uuid(&public_id, store, pool);

    return rv != APR_SUCCESS ? rv
           : store_insert(store, id, "INSERT INTO incidents (public_id, kind,"
                          " subject, title, detail, opened_at, repeat_at,"
                          " updated_at) VALUES (?, ?, ?, '', '', ?, ?, ?)",
                          "tttiNi", public_id, kind, subject,
                          (apr_int64_t)now, repeat_at, (apr_int64_t)now);
}

apr_status_t incident_row_entitle(store_t *store, apr_int64_t id,
                                  const char *title, const char *detail,
                                  apr_time_t now, apr_pool_t *pool)
{
    return store_exec(store, NULL, "UPDATE incidents SET title = ?,"
                      " detail = ?, updated_at = ? WHERE id = ?", "ttii",
                      dialect_words(title, DETAIL_MAX, pool),
                      dialect_words(detail, DETAIL_MAX, pool),
                      (apr_int64_t)now, id);
}

apr_status_t incident_row_close(store_t *store, apr_int64_t id,
                                apr_time_t now)
{
    apr_status_t rv;

    rv = store_exec(store, NULL, "UPDATE incidents SET closed_at = ?,"
                    " repeat_at = NULL, updated_at = ? WHERE id = ?", "iii",
                    (apr_int64_t)now, (apr_int64_t)now, id);
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "DELETE FROM outbox WHERE"
                        " incident_id = ? AND event <> '" EVENT_RECOVERED
                        "' AND dispatched_at IS NULL", "i", id);
    }
    return rv == APR_SUCCESS ? incident_row_supersede(store, id, now) : rv;
}

/* Said when the alarm was, once for all that are over in the same moments. */
apr_status_t incident_row_over(store_t *store, apr_int64_t id,
                               apr_time_t not_before, apr_time_t now)
{
    apr_int64_t alarms = 0, told = 0;
    apr_status_t rv;
    int waiting = 0;

    rv = store_get_int(store, &alarms, "SELECT count(*) FROM outbox WHERE"
                       " incident_id = ? AND event <> '" EVENT_RECOVERED
                       "' AND dispatched_at IS NOT NULL", "i", id);
    if (rv == APR_SUCCESS) {
        rv = is_waiting(&waiting, store, id, EVENT_RECOVERED);
    }
    if (rv == APR_SUCCESS) {
        rv = store_get_int(store, &told, "SELECT told FROM incidents"
                           " WHERE id = ?", "i", id);
    }
    return rv != APR_SUCCESS || !alarms || waiting ? rv
           : incident_row_tell(store, id, EVENT_RECOVERED, told + 1,
                               not_before, now);
}

/* -- the house ------------------------------------------------------------- */

static apr_status_t find_house(apr_int64_t *id, store_t *store,
                               const char *subject)
{
    return store_get_int(store, id, "SELECT id FROM incidents WHERE"
                         " closed_at IS NULL AND kind = '" INCIDENT_HOUSE
                         "' AND subject = ? ORDER BY id LIMIT 1", "t",
                         subject);
}

apr_status_t incidents_house(store_t *store, const char *subject,
                             const char *title, const char *detail,
                             apr_time_t now, apr_pool_t *pool)
{
    apr_int64_t id = 0;
    int fresh = 0;
    apr_status_t rv = find_house(&id, store, subject);

    if (rv == APR_NOTFOUND) {
        fresh = 1;
        rv = incident_row_open(&id, store, INCIDENT_HOUSE, subject,
                               now + incident_row_pause(0), now, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = incident_row_entitle(store, id, title, detail, now, pool);
    }
    return rv != APR_SUCCESS || !fresh ? rv
           : incident_row_tell(store, id, EVENT_ALARM, 0, now, now);
}

apr_status_t incidents_house_over(store_t *store, const char *subject,
                                  apr_time_t now, apr_pool_t *pool)
{
    apr_int64_t id = 0;
    apr_status_t rv = find_house(&id, store, subject);

    (void)pool;
    if (rv == APR_SUCCESS) {
        rv = incident_row_close(store, id, now);
    }
    if (rv == APR_SUCCESS) {
        rv = incident_row_over(store, id, now, now);
    }
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}
