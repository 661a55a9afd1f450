/* SPDX-License-Identifier: MIT */
/*
 * Sums for tiles, charts and maps, put together from as few buckets of the
 * rollups as hold the range: cost follows the range and not the history. Runs
 * in httpd's request threads; changes nothing. The recount is in verify.c.
 */
#include "reports.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "open_row.h"
#include "rollups.h"

const apr_int64_t *const reports_first_ends = rollups_first_ends;

#define STEP_FINE   (ROLLUP_FINE * APR_USEC_PER_SEC)

/* -- tiles --------------------------------------------------------------- */

static apr_status_t sum_all(stats_t *stats, store_t *store)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT sum(mails), sum(mails_opened),"
                     " sum(mails_possible), sum(opens), sum(human + proxied"
                     " + prefetch + scanner + bot + self) FROM open_rollups"
                     " WHERE width = ?", "i", (apr_int64_t)ROLLUP_COARSE);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        stats->total_tracks = store_int(rows, 0);
        stats->tracks_with_opens = store_int(rows, 1);
        stats->tracks_possible = store_int(rows, 2);
        stats->real_opens = store_int(rows, 3);
        stats->total_opens = store_int(rows, 4);
    }
    store_done(rows);
    return rv;
}

/* Whoever opened last, and which mail: where thousands of hits that do not
 * count came after it. APR_NOTFOUND: nobody did. */
