/* SPDX-License-Identifier: MIT */
/*
 * The record of one hit, as a spool line and back. Pure: bytes in, bytes out.
 *
 * A line is tab-separated, version first, and ends in "." before its newline,
 * so that a line cut short anywhere is known:
 *   1 TIME ID ADDRESS METHOD FLAGS UA REFERER HEADERS NETWORKS COUNTRY CITY .
 * Control bytes and '%' are percent-encoded; other bytes stand as they came.
 */
#ifndef MAILTRACK_HIT_H
#define MAILTRACK_HIT_H

#include <apr_pools.h>
#include <apr_time.h>

/** A lower-case UUID, without the NUL. */
#define HIT_ID_LEN 36

/** Octets kept of each field; more is cut off. */
#define HIT_AGENT_MAX   1024
#define HIT_REFERER_MAX 1024
#define HIT_HEADERS_MAX 1024
#define HIT_NAMES_MAX   1024

/** Room for any line: every octet of every field may take three. */
#define HIT_LINE_MAX 16384

typedef struct hit_t {
    apr_time_t at;              /* microseconds since the epoch */
    const char *id;             /* lower-case UUID */
    const char *address;        /* client; cut when anonymized */
    const char *method;
    const char *user_agent;     /* NULL is "", as below */
    const char *referer;
    const char *headers;        /* name=value&name=value, percent-encoded */
    int anonymized;             /* the next three were looked up while the
                                   whole address was known */
    const char *networks;       /* names, comma-separated */
    const char *country;
    const char *city;
} hit_t;

/**
 * Is it a UUID in hexadecimal, 8-4-4-4-12? @param id 37 bytes, gets it in
 * lower case. @return 1 or 0
 */
int hit_id(char *id, const char *text, apr_size_t len);

/** @param line HIT_LINE_MAX bytes. @return its length, newline included */
apr_size_t hit_format(char *line, const hit_t *hit);

/**
 * @param line without its newline; copied, not kept
 * @return APR_EINVAL: not a line of ours, cut short, or of a later version.
 * All fields are set, in pool; text may be invalid UTF-8.
 */
apr_status_t hit_parse(hit_t *hit, const char *line, apr_size_t len,
                       apr_pool_t *pool);

/** Append "name=value" to a headers field. @return new length, bounded */
apr_size_t hit_header(char *headers, apr_size_t len, const char *name,
                      const char *value);

/**
 * Cut an address to its network before it is written anywhere: IPv4 to /24,
 * IPv6 to /48, IPv4-mapped IPv6 as IPv4. What is no address becomes "".
 * @param out 46 bytes
 */
void hit_anonymize(char *out, const char *address);

#endif
