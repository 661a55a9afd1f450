/* SPDX-License-Identifier: MIT */
/*
 * The one place for what the databases say differently, and the small readings
 * of rows that several files share. Private to sql/; any thread.
 */
#ifndef MAILTRACK_DIALECT_H
#define MAILTRACK_DIALECT_H

#include "store.h"

/** The database's own clock, microseconds since the epoch: what leases run on,
 * so that machines need not agree. (SQLite's is this machine's.) */
apr_status_t dialect_now(apr_int64_t *now, store_t *store);

/** A column's integer, STORE_NULL for SQL NULL. */
apr_int64_t dialect_int(store_rows_t *rows, int column);

/** Somebody else's words (a server's reply, a reason) as a column takes them:
 * valid UTF-8 of at most so many characters. NULL stays NULL. */
const char *dialect_words(const char *text, apr_size_t max_chars,
                          apr_pool_t *pool);

#endif
