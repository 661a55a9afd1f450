/* SPDX-License-Identifier: MIT */
/*
 * Rows of comma separated values (RFC 4180), safe to open in a spreadsheet: a
 * cell that would be read as a formula gets an apostrophe in front. Pure; a
 * csv_t is used by one thread.
 */
#ifndef MAILTRACK_API_CSV_H
#define MAILTRACK_API_CSV_H

#include <apr_pools.h>

typedef struct csv_t csv_t;

/** Its buffer grows with the longest row and is used again for each. */
csv_t *csv_make(apr_pool_t *pool);

/** Begin a row. */
void csv_row(csv_t *csv);
/** NULL is an empty cell. */
void csv_text(csv_t *csv, const char *text);
void csv_int(csv_t *csv, apr_int64_t number);
/** The row so far with its CRLF, valid until csv_row. */
const char *csv_end(csv_t *csv, apr_size_t *len);

#endif
