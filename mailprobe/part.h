/* SPDX-License-Identifier: MIT */
/*
 * The parts of a MIME mail (RFC 2045, 2046), as far as bounces need them. Pure,
 * over foreign bytes with a length; any thread.
 */
#ifndef MAILPROBE_PART_H
#define MAILPROBE_PART_H

#include <apr_pools.h>

typedef struct part_t {
    const char *type;           /* "multipart/report", lower case */
    const char *boundary;       /* of a multipart, or "" */
    const char *encoding;       /* "base64", "quoted-printable", or other */
    const char *bytes;          /* its body */
    const char *end;
} part_t;

/** Read the headers of a mail or part that lies between two places. */
void part_open(part_t *part, const char *bytes, const char *end,
               apr_pool_t *pool);

/** The next part of a multipart. @param at begins as whole->bytes and moves.
 * A multipart that is cut off gives its last part as far as it goes.
 * @return 0: there is none */
int part_next(part_t *part, const part_t *whole, const char **at,
              apr_pool_t *pool);

/** Undo base64 and quoted-printable; bytes and end then lie in pool. */
void part_decode(part_t *part, apr_pool_t *pool);

const char *part_lower(const char *text, apr_pool_t *pool);

#endif
