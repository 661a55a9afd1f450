/* SPDX-License-Identifier: MIT */
/*
 * What the drain writes: hits, their counters, and the outbox rows they cause,
 * within the drain's transaction (and reclassify's, which tells nobody).
 */
#include <apr_strings.h>

#include "counters.h"
#include "open_row.h"
#include "opens.h"
#include "recipients.h"

#define HOT_OPENS  3
#define HOT_WINDOW apr_time_from_sec(86400)
#define REVIVED_AFTER apr_time_from_sec(14 * 86400)

/* After that, news of an open is none. */
#define TELL_WITHIN apr_time_from_sec(86400)

struct recorder_t {
    store_t *store;
    counters_t *counters;
    apr_pool_t *pool;
};

recorder_t *record_start(store_t *store, const char *node, apr_pool_t *pool)
{
    recorder_t *rec = apr_palloc(pool, sizeof(*rec));

    rec->store = store;
    rec->counters = counters_make(store, node, pool);
    rec->pool = pool;
    return rec;
}

apr_status_t record_track(recorder_track_t *track, recorder_t *rec,
                          const char *public_id)
{
    counters_track_t *t;
    apr_status_t rv;

    rv = counters_track_public(&t, rec->counters, public_id);
    if (rv == APR_SUCCESS) {
        track->id = t->id;
        track->created_at = t->created_at;
        track->last_hit_at = t->last_hit_at;
    }
    return rv;
}

apr_status_t record_open(recorder_t *rec, open_t *open)
{
    counters_track_t *t;
    apr_status_t rv;

    rv = counters_track(&t, rec->counters, open->track_id);
    if (rv == APR_SUCCESS) {
        rv = store_insert(rec->store, &open->id,
            "INSERT INTO opens (track_id, opened_at, recorded_at, method,"
            " ip_address, user_agent, referer, headers, networks, country,"
            " city, verdict, counts, rule, vendor, context, rules_version)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            "iiittttttttiittii", open->track_id, open->opened_at,
            open->recorded_at, open->method, open->ip_address,
            open->user_agent, open->referer, open->headers, open->networks,
            open->country, open->city, (apr_int64_t)open->verdict,
            (apr_int64_t)open->counts, open->rule, open->vendor,
            (apr_int64_t)open->context, open->rules_version);
    }
    if (rv == APR_SUCCESS) {
        counters_open(rec->counters, t, open, +1);
    }
    return rv;
}

