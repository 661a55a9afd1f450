/* SPDX-License-Identifier: MIT */
/*
 * SQL text read just far enough to tell what is inside quotes and comments.
 * Pure; any thread. Backslashes mean nothing in quotes: standard SQL, which
 * MariaDB is told to speak.
 */
#ifndef MAILTRACK_PLACEHOLDERS_H
#define MAILTRACK_PLACEHOLDERS_H

#include "store.h"

/**
 * The statement as apr_dbd_prepare takes it: each `?` becomes the format of
 * its value (%lld, %s), each literal % is doubled.
 * @return NULL when there are not count placeholders
 */
const char *placeholders_format(const char *sql, const store_arg_t *args,
                                int count, apr_pool_t *pool);

/** Nothing but blanks and comments in the first len octets? */
int placeholders_blank(const char *sql, apr_size_t len);

/** Octets up to the next `;` that ends a statement, or to the end. */
apr_size_t placeholders_statement(const char *sql);

#endif
