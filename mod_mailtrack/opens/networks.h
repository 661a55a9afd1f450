/* SPDX-License-Identifier: MIT */
/*
 * networks: the named networks of a rules file and the prefixes in them.
 *
 * Numbers names in the order they are added, fills the prefix tree from text
 * or from list files, and keeps a digest of every list file read. Filled by
 * rules.c at load, by one thread; read-only afterwards. It knows no YAML and
 * no rule.
 */
#ifndef MAILTRACK_NETWORKS_H
#define MAILTRACK_NETWORKS_H

#include <apr_pools.h>

#include "cidr.h"

/* A list file larger than this is refused (Apple's is 320 KB). */
#define NETWORKS_FILE_MAX (16 * 1024 * 1024)

typedef struct networks_t networks_t;

apr_status_t networks_create(networks_t **out, apr_pool_t *pool);

/* Give name (copied) the next number. APR_EEXIST when it is there already,
 * APR_ENOSPC past CIDR_NETWORKS_MAX. */
apr_status_t networks_add(unsigned *number, networks_t *networks,
                          const char *name);

/* The number of a name of len bytes; APR_NOTFOUND when there is none. */
apr_status_t networks_find(unsigned *number, const networks_t *networks,
                           const char *name, apr_size_t len);

/* Put one prefix into a network. *why: what is wrong and what was expected,
 * in the networks' pool. */
apr_status_t networks_cidr(networks_t *networks, const char **why,
                           unsigned number, const char *text);

/* Put every prefix of a file into a network: one a line, blanks around it,
 * empty lines and "#" comments allowed. *why is "FILE:LINE: ..." for a bad
 * line, "FILE: ..." for a file that cannot be read. */
apr_status_t networks_file(networks_t *networks, const char **why,
                           unsigned number, const char *path);

/* Read a whole file of at most max bytes; *text is NUL-terminated. *why as
 * above, without the file's name. */
apr_status_t networks_slurp(const char **text, apr_size_t *len,
                            const char **why, const char *path,
                            apr_size_t max, apr_pool_t *pool);

/* SHA-256 over head followed by the SHA-256 of every list file, in the order
 * they were read; its first 63 bits, never 0. */
apr_status_t networks_digest(apr_int64_t *out, const networks_t *networks,
                             const char *head, apr_size_t len);

/* The networks of an address; of names "a,b" (unknown ones are skipped). */
void networks_of_address(cidr_set_t *out, const networks_t *networks,
                         const char *address);
void networks_of_names(cidr_set_t *out, const networks_t *networks,
                       const char *names);

/* The names of a set, "a,b" in the order of the file; "" for none. */
const char *networks_names(const networks_t *networks, const cidr_set_t *set,
                           apr_pool_t *pool);

#endif
