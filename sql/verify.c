/* SPDX-License-Identifier: MIT */
/*
 * reports_verify: every counter against a recount. Run by mailtrackctl. The
 * engine sorts and groups (on disk where it must); here two ordered streams
 * are compared row by row, so memory does not grow with the store.
 */
#include "reports.h"

#include <string.h>

#include <apr_strings.h>

#include "rollups.h"
#include "verify_probes.h"

typedef struct verify_t {
    store_t *store;
    difference_t told;
    void *context;
    apr_int64_t differences;
    apr_pool_t *scratch;        /* cleared after each difference */
} verify_t;

static void tell(verify_t *v, const char *what, const char *counter,
                 apr_int64_t kept, apr_int64_t counted)
{
    v->differences++;
    if (v->told) {
        v->told(v->context, what, counter, kept, counted);
    }
    apr_pool_clear(v->scratch);
}

/* -- mails and people: a row has its counters and the recount -------------- */

typedef struct paired_t {
    const char *what;
    const char *const *counters;        /* names */
    int count;
    /* who, counters as kept, counters as counted */
    const char *sql;
} paired_t;

static const char *const track_counters[] = {
    "open_count", "real_open_count", "possible_count", "first_open_at",
    "last_open_at", "last_hit_at", "seen", "self_count"
};

/* Texts: kept 1 where the column is what the hits say. */
static const char *const track_words[] = { "reached", "last place" };

static const char *const recipient_counters[] = {
    "mails", "mails_opened", "mails_possible", "rate", "last_mail_at",
    "last_open_at"
};

static const char *const score_counters[] = {
    "recent", "recent_opened", "score_base", "score_key"
};

#define COUNT_IF(condition) "sum(CASE WHEN " condition " THEN 1 ELSE 0 END)"

/* Rates as counters.c computes them. */
#define RATE_OF_COUNTED \
    "CASE WHEN " COUNT_IF("t.seen <> 1") " > 0 THEN " COUNT_IF("t.seen = 2") \
    " * 1000 / " COUNT_IF("t.seen <> 1") " ELSE -1 END"

#define PLACE_OF(country, city) \
    "coalesce(" country ", '') || '/' || coalesce(" city ", '')"

/* As score.c computes it; of the counters, which are proved above. */
#define SCORE_BASE \
    "180000 * mails_opened / (mails - mails_possible) + CASE WHEN known > 0" \
    " THEN 90000 * opened / known ELSE 90000 * mails_opened" \
    " / (mails - mails_possible) END"