apr_status_t record_window(apr_array_header_t **out, recorder_t *rec,
                           apr_int64_t track_id, apr_int64_t from,
                           apr_int64_t to, int limit)
{
    store_rows_t *rows;
    apr_status_t rv;

    *out = apr_array_make(rec->pool, 8, sizeof(open_t));
    rv = store_query(&rows, rec->store, "SELECT " OPEN_COLUMNS
                     " FROM opens o WHERE o.track_id = ? AND o.opened_at"
                     " BETWEEN ? AND ? ORDER BY o.opened_at, o.id LIMIT ?",
                     "iiii", track_id, from, to, (apr_int64_t)limit);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        open_row_read(apr_array_push(*out), rows, 0, rec->pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t record_rejudge(recorder_t *rec, const open_t *was,
                            const open_t *now)
{
    counters_track_t *t;
    apr_status_t rv;

    rv = store_exec(rec->store, NULL, "UPDATE opens SET verdict = ?,"
                    " counts = ?, rule = ?, vendor = ?, context = ?,"
                    " rules_version = ? WHERE id = ?", "iittiii",
                    (apr_int64_t)now->verdict, (apr_int64_t)now->counts,
                    now->rule, now->vendor, (apr_int64_t)now->context,
                    now->rules_version, was->id);
    if (rv != APR_SUCCESS
        || (was->verdict == now->verdict && was->counts == now->counts)) {
        return rv;
    }
    rv = counters_track(&t, rec->counters, was->track_id);
    if (rv == APR_SUCCESS) {
        counters_open(rec->counters, t, was, -1);
        counters_open(rec->counters, t, now, +1);
    }
    return rv;
}

apr_status_t record_claimed(recorder_t *rec, apr_int64_t track_id,
                            apr_time_t now)
{
    counters_track_t *t;
    apr_status_t rv;

    rv = counters_track(&t, rec->counters, track_id);
    if (rv == APR_SUCCESS) {
        rv = store_exec(rec->store, NULL, "UPDATE tracked_emails SET"
                        " updated_at = ? WHERE id = ?", "ii",
                        (apr_int64_t)now, track_id);
    }
    if (rv != APR_SUCCESS || t->real + t->add_real > 0 || !t->told) {
        return rv;
    }
    t->told = 0;
    t->recount = 1;             /* written also when nothing else is */
    /* with their deliveries; that nobody opened it was asked before and is
     * true again */
    return store_exec(rec->store, NULL, "DELETE FROM outbox"
                      " WHERE track_id = ? AND event <> 'follow_up'", "i",
                      track_id);
}

/* -- telling ------------------------------------------------------------ */

/* Does somebody want quiet: for this mail, or for each of its people? What
 * would have been told then counts as told. */
static apr_status_t find_muted(int *muted, recorder_t *rec,
                               const counters_track_t *t)
{
    *muted = t->muted;
    return t->muted ? APR_SUCCESS : recipients_quiet(muted, rec->store, t->id);
}

static apr_status_t tell(recorder_t *rec, const counters_track_t *t,
                         const char *event, apr_time_t now)
{
    int muted = 0;
    apr_status_t rv = find_muted(&muted, rec, t);

    if (rv != APR_SUCCESS || muted) {
        return rv;
    }
    return store_exec(rec->store, NULL,
        "INSERT INTO outbox (dedupe_key, event, track_id, open_id,"
        " created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING", "ttiiii",
        apr_pstrcat(rec->pool, event, ":", t->public_id, NULL), event, t->id,
        t->newest_open_id, (apr_int64_t)now,
        (apr_int64_t)(now + TELL_WITHIN));
}

static apr_status_t is_hot(int *hot, recorder_t *rec,
                           const counters_track_t *t)
{
    apr_int64_t count = 0;
    apr_status_t rv;

    rv = store_get_int(rec->store, &count,
                       "SELECT count(*) FROM (SELECT 1 FROM opens WHERE"
                       " track_id = ? AND opened_at > ? AND counts = 2"
                       " LIMIT 3) AS few", "ii", t->id,
                       t->newest_real - HOT_WINDOW);
    *hot = count >= HOT_OPENS;
    return rv;
}

/* The decisions of DESIGN section 6, each once in the life of a mail. */
static apr_status_t tell_of(recorder_t *rec, counters_track_t *t,
                            apr_time_t now)
{
    apr_status_t rv = APR_SUCCESS;
    int hot = 0;

    /* a burst may have taken back what this transaction counted */
    if (t->newest_real == STORE_NULL || t->add_real <= 0
        || t->told == TOLD_ALL) {
        return APR_SUCCESS;
    }
    if (!(t->told & TOLD_FIRST)) {
        t->told |= TOLD_FIRST;
        rv = tell(rec, t, "first_open", now);
    }
    if (rv == APR_SUCCESS && !(t->told & TOLD_HOT)
        && t->real + t->add_real >= HOT_OPENS) {
        rv = is_hot(&hot, rec, t);
    }
    if (rv == APR_SUCCESS && hot) {
        t->told |= TOLD_HOT;
        rv = tell(rec, t, "hot", now);
    }
    if (rv == APR_SUCCESS && !(t->told & TOLD_REVIVED)
        && t->first_open_at != STORE_NULL
        && t->newest_real - t->first_open_at >= REVIVED_AFTER) {
        t->told |= TOLD_REVIVED;
        rv = tell(rec, t, "revived", now);
    }
    return rv;
}

apr_status_t record_finish(recorder_t *rec, int telling, apr_time_t now)
{
    apr_status_t rv = APR_SUCCESS;
    apr_hash_index_t *hi;

    if (telling) {
        for (hi = apr_hash_first(rec->pool, rec->counters->by_id);
             hi && rv == APR_SUCCESS; hi = apr_hash_next(hi)) {
            void *value;

            apr_hash_this(hi, NULL, NULL, &value);
            rv = tell_of(rec, value, now);
        }
    }
    return rv != APR_SUCCESS ? rv : counters_flush(rec->counters);
}
