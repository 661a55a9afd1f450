/* SPDX-License-Identifier: MIT */
/*
 * Delivery status notifications (RFC 3464) about our probes. Pure, bounded,
 * over foreign bytes. Any thread.
 */
#ifndef MAILPROBE_DSN_H
#define MAILPROBE_DSN_H

#include <apr_pools.h>

typedef struct dsn_t {
    const char *token;          /* the probe it is about; from the returned
                                 * headers */
    const char *action;         /* "failed", "delayed", ... */
    const char *status;         /* "5.1.1" */
    const char *remote_mta;     /* "" where not said */
    const char *reporting_mta;
    const char *diagnostic;     /* the words, one line, UTF-8 */
    const char *recipient;      /* final recipient */
} dsn_t;

/** APR_EINVAL: no DSN, or of no probe. */
apr_status_t dsn_parse(dsn_t **dsn, const char *bytes, apr_size_t length,
                       apr_pool_t *pool);

/** {"action","status","remote_mta","reporting_mta","diagnostic",
 * "recipient"} */
const char *dsn_json(const dsn_t *dsn, apr_pool_t *pool);

#endif
