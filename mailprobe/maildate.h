/* SPDX-License-Identifier: MIT */
/*
 * Dates of mail headers (RFC 5322 sections 3.3 and 4.3). Pure; any thread.
 */
#ifndef MAILPROBE_MAILDATE_H
#define MAILPROBE_MAILDATE_H

#include <apr_pools.h>
#include <apr_time.h>

/** Comments, a missing day name or seconds, years of two and three digits and
 * the obsolete zones are read; zones nobody knows are UTC, as the RFC wants.
 * @return 0: not readable, or not within 1970 to 2199 */
apr_time_t maildate_parse(const char *text, apr_pool_t *pool);

#endif
