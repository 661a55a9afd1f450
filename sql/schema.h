/* SPDX-License-Identifier: MIT */
/*
 * The schema and its numbered migrations (sql/ENGINE/NNN-name.sql, compiled
 * in). Applied by mailtrackctl only: a running server never changes it.
 */
#ifndef MAILTRACK_SCHEMA_H
#define MAILTRACK_SCHEMA_H

#include "store.h"

/** The version this program speaks: the last migration's number. */
int schema_current(const store_t *store);

/** The version the store has; 0 when it is empty. STORE_EFOREIGN: not ours. */
apr_status_t schema_version(store_t *store, int *version);

/**
 * Make an empty SQLite file (mode 0660, so that the directory's group may
 * write) where none is. Other drivers: the administrator makes the database.
 * APR_EEXIST is no failure. A file that is there is left alone.
 */
apr_status_t schema_create(const char *driver, const char *params,
                           apr_pool_t *pool);

/**
 * Apply what is outstanding, each in its own transaction that takes the write
 * lock and looks again, so that two at once do no harm.
 * @param applied how many were applied
 */
apr_status_t schema_migrate(store_t *store, int *applied, apr_pool_t *pool);

#endif
