/* SPDX-License-Identifier: MIT */
/*
 * Tables `outbox` and `outbox_deliveries`: a row for each thing to be told, and
 * one for each channel it goes to. Written in the transactions that made it
 * true; emptied by mailprobe's store thread. Channels are in channels.c.
 */
#include "outbox.h"

#include <string.h>

#include "dialect.h"
#include "outbox_row.h"

/* Rows that nobody was told of in time, closed in one statement. */
#define EXPIRE_STEP 1000
#define DETAIL_MAX 1000

void outbox_row_read(outbox_row_t *row, store_rows_t *rows, apr_pool_t *pool)
{
    row->id = store_int(rows, 0);
    row->dedupe_key = store_text(rows, 1, pool);
    row->event = store_text(rows, 2, pool);
    row->track_id = dialect_int(rows, 3);
    row->open_id = dialect_int(rows, 4);
    row->incident_id = dialect_int(rows, 5);
    row->channel = store_text(rows, 6, pool);
    row->payload = store_text(rows, 7, pool);
    row->created_at = store_int(rows, 8);
    row->not_before = store_int(rows, 9);
    row->expires_at = store_int(rows, 10);
}

apr_status_t outbox_put(store_t *store, const outbox_row_t *row)
{
    return store_exec(store, NULL, "INSERT INTO outbox (dedupe_key, event,"
                      " track_id, open_id, incident_id, channel, payload,"
                      " created_at, not_before, expires_at) VALUES (?, ?, ?,"
                      " ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                      "ttNNNttiii", row->dedupe_key, row->event,
                      row->track_id, row->open_id, row->incident_id,
                      row->channel, row->payload, row->created_at,
                      row->not_before, row->expires_at);
}

/* -- dispatched ------------------------------------------------------------ */

static apr_status_t expire_rows(store_t *store, apr_time_t now)
{
    return store_exec(store, NULL, "UPDATE outbox SET dispatched_at = ?"
                      " WHERE id IN (SELECT id FROM (SELECT id FROM outbox"
                      " WHERE dispatched_at IS NULL AND not_before <= ? AND"
                      " expires_at <= ? ORDER BY not_before, id LIMIT ?)"
                      " AS x)", "iiii", (apr_int64_t)now, (apr_int64_t)now,
                      (apr_int64_t)now, (apr_int64_t)EXPIRE_STEP);
}

apr_status_t outbox_undispatched(apr_array_header_t **list, store_t *store,
                                 apr_time_t now, int limit, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;
    int expired = 0;

    *list = apr_array_make(pool, 8, sizeof(outbox_row_t));
    rv = store_query(&rows, store, "SELECT " OUTBOX_COLUMNS " FROM outbox o"
                     " WHERE o.dispatched_at IS NULL AND o.not_before <= ?"
                     " ORDER BY o.not_before, o.id LIMIT ?", "ii",
                     (apr_int64_t)now, (apr_int64_t)limit);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        outbox_row_t *row = apr_array_push(*list);

        outbox_row_read(row, rows, pool);
        if (row->expires_at <= now) {
            expired = 1;
            apr_array_pop(*list);
        }
    }
    store_done(rows);
    if (rv != APR_EOF) {
        return rv;
    }
    return expired ? expire_rows(store, now) : APR_SUCCESS;
}

/* Inside the transaction of outbox_dispatch. */
static apr_status_t dispatch(store_t *store, apr_int64_t id,
                             const apr_array_header_t *names,
                             const apr_array_header_t *next_at,
                             apr_time_t now)
{
    apr_int64_t changed = 0;
    apr_status_t rv;
    int i;

    rv = store_exec(store, &changed, "UPDATE outbox SET dispatched_at = ?"
                    " WHERE id = ? AND dispatched_at IS NULL", "ii",
                    (apr_int64_t)now, id);
    if (rv == APR_SUCCESS && !changed) {
        return STORE_ECONFLICT;
    }
    for (i = 0; i < names->nelts && rv == APR_SUCCESS; i++) {
        rv = store_exec(store, NULL, "INSERT INTO outbox_deliveries"
                        " (outbox_id, channel, state, next_at)"
                        " VALUES (?, ?, 'pending', ?)", "iti", id,
                        APR_ARRAY_IDX(names, i, const char *),
                        APR_ARRAY_IDX(next_at, i, apr_int64_t));
    }
    return rv;
}

