/* SPDX-License-Identifier: MIT */
/*
 * Is a mailprobe at work on this store? By its lease, on the database's clock.
 */
#ifndef MAILTRACK_API_PROBER_H
#define MAILTRACK_API_PROBER_H

#include <jansson.h>

#include "route.h"

typedef struct prober_t {
    const char *status;         /* "up"; "down": it ended without a word;
                                 * "off": none, or stopped in order */
    apr_int64_t processes;
    apr_int64_t gone_at;        /* "down": since about when; or STORE_NULL */
} prober_t;

/** Two small reads. */
apr_status_t prober_read(prober_t *prober, store_t *store);

/** {"status", "processes", "gone_at"}, a new reference. */
json_t *prober_view(call_t *call, const prober_t *prober);

#endif
