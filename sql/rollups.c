/* SPDX-License-Identifier: MIT */
/*
 * Gathers what a transaction adds to the charts, and writes it: one UPDATE (or
 * INSERT) for each bucket touched, however many hits fell into it. A width is
 * summed from the one before at the end.
 */
#include "rollups.h"

#include <string.h>

#include <apr_strings.h>

const int rollups_open_widths[ROLLUP_OPEN_LEVELS] = {
    ROLLUP_FINE, ROLLUP_HOUR, ROLLUP_HOURS, ROLLUP_DAY, ROLLUP_COARSE
};
const int rollups_place_widths[ROLLUP_PLACE_LEVELS] = {
    ROLLUP_DAY, ROLLUP_DAYS, ROLLUP_COARSE, ROLLUP_MONTHS
};

const apr_int64_t rollups_first_ends[ROLLUP_FIRST_CLASSES - 1] = {
    60, 300, 900, 3600, 14400, 86400, 259200, 604800
};

/* Gathered by the finest bucket alone: a batch of hits falls into few. */
typedef struct bucket_t {
    apr_int64_t start;
    apr_int64_t add[ROLLUP_COLUMNS];
} bucket_t;

typedef struct place_bucket_t {
    apr_int64_t start;
    const char *country;
    const char *city;
    apr_int64_t add;
} place_bucket_t;

struct rollups_t {
    store_t *store;
    const char *node;
    apr_pool_t *pool;
    apr_hash_t *buckets;
    apr_hash_t *places;
};

apr_int64_t rollups_bucket(apr_int64_t at, int width)
{
    apr_int64_t step = (apr_int64_t)width * APR_USEC_PER_SEC;
    apr_int64_t rest = at % step;

    return at - (rest < 0 ? rest + step : rest);
}

rollups_t *rollups_make(store_t *store, const char *node, apr_pool_t *pool)
{
    rollups_t *r = apr_palloc(pool, sizeof(*r));

    r->store = store;
    r->node = node;
    r->pool = pool;
    r->buckets = apr_hash_make(pool);
    r->places = apr_hash_make(pool);
    return r;
}

static bucket_t *bucket_of(apr_hash_t *buckets, apr_int64_t at, int width,
                           apr_pool_t *pool)
{
    apr_int64_t start = rollups_bucket(at, width);
    bucket_t *b = apr_hash_get(buckets, &start, sizeof(start));

    if (!b) {
        b = apr_pcalloc(pool, sizeof(*b));
        b->start = start;
        apr_hash_set(buckets, &b->start, sizeof(b->start), b);
    }
    return b;
}

void rollups_add(rollups_t *r, apr_int64_t at, int column, apr_int64_t delta)
{
    bucket_of(r->buckets, at, rollups_open_widths[0], r->pool)->add[column]
        += delta;
}

void rollups_first(rollups_t *r, apr_int64_t created_at,
                   apr_int64_t first_open_at, apr_int64_t delta)
{
    int class = 0;

    if (first_open_at == STORE_NULL) {
        return;
    }
    while (class < ROLLUP_FIRST_CLASSES - 1
           && first_open_at - created_at
              >= rollups_first_ends[class] * APR_USEC_PER_SEC) {
        class++;
    }
    rollups_add(r, created_at, ROLLUP_FIRST + class, delta);
}

static void add_place(apr_hash_t *places, apr_int64_t start,
                      const char *country, const char *city,
                      apr_int64_t delta, apr_pool_t *pool)
{
    char key[512];
    apr_size_t length = strlen(country), more = strlen(city), len;
    place_bucket_t *b;

    /* the store's columns are far shorter; what is not is cut alike */
    length = length < 200 ? length : 200;
    more = more < 200 ? more : 200;
    memcpy(key, &start, sizeof(start));
    memcpy(key + sizeof(start), country, length);
    key[sizeof(start) + length] = '\0';
    memcpy(key + sizeof(start) + length + 1, city, more);
    len = sizeof(start) + length + 1 + more;
    b = apr_hash_get(places, key, (apr_ssize_t)len);
    if (!b) {
        b = apr_palloc(pool, sizeof(*b));
        b->start = start;
        b->country = apr_pstrdup(pool, country);
        b->city = apr_pstrdup(pool, city);
        b->add = 0;
        apr_hash_set(places, apr_pmemdup(pool, key, len),
                     (apr_ssize_t)len, b);
    }
    b->add += delta;
}

void rollups_place(rollups_t *r, apr_int64_t at, const char *country,
                   const char *city, apr_int64_t delta)
{
    apr_int64_t start = rollups_bucket(at, rollups_place_widths[0]);

    if (!country || !*country) {
        return;
    }
    add_place(r->places, start, country, "", delta, r->pool);
    if (city && *city) {
        add_place(r->places, start, country, city, delta, r->pool);
    }
}

