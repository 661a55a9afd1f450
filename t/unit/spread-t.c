/* SPDX-License-Identifier: MIT */
/*
 * Figures of delivery: percentiles of probes and of sums, Prometheus' text.
 */
#include <apr_general.h>
#include <apr_strings.h>

#include "metrics_text.h"
#include "spread.h"
#include "tap.h"

static apr_pool_t *pool;

static void add(apr_array_header_t *list, apr_int64_t second,
                const char *outcome, apr_int64_t ms)
{
    probe_t *probe = apr_array_push(list);

    memset(probe, 0, sizeof(*probe));
    probe->due_at = apr_time_from_sec(second);
    probe->outcome = outcome;
    probe->latency_us = ms < 0 ? STORE_NULL : ms * 1000;
}

static apr_int64_t count_of(json_t *counts, const char *name)
{
    return json_integer_value(json_object_get(counts, name));
}

static void of_probes(void)
{
    apr_array_header_t *list = apr_array_make(pool, 32, sizeof(probe_t));
    apr_array_header_t *spreads;
    const spread_t *first, *last;
    json_t *counts;
    int i;

    for (i = 20; i > 0; i--)
        add(list, 600 + i, STATE_OK, i * 10);
    add(list, 659, STATE_MISSING, -1);
    add(list, 660, STATE_BLIND, -1);
    add(list, 661, OUTCOME_SENT, -1);
    add(list, 780, STATE_SPAM, 70);
    spreads = spread_of_probes(list, 60, pool);
    is_int(spreads->nelts, 3, "a spread for each minute with probes");
    first = &APR_ARRAY_IDX(spreads, 0, spread_t);
    is_int(first->at, apr_time_from_sec(600), "where it begins");
    is_int(first->arrived, 20, "arrivals");
    is_int(first->failed, 1, "failures");
    is_int(first->p50, 100000, "the median: the tenth of twenty");
    is_int(first->p95, 190000, "95 %%: the nineteenth");
    is_int(first[1].arrived, 0, "nothing seen");
    is_int(first[1].failed, 0, "blind is no failure, under way is nothing");
    ok(first[1].p50 == STORE_NULL && first[1].p95 == STORE_NULL,
       "so there is no percentile");
    last = &APR_ARRAY_IDX(spreads, 2, spread_t);
    is_int(last->p50, 70000, "of one: itself");
    is_int(last->p95, 70000, "also this");
    is_int(last->failed, 1, "spam is a failure that arrived");
    counts = spread_outcomes_of_probes(list);
    is_int(count_of(counts, STATE_OK), 20, "outcomes: ok");
    is_int(count_of(counts, STATE_BLIND), 1, "blind");
    is_int(count_of(counts, STATE_BOUNCED), 0, "none");
    is_int((int)json_object_size(counts), 8, "each of them");
    json_decref(counts);
    is_int(spread_of_probes(apr_array_make(pool, 1, sizeof(probe_t)), 60,
                            pool)->nelts, 0, "of no probes: none");
}

static void of_rollups(void)
{
    apr_array_header_t *list = apr_array_make(pool, 4,
                                              sizeof(probe_rollup_t));
    probe_rollup_t *sums = apr_array_push(list);
    apr_array_header_t *spreads;
    const spread_t *spread;
    json_t *counts;

    memset(sums, 0, sizeof(*sums));
    sums->bucket = 3600;
    sums->le[1] = 50;           /* to 250 ms */
    sums->le[2] = 50;           /* to 500 ms */
    sums->ok = 98;
    sums->late = 2;
    sums->missing = 3;
    sums = apr_array_push(list);
    memset(sums, 0, sizeof(*sums));
    sums->le[PROBE_BUCKETS - 1] = 4;    /* above all bounds */
    sums = apr_array_push(list);
    memset(sums, 0, sizeof(*sums));
    sums->bounced = 7;
    spreads = spread_of_rollups(list, pool);
    spread = &APR_ARRAY_IDX(spreads, 0, spread_t);
    is_int(spread->at, 3600, "sums: where they begin");
    is_int(spread->arrived, 100, "arrivals");
    is_int(spread->failed, 5, "failures");
    is_int(spread->p50, 250000, "the median is the end of its class");
    is_int(spread->p95, 475000, "95 %% lies nine tenths into its own");
    is_int(spread[1].p50, 1800000000, "beyond the last bound: that bound");
    ok(spread[2].p50 == STORE_NULL, "none arrived: none");
    is_int(spread[2].failed, 7, "but failed");
    counts = spread_outcomes_of_rollups(list);
    is_int(count_of(counts, STATE_BOUNCED), 7, "outcomes of sums");
    is_int(count_of(counts, STATE_MISSING), 3, "each");
    json_decref(counts);
}

static void text(void)
{
    static const char *const odd[] = { "name", "a\"b\\c\nd", "le", "+Inf",
                                       NULL };
    metrics_t *out = metrics_make(pool);
    const char *said;
    apr_size_t len;

    metrics_family(out, "x_total", "counter", "Things.");
    metrics_int(out, "", NULL, 7);
    metrics_int(out, "_bucket", odd, -1);
    metrics_us(out, "", NULL, 1500000);
    metrics_us(out, "", NULL, -2);
    said = metrics_text(out, &len);
    is_str(said, "# HELP x_total Things.\n# TYPE x_total counter\n"
           "x_total 7\n"
           "x_total_bucket{name=\"a\\\"b\\\\c\\nd\",le=\"+Inf\"} -1\n"
           "x_total 1.500000\nx_total -0.000002\n", "Prometheus' text");
    is_int(len, strlen(said), "its length");
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    of_probes();
    of_rollups();
    text();
    return done_testing();
}
