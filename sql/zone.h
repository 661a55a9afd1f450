/* SPDX-License-Identifier: MIT */
/*
 * Time zones: when does a day begin somewhere? Read from the system's compiled
 * database (TZif, RFC 8536) by our own hands, because localtime() with TZ set
 * is one for the whole process and httpd's threads ask for different ones.
 * zone_parse and everything after it is pure; any thread.
 */
#ifndef MAILTRACK_ZONE_H
#define MAILTRACK_ZONE_H

#include <apr_pools.h>

#define ZONE_DIR      "/usr/share/zoneinfo"
#define ZONE_NAME_MAX 64
/** A larger file is refused; the largest there is has 4 KiB. */
#define ZONE_FILE_MAX 65536

typedef struct zone_t zone_t;

/**
 * Load by name: "Europe/Berlin", "UTC", or an offset "+05:30". Names are
 * letters, digits, `_+-/` and never begin with a slash or a dot, so that none
 * leads out of dir.
 * @return APR_EINVAL: no zone's name; APR_NOTFOUND: no such zone here
 */
apr_status_t zone_load(zone_t **zone, const char *name, const char *dir,
                       apr_pool_t *pool);

/** The same over a file's bytes. APR_EINVAL: no TZif of version 2 or later. */
apr_status_t zone_parse(zone_t **zone, const char *data, apr_size_t len,
                        apr_pool_t *pool);

/** Seconds east of UTC at a time (UNIX seconds). */
apr_int64_t zone_offset(const zone_t *zone, apr_int64_t at);

/**
 * The first moment (UNIX seconds) of a local day, given as days since
 * 1970-01-01. Where clocks jump over midnight the day begins after the jump;
 * where they strike it twice, at the first.
 */
apr_int64_t zone_day_start(const zone_t *zone, apr_int64_t day);

/** The local day (days since 1970-01-01) of a time in UNIX seconds. */
apr_int64_t zone_day_of(const zone_t *zone, apr_int64_t at);

#endif
