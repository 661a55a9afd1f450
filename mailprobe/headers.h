/* SPDX-License-Identifier: MIT */
/*
 * What the headers of an arrived probe say of its way. Pure functions over
 * bytes with a length: hostile input is parsed or refused, never a crash. Any
 * thread. RFC 5322 (unfolding, Received), 8601 (Authentication-Results).
 */
#ifndef MAILPROBE_HEADERS_H
#define MAILPROBE_HEADERS_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#define HEADERS_HOPS_MAX 50

/** One Received line; the first is the one nearest the sender. */
typedef struct hop_t {
    const char *from;           /* as it named itself, or "" */
    const char *by;
    const char *protocol;       /* "ESMTPS", ... */
    const char *id;             /* queue id, or "" */
    int tls;                    /* by its protocol or comment */
    apr_time_t at;              /* 0: not readable */
    apr_int64_t delay_us;       /* since the hop before; may be negative */
    int skewed;                 /* its clock cannot be right */
} hop_t;

typedef struct auth_method_t {
    const char *method;         /* "spf", "dkim", "dmarc", ... */
    const char *result;         /* "pass", "fail", "softfail", ... */
    const char *domain;         /* what it is about, or "" */
    const char *selector;       /* dkim, or "" */
    const char *reason;         /* or "" */
} auth_method_t;

typedef struct headers_t {
    const char *token;          /* X-Mailtrack-Probe, or NULL */
    apr_array_header_t *hops;   /* hop_t */
    apr_array_header_t *auth;   /* auth_method_t: of believed servers alone */
    apr_array_header_t *spam;   /* apr_table_entry_t-like pairs, see .c */
    apr_time_t date;            /* Date, or 0 */
    int cut;                    /* there was more than could be read */
} headers_t;

/**
 * @param authserv_ids whose results are believed (const char *), compared as
 *        RFC 8601 section 2.2 wants; of those the topmost run alone
 * @param sent_at when we sent it: hops before or after all sense are skewed
 */
headers_t *headers_parse(const char *bytes, apr_size_t length,
                         const apr_array_header_t *authserv_ids,
                         apr_time_t sent_at, apr_time_t seen_at,
                         apr_pool_t *pool);

/** JSON texts as the store keeps them; UTF-8, bounded.
 * hops: [{"from","by","protocol","id","tls","at","delay_us","skewed"}]
 * auth: [{"method","result","domain","selector","reason"}]
 * spam: {"X-Spam-Status": "..."} */
const char *headers_hops_json(const headers_t *headers, apr_pool_t *pool);
const char *headers_auth_json(const headers_t *headers, apr_pool_t *pool);
const char *headers_spam_json(const headers_t *headers, apr_pool_t *pool);

/** "pass": dmarc passed, or spf and dkim did where dmarc is not said; "fail";
 * "": nothing is known. */
const char *headers_verdict(const headers_t *headers);

#endif
