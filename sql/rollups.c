/* SPDX-License-Identifier: MIT */
/*
 * Gathers what a transaction adds to the charts, and writes it: one UPDATE (or
 * INSERT) a width for each bucket touched, however many hits fell into it.
 */
#include "rollups.h"

#include <string.h>

#include <apr_strings.h>

const int rollups_open_widths[ROLLUP_LEVELS] = {
    ROLLUP_FINE, ROLLUP_HOURS, ROLLUP_DAY, ROLLUP_COARSE
};
const int rollups_place_widths[ROLLUP_LEVELS] = {
    ROLLUP_DAY, ROLLUP_DAYS, ROLLUP_COARSE, ROLLUP_MONTHS
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

void rollups_add(rollups_t *r, apr_int64_t at, int column, apr_int64_t delta)
{
    apr_int64_t start = rollups_bucket(at, rollups_open_widths[0]);
    bucket_t *b = apr_hash_get(r->buckets, &start, sizeof(start));

    if (!b) {
        b = apr_pcalloc(r->pool, sizeof(*b));
        b->start = start;
        apr_hash_set(r->buckets, &b->start, sizeof(b->start), b);
    }
    b->add[column] += delta;
}

static void add_place(rollups_t *r, apr_int64_t start, const char *country,
                      const char *city, apr_int64_t delta)
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
    b = apr_hash_get(r->places, key, (apr_ssize_t)len);
    if (!b) {
        b = apr_palloc(r->pool, sizeof(*b));
        b->start = start;
        b->country = apr_pstrdup(r->pool, country);
        b->city = apr_pstrdup(r->pool, city);
        b->add = 0;
        apr_hash_set(r->places, apr_pmemdup(r->pool, key, len),
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
    add_place(r, start, country, "", delta);
    if (city && *city) {
        add_place(r, start, country, city, delta);
    }
}

static apr_status_t write_bucket(rollups_t *r, const bucket_t *b, int width)
{
    apr_int64_t start = rollups_bucket(b->start, width);
    const apr_int64_t *a = b->add;
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(r->store, &changed,
        "UPDATE open_rollups SET mails = mails + ?,"
        " mails_opened = mails_opened + ?,"
        " mails_possible = mails_possible + ?, opens = opens + ?,"
        " possible = possible + ?, human = human + ?, proxied = proxied + ?,"
        " prefetch = prefetch + ?, scanner = scanner + ?, bot = bot + ?,"
        " self = self + ? WHERE width = ? AND bucket = ? AND node = ?",
        "iiiiiiiiiiiiit", a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7],
        a[8], a[9], a[10], (apr_int64_t)width, start, r->node);
    if (rv != APR_SUCCESS || changed) {
        return rv;
    }
    return store_exec(r->store, NULL,
        "INSERT INTO open_rollups (mails, mails_opened, mails_possible,"
        " opens, possible, human, proxied, prefetch, scanner, bot, self,"
        " width, bucket, node)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "iiiiiiiiiiiiit", a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7],
        a[8], a[9], a[10], (apr_int64_t)width, start, r->node);
}

static apr_status_t write_place(rollups_t *r, const place_bucket_t *b,
                                int width)
{
    apr_int64_t start = rollups_bucket(b->start, width);
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(r->store, &changed,
        "UPDATE place_rollups SET opens = opens + ? WHERE width = ?"
        " AND bucket = ? AND country = ? AND city = ? AND node = ?",
        "iiittt", b->add, (apr_int64_t)width, start, b->country, b->city,
        r->node);
    if (rv != APR_SUCCESS || changed) {
        return rv;
    }
    return store_exec(r->store, NULL,
        "INSERT INTO place_rollups (opens, width, bucket, country, city,"
        " node) VALUES (?, ?, ?, ?, ?, ?)",
        "iiittt", b->add, (apr_int64_t)width, start, b->country, b->city,
        r->node);
}

static int is_zero(const bucket_t *b)
{
    static const apr_int64_t zero[ROLLUP_COLUMNS];

    return !memcmp(b->add, zero, sizeof(zero));
}

apr_status_t rollups_flush(rollups_t *r)
{
    apr_status_t rv = APR_SUCCESS;
    apr_hash_index_t *hi;
    void *value;
    int i;

    for (hi = apr_hash_first(r->pool, r->buckets); hi && rv == APR_SUCCESS;
         hi = apr_hash_next(hi)) {
        apr_hash_this(hi, NULL, NULL, &value);
        for (i = 0; i < ROLLUP_LEVELS && rv == APR_SUCCESS
             && !is_zero(value); i++) {
            rv = write_bucket(r, value, rollups_open_widths[i]);
        }
    }
    for (hi = apr_hash_first(r->pool, r->places); hi && rv == APR_SUCCESS;
         hi = apr_hash_next(hi)) {
        apr_hash_this(hi, NULL, NULL, &value);
        for (i = 0; i < ROLLUP_LEVELS && rv == APR_SUCCESS
             && ((place_bucket_t *)value)->add; i++) {
            rv = write_place(r, value, rollups_place_widths[i]);
        }
    }
    return rv;
}