static const paired_t paired[] = {
    { "track", track_counters, 8,
      "SELECT t.public_id, t.open_count, t.real_open_count,"
      " t.possible_count, coalesce(t.first_open_at, 0),"
      " coalesce(t.last_open_at, 0), coalesce(t.last_hit_at, 0), t.seen,"
      " t.self_count, count(o.id), " COUNT_IF("o.counts = 2") ", "
      COUNT_IF("o.counts = 1")
      ", coalesce(min(CASE WHEN o.counts = 2 THEN o.opened_at END), 0),"
      " coalesce(max(CASE WHEN o.counts = 2 THEN o.opened_at END), 0),"
      " coalesce(max(o.opened_at), 0), coalesce(max(o.counts), 0), "
      COUNT_IF("o.verdict = 5 AND o.counts = 0")
      " FROM tracked_emails t LEFT JOIN opens o ON o.track_id = t.id"
      " GROUP BY t.id ORDER BY t.id" },
    { "track", track_words, 2,
      "SELECT t.public_id, CASE WHEN t.reached = coalesce((SELECT"
      " min(o.vendor) FROM opens o WHERE o.track_id = t.id AND o.counts = 1"
      " AND o.verdict = 2 AND o.vendor <> ''), '') THEN 1 ELSE 0 END,"
      " CASE WHEN " PLACE_OF("t.last_country", "t.last_city") " = coalesce(("
      "SELECT " PLACE_OF("o.country", "o.city") " FROM opens o"
      " WHERE o.track_id = t.id AND o.counts = 2 AND o.verdict = 0"
      " AND o.country <> '' ORDER BY o.opened_at DESC, o.id DESC LIMIT 1),"
      " '/') THEN 1 ELSE 0 END, 1, 1 FROM tracked_emails t ORDER BY t.id" },
    { "recipient", recipient_counters, 6,
      "SELECT r.address, r.mails, r.mails_opened, r.mails_possible, r.rate,"
      " r.last_mail_at, coalesce(r.last_open_at, 0), count(t.id), "
      COUNT_IF("t.seen = 2") ", " COUNT_IF("t.seen = 1") ", "
      RATE_OF_COUNTED ", coalesce(max(t.created_at), 0),"
      " coalesce(max(t.last_open_at), 0) FROM recipients r"
      " LEFT JOIN email_recipients er ON er.recipient_id = r.id"
      " LEFT JOIN tracked_emails t ON t.id = er.track_id"
      " GROUP BY r.id ORDER BY r.id" },
    { "recipient", score_counters, 4,
      "SELECT address, recent, recent_opened, score_base, score_key, known,"
      " opened, CASE WHEN mails = mails_possible THEN -1 ELSE " SCORE_BASE
      " END, CASE WHEN mails = mails_possible THEN -1 ELSE " SCORE_BASE
      " + 1000 * (coalesce(last_open_at, 0) / 86400000000) END FROM ("
      "SELECT r.id, r.address, r.recent, r.recent_opened, r.score_base,"
      " r.score_key, r.mails, r.mails_opened, r.mails_possible,"
      " r.last_open_at, " COUNT_IF("n.seen <> 1") " AS known, "
      COUNT_IF("n.seen = 2") " AS opened FROM recipients r LEFT JOIN ("
      "SELECT er.recipient_id, t.seen, row_number() OVER (PARTITION BY"
      " er.recipient_id ORDER BY er.track_id DESC) AS place"
      " FROM email_recipients er JOIN tracked_emails t"
      " ON t.id = er.track_id) n ON n.recipient_id = r.id AND n.place <= 20"
      " GROUP BY r.id) x ORDER BY id" }
};

