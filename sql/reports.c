/* SPDX-License-Identifier: MIT */
/*
 * Sums for tiles, charts and maps, put together from as few buckets of the
 * rollups as hold the range: cost follows the range and not the history. Runs
 * in httpd's request threads; changes nothing. The recount is in verify.c.
 */
#include "reports.h"

#include <string.h>

#include "open_row.h"
#include "rollups.h"

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

/*
 * [from, to) by the coarsest buckets: those that fit, and the rest on both
 * sides by the next finer width. Each width is a multiple of the finer one.
 * @param ranges 2 * level + 1 of them
 */
static int split(range_t *ranges, int n, int level, apr_int64_t from,
                 apr_int64_t to)
{
    static const int widths[] = { ROLLUP_FINE, ROLLUP_DAY, ROLLUP_COARSE };
    apr_int64_t first = round_up(from, widths[level]);
    apr_int64_t last = rollups_bucket(to, widths[level]);

    if (level == 0) {
        return add_range(ranges, n, widths[0], from, to);
    }
    if (first >= last) {
        return split(ranges, n, level - 1, from, to);
    }
    n = split(ranges, n, level - 1, from, first);
    n = add_range(ranges, n, widths[level], first, last);
    return split(ranges, n, level - 1, last, to);
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
                     " sum(bot), sum(self) FROM open_rollups"
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
        range_t ranges[5];
        int n = split(ranges, 0, 2, edges[i], edges[i + 1]);

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

/* -- maps ----------------------------------------------------------------- */

#define PLACES_IN(city) \
    "SELECT country, city, opens FROM place_rollups" \
    " WHERE width = ? AND bucket >= ? AND bucket < ? AND " city
#define PLACES(city) \
    "SELECT country, city, sum(opens) AS n FROM (" PLACES_IN(city) \
    " UNION ALL " PLACES_IN(city) " UNION ALL " PLACES_IN(city) ") x" \
    " GROUP BY country, city HAVING sum(opens) > 0" \
    " ORDER BY n DESC, country, city LIMIT ?"

static apr_status_t read_places(apr_array_header_t **out, store_t *store,
                                const char *sql, const store_arg_t *args,
                                apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *out = apr_array_make(pool, 16, sizeof(place_t));
    rv = store_query_args(&rows, store, sql, args, 10);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        place_t *place = apr_array_push(*out);

        place->country = store_text(rows, 0, pool);
        place->city = store_text(rows, 1, pool);
        place->opens = store_int(rows, 2);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t reports_places(apr_array_header_t **countries,
                            apr_array_header_t **cities, store_t *store,
                            apr_int64_t from, apr_int64_t to, int limit,
                            apr_pool_t *pool)
{
    range_t ranges[5];
    store_arg_t args[10];
    apr_status_t rv;
    int n, i;

    memset(ranges, 0, sizeof(ranges));
    /* whole days: three ranges at most, none of them finer */
    n = from < to ? split(ranges, 0, 2, rollups_bucket(from, ROLLUP_DAY),
                          round_up(to, ROLLUP_DAY)) : 0;
    memset(args, 0, sizeof(args));
    for (i = 0; i < 3; i++) {
        args[3 * i].i = i < n ? ranges[i].width : 0;
        args[3 * i + 1].i = i < n ? ranges[i].from : 0;
        args[3 * i + 2].i = i < n ? ranges[i].to : 0;
    }
    args[9].i = limit;
    for (i = 0; i < 10; i++) {
        args[i].type = 'i';
    }
    rv = read_places(countries, store, PLACES("city = ''"), args, pool);
    return rv == APR_SUCCESS
           ? read_places(cities, store, PLACES("city <> ''"), args, pool) : rv;
}
