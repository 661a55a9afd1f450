/* SPDX-License-Identifier: MIT */
/*
 * Table `probes`: written before the mail and until its fate is known, read
 * back one by one, in pages and in streams, pruned. Writers: mailprobe's store
 * thread alone.
 */
#include "probes.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "dialect.h"
#include "leases.h"
#include "probe_row.h"

/* What a server or a mail can make us keep, in characters. */
#define WORDS_MAX 2000
/* JSON in octets: longer is left out, as a part of it is none. */
#define JSON_MAX  65535

/* The median of so many, of the newest so many looked at. */
#define USUAL_OF    50
#define USUAL_WITH  10
#define USUAL_LOOKS 200

/* -- written --------------------------------------------------------------- */

apr_status_t probes_begin(store_t *store, probe_t *p, const char *owner)
{
    char lease[sizeof(LEASE_MONITOR) + 20];
    apr_int64_t added = 0;
    apr_status_t rv;

    p->outcome = OUTCOME_SENDING;
    apr_snprintf(lease, sizeof(lease), LEASE_MONITOR "%" APR_INT64_T_FMT,
                 p->monitor_id);
    rv = leases_held(store, lease, owner);
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, &added, "INSERT INTO probes (monitor_id, token,"
                        " due_at, outcome, started_at) VALUES (?, ?, ?, ?, ?)"
                        " ON CONFLICT DO NOTHING", "ititN", p->monitor_id,
                        p->token, p->due_at, p->outcome, p->started_at);
    }
    if (rv == APR_SUCCESS && !added) {
        rv = STORE_ECONFLICT;
    }
    return rv != APR_SUCCESS ? rv
           : store_get_int(store, &p->id, "SELECT id FROM probes"
                           " WHERE token = ?", "t", p->token);
}

