/* SPDX-License-Identifier: MIT */
/*
 * A SQLite store as one file, taken and put back while httpd writes, by
 * SQLite's online backup API (https://www.sqlite.org/backup.html). Run by
 * mailtrackctl, in one thread. Other engines have their own tools.
 *
 * Failures leave words in store_error(), about the file or the store.
 */
#ifndef MAILTRACK_BACKUP_H
#define MAILTRACK_BACKUP_H

#include "store.h"

/** Told of pages copied; as progress_t. */
typedef void (*backup_progress_t)(void *context, apr_int64_t done,
                                  apr_int64_t total);

typedef struct backup_how_t {
    int replace;                /* a file of that name may go */
    backup_progress_t progress; /* or NULL */
    void *context;
} backup_how_t;

/**
 * Write the store's present content to path. Made as path.tmp, mode 0600,
 * synced and checked, then renamed: path is complete or not there. It holds
 * the passwords' and keys' hashes.
 * @return APR_EEXIST: path is there and may not be replaced; APR_ENOTIMPL:
 *         not SQLite; APR_EINVAL: path is the store itself
 */
apr_status_t backup_write(store_t *store, const char *path,
                          const backup_how_t *how, apr_pool_t *pool);

/**
 * Is the file whole, and a store that this program knows?
 * @param version its schema
 * @return STORE_EFOREIGN: no database, or not ours; STORE_ENEWER;
 *         STORE_EDATA: damaged; APR_EINVAL: it is the store itself
 */
apr_status_t backup_examine(int *version, store_t *store, const char *path,
                            apr_pool_t *pool);

/**
 * Put the file's content in place of the store's, in one transaction: killed
 * at any point, the store has the old content or the new one. The file of the
 * store stays the same, so whoever has it open sees the new content. Writers
 * wait for as long as it takes. The schema is the backup's.
 */
apr_status_t backup_load(store_t *store, const char *path,
                         const backup_how_t *how, apr_pool_t *pool);

#endif
