/* SPDX-License-Identifier: MIT */
/*
 * Times and dates in text: ISO 8601 as far as RFC 3339 takes it, and UNIX
 * seconds. A time without a zone is no time: it is refused, never guessed.
 * Pure, any thread.
 */
#ifndef MAILTRACK_API_WHEN_H
#define MAILTRACK_API_WHEN_H

#include <apr_pools.h>
#include <apr_time.h>

/** No time: the store's NULL. */
#define WHEN_NONE APR_INT64_MIN

/**
 * "2026-01-31T12:00:00.5Z", "...+01:00", "1769860800", "1769860800.5"; from
 * 1970 to 9999.
 * @return microseconds since the epoch, or WHEN_NONE
 */
apr_int64_t when_parse(const char *text);

/** "2026-01-31T12:00:00.000000Z"; NULL for WHEN_NONE. */
const char *when_format(apr_int64_t time, apr_pool_t *pool);

/** "2026-01-31" as days since 1970-01-01. APR_EINVAL: no such day. */
apr_status_t when_date(apr_int64_t *day, const char *text);
const char *when_format_date(apr_int64_t day, apr_pool_t *pool);

#endif
