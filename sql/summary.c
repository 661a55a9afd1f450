/* SPDX-License-Identifier: MIT */
/*
 * Counts for `mailtrackctl status`, which alone runs this, in its own process.
 */
#include "summary.h"

#include <apr_strings.h>

/* Three numbers each. */
static const char *const queries[] = {
    "SELECT count(*), coalesce(sum(open_count), 0),"
    " coalesce(sum(real_open_count), 0) FROM tracked_emails",
    "SELECT count(*), coalesce(sum(CASE WHEN role = 'admin' THEN 1 ELSE 0"
    " END), 0), 0 FROM users",
    "SELECT coalesce(sum(CASE WHEN revoked_at IS NULL THEN 1 ELSE 0 END),"
    " 0), coalesce(sum(CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END), 0),"
    " 0 FROM api_keys",
    "SELECT count(*), coalesce(sum(pos), 0), 0 FROM spool_offsets",
    "SELECT (SELECT count(*) FROM outbox_deliveries WHERE state = 'pending')"
    " + (SELECT count(*) FROM outbox WHERE dispatched_at IS NULL), (SELECT"
    " count(*) FROM incidents WHERE closed_at IS NULL), 0",
    "SELECT count(*), coalesce(sum(CASE WHEN state IN ('ok', 'slow') THEN 1"
    " ELSE 0 END), 0), coalesce(sum(CASE WHEN state IN ('ok', 'slow', 'new')"
    " THEN 0 ELSE 1 END), 0) FROM monitors WHERE enabled = 1"
};

#define QUERIES (sizeof(queries) / sizeof(queries[0]))

static apr_status_t read_three(apr_int64_t numbers[3], store_t *store,
                               const char *sql)
{
    store_rows_t *rows = NULL;
    apr_status_t rv = store_query(&rows, store, sql, NULL);
    int i;

    if (rv == APR_SUCCESS) {
        rv = store_next(rows);
    }
    for (i = 0; i < 3 && rv == APR_SUCCESS; i++) {
        numbers[i] = store_int(rows, i);
    }
    store_done(rows);
    return rv;
}

apr_status_t store_summary(summary_t **out, store_t *store,
                           apr_pool_t *pool)
{
    apr_int64_t n[QUERIES][3];
    summary_t *s = apr_pcalloc(pool, sizeof(*s));
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    *out = s;
    for (i = 0; i < QUERIES && rv == APR_SUCCESS; i++) {
        rv = read_three(n[i], store, queries[i]);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    s->mails = n[0][0];
    s->opens = n[0][1];
    s->real_opens = n[0][2];
    s->users = n[1][0];
    s->admins = n[1][1];
    s->keys = n[2][0];
    s->keys_revoked = n[2][1];
    s->segments = n[3][0];
    s->spooled = n[3][1];
    s->outbox = n[4][0];
    s->incidents = n[4][1];
    s->monitors = n[5][0];
    s->working = n[5][1];
    s->failing = n[5][2];
    return APR_SUCCESS;
}