apr_status_t outbox_dispatch(store_t *store, apr_int64_t outbox_id,
                             const apr_array_header_t *names,
                             const apr_array_header_t *next_at,
                             apr_time_t now)
{
    apr_status_t rv = store_begin(store);

    return rv != APR_SUCCESS ? rv
           : store_end(store, dispatch(store, outbox_id, names, next_at,
                                       now));
}

apr_status_t outbox_told(apr_array_header_t **names, store_t *store,
                         apr_int64_t incident_id, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *names = apr_array_make(pool, 4, sizeof(const char *));
    rv = store_query(&rows, store, "SELECT DISTINCT d.channel FROM outbox o"
                     " JOIN outbox_deliveries d ON d.outbox_id = o.id"
                     " WHERE o.incident_id = ? AND o.event <> '"
                     EVENT_RECOVERED "' ORDER BY d.channel", "i",
                     incident_id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        APR_ARRAY_PUSH(*names, const char *) = store_text(rows, 0, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* -- delivered ------------------------------------------------------------- */

static apr_status_t channel_waits(int *waits, store_t *store,
                                  const char *channel, apr_time_t now)
{
    apr_int64_t retry_at = 0;
    apr_status_t rv;

    rv = store_get_int(store, &retry_at, "SELECT coalesce(retry_at, 0)"
                       " FROM channels WHERE name = ?", "t", channel);
    *waits = rv == APR_SUCCESS && retry_at > now;
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

/* The oldest one that is due and nobody's; only read. */
static apr_status_t find_due(delivery_t *d, store_t *store,
                             const char *channel, apr_int64_t clock,
                             apr_time_t now, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " OUTBOX_COLUMNS ", d.id,"
                     " d.attempts FROM outbox_deliveries d JOIN outbox o"
                     " ON o.id = d.outbox_id WHERE d.channel = ? AND"
                     " d.state = 'pending' AND d.next_at <= ? AND"
                     " (d.lease_until IS NULL OR d.lease_until <= ?)"
                     " ORDER BY d.next_at, d.id LIMIT 1", "tii", channel,
                     (apr_int64_t)now, clock);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        outbox_row_read(&d->row, rows, pool);
        d->id = store_int(rows, OUTBOX_COLUMN_COUNT);
        d->attempts = store_int(rows, OUTBOX_COLUMN_COUNT + 1);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

/* One statement decides among several mailprobes. */
#define STILL_FREE " WHERE id = ? AND state = 'pending'" \
    " AND (lease_until IS NULL OR lease_until <= ?)"

static apr_status_t take(int *taken, store_t *store, const delivery_t *d,
                         const char *owner, apr_int64_t clock,
                         apr_interval_time_t lasts)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(store, &changed, "UPDATE outbox_deliveries SET"
                    " lease_owner = ?, lease_until = ?,"
                    " attempts = attempts + 1" STILL_FREE, "tiii", owner,
                    clock + lasts, d->id, clock);
    *taken = changed != 0;
    return rv;
}

apr_status_t outbox_claim(delivery_t **delivery, store_t *store,
                          const char *channel, const char *owner,
                          apr_interval_time_t lasts, apr_time_t now,
                          apr_pool_t *pool)
{
    delivery_t *d = apr_pcalloc(pool, sizeof(*d));
    apr_int64_t clock = 0;
    apr_status_t rv;
    int taken = 0;

    d->channel = channel;
    rv = channel_waits(&taken, store, channel, now);
    if (rv != APR_SUCCESS || taken) {
        return rv == APR_SUCCESS ? APR_NOTFOUND : rv;
    }
    while (rv == APR_SUCCESS && !taken) {
        rv = dialect_now(&clock, store);
        if (rv == APR_SUCCESS) {
            rv = find_due(d, store, channel, clock, now, pool);
        }
        if (rv == APR_SUCCESS && d->row.expires_at > now) {
            rv = take(&taken, store, d, owner, clock, lasts);
        } else if (rv == APR_SUCCESS) {
            rv = store_exec(store, NULL, "UPDATE outbox_deliveries SET"
                            " state = 'expired', done_at = ?" STILL_FREE,
                            "iii", (apr_int64_t)now, d->id, clock);
        }
    }
    *delivery = d;
    return rv;
}

/* Ends, or goes back into the row, only as long as it is owner's. */
static apr_status_t settle(store_t *store, const delivery_t *d,
                           const char *owner, const char *state,
                           const char *detail, apr_int64_t next_at,
                           apr_int64_t done_at)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(store, &changed, "UPDATE outbox_deliveries SET state = ?,"
                    " detail = ?, next_at = coalesce(?, next_at), done_at = ?,"
                    " lease_owner = NULL, lease_until = NULL WHERE id = ? AND"
                    " state = 'pending' AND lease_owner = ?", "ttNNit", state,
                    detail, next_at, done_at, d->id, owner);
    return rv == APR_SUCCESS && !changed ? STORE_ECONFLICT : rv;
}

apr_status_t outbox_sent(store_t *store, const delivery_t *delivery,
                         const char *owner, apr_time_t now)
{
    apr_status_t rv = store_begin(store);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = settle(store, delivery, owner, "sent", "", STORE_NULL,
                (apr_int64_t)now);
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "UPDATE channels SET last_ok_at = ?,"
                        " failing_since = NULL, retry_at = NULL"
                        " WHERE name = ?", "it", (apr_int64_t)now,
                        delivery->channel);
    }
    return store_end(store, rv);
}

