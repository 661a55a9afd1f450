/* SPDX-License-Identifier: MIT */
/*
 * What is known of the way to a domain, now or when a mail left: the states of
 * the monitors whose recipient is there, and how old the evidence is. Read in
 * httpd's request threads and by mailprobe's store thread; writes nothing.
 */
#include "monitors.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* Older evidence is none. */
#define FRESH  apr_time_from_sec(2 * 3600)
#define HOUR_S 3600
#define HOUR   apr_time_from_sec(HOUR_S)

/* From good to bad; what is not here says nothing. Blind comes first: whatever
 * another monitor sees is more. */
static const char *const ranks[] = {
    STATE_BLIND, STATE_OK, STATE_SLOW, STATE_LATE, STATE_SPAM,
    STATE_SEND_FAILED, STATE_BOUNCED, STATE_MISSING
};
#define RANKS ((int)(sizeof(ranks) / sizeof(*ranks)))

int monitors_rank(const char *state)
{
    int i;

    for (i = RANKS - 1; i >= 0 && strcmp(ranks[i], state); i--) {
    }
    return i;
}

/*
 * Each question is a row of `asked`; each monitor of its domain answers with
 * its state at that time and with its newest probe that says something and is
 * fresh. Probes are pruned after days: the sums of their hours then tell.
 */
#define ANSWERS \
    " SELECT a.n, m.public_id, s.state, s.detail, s.since," \
    " (SELECT p.due_at FROM probes p WHERE p.monitor_id = m.id" \
    " AND p.due_at <= a.at AND p.due_at > a.at - ?" \
    " AND p.decided_at IS NOT NULL AND p.outcome <> 'blind'" \
    " ORDER BY p.due_at DESC LIMIT 1)," \
    " (SELECT r.bucket FROM probe_rollups r WHERE r.monitor_id = m.id" \
    " AND r.width = ? AND r.bucket <= a.at AND r.bucket > a.at - ?" \
    " AND r.ok + r.slow + r.late + r.missing + r.spam + r.bounced" \
    " + r.send_failed > 0 ORDER BY r.bucket DESC LIMIT 1)" \
    " FROM asked a JOIN monitors m ON m.domain = a.domain" \
    " JOIN monitor_states s ON s.monitor_id = m.id AND s.since =" \
    " (SELECT max(x.since) FROM monitor_states x WHERE x.monitor_id = m.id" \
    " AND x.since <= a.at)"

static const char *lower(const char *domain, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, domain), *p;

    for (p = copy; *p; p++) {
        *p = (char)((unsigned char)*p < 0x80 ? apr_tolower(*p) : *p);
    }
    return copy;
}

static void push_int(apr_array_header_t *args, apr_int64_t value)
{
    store_arg_t *arg = apr_array_push(args);

    memset(arg, 0, sizeof(*arg));
    arg->type = 'i';
    arg->i = value;
}

static void push_text(apr_array_header_t *args, const char *text)
{
    store_arg_t *arg = apr_array_push(args);

    memset(arg, 0, sizeof(*arg));
    arg->type = 't';
    arg->t = text;
}

/* Questions are filled up to a power of two by empty ones, so that few
 * different statements are ever prepared. */
static const char *statement(apr_array_header_t *args,
                             const apr_array_header_t *asks,
                             apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, 64,
                                               sizeof(const char *));
    int i, rows = 1;

    while (rows < asks->nelts) {
        rows *= 2;
    }
    APR_ARRAY_PUSH(parts, const char *) = "WITH asked (n, domain, at) AS (";
    for (i = 0; i < rows; i++) {
        const route_ask_t *ask = i < asks->nelts
            ? &APR_ARRAY_IDX(asks, i, route_ask_t) : NULL;

        APR_ARRAY_PUSH(parts, const char *) = i ? " UNION ALL SELECT ?, ?, ?"
                                                : "SELECT ?, ?, ?";
        push_int(args, i);
        push_text(args, ask ? lower(ask->domain, pool) : "");
        push_int(args, ask ? ask->at : 0);
    }
    APR_ARRAY_PUSH(parts, const char *) = ")" ANSWERS;
    push_int(args, FRESH);
    push_int(args, HOUR_S);
    push_int(args, FRESH + HOUR);
    return apr_array_pstrcat(pool, parts, 0);
}

/* STORE_NULL: nothing fresh is known. */
static apr_int64_t evidence_of(store_rows_t *rows, apr_int64_t at)
{
    apr_int64_t bucket;

    if (!store_is_null(rows, 5)) {
        return store_int(rows, 5);
    }
    if (store_is_null(rows, 6)) {
        return STORE_NULL;
    }
    bucket = store_int(rows, 6);
    return bucket + HOUR < at ? bucket + HOUR : at;
}

/* What one monitor says, if it is worse than what others have said. */
static void take(route_ask_t *ask, store_rows_t *rows, apr_pool_t *pool)
{
    int rank = monitors_rank(store_peek(rows, 2));
    int worst = ask->route.state ? monitors_rank(ask->route.state) : -1;
    apr_int64_t evidence = evidence_of(rows, ask->at);

    if (rank <= worst || evidence == STORE_NULL) {
        return;
    }
    ask->route.state = ranks[rank];
    ask->route.monitor = store_text(rows, 1, pool);
    ask->route.detail = store_text(rows, 3, pool);
    ask->route.since = store_int(rows, 4);
    ask->route.evidence_at = evidence;
}

apr_status_t monitors_routes(apr_array_header_t *asks, store_t *store,
                             apr_pool_t *pool)
{
    apr_array_header_t *args = apr_array_make(pool, 64, sizeof(store_arg_t));
    store_rows_t *rows;
    const char *sql;
    apr_status_t rv;

    if (!asks->nelts) {
        return APR_SUCCESS;
    }
    sql = statement(args, asks, pool);
    rv = store_query_args(&rows, store, sql,
                          (const store_arg_t *)(const void *)args->elts,
                          args->nelts);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        apr_int64_t n = store_int(rows, 0);

        if (n < asks->nelts) {
            take(&APR_ARRAY_IDX(asks, (int)n, route_ask_t), rows, pool);
        }
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t monitors_route(route_state_t *route, store_t *store,
                            const char *domain, apr_int64_t at,
                            apr_pool_t *pool)
{
    apr_array_header_t *asks = apr_array_make(pool, 1, sizeof(route_ask_t));
    route_ask_t *ask = apr_array_push(asks);
    apr_status_t rv;

    memset(ask, 0, sizeof(*ask));
    ask->domain = domain;
    ask->at = at;
    rv = monitors_routes(asks, store, pool);
    *route = ask->route;
    return rv;
}
