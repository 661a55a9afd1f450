/* SPDX-License-Identifier: MIT */
/*
 * Latencies of a span of time as a median and a 95th percentile: exact from
 * probes, from the classes of latencies for sums. Pure.
 */
#ifndef MAILTRACK_API_SPREAD_H
#define MAILTRACK_API_SPREAD_H

#include <apr_tables.h>
#include <jansson.h>

#include "probes.h"

typedef struct spread_t {
    apr_int64_t at;             /* where it begins, microseconds */
    apr_int64_t p50;            /* STORE_NULL: nothing arrived, and so below */
    apr_int64_t p95;
    apr_int64_t arrived;
    apr_int64_t failed;
} spread_t;

/** Is its fate known? */
int spread_decided(const char *outcome);
/** Missing, bounced, not sent, in junk, late. Blind is no failure. */
int spread_failed(const char *outcome);

/** @param probes probe_t, oldest first
 * @param width seconds @return spread_t, those in which probes are */
apr_array_header_t *spread_of_probes(const apr_array_header_t *probes,
                                     apr_int64_t width, apr_pool_t *pool);

/** @param rollups probe_rollup_t, oldest first */
apr_array_header_t *spread_of_rollups(const apr_array_header_t *rollups,
                                      apr_pool_t *pool);

/** How many of each outcome: {"ok", "slow", ...}, a new reference. */
json_t *spread_outcomes_of_probes(const apr_array_header_t *probes);
json_t *spread_outcomes_of_rollups(const apr_array_header_t *rollups);

#endif
