/* SPDX-License-Identifier: MIT */
/*
 * What a client asked for, parsed and checked: query string and JSON body.
 *
 * Pure functions over bytes; any thread; no httpd. A getter that finds a wrong
 * value notes it and returns its default, so that one answer names every fault
 * there is. request_end() adds what nobody asked for: an unknown parameter or
 * field is refused by its name, never ignored.
 */
#ifndef MAILTRACK_API_REQUEST_H
#define MAILTRACK_API_REQUEST_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <jansson.h>

/** Octets of a body; one more is 413. */
#define REQUEST_BODY_MAX   65536
/** Parameters of a query string. */
#define REQUEST_ARGS_MAX   32
/** Faults told in one answer. */
#define REQUEST_FAULTS_MAX 20

typedef struct request_t request_t;

typedef struct request_fault_t {
    const char *field;          /* "limit", "recipients[2]"; never NULL */
    const char *detail;         /* a sentence for people */
} request_fault_t;

request_t *request_create(apr_pool_t *pool);

/** Read a query string; NULL is empty. Faults are noted. */
void request_args(request_t *in, const char *query);

/**
 * Read a JSON object, strictly (see strict.h).
 * @param error in pool: what is wrong, with line and column
 * @return APR_EGENERAL: not JSON; APR_EINVAL: JSON, but not an object
 */
apr_status_t request_json(request_t *in, const char **error, const char *body,
                          apr_size_t len);

/* -- the query string; names are literals -------------------------------- */

/** NULL when absent or empty. @param max characters */
const char *request_arg_text(request_t *in, const char *name, apr_size_t max);
/** true, false, 1 or 0; -1 when absent. */
int request_arg_bool(request_t *in, const char *name);
apr_int64_t request_arg_int(request_t *in, const char *name, apr_int64_t min,
                            apr_int64_t max, apr_int64_t otherwise);
/** ISO 8601 with a zone, or UNIX seconds with or without a fraction.
 * @return microseconds, or WHEN_NONE */
apr_int64_t request_arg_time(request_t *in, const char *name);
/** Index in choices (NULL at the end), or otherwise. */
int request_arg_choice(request_t *in, const char *name,
                       const char *const *choices, int otherwise);

/* -- the body ------------------------------------------------------------ */

/** Is the field there, null included? */
int request_has(request_t *in, const char *name);
/** An object; NULL when absent or null, or a fault was noted. Borrowed. */
json_t *request_object(request_t *in, const char *name);
/** An array; the same. */
json_t *request_array(request_t *in, const char *name);
/** NULL when absent or null. REQUEST_LINE: no line break, no control. */
const char *request_text(request_t *in, const char *name, apr_size_t max,
                         int flags);
#define REQUEST_LINE 1
/** 1 or 0; -1 when absent. */
int request_bool(request_t *in, const char *name);
/** A whole number; otherwise when absent or null. */
apr_int64_t request_int(request_t *in, const char *name, apr_int64_t min,
                        apr_int64_t max, apr_int64_t otherwise);
/**
 * Addresses from `recipient` (one string) or `recipients` (strings, or one).
 * NULL when neither is there or a fault was noted. Array of address_t, nobody
 * twice.
 */
apr_array_header_t *request_recipients(request_t *in);

/* -- the outcome --------------------------------------------------------- */

/** Note a fault that the caller found. detail is kept, not copied. */
void request_fault(request_t *in, const char *field, const char *detail);

/** Call after the last getter. @return how many faults there are */
int request_end(request_t *in);

/** Array of request_fault_t. */
const apr_array_header_t *request_faults(const request_t *in);

#endif
