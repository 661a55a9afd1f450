/* SPDX-License-Identifier: MIT */
/*
 * Monitors: made, read, changed, removed by people, and written by mailprobe.
 * httpd's request threads and mailprobe's store thread. Those declared in the
 * configuration are in monitors_declare.c, the history of states in
 * monitor_states.c, windows and routes in files of their own.
 */
#include "monitors.h"

#include <string.h>

#include <apr_strings.h>

#include "dialect.h"
#include "incidents.h"
#include "monitor_row.h"
#include "token.h"

#define DETAIL_MAX 1000

/* -- reading --------------------------------------------------------------- */

static apr_status_t read_one(monitor_t **m, store_rows_t *rows,
                             apr_pool_t *pool)
{
    apr_status_t rv = store_next(rows);

    if (rv == APR_SUCCESS) {
        *m = apr_palloc(pool, sizeof(**m));
        monitor_row_read(*m, rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

apr_status_t monitors_get(monitor_t **m, store_t *store,
                          const char *public_id, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " MONITOR_COLUMNS
                     " FROM monitors m WHERE m.public_id = ?", "t",
                     public_id);
    return rv != APR_SUCCESS ? rv : read_one(m, rows, pool);
}

apr_status_t monitors_by_id(monitor_t **m, store_t *store, apr_int64_t id,
                            apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " MONITOR_COLUMNS
                     " FROM monitors m WHERE m.id = ?", "i", id);
    return rv != APR_SUCCESS ? rv : read_one(m, rows, pool);
}

apr_status_t monitors_list(apr_array_header_t **list, store_t *store,
                           apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *list = apr_array_make(pool, 16, sizeof(monitor_t));
    rv = store_query(&rows, store, "SELECT " MONITOR_COLUMNS
                     " FROM monitors m ORDER BY m.name", NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        monitor_row_read(apr_array_push(*list), rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* -- made and changed ------------------------------------------------------ */

apr_status_t monitor_row_insert(store_t *store, monitor_t *m, apr_time_t now,
                                apr_pool_t *pool)
{
    apr_int64_t added = 0;
    apr_status_t rv = APR_SUCCESS;

    if (!m->public_id) {
        rv = token_uuid(&m->public_id, store, pool);
    }
    if (rv == APR_SUCCESS) {
        m->state = m->enabled ? STATE_NEW : STATE_PAUSED;
        m->created_at = m->updated_at = m->state_since = m->next_at = now;
        rv = store_exec(store, &added, "INSERT INTO monitors (public_id, name,"
            " recipient, domain, send_account, watch_account, interval_us,"
            " retry_us, late_us, missing_us, failures_needed,"
            " successes_needed, alert_on, keep_mail, enabled, declared,"
            " muted_until, created_at, updated_at, state, state_since,"
            " next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
            " ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            "ttttttiiiiiitiiiNiitii", m->public_id, m->name, m->recipient,
            m->domain, m->send_account, m->watch_account, m->interval_us,
            m->retry_us, m->late_us, m->missing_us,
            (apr_int64_t)m->failures_needed, (apr_int64_t)m->successes_needed,
            m->alert_on, (apr_int64_t)(m->keep_mail != 0),
            (apr_int64_t)(m->enabled != 0), (apr_int64_t)(m->declared != 0),
            m->muted_until, (apr_int64_t)now, (apr_int64_t)now, m->state,
            (apr_int64_t)now, (apr_int64_t)now);
    }
    if (rv == APR_SUCCESS && !added) {
        return STORE_ECONFLICT;
    }
    if (rv == APR_SUCCESS) {
        rv = store_get_int(store, &m->id, "SELECT id FROM monitors"
                           " WHERE public_id = ?", "t", m->public_id);
    }
    if (rv == APR_SUCCESS) {
        rv = monitor_row_turned(store, m->id, now, m->state, "");
    }
    return rv == APR_SUCCESS ? monitor_row_edited(store, pool) : rv;
}

apr_status_t monitors_add(store_t *store, monitor_t *m, apr_time_t now,
                          apr_pool_t *pool)
{
    apr_status_t rv = monitor_row_check(store, m, pool);

    if (rv == APR_SUCCESS) {
        rv = store_begin(store);
    }
    return rv != APR_SUCCESS ? rv
           : store_end(store, monitor_row_insert(store, m, now, pool));
}

/* A state that people caused: on or off. */
static apr_status_t turn(store_t *store, const monitor_t *was,
                         const monitor_t *m, apr_time_t now,
                         apr_pool_t *pool)
{
    const char *state = m->enabled ? STATE_NEW : STATE_PAUSED;
    apr_status_t rv;

    if (was->enabled == m->enabled) {
        return APR_SUCCESS;
    }
    rv = m->enabled ? APR_SUCCESS : incidents_leave(store, m->id, now, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_exec(store, NULL, "UPDATE monitors SET state = ?, detail = '',"
                    " state_since = ?, alarmed = 0, failures = 0,"
                    " successes = 0, next_at = ?, probe_asked_at = NULL"
                    " WHERE id = ?", "tiii", state, (apr_int64_t)now,
                    (apr_int64_t)now, m->id);
    return rv == APR_SUCCESS ? monitor_row_turned(store, m->id, now, state,
                                                  "") : rv;
}

/* What counts failures begins anew; another route is another latency. */
static apr_status_t begin_anew(store_t *store, const monitor_t *was,
                               const monitor_t *m, apr_time_t now)
{
    int route = strcmp(was->recipient, m->recipient)
                || strcmp(was->send_account, m->send_account)
                || strcmp(was->watch_account, m->watch_account);
    int limits = was->late_us != m->late_us || was->missing_us != m->missing_us
                 || was->failures_needed != m->failures_needed
                 || was->successes_needed != m->successes_needed
                 || strcmp(was->alert_on, m->alert_on);
    apr_status_t rv = APR_SUCCESS;

    if (route || limits) {
        rv = store_exec(store, NULL, "UPDATE monitors SET failures = 0,"
                        " successes = 0 WHERE id = ?", "i", m->id);
    }
    if (rv == APR_SUCCESS && route) {
        rv = store_exec(store, NULL, "UPDATE monitors SET usual_us = NULL,"
                        " cert_until = NULL, auth_state = '', next_at = ?"
                        " WHERE id = ?", "ii", (apr_int64_t)now, m->id);
    }
    if (rv == APR_SUCCESS && (was->interval_us != m->interval_us
                              || was->retry_us != m->retry_us)) {
        rv = store_exec(store, NULL, "UPDATE monitors SET next_at = ?"
                        " WHERE id = ? AND next_at > ?", "iii",
                        (apr_int64_t)(now + m->interval_us), m->id,
                        (apr_int64_t)(now + m->interval_us));
    }
    return rv;
}

apr_status_t monitor_row_change(store_t *store, const monitor_t *m,
                                apr_time_t now, apr_pool_t *pool)
{
    apr_int64_t taken = 0;
    monitor_t *was = NULL;
    apr_status_t rv = monitors_by_id(&was, store, m->id, pool);

    if (rv == APR_SUCCESS && strcmp(was->name, m->name)) {
        rv = store_get_int(store, &taken, "SELECT id FROM monitors"
                           " WHERE name = ?", "t", m->name);
        rv = rv == APR_NOTFOUND ? APR_SUCCESS
             : rv == APR_SUCCESS ? STORE_ECONFLICT : rv;
    }
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "UPDATE monitors SET name = ?,"
            " recipient = ?, domain = ?, send_account = ?, watch_account = ?,"
            " interval_us = ?, retry_us = ?, late_us = ?, missing_us = ?,"
            " failures_needed = ?, successes_needed = ?, alert_on = ?,"
            " keep_mail = ?, enabled = ?, declared = ?, muted_until = ?,"
            " updated_at = ? WHERE id = ?", "tttttiiiiiitiiiNii", m->name,
            m->recipient, m->domain, m->send_account, m->watch_account,
            m->interval_us, m->retry_us, m->late_us, m->missing_us,
            (apr_int64_t)m->failures_needed, (apr_int64_t)m->successes_needed,
            m->alert_on, (apr_int64_t)(m->keep_mail != 0),
            (apr_int64_t)(m->enabled != 0), (apr_int64_t)(m->declared != 0),
            m->muted_until, (apr_int64_t)now, m->id);
    }
    if (rv == APR_SUCCESS) {
        rv = begin_anew(store, was, m, now);
    }
    if (rv == APR_SUCCESS) {
        rv = turn(store, was, m, now, pool);
    }
    return rv == APR_SUCCESS ? monitor_row_edited(store, pool) : rv;
}

apr_status_t monitors_update(store_t *store, const monitor_t *m,
                             apr_time_t now, apr_pool_t *pool)
{
    monitor_t *copy = apr_pmemdup(pool, m, sizeof(*m));
    apr_status_t rv = monitor_row_check(store, copy, pool);

    if (rv == APR_SUCCESS) {
        rv = store_begin(store);
    }
    return rv != APR_SUCCESS ? rv
           : store_end(store, monitor_row_change(store, copy, now, pool));
}

static apr_status_t remove_row(store_t *store, apr_int64_t id,
                               apr_pool_t *pool)
{
    apr_int64_t gone = 0;
    apr_status_t rv = incidents_leave(store, id, apr_time_now(), pool);

    if (rv == APR_SUCCESS) {
        rv = store_exec(store, &gone, "DELETE FROM monitors WHERE id = ?",
                        "i", id);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return gone ? monitor_row_edited(store, pool) : APR_NOTFOUND;
}

apr_status_t monitors_remove(store_t *store, apr_int64_t id)
{
    apr_pool_t *scratch;
    apr_status_t rv = store_begin(store);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&scratch, NULL);
    rv = store_end(store, remove_row(store, id, scratch));
    apr_pool_destroy(scratch);
    return rv;
}

/* -- probe now ------------------------------------------------------------- */

apr_status_t monitors_ask(store_t *store, apr_int64_t id, apr_time_t now)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(store, &changed, "UPDATE monitors SET probe_asked_at = ?"
                    " WHERE id = ? AND enabled = 1", "ii", (apr_int64_t)now,
                    id);
    return rv == APR_SUCCESS && !changed ? APR_NOTFOUND : rv;
}

apr_status_t monitors_asked(apr_array_header_t **ids, store_t *store,
                            apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *ids = apr_array_make(pool, 4, sizeof(apr_int64_t));
    rv = store_query(&rows, store, "SELECT id FROM monitors"
                     " WHERE probe_asked_at IS NOT NULL ORDER BY id", NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        APR_ARRAY_PUSH(*ids, apr_int64_t) = store_int(rows, 0);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* -- what mailprobe knows -------------------------------------------------- */

static apr_status_t write_state(store_t *store, const monitor_t *m,
                                const char *detail, apr_int64_t asked)
{
    return store_exec(store, NULL, "UPDATE monitors SET state = ?,"
        " state_since = ?, detail = ?, failures = ?, successes = ?,"
        " alarmed = ?, decided_to = ?, failed_to = ?, next_at = ?,"
        " last_probe_at = ?, last_ok_at = ?, last_latency_us = ?,"
        " usual_us = ?, auth_state = ?, cert_until = ?, probe_asked_at = CASE"
        " WHEN probe_asked_at <= ? THEN NULL ELSE probe_asked_at END"
        " WHERE id = ?", "titiiiiiiNNNNtNii", m->state, m->state_since,
        detail, m->failures, m->successes, (apr_int64_t)(m->alarmed != 0),
        m->decided_to, m->failed_to, m->next_at, m->last_probe_at,
        m->last_ok_at, m->last_latency_us, m->usual_us, m->auth_state,
        m->cert_until, asked, m->id);
}

apr_status_t monitors_note(store_t *store, const monitor_t *m,
                           apr_int64_t asked, apr_time_t now)
{
    apr_pool_t *scratch;
    const char *detail;
    monitor_t *was = NULL;
    apr_status_t rv;

    (void)now;
    apr_pool_create(&scratch, NULL);
    detail = dialect_words(m->detail, DETAIL_MAX, scratch);
    rv = monitors_by_id(&was, store, m->id, scratch);
    if (rv == APR_SUCCESS && was->updated_at != m->updated_at) {
        rv = STORE_ECONFLICT;
    }
    if (rv == APR_SUCCESS) {
        rv = write_state(store, m, detail, asked);
    }
    if (rv == APR_SUCCESS && strcmp(was->state, m->state)) {
        rv = monitor_row_turned(store, m->id, m->state_since, m->state,
                                detail);
    }
    apr_pool_destroy(scratch);
    return rv;
}

/* -- toggles per channel --------------------------------------------------- */

apr_status_t monitors_channels_off(apr_array_header_t **names, store_t *store,
                                   apr_int64_t id, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *names = apr_array_make(pool, 4, sizeof(const char *));
    rv = store_query(&rows, store, "SELECT channel FROM monitor_channels"
                     " WHERE monitor_id = ? AND enabled = 0 ORDER BY channel",
                     "i", id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        APR_ARRAY_PUSH(*names, const char *) = store_text(rows, 0, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}