/* What the rollups hold of it. */
static apr_status_t read_counted(probe_t *was, store_t *store, apr_int64_t id,
                                 apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT outcome, latency_us, due_at,"
                     " monitor_id FROM probes WHERE id = ?", "i", id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        was->outcome = store_text(rows, 0, pool);
        was->latency_us = dialect_int(rows, 1);
        was->due_at = store_int(rows, 2);
        was->monitor_id = store_int(rows, 3);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

static apr_status_t recount(store_t *store, const probe_t *was,
                            const probe_t *is)
{
    apr_status_t rv = APR_SUCCESS;

    if (!strcmp(was->outcome, is->outcome)
        && was->latency_us == is->latency_us) {
        return rv;
    }
    if (probe_row_decided(was->outcome)) {
        rv = probe_row_count(store, was, -1);
    }
    if (rv == APR_SUCCESS && probe_row_decided(is->outcome)) {
        rv = probe_row_count(store, is, +1);
    }
    return rv;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static const char *json(const char *text, apr_pool_t *pool)
{
    return text && strlen(text) > JSON_MAX ? NULL
           : dialect_words(text, JSON_MAX, pool);
}

static apr_status_t update(store_t *store, const probe_t *p, apr_pool_t *pool)
{
    return store_exec(store, NULL, "UPDATE probes SET outcome = ?,"
        " detail = ?, started_at = ?, sent_at = ?, seen_at = ?,"
        " decided_at = ?, latency_us = ?, resolution_us = ?, blind_us = ?,"
        " folder = ?, delivered_at = ?, send_state = ?, send_phase = ?,"
        " send_code = ?, send_reply = ?, queue_id = ?, tls = ?,"
        " cert_until = ?, phases = ?, hops = ?, auth = ?, spam = ?,"
        " bounce = ? WHERE id = ?", "ttNNNNNNitNttNtttNttttti", p->outcome,
        or_empty(dialect_words(p->detail, WORDS_MAX, pool)), p->started_at,
        p->sent_at, p->seen_at, p->decided_at, p->latency_us,
        p->resolution_us, p->blind_us, dialect_words(p->folder, 255, pool),
        p->delivered_at, or_empty(dialect_words(p->send_state, 16, pool)),
        or_empty(dialect_words(p->send_phase, 16, pool)), p->send_code,
        dialect_words(p->send_reply, WORDS_MAX, pool),
        dialect_words(p->queue_id, 128, pool),
        dialect_words(p->tls, 128, pool), p->cert_until,
        json(p->phases, pool), json(p->hops, pool), json(p->auth, pool),
        json(p->spam, pool), json(p->bounce, pool), p->id);
}

apr_status_t probes_write(store_t *store, const probe_t *probe)
{
    probe_t was, is = *probe;
    apr_pool_t *scratch;
    apr_status_t rv;

    apr_pool_create(&scratch, NULL);
    rv = read_counted(&was, store, probe->id, scratch);
    if (rv == APR_SUCCESS) {
        is.due_at = was.due_at;
        is.monitor_id = was.monitor_id;
        rv = recount(store, &was, &is);
    }
    if (rv == APR_SUCCESS) {
        rv = update(store, probe, scratch);
    }
    apr_pool_destroy(scratch);
    return rv;
}

/* -- read ------------------------------------------------------------------ */

static apr_status_t read_one(probe_t **p, store_rows_t *rows,
                             apr_pool_t *pool)
{
    apr_status_t rv = store_next(rows);

    if (rv == APR_SUCCESS) {
        *p = apr_palloc(pool, sizeof(**p));
        probe_row_read(*p, rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

static apr_status_t read_all(apr_array_header_t **list, store_rows_t *rows,
                             apr_pool_t *pool)
{
    apr_status_t rv;

    *list = apr_array_make(pool, 32, sizeof(probe_t));
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        probe_row_read(apr_array_push(*list), rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t probes_by_token(probe_t **probe, store_t *store,
                             const char *token, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " PROBE_COLUMNS " FROM probes p"
                     " WHERE p.token = ?", "t", token);
    return rv != APR_SUCCESS ? rv : read_one(probe, rows, pool);
}

apr_status_t probes_get(probe_t **probe, store_t *store,
                        apr_int64_t monitor_id, apr_int64_t id,
                        apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " PROBE_COLUMNS " FROM probes p"
                     " WHERE p.id = ? AND p.monitor_id = ?", "ii", id,
                     monitor_id);
    return rv != APR_SUCCESS ? rv : read_one(probe, rows, pool);
}

apr_status_t probes_undecided(apr_array_header_t **list, store_t *store,
                              apr_int64_t monitor_id, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " PROBE_COLUMNS " FROM probes p"
                     " WHERE p.monitor_id = ? AND p.decided_at IS NULL"
                     " ORDER BY p.due_at", "i", monitor_id);
    return rv != APR_SUCCESS ? rv : read_all(list, rows, pool);
}

apr_status_t probes_page(apr_array_header_t **list, store_t *store,
                         apr_int64_t monitor_id, const char *outcome,
                         apr_int64_t before, int limit, apr_pool_t *pool)
{
    apr_int64_t below = before == STORE_NULL ? APR_INT64_MAX : before;
    store_rows_t *rows;
    apr_status_t rv;

    rv = outcome
         ? store_query(&rows, store, "SELECT " PROBE_COLUMNS " FROM probes p"
                       " WHERE p.monitor_id = ? AND p.outcome = ?"
                       " AND p.due_at < ? ORDER BY p.due_at DESC LIMIT ?",
                       "itii", monitor_id, outcome, below,
                       (apr_int64_t)limit)
         : store_query(&rows, store, "SELECT " PROBE_COLUMNS " FROM probes p"
                       " WHERE p.monitor_id = ? AND p.due_at < ?"
                       " ORDER BY p.due_at DESC LIMIT ?", "iii", monitor_id,
                       below, (apr_int64_t)limit);
    return rv != APR_SUCCESS ? rv : read_all(list, rows, pool);
}

apr_status_t probes_points(apr_array_header_t **list, store_t *store,
                           apr_int64_t monitor_id, apr_int64_t from,
                           apr_int64_t to, int limit, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *list = apr_array_make(pool, 64, sizeof(probe_t));
    rv = store_query(&rows, store, "SELECT due_at, latency_us, outcome"
                     " FROM probes WHERE monitor_id = ? AND due_at >= ?"
                     " AND due_at < ? ORDER BY due_at LIMIT ?", "iiii",
                     monitor_id, from, to, (apr_int64_t)limit);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        probe_t *p = apr_array_push(*list);

        memset(p, 0, sizeof(*p));
        p->monitor_id = monitor_id;
        p->due_at = store_int(rows, 0);
        p->latency_us = dialect_int(rows, 1);
        p->outcome = store_text(rows, 2, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static apr_status_t stream(store_rows_t *rows, probes_row_fn row, void *data)
{
    apr_pool_t *scratch;
    apr_status_t rv, told = APR_SUCCESS;
    probe_t p;

    apr_pool_create(&scratch, NULL);
    while (told == APR_SUCCESS
           && (rv = store_next(rows)) == APR_SUCCESS) {
        probe_row_read(&p, rows, scratch);
        told = row(data, &p, store_peek(rows, PROBE_COLUMN_COUNT));
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
    store_done(rows);
    if (told != APR_SUCCESS) {
        return told;
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

#define EXPORT "SELECT " PROBE_COLUMNS ", m.name FROM probes p" \
    " JOIN monitors m ON m.id = p.monitor_id WHERE "

apr_status_t probes_export(store_t *store, apr_int64_t monitor_id,
                           apr_int64_t from, apr_int64_t to,
                           probes_row_fn row, void *data)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = monitor_id
         ? store_query(&rows, store, EXPORT "p.monitor_id = ? AND"
                       " p.due_at >= ? AND p.due_at < ? ORDER BY p.due_at",
                       "iii", monitor_id, from, to)
         : store_query(&rows, store, EXPORT "p.due_at >= ? AND p.due_at < ?"
                       " ORDER BY p.due_at, p.id", "ii", from, to);
    return rv != APR_SUCCESS ? rv : stream(rows, row, data);
}

/* -- usual ----------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    apr_int64_t x = *(const apr_int64_t *)a, y = *(const apr_int64_t *)b;

    return (x > y) - (x < y);
}

static apr_status_t newest_good(apr_int64_t *good, int *count, store_t *store,
                                apr_int64_t monitor_id)
{
    store_rows_t *rows;
    apr_status_t rv;

    *count = 0;
    /* the outcome is no condition: another index would read all of them */
    rv = store_query(&rows, store, "SELECT outcome, latency_us FROM probes"
                     " WHERE monitor_id = ? ORDER BY due_at DESC LIMIT ?",
                     "ii", monitor_id, (apr_int64_t)USUAL_LOOKS);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while (*count < USUAL_OF && (rv = store_next(rows)) == APR_SUCCESS) {
        const char *outcome = store_peek(rows, 0);

        if ((!strcmp(outcome, STATE_OK) || !strcmp(outcome, STATE_SLOW))
            && !store_is_null(rows, 1)) {
            good[(*count)++] = store_int(rows, 1);
        }
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t probes_usual(apr_int64_t *usual_us, store_t *store,
                          apr_int64_t monitor_id)
{
    apr_int64_t good[USUAL_OF];
    apr_status_t rv;
    int count;

    *usual_us = STORE_NULL;
    rv = newest_good(good, &count, store, monitor_id);
    if (rv == APR_SUCCESS && count >= USUAL_WITH) {
        qsort(good, (size_t)count, sizeof(*good), by_size);
        *usual_us = good[count / 2];
    }
    return rv;
}

/* -- pruned ---------------------------------------------------------------- */

apr_status_t probes_prune(apr_int64_t *gone, store_t *store,
                          apr_int64_t before, int limit)
{
    /* twice inside: MariaDB takes no LIMIT right within IN */
    return store_exec(store, gone, "DELETE FROM probes WHERE id IN (SELECT id"
                      " FROM (SELECT id FROM probes WHERE due_at < ? AND"
                      " decided_at IS NOT NULL ORDER BY due_at LIMIT ?) AS x)",
                      "ii", before, (apr_int64_t)limit);
}