static apr_status_t write_bucket(rollups_t *r, const bucket_t *b, int width)
{
    const apr_int64_t *a = b->add;
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(r->store, &changed,
        "UPDATE open_rollups SET mails = mails + ?,"
        " mails_opened = mails_opened + ?,"
        " mails_possible = mails_possible + ?, opens = opens + ?,"
        " possible = possible + ?, human = human + ?, proxied = proxied + ?,"
        " prefetch = prefetch + ?, scanner = scanner + ?, bot = bot + ?,"
        " self = self + ?, first_1m = first_1m + ?,"
        " first_5m = first_5m + ?, first_15m = first_15m + ?,"
        " first_1h = first_1h + ?, first_4h = first_4h + ?,"
        " first_1d = first_1d + ?, first_3d = first_3d + ?,"
        " first_7d = first_7d + ?, first_later = first_later + ?"
        " WHERE width = ? AND bucket = ? AND node = ?",
        "iiiiiiiiiiiiiiiiiiiiiit", a[0], a[1], a[2], a[3], a[4], a[5], a[6],
        a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15], a[16],
        a[17], a[18], a[19], (apr_int64_t)width, b->start, r->node);
    if (rv != APR_SUCCESS || changed) {
        return rv;
    }
    return store_exec(r->store, NULL,
        "INSERT INTO open_rollups (mails, mails_opened, mails_possible,"
        " opens, possible, human, proxied, prefetch, scanner, bot, self,"
        " first_1m, first_5m, first_15m, first_1h, first_4h, first_1d,"
        " first_3d, first_7d, first_later, width, bucket, node)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, ?, ?, ?)",
        "iiiiiiiiiiiiiiiiiiiiiit", a[0], a[1], a[2], a[3], a[4], a[5], a[6],
        a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15], a[16],
        a[17], a[18], a[19], (apr_int64_t)width, b->start, r->node);
}

static apr_status_t write_place(rollups_t *r, const place_bucket_t *b,
                                int width)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(r->store, &changed,
        "UPDATE place_rollups SET opens = opens + ? WHERE width = ?"
        " AND bucket = ? AND country = ? AND city = ? AND node = ?",
        "iiittt", b->add, (apr_int64_t)width, b->start, b->country, b->city,
        r->node);
    if (rv != APR_SUCCESS || changed) {
        return rv;
    }
    return store_exec(r->store, NULL,
        "INSERT INTO place_rollups (opens, width, bucket, country, city,"
        " node) VALUES (?, ?, ?, ?, ?, ?)",
        "iiittt", b->add, (apr_int64_t)width, b->start, b->country, b->city,
        r->node);
}

static int is_zero(const bucket_t *b)
{
    static const apr_int64_t zero[ROLLUP_COLUMNS];

    return !memcmp(b->add, zero, sizeof(zero));
}

/* Write a width's buckets; those of the next are their sums. */
static apr_status_t flush_buckets(rollups_t *r, apr_hash_t *buckets,
                                  int level)
{
    apr_hash_t *wider = apr_hash_make(r->pool);
    apr_status_t rv = APR_SUCCESS;
    apr_hash_index_t *hi;
    void *value;
    int i;

    for (hi = apr_hash_first(r->pool, buckets); hi && rv == APR_SUCCESS;
         hi = apr_hash_next(hi)) {
        const bucket_t *b;
        bucket_t *sum;

        apr_hash_this(hi, NULL, NULL, &value);
        b = value;
        if (is_zero(b)) {
            continue;
        }
        rv = write_bucket(r, b, rollups_open_widths[level]);
        if (level + 1 < ROLLUP_OPEN_LEVELS) {
            sum = bucket_of(wider, b->start, rollups_open_widths[level + 1],
                            r->pool);
            for (i = 0; i < ROLLUP_COLUMNS; i++) {
                sum->add[i] += b->add[i];
            }
        }
    }
    return rv == APR_SUCCESS && level + 1 < ROLLUP_OPEN_LEVELS
           ? flush_buckets(r, wider, level + 1) : rv;
}

static apr_status_t flush_places(rollups_t *r, apr_hash_t *places,
                                 int level)
{
    apr_hash_t *wider = apr_hash_make(r->pool);
    apr_status_t rv = APR_SUCCESS;
    apr_hash_index_t *hi;
    void *value;

    for (hi = apr_hash_first(r->pool, places); hi && rv == APR_SUCCESS;
         hi = apr_hash_next(hi)) {
        const place_bucket_t *b;

        apr_hash_this(hi, NULL, NULL, &value);
        b = value;
        if (b->add == 0) {
            continue;
        }
        rv = write_place(r, b, rollups_place_widths[level]);
        if (level + 1 < ROLLUP_PLACE_LEVELS) {
            add_place(wider, rollups_bucket(b->start,
                                            rollups_place_widths[level + 1]),
                      b->country, b->city, b->add, r->pool);
        }
    }
    return rv == APR_SUCCESS && level + 1 < ROLLUP_PLACE_LEVELS
           ? flush_places(r, wider, level + 1) : rv;
}

apr_status_t rollups_flush(rollups_t *r)
{
    apr_status_t rv = flush_buckets(r, r->buckets, 0);

    return rv == APR_SUCCESS ? flush_places(r, r->places, 0) : rv;
}
