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

static int rank_of(const char *state)
{
    int i;

    for (i = RANKS - 1; i >= 0 && strcmp(ranks[i], state); i--) {
    }
    return i;
}

/* The newest probe before a time that says something, STORE_NULL: none is
 * fresh. Probes are pruned after days: their sums of the hour then tell. */
static apr_status_t find_evidence(apr_int64_t *found, store_t *store,
                                  apr_int64_t monitor_id, apr_int64_t at)
{
    apr_int64_t bucket = 0;
    apr_status_t rv;

    *found = STORE_NULL;
    rv = store_get_int(store, found, "SELECT due_at FROM probes WHERE"
                       " monitor_id = ? AND due_at <= ? AND due_at > ?"
                       " AND decided_at IS NOT NULL AND outcome <> 'blind'"
                       " ORDER BY due_at DESC LIMIT 1", "iii", monitor_id, at,
                       at - FRESH);
    if (rv != APR_NOTFOUND) {
        return rv;
    }
    rv = store_get_int(store, &bucket, "SELECT bucket FROM probe_rollups"
                       " WHERE monitor_id = ? AND width = ? AND bucket <= ?"
                       " AND bucket > ? AND ok + slow + late + missing + spam"
                       " + bounced + send_failed > 0 ORDER BY bucket DESC"
                       " LIMIT 1", "iiii", monitor_id, (apr_int64_t)HOUR_S,
                       at, at - FRESH - HOUR);
    if (rv == APR_SUCCESS) {
        *found = bucket + HOUR < at ? bucket + HOUR : at;
    }
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

typedef struct candidate_t {
    apr_int64_t id;
    const char *public_id;
    const char *state;
    const char *detail;
    apr_int64_t since;
} candidate_t;

static apr_status_t find_monitors(apr_array_header_t *list, store_t *store,
                                  const char *domain, apr_int64_t at,
                                  apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT m.id, m.public_id, s.state,"
                     " s.detail, s.since FROM monitors m JOIN monitor_states s"
                     " ON s.monitor_id = m.id AND s.since = (SELECT"
                     " max(x.since) FROM monitor_states x WHERE"
                     " x.monitor_id = m.id AND x.since <= ?)"
                     " WHERE m.domain = ?", "it", at, domain);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        candidate_t *c = apr_array_push(list);

        c->id = store_int(rows, 0);
        c->public_id = store_text(rows, 1, pool);
        c->state = store_text(rows, 2, pool);
        c->detail = store_text(rows, 3, pool);
        c->since = store_int(rows, 4);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static const char *lower(const char *domain, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, domain), *p;

    for (p = copy; *p; p++) {
        *p = (char)((unsigned char)*p < 0x80 ? apr_tolower(*p) : *p);
    }
    return copy;
}

apr_status_t monitors_route(route_state_t *route, store_t *store,
                            const char *domain, apr_int64_t at,
                            apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 4, sizeof(candidate_t));
    int worst = -1, i;
    apr_status_t rv;

    memset(route, 0, sizeof(*route));
    rv = find_monitors(list, store, lower(domain, pool), at, pool);
    for (i = 0; rv == APR_SUCCESS && i < list->nelts; i++) {
        const candidate_t *c = &APR_ARRAY_IDX(list, i, candidate_t);
        int rank = rank_of(c->state);
        apr_int64_t evidence = STORE_NULL;

        if (rank <= worst) {
            continue;
        }
        rv = find_evidence(&evidence, store, c->id, at);
        if (rv == APR_SUCCESS && evidence != STORE_NULL) {
            worst = rank;
            route->state = ranks[rank];
            route->monitor = c->public_id;
            route->detail = c->detail;
            route->since = c->since;
            route->evidence_at = evidence;
        }
    }
    return rv;
}
