/* SPDX-License-Identifier: MIT */
/*
 * Retention of opens: address, user agent, referer and headers of old hits are
 * emptied, the row stays, so that recounts stay true. Bounded per step.
 */
#ifndef MAILTRACK_FORGET_H
#define MAILTRACK_FORGET_H

#include "store.h"

/**
 * One step, a transaction of its own: hits recorded before a time. Goes on
 * where the last step ended (a row of `settings`).
 * @param gone hits emptied; less than limit: that was all
 */
apr_status_t forget_opens(apr_int64_t *gone, store_t *store,
                          apr_int64_t before, int limit, apr_pool_t *pool);

#endif
