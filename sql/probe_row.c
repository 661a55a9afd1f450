/* SPDX-License-Identifier: MIT */
/*
 * A probe's row read; its share of the rollups; the rollups read back. The
 * writing part runs in mailprobe's store thread, the rest in httpd's request
 * threads too.
 */
#include "probe_row.h"

#include <string.h>

#include "dialect.h"

#define MS(n) ((apr_int64_t)(n) * 1000)
#define S(n) MS((n) * 1000)

const apr_int64_t probe_bounds[PROBE_BUCKETS] = {
    MS(100), MS(250), MS(500), S(1), MS(2500), S(5), S(10), S(30), S(60),
    S(120), S(300), S(600), S(1800), -1
};

/* In the order of probe_rollup_t's counters. */
static const char *const outcomes[] = {
    STATE_OK, STATE_SLOW, STATE_LATE, STATE_MISSING, STATE_SPAM,
    STATE_BOUNCED, STATE_SEND_FAILED, STATE_BLIND
};
#define OUTCOMES ((int)(sizeof(outcomes) / sizeof(*outcomes)))

static const apr_int64_t widths[] = { 3600, 86400, 0 };
#define WIDTHS ((int)(sizeof(widths) / sizeof(*widths)))

void probe_row_read(probe_t *p, store_rows_t *rows, apr_pool_t *pool)
{
    p->id = store_int(rows, 0);
    p->monitor_id = store_int(rows, 1);
    p->token = store_text(rows, 2, pool);
    p->due_at = store_int(rows, 3);
    p->outcome = store_text(rows, 4, pool);
    p->detail = store_text(rows, 5, pool);
    p->started_at = dialect_int(rows, 6);
    p->sent_at = dialect_int(rows, 7);
    p->seen_at = dialect_int(rows, 8);
    p->decided_at = dialect_int(rows, 9);
    p->latency_us = dialect_int(rows, 10);
    p->resolution_us = dialect_int(rows, 11);
    p->blind_us = store_int(rows, 12);
    p->folder = store_text(rows, 13, pool);
    p->delivered_at = dialect_int(rows, 14);
    p->send_state = store_text(rows, 15, pool);
    p->send_phase = store_text(rows, 16, pool);
    p->send_code = dialect_int(rows, 17);
    p->send_reply = store_text(rows, 18, pool);
    p->queue_id = store_text(rows, 19, pool);
    p->tls = store_text(rows, 20, pool);
    p->cert_until = dialect_int(rows, 21);
    p->phases = store_text(rows, 22, pool);
    p->hops = store_text(rows, 23, pool);
    p->auth = store_text(rows, 24, pool);
    p->spam = store_text(rows, 25, pool);
    p->bounce = store_text(rows, 26, pool);
}

static int outcome_of(const char *outcome)
{
    int i;

    for (i = OUTCOMES - 1; i >= 0 && strcmp(outcomes[i], outcome); i--) {
    }
    return i;
}

int probe_row_decided(const char *outcome)
{
    return outcome_of(outcome) >= 0;
}

/* -- rollups --------------------------------------------------------------- */

#define COUNTERS (OUTCOMES + 1 + PROBE_BUCKETS)

#define ROLLUP_COLUMNS \
    "monitor_id, bucket, ok, slow, late, missing, spam, bounced," \
    " send_failed, blind, latency_us, le_100ms, le_250ms, le_500ms, le_1s," \
    " le_2500ms, le_5s, le_10s, le_30s, le_1m, le_2m, le_5m, le_10m," \
    " le_30m, le_inf"

/* The counters in the order of the columns. */
static void share_of(apr_int64_t c[COUNTERS], const probe_t *p, int sign)
{
    int i;

    memset(c, 0, COUNTERS * sizeof(*c));
    c[outcome_of(p->outcome)] = sign;
    if (p->latency_us == STORE_NULL) {
        return;
    }
    c[OUTCOMES] = sign * p->latency_us;
    for (i = 0; i < PROBE_BUCKETS - 1 && p->latency_us > probe_bounds[i];
         i++) {
    }
    c[OUTCOMES + 1 + i] = sign;
}

static apr_int64_t bucket_of(apr_int64_t at, apr_int64_t width)
{
    apr_int64_t us = width * APR_USEC_PER_SEC;

    return us ? at - ((at % us + us) % us) : 0;
}

