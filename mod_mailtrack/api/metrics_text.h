/* SPDX-License-Identifier: MIT */
/*
 * Prometheus' text format 0.0.4: families of samples, put together in memory.
 * Pure; a metrics_t is used by one thread.
 */
#ifndef MAILTRACK_API_METRICS_TEXT_H
#define MAILTRACK_API_METRICS_TEXT_H

#include <apr_pools.h>
#include <apr_time.h>

typedef struct metrics_t metrics_t;

metrics_t *metrics_make(apr_pool_t *pool);

/** Begin a family. name and type are literals; help is one line. */
void metrics_family(metrics_t *out, const char *name, const char *type,
                    const char *help);

/**
 * A sample of the family. labels are pairs of a name and a value, NULL at the
 * end; values are escaped here.
 * @param suffix "" or "_bucket", "_sum", "_count"
 */
void metrics_int(metrics_t *out, const char *suffix,
                 const char *const *labels, apr_int64_t value);
/** Microseconds, said in seconds. */
void metrics_us(metrics_t *out, const char *suffix,
                const char *const *labels, apr_int64_t us);

/** All of it. */
const char *metrics_text(const metrics_t *out, apr_size_t *len);

#endif
