/* SPDX-License-Identifier: MIT */
/*
 * Cursors: the keys of a page's last row, opaque to whoever carries them to
 * the next request. Nothing in them is trusted: a text that this file would
 * not have written is refused. Pure; any thread. Private to sql/.
 */
#ifndef MAILTRACK_CURSOR_H
#define MAILTRACK_CURSOR_H

#include <apr_pools.h>

/**
 * @param kind which list in which order; a letter, checked by cursor_read
 * @return base64url text, in pool
 */
const char *cursor_make(char kind, apr_int64_t key, apr_int64_t id,
                        apr_pool_t *pool);

/** APR_EINVAL: not made by cursor_make for this kind. */
apr_status_t cursor_read(apr_int64_t *key, apr_int64_t *id, char kind,
                         const char *cursor, apr_pool_t *pool);

/** The same for a list that is ordered by a unique text, in valid UTF-8. */
const char *cursor_make_text(char kind, const char *key, apr_pool_t *pool);
apr_status_t cursor_read_text(const char **key, char kind,
                              const char *cursor, apr_pool_t *pool);

#endif