static apr_status_t find_latest(open_t **out, store_t *store,
                                apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " OPEN_COLUMNS ", "
                     OPEN_TRACK_COLUMNS " FROM (SELECT id, last_open_at"
                     " FROM recipients WHERE last_open_at IS NOT NULL"
                     " ORDER BY last_open_at DESC, id DESC LIMIT 1) r"
                     " JOIN email_recipients er ON er.recipient_id = r.id"
                     " JOIN tracked_emails t ON t.id = er.track_id"
                     " AND t.last_open_at = r.last_open_at"
                     " JOIN opens o ON o.track_id = t.id"
                     " AND o.opened_at = r.last_open_at AND o.counts = 2"
                     " LIMIT 1", NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        *out = apr_palloc(pool, sizeof(**out));
        open_row_read(*out, rows, 0, pool);
        open_row_track(*out, rows, OPEN_COLUMN_COUNT, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

static apr_status_t latest(open_t **out, store_t *store, apr_pool_t *pool)
{
    apr_array_header_t *opens = NULL;
    const char *next = NULL;
    apr_status_t rv;

    *out = NULL;
    rv = opens_recent(&opens, &next, store, -APR_INT64_MAX, NULL, 1, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (opens->nelts) {
        *out = &APR_ARRAY_IDX(opens, 0, open_t);
    } else if (next) {
        rv = find_latest(out, store, pool);
    }
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

apr_status_t reports_stats(stats_t **out, store_t *store, apr_pool_t *pool)
{
    apr_status_t rv;

    *out = apr_pcalloc(pool, sizeof(**out));
    rv = sum_all(*out, store);
    return rv == APR_SUCCESS
           ? latest(&(*out)->latest_real_open, store, pool) : rv;
}

/* -- ranges of buckets ---------------------------------------------------- */

typedef struct range_t {
    apr_int64_t width;          /* seconds; 0: nothing */
    apr_int64_t from;
    apr_int64_t to;
} range_t;

static apr_int64_t round_up(apr_int64_t at, int width)
{
    return rollups_bucket(at + width * APR_USEC_PER_SEC - 1, width);
}

static int add_range(range_t *ranges, int n, int width, apr_int64_t from,
                     apr_int64_t to)
{
    if (from >= to) {
        return n;
    }
    ranges[n].width = width;
    ranges[n].from = from;
    ranges[n].to = to;
    return n + 1;
}

/* Ranges of one split: two of each width but the coarsest. */
#define RANGES_MAX (2 * ROLLUP_OPEN_LEVELS - 1)

/*
 * [from, to) by the coarsest buckets: those that fit, and the rest on both
 * sides by the next finer width. Each width is a multiple of the finer one.
 */
static int split(range_t *ranges, int n, const int *widths, int level,
                 const apr_int64_t edge[2])
{
    apr_int64_t first = round_up(edge[0], widths[level]);
    apr_int64_t last = rollups_bucket(edge[1], widths[level]);
    apr_int64_t before[2] = { edge[0], first };
    apr_int64_t after[2] = { last, edge[1] };

    if (level == 0) {
        return add_range(ranges, n, widths[0], edge[0], edge[1]);
    }
    if (first >= last) {
        return split(ranges, n, widths, level - 1, edge);
    }
    n = split(ranges, n, widths, level - 1, before);
    n = add_range(ranges, n, widths[level], first, last);
    return split(ranges, n, widths, level - 1, after);
}

/* -- charts --------------------------------------------------------------- */

static apr_status_t add_sums(rollup_t *sums, store_t *store,
                             const range_t *range)
{
    store_rows_t *rows;
    apr_status_t rv;
    int i;

    rv = store_query(&rows, store, "SELECT sum(mails), sum(mails_opened),"
                     " sum(mails_possible), sum(opens), sum(possible),"
                     " sum(human), sum(proxied), sum(prefetch), sum(scanner),"
                     " sum(bot), sum(self), sum(first_1m), sum(first_5m),"
                     " sum(first_15m), sum(first_1h), sum(first_4h),"
                     " sum(first_1d), sum(first_3d), sum(first_7d),"
                     " sum(first_later) FROM open_rollups"
                     " WHERE width = ? AND bucket >= ? AND bucket < ?", "iii",
                     range->width, range->from, range->to);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        sums->mails += store_int(rows, 0);
        sums->mails_opened += store_int(rows, 1);
        sums->mails_possible += store_int(rows, 2);
        sums->opens += store_int(rows, 3);
        sums->possible += store_int(rows, 4);
        for (i = 0; i < 6; i++) {
            sums->verdicts[i] += store_int(rows, 5 + i);
        }
        for (i = 0; i < REPORTS_FIRST; i++) {
            sums->first[i] += store_int(rows, 11 + i);
        }
    }
    store_done(rows);
    return rv;
}

apr_status_t reports_series(apr_array_header_t **out, store_t *store,
                            const apr_int64_t *edges, int count,
                            apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;
    int i, k;

    *out = apr_array_make(pool, count > 1 ? count - 1 : 1, sizeof(rollup_t));
    for (i = 0; i < count; i++) {
        if (edges[i] % STEP_FINE || (i && edges[i] < edges[i - 1])) {
            return APR_EINVAL;
        }
    }
    for (i = 0; i + 1 < count && rv == APR_SUCCESS; i++) {
        rollup_t *sums = apr_array_push(*out);
        range_t ranges[RANGES_MAX];
        int n = split(ranges, 0, rollups_open_widths, ROLLUP_OPEN_LEVELS - 1,
                      &edges[i]);

        memset(sums, 0, sizeof(*sums));
        sums->from = edges[i];
        sums->to = edges[i + 1];
        for (k = 0; k < n && rv == APR_SUCCESS; k++) {
            rv = add_sums(sums, store, &ranges[k]);
        }
    }
    return rv;
}

apr_status_t reports_first_bucket(apr_int64_t *at, store_t *store)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT min(created_at)"
                     " FROM tracked_emails", NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        *at = store_is_null(rows, 0) ? 0
              : rollups_bucket(store_int(rows, 0), ROLLUP_FINE);
    }
    store_done(rows);
    return rv;
}

/* -- weeks ---------------------------------------------------------------- */

#define WEEK   604800
#define MONDAY 259200           /* 1970-01-01 was a Thursday: +3 days */

static int hour_of(apr_int64_t at, apr_int64_t offset)
{
    apr_int64_t local = at / APR_USEC_PER_SEC + offset + MONDAY;

    return (int)((local % WEEK + WEEK) % WEEK / 3600);
}

static apr_status_t add_hours(hour_t *week, store_t *store,
                              const range_t *range, apr_int64_t offset)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT bucket, mails, mails_opened,"
                     " mails_possible, opens FROM open_rollups"
                     " WHERE width = ? AND bucket >= ? AND bucket < ?", "iii",
                     range->width, range->from, range->to);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        hour_t *hour = &week[hour_of(store_int(rows, 0), offset)];

        hour->mails += store_int(rows, 1);
        hour->mails_opened += store_int(rows, 2);
        hour->mails_possible += store_int(rows, 3);
        hour->opens += store_int(rows, 4);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t reports_week(hour_t *week, store_t *store, apr_int64_t from,
                          apr_int64_t to, apr_int64_t offset)
{
    /* hours of UTC are hours there, or else quarters are */
    int level = offset % ROLLUP_HOUR == 0;
    apr_int64_t edge[2] = { from, to };
    range_t ranges[RANGES_MAX];
    apr_status_t rv = APR_SUCCESS;
    int i, n = split(ranges, 0, rollups_open_widths, level, edge);

    for (i = 0; i < n && rv == APR_SUCCESS; i++) {
        rv = add_hours(week, store, &ranges[i], offset);
    }
    return rv;
}

/* -- maps ----------------------------------------------------------------- */

/* Opens of the days that a span cuts which are still read one by one. */
#define EDGES_MAX 2000

/* Names of the store's columns fit; what would not is cut alike. */
#define PLACE_KEY_MAX 402

static apr_size_t place_key(char *key, const char *country, const char *city)
{
    apr_size_t a = strnlen(country, 200), b = strnlen(city, 200);

    memcpy(key, country, a);
    key[a] = '\0';
    memcpy(key + a + 1, city, b);
    return a + 1 + b;
}

