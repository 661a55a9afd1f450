/* SPDX-License-Identifier: MIT */
/*
 * The store's contents in a few numbers, for the operator. Counts rows, so it
 * may take a second in a large store: not for a request's path.
 */
#ifndef MAILTRACK_SUMMARY_H
#define MAILTRACK_SUMMARY_H

#include "store.h"

typedef struct summary_t {
    apr_int64_t mails;
    apr_int64_t opens;          /* every hit */
    apr_int64_t real_opens;     /* those that count */
    apr_int64_t users, admins;
    apr_int64_t keys, keys_revoked;
    apr_int64_t segments;       /* of the spool, known to the store */
    apr_int64_t spooled;        /* bytes of those that are stored */
    apr_int64_t outbox;         /* messages and deliveries that wait */
    apr_int64_t monitors, working, failing;     /* those not paused */
    apr_int64_t incidents;      /* open */
} summary_t;

apr_status_t store_summary(summary_t **out, store_t *store,
                           apr_pool_t *pool);

#endif
