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
#define HEADERS_UNKNOWN APR_INT64_MIN
/** What a clock may be off before a hop counts as skewed. */
#define HEADERS_SLACK apr_time_from_sec(5)

/** One Received line; the first is the one nearest the sender. */
typedef struct hop_t {
    const char *from;           /* as it named itself, or "" */
    const char *by;
    const char *protocol;       /* "ESMTPS", ... */
    const char *id;             /* queue id, or "" */
    int tls;                    /* by its protocol or comment */
    apr_time_t at;              /* 0: not readable */
    apr_int64_t delay_us;       /* since the hop before whose time is known
                                 * (the first: since sent_at); Received has
                                 * whole seconds, so it may be negative;
                                 * HEADERS_UNKNOWN */
    int skewed;                 /* its clock cannot be right */
} hop_t;

typedef struct auth_method_t {
    const char *method;         /* "spf", "dkim", "dmarc", ... */
    const char *result;         /* "pass", "fail", "softfail", ... */
    const char *domain;         /* what it is about, or "" */
    const char *selector;       /* dkim, or "" */
    const char *reason;         /* given, or the comment beside it, or "" */
} auth_method_t;

/** What a spam filter wrote, word for word. */
typedef struct spam_header_t {
    const char *name;
    const char *value;
} spam_header_t;

typedef struct headers_t {
    const char *token;          /* X-Mailtrack-Probe, or NULL */
    apr_array_header_t *hops;   /* hop_t */
    apr_array_header_t *auth;   /* auth_method_t: of believed servers alone */
    apr_array_header_t *spam;   /* spam_header_t */
    apr_time_t date;            /* Date, or 0 */
    int cut;                    /* there was more than could be read */
} headers_t;

/**
 * @param authserv_ids whose results are believed (const char *), compared as
 *        RFC 8601 section 2.2 wants; of those the topmost run alone
 * @param sent_at when we began to send it; 0: not known
 * @param seen_at when it was here; 0: not known. Hops before the one or after
 *        the other are skewed
 */
headers_t *headers_parse(const char *bytes, apr_size_t length,
                         const apr_array_header_t *authserv_ids,
                         apr_time_t sent_at, apr_time_t seen_at,
                         apr_pool_t *pool);

/** JSON texts as the store keeps them; UTF-8, bounded.
 * hops: [{"from","by","protocol","id","tls","at","delay_us","skewed"}], tls
 *       and skewed true or false, at and delay_us microseconds or null
 * auth: [{"method","result","domain","selector","reason"}]
 * spam: {"X-Spam-Status": "..."} */
const char *headers_hops_json(const headers_t *headers, apr_pool_t *pool);
const char *headers_auth_json(const headers_t *headers, apr_pool_t *pool);
const char *headers_spam_json(const headers_t *headers, apr_pool_t *pool);

/** "pass": dmarc passed, or spf and dkim did where dmarc is not said; "fail":
 * dmarc failed, or, where it is not said, spf did or every dkim did;
 * "": nothing is known. */
const char *headers_verdict(const headers_t *headers);

#endif