static void add_place(apr_hash_t *places, const char *country,
                      const char *city, apr_int64_t opens, apr_pool_t *pool)
{
    char key[PLACE_KEY_MAX];
    apr_size_t len = place_key(key, country, city);
    place_t *place = apr_hash_get(places, key, (apr_ssize_t)len);

    if (!place) {
        place = apr_palloc(pool, sizeof(*place));
        place->country = apr_pstrdup(pool, country);
        place->city = apr_pstrdup(pool, city);
        place->opens = 0;
        apr_hash_set(places, apr_pmemdup(pool, key, len), (apr_ssize_t)len,
                     place);
    }
    place->opens += opens;
}

/* Places of the range by name, as the hash sums them. The engine would sort
 * all rows to group them: three times the cost of reading them. */
static apr_status_t add_places(apr_hash_t *places, store_t *store,
                               const range_t *range, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT country, city, opens"
                     " FROM place_rollups WHERE width = ? AND bucket >= ?"
                     " AND bucket < ?", "iii", range->width, range->from,
                     range->to);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        add_place(places, store_peek(rows, 0), store_peek(rows, 1),
                  store_int(rows, 2), pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* The opens of a range one by one. */
static apr_status_t add_opens(apr_hash_t *places, store_t *store,
                              const range_t *range, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT country, coalesce(city, '')"
                     " FROM opens WHERE counts = 2 AND country <> ''"
                     " AND opened_at >= ? AND opened_at < ?", "ii",
                     range->from, range->to);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        const char *city = store_peek(rows, 1);

        add_place(places, store_peek(rows, 0), "", 1, pool);
        if (*city) {
            add_place(places, store_peek(rows, 0), city, 1, pool);
        }
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static int most_first(const void *left, const void *right)
{
    const place_t *a = left, *b = right;
    int differ;

    if (a->opens != b->opens) {
        return a->opens > b->opens ? -1 : 1;
    }
    differ = strcmp(a->country, b->country);
    return differ ? differ : strcmp(a->city, b->city);
}

/* Of the places those with a city, or those without, at most so many. */
static apr_array_header_t *top(apr_hash_t *places, int cities, int limit,
                               apr_pool_t *pool)
{
    apr_array_header_t *out = apr_array_make(pool, 16, sizeof(place_t));
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(pool, places); hi; hi = apr_hash_next(hi)) {
        const place_t *place;
        void *value;

        apr_hash_this(hi, NULL, NULL, &value);
        place = value;
        if (place->opens > 0 && (*place->city != '\0') == cities) {
            APR_ARRAY_PUSH(out, place_t) = *place;
        }
    }
    qsort(out->elts, (apr_size_t)out->nelts, sizeof(place_t), most_first);
    out->nelts = out->nelts < limit ? out->nelts : limit;
    return out;
}

/* The parts of [from, to) outside whole UTC days. @return how many, of 2 */
static int find_edges(range_t *edges, apr_int64_t from, apr_int64_t to)
{
    apr_int64_t first = round_up(from, ROLLUP_DAY);
    apr_int64_t last = rollups_bucket(to, ROLLUP_DAY);

    if (first > last) {
        return add_range(edges, 0, 0, from, to);
    }
    return add_range(edges, add_range(edges, 0, 0, from, first), 0, last, to);
}

/* Are the opens there few enough to be read? */
static apr_status_t weigh_edges(int *few, store_t *store,
                                const range_t *edges, int count)
{
    apr_int64_t opens = 0, sum = 0;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < count && rv == APR_SUCCESS; i++) {
        rv = store_get_int(store, &sum, "SELECT coalesce(sum(opens), 0)"
                           " FROM open_rollups WHERE width = ?"
                           " AND bucket >= ? AND bucket < ?", "iii",
                           (apr_int64_t)ROLLUP_FINE, edges[i].from,
                           edges[i].to);
        opens += sum;
    }
    *few = opens <= EDGES_MAX;
    return rv;
}

apr_status_t reports_places(places_t *out, store_t *store,
                            apr_int64_t from, apr_int64_t to, int limit,
                            apr_pool_t *pool)
{
    apr_hash_t *places = apr_hash_make(pool);
    apr_int64_t days[2] = { round_up(from, ROLLUP_DAY),
                            rollups_bucket(to, ROLLUP_DAY) };
    range_t ranges[RANGES_MAX], edges[2];
    int n = 0, k = find_edges(edges, from, to), i;
    apr_status_t rv = weigh_edges(&out->exact, store, edges, k);

    if (!out->exact) {
        k = 0;
        days[0] = rollups_bucket(from, ROLLUP_DAY);
        days[1] = round_up(to, ROLLUP_DAY);
    }
    if (days[0] < days[1]) {
        n = split(ranges, 0, rollups_place_widths, ROLLUP_PLACE_LEVELS - 1,
                  days);
    }
    for (i = 0; i < n && rv == APR_SUCCESS; i++) {
        rv = add_places(places, store, &ranges[i], pool);
    }
    for (i = 0; i < k && rv == APR_SUCCESS; i++) {
        rv = add_opens(places, store, &edges[i], pool);
    }
    if (rv == APR_SUCCESS) {
        out->countries = top(places, 0, limit, pool);
        out->cities = top(places, 1, limit, pool);
    }
    return rv;
}
