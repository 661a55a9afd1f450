/* SPDX-License-Identifier: MIT */
/*
 * JSON from strangers: RFC 8259 with nothing left to taste. Refused are a name
 * given twice, NUL (raw or escaped), invalid UTF-8, lone surrogates, numbers
 * beyond 64 bits and nesting deeper than 16. Pure, any thread.
 */
#ifndef MAILTRACK_API_STRICT_H
#define MAILTRACK_API_STRICT_H

#include <apr_pools.h>
#include <jansson.h>

/** Containers within containers. */
#define STRICT_DEPTH_MAX 16

/**
 * @param json  a new reference on success
 * @param error in pool: what is wrong, with line and column
 * @return APR_EGENERAL: it is not JSON, or not such JSON
 */
apr_status_t strict_json(json_t **json, const char **error, const char *text,
                         apr_size_t len, apr_pool_t *pool);

#endif
