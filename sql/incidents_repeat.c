/* SPDX-License-Identifier: MIT */
/*
 * Incidents told again, and alarms told late because it was quiet before.
 * mailprobe's store thread, about once a second: everything is read first, and
 * written in a short transaction only when there is something to be told.
 */
#include "incidents.h"

#include "dialect.h"
#include "engine.h"
#include "incident_row.h"
#include "outbox.h"

/* A member that still fails. */
typedef struct failing_t {
    apr_int64_t incident_id;
    apr_int64_t monitor_id;
    int was_quiet;
    int is_quiet;               /* at this moment */
} failing_t;

typedef struct repeat_t {
    apr_int64_t incident_id;
    apr_int64_t repeats;
    int house;
} repeat_t;

typedef struct look_t {
    store_t *store;
    apr_time_t now;
    apr_pool_t *pool;
    apr_array_header_t *failing;        /* failing_t, of all that are open */
    apr_array_header_t *due;            /* repeat_t */
} look_t;

static apr_status_t find_due(look_t *l)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, l->store, "SELECT id, repeats, CASE WHEN kind ="
                     " '" INCIDENT_HOUSE "' THEN 1 ELSE 0 END FROM incidents"
                     " WHERE closed_at IS NULL AND acked_at IS NULL AND"
                     " muted = 0 AND repeat_at <= ?", "i",
                     (apr_int64_t)l->now);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        repeat_t *r = apr_array_push(l->due);

        r->incident_id = store_int(rows, 0);
        r->repeats = store_int(rows, 1);
        r->house = store_int(rows, 2) != 0;
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* Those whose quiet matters: of an incident that is due, or quiet so far. */
static apr_status_t find_failing(look_t *l)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, l->store, "SELECT im.incident_id, im.monitor_id,"
                     " im.quiet, CASE WHEN m.muted_until > ? THEN 1 ELSE 0"
                     " END FROM incidents i JOIN incident_monitors im"
                     " ON im.incident_id = i.id JOIN monitors m"
                     " ON m.id = im.monitor_id WHERE i.closed_at IS NULL AND"
                     " im.recovered_at IS NULL AND (im.quiet = 1 OR"
                     " i.repeat_at <= ?)", "ii", (apr_int64_t)l->now,
                     (apr_int64_t)l->now);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        failing_t *f = apr_array_push(l->failing);

        f->incident_id = store_int(rows, 0);
        f->monitor_id = store_int(rows, 1);
        f->was_quiet = store_int(rows, 2) != 0;
        f->is_quiet = store_int(rows, 3) != 0;
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static apr_status_t look_at_windows(look_t *l)
{
    apr_array_header_t *windows = NULL;
    apr_status_t rv;
    int i;

    if (!l->failing->nelts) {
        return APR_SUCCESS;
    }
    rv = windows_list(&windows, l->store, l->now, l->pool);
    for (i = 0; rv == APR_SUCCESS && i < l->failing->nelts; i++) {
        failing_t *f = &APR_ARRAY_IDX(l->failing, i, failing_t);

        f->is_quiet = f->is_quiet || windows_cover(windows, f->monitor_id,
                                                   l->now, l->pool);
    }
    return rv;
}

/* Does anybody fail who is not quiet now? */
static int is_heard(const look_t *l, const repeat_t *r)
{
    int i, heard = r->house;

    for (i = 0; i < l->failing->nelts && !heard; i++) {
        const failing_t *f = &APR_ARRAY_IDX(l->failing, i, failing_t);

        heard = f->incident_id == r->incident_id && !f->is_quiet;
    }
    return heard;
}

/* Another mailprobe may have been faster: then `repeats` is another. */
static apr_status_t repeat(look_t *l, const repeat_t *r)
{
    apr_int64_t next = l->now + incident_row_pause(r->repeats + 1);
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(l->store, &changed, "UPDATE incidents SET"
                    " repeats = repeats + 1, repeat_at = ? WHERE id = ? AND"
                    " repeats = ? AND closed_at IS NULL AND"
                    " acked_at IS NULL AND muted = 0", "iii", next,
                    r->incident_id, r->repeats);
    if (rv == APR_SUCCESS && changed) {
        rv = incident_row_supersede(l->store, r->incident_id, l->now);
    }
    return rv != APR_SUCCESS || !changed ? rv
           : incident_row_tell(l->store, r->incident_id, EVENT_REPEAT,
                               r->repeats + 1, l->now, l->now);
}

static apr_status_t hear(look_t *l, const failing_t *f)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(l->store, &changed, "UPDATE incident_monitors SET"
                    " quiet = 0 WHERE incident_id = ? AND monitor_id = ? AND"
                    " quiet = 1 AND recovered_at IS NULL", "ii",
                    f->incident_id, f->monitor_id);
    return rv != APR_SUCCESS || !changed ? rv
           : incident_row_joined(l->store, f->incident_id, f->monitor_id,
                                 l->now, l->now);
}

static apr_status_t tell(look_t *l)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < l->failing->nelts && rv == APR_SUCCESS; i++) {
        const failing_t *f = &APR_ARRAY_IDX(l->failing, i, failing_t);

        if (f->was_quiet && !f->is_quiet) {
            rv = hear(l, f);
        }
    }
    for (i = 0; i < l->due->nelts && rv == APR_SUCCESS; i++) {
        const repeat_t *r = &APR_ARRAY_IDX(l->due, i, repeat_t);

        if (is_heard(l, r)) {
            rv = repeat(l, r);
        }
    }
    return rv;
}

/* How many there are to tell. */
static int count_news(const look_t *l)
{
    int i, news = 0;

    for (i = 0; i < l->failing->nelts; i++) {
        const failing_t *f = &APR_ARRAY_IDX(l->failing, i, failing_t);

        news += f->was_quiet && !f->is_quiet;
    }
    for (i = 0; i < l->due->nelts; i++) {
        news += is_heard(l, &APR_ARRAY_IDX(l->due, i, repeat_t));
    }
    return news;
}

apr_status_t incidents_repeat(store_t *store, apr_time_t now,
                              apr_pool_t *pool)
{
    look_t l = { store, now, pool, NULL, NULL };
    apr_status_t rv;

    l.failing = apr_array_make(pool, 8, sizeof(failing_t));
    l.due = apr_array_make(pool, 4, sizeof(repeat_t));
    rv = find_due(&l);
    if (rv == APR_SUCCESS) {
        rv = find_failing(&l);
    }
    if (rv == APR_SUCCESS) {
        rv = look_at_windows(&l);
    }
    if (rv != APR_SUCCESS || !count_news(&l)) {
        return rv;
    }
    if (store->in_transaction) {
        return tell(&l);
    }
    rv = store_begin(store);
    return rv != APR_SUCCESS ? rv : store_end(store, tell(&l));
}
