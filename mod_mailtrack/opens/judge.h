/* SPDX-License-Identifier: MIT */
/*
 * An open as it is stored, and the rules: its verdict. The drain's first
 * judgement and mailtrackctl's later ones go through here, so that the same
 * facts and rules give the same verdict whoever asks. Pure: no I/O, no clock.
 */
#ifndef MAILTRACK_JUDGE_H
#define MAILTRACK_JUDGE_H

#include "classify.h"
#include "sql/opens.h"

/**
 * Fill verdict, counts, rule, vendor and rules_version of an open from its
 * method, ip_address (or networks, where the address was cut), user_agent,
 * referer, headers and context. Seconds since the mail was made count as
 * seconds since it was sent.
 * @param track_created_at microseconds; STORE_NULL: unknown
 * @param memo may be NULL
 * @param pool of what the open now points to, besides rules' own texts;
 *             scratch too, so clear it per batch
 */
apr_status_t judge_open(open_t *open, const rules_t *rules,
                        classify_memo_t *memo, apr_int64_t track_created_at,
                        apr_pool_t *pool);

#endif
