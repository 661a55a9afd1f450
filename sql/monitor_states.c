/* SPDX-License-Identifier: MIT */
/*
 * Table `monitor_states`: what a monitor was when, and how much of a time it
 * worked. Written inside mailprobe's and people's transactions, read in
 * httpd's request threads.
 */
#include <string.h>

#include "monitor_row.h"

apr_status_t monitor_row_turned(store_t *store, apr_int64_t id,
                                apr_int64_t since, const char *state,
                                const char *detail)
{
    apr_status_t rv;

    rv = store_exec(store, NULL, "DELETE FROM monitor_states WHERE"
                    " monitor_id = ? AND since >= ?", "ii", id, since);
    return rv != APR_SUCCESS ? rv
           : store_exec(store, NULL, "INSERT INTO monitor_states (monitor_id,"
                        " since, state, detail) VALUES (?, ?, ?, ?)", "iitt",
                        id, since, state, detail);
}

static apr_status_t read_states(apr_array_header_t *list, store_rows_t *rows,
                                apr_pool_t *pool)
{
    apr_status_t rv;

    while ((rv = store_next(rows)) == APR_SUCCESS) {
        monitor_state_t *s = apr_array_push(list);

        s->since = store_int(rows, 0);
        s->state = store_text(rows, 1, pool);
        s->detail = store_text(rows, 2, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t monitors_states(apr_array_header_t **list, store_t *store,
                             apr_int64_t id, apr_int64_t from, apr_int64_t to,
                             apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *list = apr_array_make(pool, 16, sizeof(monitor_state_t));
    rv = store_query(&rows, store, "SELECT since, state, detail FROM"
                     " monitor_states WHERE monitor_id = ? AND since <= ?"
                     " ORDER BY since DESC LIMIT 1", "ii", id, from);
    if (rv == APR_SUCCESS) {
        rv = read_states(*list, rows, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = store_query(&rows, store, "SELECT since, state, detail FROM"
                         " monitor_states WHERE monitor_id = ? AND since > ?"
                         " AND since < ? ORDER BY since", "iii", id, from,
                         to);
    }
    return rv == APR_SUCCESS ? read_states(*list, rows, pool) : rv;
}

/* 1: it worked, 0: it did not, -1: nobody knows. */
static int works(const char *state)
{
    static const char *const good[] = {
        STATE_OK, STATE_SLOW, STATE_LATE, STATE_SPAM, NULL
    };
    static const char *const unknown[] = {
        STATE_BLIND, STATE_PAUSED, STATE_NEW, NULL
    };
    int i;

    for (i = 0; good[i]; i++) {
        if (!strcmp(state, good[i])) {
            return 1;
        }
    }
    for (i = 0; unknown[i]; i++) {
        if (!strcmp(state, unknown[i])) {
            return -1;
        }
    }
    return 0;
}

/* Until so long after its time a probe may come: a restart is no gap. */
#define GAP apr_time_from_sec(300)

apr_status_t monitors_unwatched(store_t *store, const monitor_t *m,
                                apr_time_t now)
{
    apr_int64_t from = m->next_at > m->state_since ? m->next_at
                       : m->state_since + 1;
    apr_status_t rv;

    if (!m->next_at || from >= now - GAP || works(m->state) < 0) {
        return APR_SUCCESS;
    }
    rv = monitor_row_turned(store, m->id, from, STATE_BLIND,
                            "no mailprobe was running");
    return rv != APR_SUCCESS ? rv
           : monitor_row_turned(store, m->id, now, m->state, m->detail);
}

int monitors_uptime_of(const apr_array_header_t *states, apr_int64_t from,
                       apr_int64_t to)
{
    apr_int64_t good = 0, known = 0;
    int i;

    for (i = 0; i < states->nelts; i++) {
        const monitor_state_t *s = &APR_ARRAY_IDX(states, i,
                                                  monitor_state_t);
        apr_int64_t start = s->since > from ? s->since : from;
        apr_int64_t end = i + 1 < states->nelts ? s[1].since : to;
        int working = works(s->state);

        if (end <= start) {
            continue;
        }
        known += working >= 0 ? end - start : 0;
        good += working > 0 ? end - start : 0;
    }
    /* whole milliseconds, so that the product stays in range for centuries */
    return known >= 1000 ? (int)(good / 1000 * 1000 / (known / 1000)) : -1;
}

apr_status_t monitors_uptime(int *per_mille, store_t *store, apr_int64_t id,
                             apr_int64_t from, apr_int64_t to,
                             apr_pool_t *pool)
{
    apr_array_header_t *list;
    apr_status_t rv = monitors_states(&list, store, id, from, to, pool);

    *per_mille = rv == APR_SUCCESS ? monitors_uptime_of(list, from, to) : -1;
    return rv;
}
