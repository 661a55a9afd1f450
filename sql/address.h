/* SPDX-License-Identifier: MIT */
/*
 * Lists of mail addresses as people and programs write them: RFC 5322
 * (3.4: name-addr, addr-spec, groups, comments, folding), RFC 6531 (UTF-8 in
 * local part, domain and name). Pure: text in, records out; any thread.
 */
#ifndef MAILTRACK_ADDRESS_H
#define MAILTRACK_ADDRESS_H

#include <apr_pools.h>
#include <apr_tables.h>

/** Octets, as RFC 5321 4.5.3.1 has them; 320 is 64 + "@" + 255. */
#define ADDRESS_MAX_LOCAL  64
#define ADDRESS_MAX_DOMAIN 255
#define ADDRESS_MAX        320
/** Octets of a display name; a longer one is cut at a character. */
#define ADDRESS_MAX_NAME   255
/** Addresses of one list, doubles included. */
#define ADDRESS_MAX_COUNT  500

typedef struct address_t {
    const char *address;    /* as written, but the domain in lower case */
    const char *key;        /* all in lower case (ASCII): who it is */
    const char *name;       /* display name without its quotes, or "" */
    const char *domain;     /* in lower case; "[192.0.2.1]" for a literal */
} address_t;

/**
 * Read a list of mailboxes and groups, separated by commas or semicolons.
 * A trailing or doubled separator does no harm. Of addresses with the same
 * key the first stays. Comments are dropped; encoded words (RFC 2047) in
 * names stay as they are; a quoted local part that needs no quotes loses
 * them, so that one person has one key.
 * @param list  array of address_t in the order written
 * @param error set on failure: which element is wrong and what was expected,
 *              in words for people (one line, UTF-8), in pool
 * @param text  need not end in NUL
 * @param pool  of the results; the text is not kept
 * @return APR_EINVAL for no address at all or a wrong one
 */
apr_status_t address_parse_list(apr_array_header_t **list, const char **error,
                                const char *text, apr_size_t len,
                                apr_pool_t *pool);

/** `Name <local@domain>`, the name quoted where it must be; else addr-spec. */
const char *address_format(const address_t *address, apr_pool_t *pool);

/** All of an array of address_t by address_format, joined by ", ". */
const char *address_format_list(const apr_array_header_t *list,
                                apr_pool_t *pool);

#endif
