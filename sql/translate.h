/* SPDX-License-Identifier: MIT */
/*
 * Statements are written once, as SQLite and PostgreSQL speak SQL. Where
 * MariaDB says it otherwise a table has both. Pure; any thread. Private to
 * sql/.
 */
#ifndef MAILTRACK_TRANSLATE_H
#define MAILTRACK_TRANSLATE_H

#include "store.h"

/**
 * The statement as MariaDB takes it; sql itself where nothing differs.
 * @param kept set for ON CONFLICT DO NOTHING, for which it has no words: the
 *        caller takes STORE_ECONFLICT for success without a row. (A failed
 *        statement does not spoil MariaDB's transaction.)
 */
const char *translate_mysql(int *kept, const char *sql, apr_pool_t *pool);

#endif
