/* SPDX-License-Identifier: MIT */
/*
 * Deltas of a transaction, by mail; written once a mail however many hits it
 * got. Runs inside the caller's transaction, in its thread.
 */
#include "counters.h"

#include <string.h>

#include <apr_strings.h>

#include "score.h"
#include "tracks.h"

#define A_DAY (APR_INT64_C(86400) * APR_USEC_PER_SEC)

/* The columns load() reads. */
#define STATE_COLUMNS \
    "id, public_id, created_at, real_open_count, possible_count," \
    " first_open_at, last_open_at, last_hit_at, seen, told, muted," \
    " reached, last_country, last_city"

/* What by_public holds for an id that the store does not have. */
static counters_track_t unknown;

counters_t *counters_make(store_t *store, const char *node, apr_pool_t *pool)
{
    counters_t *c = apr_palloc(pool, sizeof(*c));

    c->store = store;
    c->pool = pool;
    c->by_id = apr_hash_make(pool);
    c->by_public = apr_hash_make(pool);
    c->rollups = rollups_make(store, node, pool);
    return c;
}

static apr_int64_t int_or_null(store_rows_t *rows, int column)
{
    return store_is_null(rows, column) ? STORE_NULL
           : store_int(rows, column);
}

/* The one row of the query becomes the mail's state. */
static apr_status_t load(counters_track_t **out, counters_t *c,
                         store_rows_t *rows)
{
    apr_status_t rv = store_next(rows);
    counters_track_t *t;

    if (rv == APR_SUCCESS) {
        t = apr_pcalloc(c->pool, sizeof(*t));
        t->id = store_int(rows, 0);
        t->public_id = store_text(rows, 1, c->pool);
        t->created_at = store_int(rows, 2);
        t->real = store_int(rows, 3);
        t->possible = store_int(rows, 4);
        t->first_open_at = int_or_null(rows, 5);
        t->last_open_at = int_or_null(rows, 6);
        t->last_hit_at = int_or_null(rows, 7);
        t->seen = (int)store_int(rows, 8);
        t->told = (int)store_int(rows, 9);
        t->muted = (int)store_int(rows, 10);
        t->reached = store_text(rows, 11, c->pool);
        t->country = store_text(rows, 12, c->pool);
        t->city = store_text(rows, 13, c->pool);
        t->newest_real = t->oldest_real = t->newest_hit = STORE_NULL;
        t->place_at = STORE_NULL;
        apr_hash_set(c->by_id, &t->id, sizeof(t->id), t);
        apr_hash_set(c->by_public, t->public_id, APR_HASH_KEY_STRING, t);
        *out = t;
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

apr_status_t counters_track(counters_track_t **track, counters_t *c,
                            apr_int64_t id)
{
    store_rows_t *rows;
    apr_status_t rv;

    *track = apr_hash_get(c->by_id, &id, sizeof(id));
    if (*track) {
        return APR_SUCCESS;
    }
    rv = store_query(&rows, c->store, "SELECT " STATE_COLUMNS
                     " FROM tracked_emails WHERE id = ?", "i", id);
    return rv != APR_SUCCESS ? rv : load(track, c, rows);
}

apr_status_t counters_track_public(counters_track_t **track, counters_t *c,
                                   const char *public_id)
{
    store_rows_t *rows;
    apr_status_t rv;

    *track = apr_hash_get(c->by_public, public_id, APR_HASH_KEY_STRING);
    if (*track) {
        return *track == &unknown ? APR_NOTFOUND : APR_SUCCESS;
    }
    rv = store_query(&rows, c->store, "SELECT " STATE_COLUMNS
                     " FROM tracked_emails WHERE public_id = ?", "t",
                     public_id);
    if (rv == APR_SUCCESS) {
        rv = load(track, c, rows);
    }
    if (rv == APR_NOTFOUND) {
        apr_hash_set(c->by_public, apr_pstrdup(c->pool, public_id),
                     APR_HASH_KEY_STRING, &unknown);
    }
    return rv;
}

static apr_int64_t newer(apr_int64_t a, apr_int64_t b)
{
    return a == STORE_NULL || b > a ? b : a;
}

static apr_int64_t older(apr_int64_t a, apr_int64_t b)
{
    return a == STORE_NULL || (b != STORE_NULL && b < a) ? b : a;
}

/* A proxy's place is not the reader's. */
static int has_place(const open_t *open)
{
    return open->counts == OPEN_REAL && open->verdict == OPEN_HUMAN
           && open->country && *open->country;
}

/* What the mail's row says of it in words. */
static void note_words(counters_track_t *t, const open_t *open)
{
    const char *vendor = open->vendor;

    if (open->counts == OPEN_POSSIBLE && open->verdict == OPEN_PREFETCH
        && vendor && *vendor
        && (!*t->reached || strcmp(vendor, t->reached) < 0)) {
        t->reached = vendor;
    }
    if (has_place(open) && open->opened_at >= t->place_at) {
        t->place_at = open->opened_at;
        t->new_country = open->country;
        t->new_city = open->city;
    }
}

void counters_open(counters_t *c, counters_track_t *t, const open_t *open,
                   int sign)
{
    rollups_t *r = c->rollups;

    t->add_open += sign;
    if (open->verdict == OPEN_SELF && open->counts == OPEN_NONE) {
        t->add_self += sign;
    }
    rollups_add(r, open->opened_at, ROLLUP_VERDICTS + open->verdict, sign);
    if (open->counts == OPEN_REAL) {
        t->add_real += sign;
        rollups_add(r, open->opened_at, ROLLUP_OPENS, sign);
        rollups_place(r, open->opened_at, open->country, open->city, sign);
    } else if (open->counts == OPEN_POSSIBLE) {
        t->add_possible += sign;
        rollups_add(r, open->opened_at, ROLLUP_POSSIBLE, sign);
    }
    if (sign < 0) {
        t->recount = 1;
        return;
    }
    note_words(t, open);
    t->newest_hit = newer(t->newest_hit, open->opened_at);
    if (open->counts == OPEN_REAL) {
        if (open->opened_at > t->newest_real) {
            t->newest_open_id = open->id;
        }
        t->newest_real = newer(t->newest_real, open->opened_at);
        t->oldest_real = older(t->oldest_real, open->opened_at);
    }
}

static void add_seen(counters_t *c, apr_int64_t created_at, int seen,
                     int sign)
{
    if (seen == TRACK_OPENED) {
        rollups_add(c->rollups, created_at, ROLLUP_MAILS_OPENED, sign);
    } else if (seen == TRACK_POSSIBLE) {
        rollups_add(c->rollups, created_at, ROLLUP_MAILS_POSSIBLE, sign);
    }
}

void counters_mail(counters_t *c, apr_int64_t created_at, int seen,
                   apr_int64_t first_open_at, int sign)
{
    rollups_add(c->rollups, created_at, ROLLUP_MAILS, sign);
    add_seen(c, created_at, seen, sign);
    rollups_first(c->rollups, created_at, first_open_at, sign);
}

/* -- flush -------------------------------------------------------------- */

/* The place of the newest hit that has one. */
static apr_status_t find_place(counters_t *c, counters_track_t *t)
{
    store_rows_t *rows;
    apr_status_t rv;

    t->country = t->city = NULL;
    rv = store_query(&rows, c->store, "SELECT country, city FROM opens"
                     " WHERE track_id = ? AND counts = 2 AND verdict = 0"
                     " AND country <> '' ORDER BY opened_at DESC, id DESC"
                     " LIMIT 1", "i", t->id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        t->country = store_text(rows, 0, c->pool);
        t->city = store_text(rows, 1, c->pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* Hits mostly come in their order: then the one added is the newest. */
static apr_status_t move_place(counters_t *c, counters_track_t *t)
{
    if (t->place_at == STORE_NULL) {
        return APR_SUCCESS;
    }
    if (t->last_open_at != STORE_NULL
        && t->place_at < t->last_open_at) {
        return find_place(c, t);
    }
    t->country = t->new_country;
    t->city = t->new_city;
    return APR_SUCCESS;
}

/* A hit went or changed: the first and the last are among those that are left.
 */
static apr_status_t recount(counters_t *c, counters_track_t *t)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, c->store, "SELECT min(CASE WHEN counts = 2 THEN"
                     " opened_at END), max(CASE WHEN counts = 2 THEN"
                     " opened_at END), max(opened_at), coalesce(min(CASE WHEN"
                     " counts = 1 AND verdict = 2 AND vendor <> '' THEN"
                     " vendor END), '') FROM opens WHERE track_id = ?", "i",
                     t->id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        t->first_open_at = int_or_null(rows, 0);
        t->last_open_at = int_or_null(rows, 1);
        t->last_hit_at = int_or_null(rows, 2);
        t->reached = store_text(rows, 3, c->pool);
    }
    store_done(rows);
    return rv == APR_SUCCESS ? find_place(c, t) : rv;
}

/* The mail's people: what they opened, and when last. */
static apr_status_t write_recipients(counters_t *c,
                                     const counters_track_t *t, int seen)
{
    apr_int64_t opened = (seen == TRACK_OPENED) - (t->seen == TRACK_OPENED);
    apr_int64_t possible = (seen == TRACK_POSSIBLE)
                           - (t->seen == TRACK_POSSIBLE);
    apr_status_t rv;

    rv = store_exec(c->store, NULL,
        "UPDATE recipients SET mails_opened = mails_opened + ?,"
        " mails_possible = mails_possible + ? WHERE id IN (SELECT"
        " recipient_id FROM email_recipients WHERE track_id = ?)", "iii",
        opened, possible, t->id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return store_exec(c->store, NULL,
        "UPDATE recipients SET " COUNTERS_RATE " WHERE id IN (SELECT"
        " recipient_id FROM email_recipients WHERE track_id = ?)", "i",
        t->id);
}

static apr_status_t write_last_open(counters_t *c, const counters_track_t *t)
{
    return store_exec(c->store, NULL,
        "UPDATE recipients SET last_open_at = ? WHERE id IN (SELECT"
        " recipient_id FROM email_recipients WHERE track_id = ?)"
        " AND (last_open_at IS NULL OR last_open_at < ?)", "iii",
        t->newest_real, t->id, t->newest_real);
}

/* The newest open of a person may have been the one that went. */
static apr_status_t recount_recipients(counters_t *c,
                                       const counters_track_t *t)
{
    return store_exec(c->store, NULL,
        "UPDATE recipients SET last_open_at = (SELECT max(e.last_open_at)"
        " FROM email_recipients r JOIN tracked_emails e ON e.id = r.track_id"
        " WHERE r.recipient_id = recipients.id) WHERE id IN (SELECT"
        " recipient_id FROM email_recipients WHERE track_id = ?)", "i",
        t->id);
}

static apr_status_t write_counters(counters_t *c, counters_track_t *t,
                                   int seen)
{
    if (seen == t->seen) {
        /* apart: naming seen would rewrite its index entry each time */
        return store_exec(c->store, NULL,
            "UPDATE tracked_emails SET open_count = open_count + ?,"
            " real_open_count = real_open_count + ?,"
            " possible_count = possible_count + ?, first_open_at = ?,"
            " last_open_at = ?, last_hit_at = ?, told = ?,"
            " self_count = self_count + ?, reached = ?, last_country = ?,"
            " last_city = ? WHERE id = ?", "iiiNNNiittti", t->add_open,
            t->add_real, t->add_possible, t->first_open_at, t->last_open_at,
            t->last_hit_at, (apr_int64_t)t->told, t->add_self, t->reached,
            t->country, t->city, t->id);
    }
    return store_exec(c->store, NULL,
        "UPDATE tracked_emails SET open_count = open_count + ?,"
        " real_open_count = real_open_count + ?,"
        " possible_count = possible_count + ?, first_open_at = ?,"
        " last_open_at = ?, last_hit_at = ?, told = ?,"
        " self_count = self_count + ?, reached = ?, last_country = ?,"
        " last_city = ?, seen = ? WHERE id = ?", "iiiNNNiitttii", t->add_open,
        t->add_real, t->add_possible, t->first_open_at, t->last_open_at,
        t->last_hit_at, (apr_int64_t)t->told, t->add_self, t->reached,
        t->country, t->city, (apr_int64_t)seen, t->id);
}

static apr_status_t flush_track(counters_t *c, counters_track_t *t)
{
    int seen = t->real + t->add_real > 0 ? TRACK_OPENED
               : t->possible + t->add_possible > 0 ? TRACK_POSSIBLE
               : TRACK_UNSEEN;
    apr_int64_t first = t->first_open_at, last = t->last_open_at;
    apr_status_t rv = APR_SUCCESS;

    if (t->recount) {
        rv = recount(c, t);
    } else {
        rv = move_place(c, t);
        t->first_open_at = older(t->first_open_at, t->oldest_real);
        t->last_open_at = newer(t->last_open_at, t->newest_real);
        t->last_hit_at = newer(t->last_hit_at, t->newest_hit);
    }
    if (t->first_open_at != first) {
        rollups_first(c->rollups, t->created_at, first, -1);
        rollups_first(c->rollups, t->created_at, t->first_open_at, +1);
    }
    if (rv == APR_SUCCESS) {
        rv = write_counters(c, t, seen);
    }
    if (rv == APR_SUCCESS && seen != t->seen) {
        add_seen(c, t->created_at, t->seen, -1);
        add_seen(c, t->created_at, seen, +1);
        rv = write_recipients(c, t, seen);
    }
    if (rv == APR_SUCCESS && t->recount) {
        rv = recount_recipients(c, t);
    } else if (rv == APR_SUCCESS && t->newest_real != STORE_NULL) {
        rv = write_last_open(c, t);
    }
    if (rv == APR_SUCCESS && (t->recount || seen != t->seen)) {
        rv = score_write_people(c->store, t->id);
    } else if (rv == APR_SUCCESS && t->newest_real != STORE_NULL
               && (last == STORE_NULL || t->newest_real / A_DAY
                                         > last / A_DAY)) {
        rv = score_touch(c->store, t->id, t->newest_real);
    }
    return rv;
}

apr_status_t counters_flush(counters_t *c)
{
    apr_status_t rv = APR_SUCCESS;
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(c->pool, c->by_id); hi && rv == APR_SUCCESS;
         hi = apr_hash_next(hi)) {
        counters_track_t *t;
        void *value;

        apr_hash_this(hi, NULL, NULL, &value);
        t = value;
        if (t->add_open || t->add_real || t->add_possible || t->recount
            || t->newest_hit != STORE_NULL) {
            rv = flush_track(c, t);
        }
    }
    return rv != APR_SUCCESS ? rv : rollups_flush(c->rollups);
}

/* mails, opened, cannot tell, last made, last opened (or STORE_NULL) of all
 * that went to somebody. APR_NOTFOUND: none did. */
static apr_status_t sum_mails(apr_int64_t sums[5], store_t *store,
                              apr_int64_t recipient_id)
{
    store_rows_t *rows;
    apr_status_t rv;
    int i;

    rv = store_query(&rows, store, "SELECT count(*),"
        " sum(CASE WHEN e.seen = 2 THEN 1 ELSE 0 END),"
        " sum(CASE WHEN e.seen = 1 THEN 1 ELSE 0 END),"
        " max(e.created_at), max(e.last_open_at)"
        " FROM email_recipients r JOIN tracked_emails e"
        " ON e.id = r.track_id WHERE r.recipient_id = ?", "i",
        recipient_id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    for (i = 0; rv == APR_SUCCESS && i < 5; i++) {
        sums[i] = store_is_null(rows, i) ? STORE_NULL : store_int(rows, i);
    }
    store_done(rows);
    return rv == APR_SUCCESS && !sums[0] ? APR_NOTFOUND : rv;
}

apr_status_t counters_recipient(store_t *store, apr_int64_t recipient_id)
{
    apr_int64_t sums[5];
    apr_status_t rv;

    rv = store_exec(store, NULL, "DELETE FROM recipients WHERE id = ? AND"
                    " NOT EXISTS (SELECT 1 FROM email_recipients"
                    " WHERE recipient_id = ?)", "ii", recipient_id,
                    recipient_id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = sum_mails(sums, store, recipient_id);
    if (rv == APR_NOTFOUND) {
        return APR_SUCCESS;     /* the last one went, and the person too */
    }
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "UPDATE recipients SET mails = ?,"
                        " mails_opened = ?, mails_possible = ?,"
                        " last_mail_at = ?, last_open_at = ? WHERE id = ?",
                        "iiiiNi", sums[0], sums[1], sums[2], sums[3],
                        sums[4], recipient_id);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_exec(store, NULL, "UPDATE recipients SET " COUNTERS_RATE
                    " WHERE id = ?", "i", recipient_id);
    return rv == APR_SUCCESS ? score_write(store, recipient_id) : rv;
}
