/* SPDX-License-Identifier: MIT */
/*
 * cidr: which named networks hold an IP address.
 *
 * A path-compressed binary tree over 128-bit keys. It is filled once, when
 * the rules are loaded, and only read afterwards, so any number of threads
 * may look up in it. Nothing here opens a file, logs, or knows what a
 * network's number stands for.
 */
#ifndef MAILTRACK_CIDR_H
#define MAILTRACK_CIDR_H

#include <apr.h>
#include <apr_errno.h>
#include <apr_pools.h>

/* Network numbers are 0 .. CIDR_NETWORKS_MAX - 1. A fixed bound keeps a set
 * in two machine words, copied and compared without allocation. */
#define CIDR_NETWORKS_MAX 128
#define CIDR_SET_WORDS    (CIDR_NETWORKS_MAX / 64)

/* A set of network numbers: bit n % 64 of word n / 64. */
typedef struct {
    apr_uint64_t word[CIDR_SET_WORDS];
} cidr_set_t;

/* One prefix. IPv4 is kept in its IPv6-mapped form (::ffff:0:0/96 and
 * below), hence bits is 96..128 for IPv4; bits past the prefix are 0. */
typedef struct {
    unsigned char byte[16];
    int bits;
} cidr_t;

typedef struct cidr_tree_t cidr_tree_t;

/*
 * Read len bytes of text as a prefix: "192.0.2.0/24", "2001:db8::/32", or an
 * address alone, which means /32 or /128. Strict: no blanks, no leading
 * zeros (RFC 4632 3.1, RFC 4291 2.3), no bit set past the prefix.
 * "::ffff:192.0.2.0/120" is the same as "192.0.2.0/24".
 * On APR_EINVAL *why (static text) says what is wrong; if host bits are the
 * fault, *out still holds the prefix with them cleared, for a hint.
 */
apr_status_t cidr_parse(cidr_t *out, const char **why, const char *text,
                        apr_size_t len);

/* The prefix as text, in pool ("192.0.2.0/24"). */
const char *cidr_text(const cidr_t *cidr, apr_pool_t *pool);

/*
 * An address as 16 bytes, IPv4 mapped into IPv6. APR_EINVAL for all that is
 * not an address (NULL, "", zone ids, host names, ports).
 */
apr_status_t cidr_address(unsigned char out[16], const char *text);

apr_status_t cidr_tree_create(cidr_tree_t **out, apr_pool_t *pool);

/* Put cidr into network (< CIDR_NETWORKS_MAX, else APR_EINVAL). Adding twice
 * is harmless. Memory is the tree's pool. Not while others look up. */
apr_status_t cidr_add(cidr_tree_t *tree, const cidr_t *cidr,
                      unsigned network);

/* Fill *out with every network that holds the address. Costs at most one
 * step per bit that tells stored prefixes apart: at most 32 steps for IPv4
 * and 128 for IPv6, whatever the number of prefixes. An IPv4 address is
 * never in an IPv6 prefix, "::/0" included. */
void cidr_lookup_bytes(cidr_set_t *out, const cidr_tree_t *tree,
                       const unsigned char address[16]);

/* The same from text; what does not parse is in no network. */
void cidr_lookup(cidr_set_t *out, const cidr_tree_t *tree,
                 const char *address);

/* Sets. */
int  cidr_set_has(const cidr_set_t *set, unsigned network);
void cidr_set_put(cidr_set_t *set, unsigned network);
int  cidr_set_meets(const cidr_set_t *a, const cidr_set_t *b);

#endif
