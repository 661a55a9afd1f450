/* SPDX-License-Identifier: MIT */
/*
 * Table `channels`: the ways people are told, as the configuration has them,
 * and how they do. Published by mailprobe, whose deliveries (outbox.c) note how
 * they went; read in httpd's request threads.
 */
#include "outbox.h"

#include <string.h>

#include "dialect.h"

static apr_status_t publish_one(store_t *store, const channel_row_t *c,
                                apr_time_t now)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    /* since first: MariaDB lets an assignment see those before it */
    rv = store_exec(store, &changed, "UPDATE channels SET since = CASE WHEN"
                    " present = 0 THEN ? ELSE since END, present = 1,"
                    " kind = ?, target = ?, updated_at = ? WHERE name = ?",
                    "ittit", (apr_int64_t)now, c->kind, c->target,
                    (apr_int64_t)now, c->name);
    if (rv != APR_SUCCESS || changed) {
        return rv;
    }
    return store_exec(store, NULL, "INSERT INTO channels (name, kind, target,"
                      " present, since, updated_at) VALUES (?, ?, ?, 1, ?,"
                      " ?)", "tttii", c->name, c->kind, c->target,
                      (apr_int64_t)now, (apr_int64_t)now);
}

static apr_status_t known(apr_array_header_t **names, store_t *store,
                          apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *names = apr_array_make(pool, 8, sizeof(const char *));
    rv = store_query(&rows, store, "SELECT name FROM channels"
                     " WHERE present = 1", NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        APR_ARRAY_PUSH(*names, const char *) = store_text(rows, 0, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static int is_among(const apr_array_header_t *rows, const char *name)
{
    int i;

    for (i = 0; i < rows->nelts; i++) {
        if (!strcmp(APR_ARRAY_IDX(rows, i, channel_row_t).name, name)) {
            return 1;
        }
    }
    return 0;
}

/* Whatever waits for it is told to nobody: switched on again, it sees what
 * comes after. */
static apr_status_t switch_off(store_t *store, const char *name,
                               apr_time_t now)
{
    apr_status_t rv;

    rv = store_exec(store, NULL, "UPDATE channels SET present = 0,"
                    " retry_at = NULL, failing_since = NULL, updated_at = ?"
                    " WHERE name = ?", "it", (apr_int64_t)now, name);
    return rv != APR_SUCCESS ? rv
           : store_exec(store, NULL, "UPDATE outbox_deliveries SET"
                        " state = 'expired', detail = 'switched off',"
                        " done_at = ? WHERE channel = ? AND"
                        " state = 'pending'", "it", (apr_int64_t)now, name);
}

static apr_status_t publish(store_t *store, const apr_array_header_t *rows,
                            apr_time_t now, apr_pool_t *pool)
{
    apr_array_header_t *names = NULL;
    apr_status_t rv = known(&names, store, pool);
    int i;

    for (i = 0; rv == APR_SUCCESS && i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (!is_among(rows, name)) {
            rv = switch_off(store, name, now);
        }
    }
    for (i = 0; rv == APR_SUCCESS && i < rows->nelts; i++) {
        rv = publish_one(store, &APR_ARRAY_IDX(rows, i, channel_row_t), now);
    }
    return rv;
}

apr_status_t channels_publish(store_t *store, const apr_array_header_t *rows,
                              apr_time_t now)
{
    apr_pool_t *scratch;
    apr_status_t rv = store_begin(store);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&scratch, NULL);
    rv = store_end(store, publish(store, rows, now, scratch));
    apr_pool_destroy(scratch);
    return rv;
}

/* -- read ------------------------------------------------------------------ */

#define CHANNEL_COLUMNS \
    "c.name, c.kind, c.target, c.present, c.since, c.last_ok_at," \
    " c.failing_since, c.last_error, c.last_error_at, c.retry_at, (SELECT" \
    " count(*) FROM outbox_deliveries d WHERE d.channel = c.name AND" \
    " d.state = 'pending')"

static void read_channel(channel_row_t *c, store_rows_t *rows,
                         apr_pool_t *pool)
{
    c->name = store_text(rows, 0, pool);
    c->kind = store_text(rows, 1, pool);
    c->target = store_text(rows, 2, pool);
    c->present = store_int(rows, 3) != 0;
    c->since = store_int(rows, 4);
    c->last_ok_at = dialect_int(rows, 5);
    c->failing_since = dialect_int(rows, 6);
    c->last_error = store_text(rows, 7, pool);
    c->last_error_at = dialect_int(rows, 8);
    c->retry_at = dialect_int(rows, 9);
    c->pending = store_int(rows, 10);
}

apr_status_t channels_list(apr_array_header_t **list, store_t *store,
                           apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *list = apr_array_make(pool, 8, sizeof(channel_row_t));
    rv = store_query(&rows, store, "SELECT " CHANNEL_COLUMNS " FROM channels c"
                     " WHERE c.present = 1 ORDER BY c.name", NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        read_channel(apr_array_push(*list), rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t channels_get(channel_row_t **row, store_t *store,
                          const char *name, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " CHANNEL_COLUMNS " FROM channels c"
                     " WHERE c.name = ? AND c.present = 1", "t", name);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        *row = apr_palloc(pool, sizeof(**row));
        read_channel(*row, rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

apr_status_t channels_log(apr_array_header_t **list, store_t *store,
                          const char *name, int limit, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *list = apr_array_make(pool, 16, sizeof(delivery_log_t));
    rv = store_query(&rows, store, "SELECT o.event, d.state, d.detail,"
                     " d.attempts, o.created_at, d.done_at"
                     " FROM outbox_deliveries d JOIN outbox o"
                     " ON o.id = d.outbox_id WHERE d.channel = ?"
                     " ORDER BY d.id DESC LIMIT ?", "ti", name,
                     (apr_int64_t)limit);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        delivery_log_t *d = apr_array_push(*list);

        d->event = store_text(rows, 0, pool);
        d->state = store_text(rows, 1, pool);
        d->detail = store_text(rows, 2, pool);
        d->attempts = store_int(rows, 3);
        d->created_at = store_int(rows, 4);
        d->done_at = dialect_int(rows, 5);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}
