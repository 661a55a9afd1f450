/* SPDX-License-Identifier: MIT */
/*
 * What an IMAP server says, read. Pure functions over bytes with a length;
 * hostile input is read or refused, never a crash, in time that grows with its
 * length alone. Any thread. RFC 3501 sections 4, 7 and 9; RFC 3516 (literal8).
 */
#ifndef MAILPROBE_IMAP_PARSE_H
#define MAILPROBE_IMAP_PARSE_H

#include <apr_pools.h>

#include "imap_frame.h"

typedef enum { IMAP_ATOM, IMAP_STRING, IMAP_NIL, IMAP_LIST } imap_kind_t;

typedef struct imap_value_t imap_value_t;
struct imap_value_t {
    imap_kind_t kind;
    const char *bytes;          /* in the response or the pool; any octet, no
                                 * NUL after it. BODY[...]<0> is one atom */
    apr_size_t length;
    imap_value_t *first;        /* IMAP_LIST: what is in it, or NULL */
    imap_value_t *next;
};

typedef enum {
    IMAP_TAGGED, IMAP_UNTAGGED, IMAP_CONTINUE
} imap_place_t;

typedef enum {
    IMAP_DATA,                  /* no status: name and values */
    IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_BYE, IMAP_PREAUTH
} imap_status_t;

typedef struct imap_response_t {
    imap_place_t place;
    imap_status_t status;
    const char *tag;            /* IMAP_TAGGED */
    const char *code;           /* in upper case, "UIDVALIDITY"; "" for none */
    apr_uint64_t code_number;   /* what stands behind it; 0 for no number */
    const char *text;           /* the server's words, made fit for people */
    const char *name;           /* IMAP_DATA: "EXISTS", "FETCH", upper case */
    apr_uint64_t number;        /* IMAP_DATA: "* 12 EXISTS"; else 0 */
    imap_value_t *values;       /* IMAP_DATA: what follows the name */
} imap_response_t;

/**
 * Read one whole response.
 * @param bytes lives as long as the response is looked at
 * @return APR_EINVAL: this is not IMAP
 */
apr_status_t imap_parse(imap_response_t *response, const char *bytes,
                        apr_size_t length, apr_pool_t *pool);

/** Is it this word (in any case of letters)? */
int imap_value_is(const imap_value_t *value, const char *word);

/** Does it begin with this (in any case of letters)? */
int imap_value_begins(const imap_value_t *value, const char *word);

/** Its number. @return 0: none, or too large for 63 bits */
int imap_value_number(apr_uint64_t *number, const imap_value_t *value);

/** A copy with a NUL; NULL where it is a list, NIL, or has a NUL in it. */
const char *imap_value_text(const imap_value_t *value, apr_pool_t *pool);

/** Foreign words for a line of text: valid UTF-8, one line, at most so many
 * characters. */
const char *imap_words(const char *bytes, apr_size_t length,
                       apr_size_t max_chars, apr_pool_t *pool);

#endif
