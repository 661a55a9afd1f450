/* SPDX-License-Identifier: MIT */
/*
 * Random secrets and what is kept of them: keys, sessions' tokens, recovery
 * codes. 80 random bits and more need no slow hash, so SHA-256 does.
 */
#ifndef MAILTRACK_TOKEN_H
#define MAILTRACK_TOKEN_H

#include "store.h"

#define TOKEN_HASH_LENGTH 64

/** Hex SHA-256 of a text. On failure store_error() says why. */
apr_status_t token_hash(char hash[TOKEN_HASH_LENGTH + 1], store_t *store,
                        const char *text);

/** Random bytes. @param count <= 64 */
apr_status_t token_bytes(unsigned char *bytes, store_t *store,
                         apr_size_t count);

/** A random UUID (RFC 9562, version 4), in pool. */
apr_status_t token_uuid(const char **text, store_t *store, apr_pool_t *pool);

/** Random bytes as base64url without padding, in pool. @param bytes <= 64 */
apr_status_t token_base64(const char **text, store_t *store,
                          apr_size_t bytes, apr_pool_t *pool);

/** The same as base32 (RFC 4648): 8 characters for each 5 bytes. */
apr_status_t token_base32(const char **text, store_t *store,
                          apr_size_t bytes, apr_pool_t *pool);

#endif