apr_status_t outbox_failed(store_t *store, const delivery_t *delivery,
                           const char *owner, const char *detail,
                           apr_int64_t again, int hold, apr_time_t now)
{
    int over = again == STORE_NULL;
    apr_pool_t *scratch;
    apr_status_t rv = store_begin(store);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&scratch, NULL);
    detail = dialect_words(detail, DETAIL_MAX, scratch);
    rv = settle(store, delivery, owner, over ? "failed" : "pending", detail,
                again, over ? (apr_int64_t)now : STORE_NULL);
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "UPDATE channels SET"
                        " failing_since = coalesce(failing_since, ?),"
                        " last_error = ?, last_error_at = ?,"
                        " retry_at = coalesce(?, retry_at) WHERE name = ?",
                        "itiNt", (apr_int64_t)now, detail, (apr_int64_t)now,
                        hold ? again : STORE_NULL, delivery->channel);
    }
    rv = store_end(store, rv);
    apr_pool_destroy(scratch);
    return rv;
}

apr_status_t outbox_skip(store_t *store, const delivery_t *delivery,
                         const char *owner, const char *detail,
                         apr_int64_t again, apr_time_t now)
{
    int over = again == STORE_NULL;

    return settle(store, delivery, owner, over ? "expired" : "pending",
                  detail, again, over ? (apr_int64_t)now : STORE_NULL);
}

/* -- kept in bounds -------------------------------------------------------- */

apr_status_t outbox_depth(apr_int64_t *depth, store_t *store)
{
    return store_get_int(store, depth, "SELECT (SELECT count(*) FROM"
                         " outbox_deliveries WHERE state = 'pending')"
                         " + (SELECT count(*) FROM outbox WHERE"
                         " dispatched_at IS NULL)", NULL);
}

apr_status_t outbox_prune(apr_int64_t *gone, store_t *store,
                          apr_int64_t before, int limit)
{
    return store_exec(store, gone, "DELETE FROM outbox WHERE id IN (SELECT id"
                      " FROM (SELECT o.id FROM outbox o WHERE"
                      " o.dispatched_at < ? AND NOT EXISTS (SELECT 1 FROM"
                      " outbox_deliveries d WHERE d.outbox_id = o.id AND"
                      " (d.done_at IS NULL OR d.done_at >= ?)) AND"
                      " (o.incident_id IS NULL OR EXISTS (SELECT 1 FROM"
                      " incidents i WHERE i.id = o.incident_id AND"
                      " i.closed_at < ?)) ORDER BY o.dispatched_at LIMIT ?)"
                      " AS x)", "iiii", before, before, before,
                      (apr_int64_t)limit);
}