static apr_status_t add_to(store_t *store, apr_int64_t id, apr_int64_t width,
                           apr_int64_t bucket, const apr_int64_t *c)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(store, &changed, "UPDATE probe_rollups SET ok = ok + ?,"
        " slow = slow + ?, late = late + ?, missing = missing + ?,"
        " spam = spam + ?, bounced = bounced + ?,"
        " send_failed = send_failed + ?, blind = blind + ?,"
        " latency_us = latency_us + ?, le_100ms = le_100ms + ?,"
        " le_250ms = le_250ms + ?, le_500ms = le_500ms + ?,"
        " le_1s = le_1s + ?, le_2500ms = le_2500ms + ?, le_5s = le_5s + ?,"
        " le_10s = le_10s + ?, le_30s = le_30s + ?, le_1m = le_1m + ?,"
        " le_2m = le_2m + ?, le_5m = le_5m + ?, le_10m = le_10m + ?,"
        " le_30m = le_30m + ?, le_inf = le_inf + ? WHERE monitor_id = ?"
        " AND width = ? AND bucket = ?", "iiiiiiiiiiiiiiiiiiiiiiiiii", c[0],
        c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10], c[11],
        c[12], c[13], c[14], c[15], c[16], c[17], c[18], c[19], c[20], c[21],
        c[22], id, width, bucket);
    if (rv != APR_SUCCESS || changed) {
        return rv;
    }
    return store_exec(store, NULL, "INSERT INTO probe_rollups (width, "
        ROLLUP_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "iiiiiiiiiiiiiiiiiiiiiiiiii",
        width, id, bucket, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7],
        c[8], c[9], c[10], c[11], c[12], c[13], c[14], c[15], c[16], c[17],
        c[18], c[19], c[20], c[21], c[22]);
}

apr_status_t probe_row_count(store_t *store, const probe_t *p, int sign)
{
    apr_int64_t counters[COUNTERS];
    apr_status_t rv = APR_SUCCESS;
    int i;

    share_of(counters, p, sign);
    for (i = 0; i < WIDTHS && rv == APR_SUCCESS; i++) {
        rv = add_to(store, p->monitor_id, widths[i],
                    bucket_of(p->due_at, widths[i]), counters);
    }
    return rv;
}

static apr_status_t read_rollups(apr_array_header_t *list, store_rows_t *rows)
{
    apr_status_t rv;
    int i;

    while ((rv = store_next(rows)) == APR_SUCCESS) {
        probe_rollup_t *r = apr_array_push(list);

        r->monitor_id = store_int(rows, 0);
        r->bucket = store_int(rows, 1);
        r->ok = store_int(rows, 2);
        r->slow = store_int(rows, 3);
        r->late = store_int(rows, 4);
        r->missing = store_int(rows, 5);
        r->spam = store_int(rows, 6);
        r->bounced = store_int(rows, 7);
        r->send_failed = store_int(rows, 8);
        r->blind = store_int(rows, 9);
        r->latency_us = store_int(rows, 10);
        for (i = 0; i < PROBE_BUCKETS; i++) {
            r->le[i] = store_int(rows, 11 + i);
        }
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t probes_rollups(apr_array_header_t **list, store_t *store,
                            apr_int64_t monitor_id, apr_int64_t width,
                            apr_int64_t from, apr_int64_t to,
                            apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *list = apr_array_make(pool, 32, sizeof(probe_rollup_t));
    if (monitor_id) {
        rv = store_query(&rows, store, "SELECT " ROLLUP_COLUMNS
                         " FROM probe_rollups WHERE monitor_id = ?"
                         " AND width = ? AND bucket >= ? AND bucket < ?"
                         " ORDER BY bucket", "iiii", monitor_id, width,
                         bucket_of(from, width), to);
    } else {                    /* by way of monitors, as below */
        rv = store_query(&rows, store, "SELECT " ROLLUP_COLUMNS
                         " FROM probe_rollups WHERE monitor_id IN (SELECT id"
                         " FROM monitors) AND width = ? AND bucket >= ?"
                         " AND bucket < ? ORDER BY monitor_id, bucket",
                         "iii", width, bucket_of(from, width), to);
    }
    return rv != APR_SUCCESS ? rv : read_rollups(*list, rows);
}

apr_status_t probes_totals(apr_array_header_t **list, store_t *store,
                           apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    /* by way of monitors: the key begins with the monitor */
    *list = apr_array_make(pool, 32, sizeof(probe_rollup_t));
    rv = store_query(&rows, store, "SELECT " ROLLUP_COLUMNS " FROM"
                     " probe_rollups WHERE monitor_id IN (SELECT id FROM"
                     " monitors) AND width = 0 AND bucket = 0"
                     " ORDER BY monitor_id", NULL);
    return rv != APR_SUCCESS ? rv : read_rollups(*list, rows);
}
