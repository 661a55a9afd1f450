/* SPDX-License-Identifier: MIT */
/*
 * Percentiles and counts; see spread.h. Pure; runs in httpd's worker threads.
 */
#include <stdlib.h>
#include <string.h>

#include "spread.h"

static const char *const outcome_names[] = {
    STATE_OK, STATE_SLOW, STATE_LATE, STATE_MISSING, STATE_SPAM,
    STATE_BOUNCED, STATE_SEND_FAILED, STATE_BLIND
};
#define OUTCOMES (sizeof(outcome_names) / sizeof(*outcome_names))

int spread_decided(const char *outcome)
{
    return strcmp(outcome, OUTCOME_SENDING) && strcmp(outcome, OUTCOME_SENT);
}

int spread_failed(const char *outcome)
{
    return spread_decided(outcome) && strcmp(outcome, STATE_OK) &&
           strcmp(outcome, STATE_SLOW) && strcmp(outcome, STATE_BLIND);
}

/* -- from probes ---------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    apr_int64_t x = *(const apr_int64_t *)a, y = *(const apr_int64_t *)b;

    return x < y ? -1 : x > y;
}

/* The value that so many per cent do not exceed (nearest rank). */
static apr_int64_t rank(const apr_int64_t *sorted, int count, int percent)
{
    return sorted[(count * percent + 99) / 100 - 1];
}

static void spread_end(spread_t *spread, apr_int64_t *latencies)
{
    int count = (int)spread->arrived;

    if (!count)
        return;
    qsort(latencies, (size_t)count, sizeof(*latencies), by_size);
    spread->p50 = rank(latencies, count, 50);
    spread->p95 = rank(latencies, count, 95);
}

apr_array_header_t *spread_of_probes(const apr_array_header_t *probes,
                                     apr_int64_t width, apr_pool_t *pool)
{
    apr_array_header_t *out = apr_array_make(pool, 128, sizeof(spread_t));
    apr_int64_t *latencies = apr_palloc(pool, sizeof(*latencies)
                                        * (apr_size_t)(probes->nelts + 1));
    apr_int64_t us = width * APR_USEC_PER_SEC;
    spread_t *spread = NULL;
    int i;

    for (i = 0; i < probes->nelts; i++) {
        const probe_t *probe = &APR_ARRAY_IDX(probes, i, probe_t);
        apr_int64_t at = probe->due_at - probe->due_at % us;

        if (!spread_decided(probe->outcome))
            continue;
        if (!spread || spread->at != at) {
            if (spread)
                spread_end(spread, latencies);
            spread = apr_array_push(out);
            memset(spread, 0, sizeof(*spread));
            spread->at = at;
            spread->p50 = spread->p95 = STORE_NULL;
        }
        if (probe->latency_us != STORE_NULL)
            latencies[spread->arrived++] = probe->latency_us;
        spread->failed += spread_failed(probe->outcome);
    }
    if (spread)
        spread_end(spread, latencies);
    return out;
}

/* -- from sums ------------------------------------------------------------ */

/* Within a class latencies are taken for evenly spread. */
static apr_int64_t percentile(const probe_rollup_t *sums, apr_int64_t count,
                              int percent)
{
    double want = (double)count * percent / 100, seen = 0;
    apr_int64_t below = 0;
    int i;

    for (i = 0; i < PROBE_BUCKETS; i++) {
        double here = (double)sums->le[i];

        if (here > 0 && seen + here >= want)
            return probe_bounds[i] < 0 ? below : below
                   + (apr_int64_t)((double)(probe_bounds[i] - below)
                                   * (want - seen) / here);
        seen += here;
        below = probe_bounds[i];
    }
    return below;
}

apr_array_header_t *spread_of_rollups(const apr_array_header_t *rollups,
                                      apr_pool_t *pool)
{
    apr_array_header_t *out = apr_array_make(pool, rollups->nelts + 1,
                                             sizeof(spread_t));
    int i, k;

    for (i = 0; i < rollups->nelts; i++) {
        const probe_rollup_t *sums = &APR_ARRAY_IDX(rollups, i,
                                                    probe_rollup_t);
        spread_t *spread = apr_array_push(out);

        memset(spread, 0, sizeof(*spread));
        spread->at = sums->bucket;
        for (k = 0; k < PROBE_BUCKETS; k++)
            spread->arrived += sums->le[k];
        spread->failed = sums->late + sums->missing + sums->spam
                         + sums->bounced + sums->send_failed;
        spread->p50 = spread->arrived
            ? percentile(sums, spread->arrived, 50) : STORE_NULL;
        spread->p95 = spread->arrived
            ? percentile(sums, spread->arrived, 95) : STORE_NULL;
    }
    return out;
}

/* -- outcomes ------------------------------------------------------------- */

static json_t *counts_view(const apr_int64_t *counts)
{
    json_t *out = json_object();
    apr_size_t i;

    for (i = 0; i < OUTCOMES; i++)
        json_object_set_new(out, outcome_names[i], json_integer(counts[i]));
    return out;
}

json_t *spread_outcomes_of_probes(const apr_array_header_t *probes)
{
    apr_int64_t counts[OUTCOMES] = { 0 };
    apr_size_t k;
    int i;

    for (i = 0; i < probes->nelts; i++)
        for (k = 0; k < OUTCOMES; k++)
            counts[k] += !strcmp(APR_ARRAY_IDX(probes, i, probe_t).outcome,
                                 outcome_names[k]);
    return counts_view(counts);
}

json_t *spread_outcomes_of_rollups(const apr_array_header_t *rollups)
{
    apr_int64_t counts[OUTCOMES] = { 0 };
    int i;

    for (i = 0; i < rollups->nelts; i++) {
        const probe_rollup_t *one = &APR_ARRAY_IDX(rollups, i,
                                                   probe_rollup_t);

        counts[0] += one->ok;
        counts[1] += one->slow;
        counts[2] += one->late;
        counts[3] += one->missing;
        counts[4] += one->spam;
        counts[5] += one->bounced;
        counts[6] += one->send_failed;
        counts[7] += one->blind;
    }
    return counts_view(counts);
}
