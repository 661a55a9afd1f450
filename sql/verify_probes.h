/* SPDX-License-Identifier: MIT */
/*
 * The part of reports_verify that looks at probes. Private to sql/; runs in
 * mailtrackctl, in the snapshot that the caller holds.
 */
#ifndef MAILTRACK_VERIFY_PROBES_H
#define MAILTRACK_VERIFY_PROBES_H

#include "reports.h"

/** Whom a difference is told. */
typedef struct verify_told_t {
    difference_t fn;
    void *context;
} verify_told_t;

/** @param differences counted up. @param told may be NULL */
apr_status_t verify_probes(apr_int64_t *differences, store_t *store,
                           difference_t told, void *context,
                           apr_pool_t *pool);

#endif