static apr_status_t verify_paired(verify_t *v, const paired_t *p)
{
    store_rows_t *rows;
    apr_status_t rv;
    int i;

    rv = store_query(&rows, v->store, p->sql, NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        for (i = 0; i < p->count; i++) {
            apr_int64_t kept = store_int(rows, 1 + i);
            apr_int64_t counted = store_int(rows, 1 + p->count + i);

            if (kept != counted) {
                tell(v, apr_psprintf(v->scratch, "%s %s", p->what,
                                     store_peek(rows, 0)), p->counters[i],
                     kept, counted);
            }
        }
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* -- rollups: two ordered streams ------------------------------------------ */

/* Columns of a stream: bucket, country, city, then the counters. */
#define KEY_COLUMNS 3

typedef struct rollup_kind_t {
    const char *what;
    apr_int64_t width;
    const char *const *counters;
    int count;
    const char *kept;           /* binds the width */
    const char *counted;        /* binds it `widths` times in microseconds */
    int widths;
    const char *summed;         /* the same from the finest of its kind, once
                                   those are found true: binds it three times;
                                   NULL: it is the finest */
} rollup_kind_t;

static const char *const rollup_counters[] = {
    "mails", "mails_opened", "mails_possible", "opens", "possible", "human",
    "proxied", "prefetch", "scanner", "bot", "self"
};

static const char *const first_counters[] = {
    "first_1m", "first_5m", "first_15m", "first_1h", "first_4h", "first_1d",
    "first_3d", "first_7d", "first_later"
};

static const char *const place_counters[] = { "opens" };

/* Rounded down, also before the epoch; `?` is the width in microseconds. */
#define BUCKET_OF(at) at " - ((" at " % ? + ?) % ?)"
#define ONE_IF(condition) "CASE WHEN " condition " THEN 1 ELSE 0 END"

#define KEPT_ROLLUPS \
    "SELECT bucket, '' AS country, '' AS city, sum(mails)," \
    " sum(mails_opened), sum(mails_possible), sum(opens), sum(possible)," \
    " sum(human), sum(proxied), sum(prefetch), sum(scanner), sum(bot)," \
    " sum(self) FROM open_rollups WHERE width = ?" \
    " GROUP BY bucket ORDER BY bucket"
#define COUNTED_ROLLUPS \
    "SELECT bucket, '' AS country, '' AS city, sum(m), sum(m2), sum(m1)," \
    " sum(o2), sum(o1), sum(v0), sum(v1), sum(v2), sum(v3), sum(v4)," \
    " sum(v5) FROM (SELECT " BUCKET_OF("created_at") " AS bucket, 1 AS m, " \
    ONE_IF("seen = 2") " AS m2, " ONE_IF("seen = 1") " AS m1, 0 AS o2," \
    " 0 AS o1, 0 AS v0, 0 AS v1, 0 AS v2, 0 AS v3, 0 AS v4, 0 AS v5" \
    " FROM tracked_emails UNION ALL SELECT " BUCKET_OF("opened_at") \
    ", 0, 0, 0, " ONE_IF("counts = 2") ", " ONE_IF("counts = 1") ", " \
    ONE_IF("verdict = 0") ", " ONE_IF("verdict = 1") ", " \
    ONE_IF("verdict = 2") ", " ONE_IF("verdict = 3") ", " \
    ONE_IF("verdict = 4") ", " ONE_IF("verdict = 5") \
    " FROM opens) x GROUP BY bucket ORDER BY bucket"

#define KEPT_FIRST \
    "SELECT bucket, '' AS country, '' AS city, sum(first_1m), sum(first_5m)," \
    " sum(first_15m), sum(first_1h), sum(first_4h), sum(first_1d)," \
    " sum(first_3d), sum(first_7d), sum(first_later) FROM open_rollups" \
    " WHERE width = ? GROUP BY bucket ORDER BY bucket"
#define MAILS_IN(from, to) \
    COUNT_IF("d >= " from " AND d < " to)
#define COUNTED_FIRST \
    "SELECT bucket, '' AS country, '' AS city, " \
    COUNT_IF("d < 60000000") ", " MAILS_IN("60000000", "300000000") ", " \
    MAILS_IN("300000000", "900000000") ", " \
    MAILS_IN("900000000", "3600000000") ", " \
    MAILS_IN("3600000000", "14400000000") ", " \
    MAILS_IN("14400000000", "86400000000") ", " \
    MAILS_IN("86400000000", "259200000000") ", " \
    MAILS_IN("259200000000", "604800000000") ", " \
    COUNT_IF("d >= 604800000000") " FROM (SELECT " \
    BUCKET_OF("created_at") " AS bucket, first_open_at - created_at AS d" \
    " FROM tracked_emails WHERE first_open_at IS NOT NULL) x" \
    " GROUP BY bucket ORDER BY bucket"

#define KEPT_PLACES(where) \
    "SELECT bucket, country, city, sum(opens) FROM place_rollups" \
    " WHERE width = ? AND " where " GROUP BY bucket, country, city" \
    " ORDER BY bucket, country, city"
#define COUNTED_PLACES(city, where) \
    "SELECT bucket, country, city, count(*) FROM (SELECT " \
    BUCKET_OF("opened_at") " AS bucket, country, " city " AS city FROM opens" \
    " WHERE counts = 2 AND country <> '' AND " where ") x" \
    " GROUP BY bucket, country, city ORDER BY bucket, country, city"

#define SUMMED_ROLLUPS \
    "SELECT " BUCKET_OF("r.bucket") " AS start, '', '', sum(mails)," \
    " sum(mails_opened), sum(mails_possible), sum(opens), sum(possible)," \
    " sum(human), sum(proxied), sum(prefetch), sum(scanner), sum(bot)," \
    " sum(self) FROM open_rollups r WHERE width = 900" \
    " GROUP BY start ORDER BY start"
#define SUMMED_FIRST \
    "SELECT " BUCKET_OF("r.bucket") " AS start, '', '', sum(first_1m)," \
    " sum(first_5m), sum(first_15m), sum(first_1h), sum(first_4h)," \
    " sum(first_1d), sum(first_3d), sum(first_7d), sum(first_later)" \
    " FROM open_rollups r WHERE width = 900 GROUP BY start ORDER BY start"
#define SUMMED_PLACES(where) \
    "SELECT " BUCKET_OF("r.bucket") " AS start, country, city, sum(opens)" \
    " FROM place_rollups r WHERE width = 86400 AND " where \
    " GROUP BY start, country, city ORDER BY start, country, city"

#define OPEN_KIND(width, summed) \
    { "rollup", width, rollup_counters, 11, KEPT_ROLLUPS, COUNTED_ROLLUPS, \
      6, summed }
#define FIRST_KIND(width, summed) \
    { "rollup", width, first_counters, 9, KEPT_FIRST, COUNTED_FIRST, 3, \
      summed }
#define COUNTRY_KIND(width, summed) \
    { "places", width, place_counters, 1, KEPT_PLACES("city = ''"), \
      COUNTED_PLACES("''", "1 = 1"), 3, summed }
#define CITY_KIND(width, summed) \
    { "places", width, place_counters, 1, KEPT_PLACES("city <> ''"), \
      COUNTED_PLACES("city", "city <> ''"), 3, summed }

/* The finest of a kind comes first. */
static const rollup_kind_t rollup_kinds[] = {
    OPEN_KIND(ROLLUP_FINE, NULL), OPEN_KIND(ROLLUP_HOUR, SUMMED_ROLLUPS),
    OPEN_KIND(ROLLUP_HOURS, SUMMED_ROLLUPS),
    OPEN_KIND(ROLLUP_DAY, SUMMED_ROLLUPS),
    OPEN_KIND(ROLLUP_COARSE, SUMMED_ROLLUPS),
    FIRST_KIND(ROLLUP_FINE, NULL), FIRST_KIND(ROLLUP_HOUR, SUMMED_FIRST),
    FIRST_KIND(ROLLUP_HOURS, SUMMED_FIRST),
    FIRST_KIND(ROLLUP_DAY, SUMMED_FIRST),
    FIRST_KIND(ROLLUP_COARSE, SUMMED_FIRST),
    COUNTRY_KIND(ROLLUP_DAY, NULL),
    COUNTRY_KIND(ROLLUP_DAYS, SUMMED_PLACES("city = ''")),
    COUNTRY_KIND(ROLLUP_COARSE, SUMMED_PLACES("city = ''")),
    COUNTRY_KIND(ROLLUP_MONTHS, SUMMED_PLACES("city = ''")),
    CITY_KIND(ROLLUP_DAY, NULL),
    CITY_KIND(ROLLUP_DAYS, SUMMED_PLACES("city <> ''")),
    CITY_KIND(ROLLUP_COARSE, SUMMED_PLACES("city <> ''")),
    CITY_KIND(ROLLUP_MONTHS, SUMMED_PLACES("city <> ''"))
};

typedef struct side_t {
    store_rows_t *rows;
    apr_status_t rv;            /* of the current row */
} side_t;

static void step(side_t *side)
{
    side->rv = store_next(side->rows);
}

static apr_status_t open_side(side_t *side, store_t *store, const char *sql,
                              apr_int64_t value, int times)
{
    store_arg_t args[6];
    apr_status_t rv;
    int i;

    for (i = 0; i < times; i++) {
        args[i] = (store_arg_t){ 'i', 0, value, NULL };
    }
    rv = store_query_args(&side->rows, store, sql, args, times);
    if (rv == APR_SUCCESS) {
        step(side);
    }
    return rv;
}

static int is_broken(const side_t *side)
{
    return side->rv != APR_SUCCESS && side->rv != APR_EOF;
}

/* Which comes first? <0: kept's row has no counterpart; >0: counted's. */
static int order(const side_t *kept, const side_t *counted)
{
    apr_int64_t a, b;
    int differ;

    if (kept->rv != APR_SUCCESS || counted->rv != APR_SUCCESS) {
        return kept->rv == APR_SUCCESS ? -1 : 1;
    }
    a = store_int(kept->rows, 0);
    b = store_int(counted->rows, 0);
    if (a != b) {
        return a < b ? -1 : 1;
    }
    differ = strcmp(store_peek(kept->rows, 1), store_peek(counted->rows, 1));
    return differ ? differ : strcmp(store_peek(kept->rows, 2),
                                    store_peek(counted->rows, 2));
}

static const char *name_of(verify_t *v, const rollup_kind_t *kind,
                           store_rows_t *rows)
{
    const char *country = store_peek(rows, 1);
    const char *city = store_peek(rows, 2);
    char at[32] = "";
    apr_time_exp_t t;
    apr_size_t len;

    apr_time_exp_gmt(&t, store_int(rows, 0));
    apr_strftime(at, &len, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &t);
    return apr_psprintf(v->scratch, "%s %" APR_INT64_T_FMT " at %s%s%s%s%s",
                        kind->what, kind->width, at, *country ? " " : "",
                        country, *city ? "/" : "", city);
}

/* One of the sides may have no such row: that is zeros. */
static void compare(verify_t *v, const rollup_kind_t *kind, store_rows_t *kept,
                    store_rows_t *counted)
{
    int i;

    for (i = 0; i < kind->count; i++) {
        apr_int64_t k = kept ? store_int(kept, KEY_COLUMNS + i) : 0;
        apr_int64_t c = counted ? store_int(counted, KEY_COLUMNS + i) : 0;

        if (k != c) {
            tell(v, name_of(v, kind, kept ? kept : counted),
                 kind->counters[i], k, c);
        }
    }
}

/* @param fine whether the finest of this kind are true: their sums are what
 * counting all hits once more would say, in a hundredth of the time */
static apr_status_t verify_rollups(verify_t *v, const rollup_kind_t *kind,
                                   int fine)
{
    int summed = fine && kind->summed;
    side_t kept = { NULL, APR_EOF };
    side_t counted = { NULL, APR_EOF };
    apr_status_t rv;

    rv = open_side(&kept, v->store, kind->kept, kind->width, 1);
    if (rv == APR_SUCCESS) {
        rv = open_side(&counted, v->store, summed ? kind->summed
                       : kind->counted, kind->width * APR_USEC_PER_SEC,
                       summed ? 3 : kind->widths);
    }
    while (rv == APR_SUCCESS && !is_broken(&kept) && !is_broken(&counted)
           && (kept.rv == APR_SUCCESS || counted.rv == APR_SUCCESS)) {
        int first = order(&kept, &counted);

        compare(v, kind, first <= 0 ? kept.rows : NULL,
                first >= 0 ? counted.rows : NULL);
        if (first <= 0) {
            step(&kept);
        }
        if (first >= 0) {
            step(&counted);
        }
    }
    store_done(kept.rows);
    store_done(counted.rows);
    if (rv == APR_SUCCESS && is_broken(&kept)) {
        return kept.rv;
    }
    return rv == APR_SUCCESS && is_broken(&counted) ? counted.rv : rv;
}

apr_status_t reports_verify(apr_int64_t *differences, store_t *store,
                            difference_t told, void *context,
                            apr_pool_t *pool)
{
    verify_t v = { store, told, context, 0, NULL };
    store_rows_t *snapshot;
    apr_status_t rv;
    apr_size_t i;
    int fine = 0;

    /* while a row of it is held, all other statements see the same state of
     * the store (SQLite: a read transaction), and nobody is locked out */
    rv = store_query(&snapshot, store, "SELECT version FROM"
                     " schema_migrations", NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&v.scratch, pool);
    rv = store_next(snapshot);
    for (i = 0; i < sizeof(paired) / sizeof(*paired) && rv == APR_SUCCESS;
         i++) {
        rv = verify_paired(&v, &paired[i]);
    }
    for (i = 0; i < sizeof(rollup_kinds) / sizeof(*rollup_kinds)
         && rv == APR_SUCCESS; i++) {
        apr_int64_t found = v.differences;

        rv = verify_rollups(&v, &rollup_kinds[i], fine);
        if (!rollup_kinds[i].summed) {
            fine = v.differences == found;
        }
    }
    if (rv == APR_SUCCESS) {
        rv = verify_probes(&v.differences, store, told, context, pool);
    }
    store_done(snapshot);
    apr_pool_destroy(v.scratch);
    *differences = v.differences;
    return rv;
}
