/* SPDX-License-Identifier: MIT */
/*
 * verdict: the words in which a hit is judged, and their names.
 *
 * Shared by rules.c (which reads them), classify.c (which gives them), the
 * drain (which stores them) and the API (which shows them). Pure.
 */
#ifndef MAILTRACK_VERDICT_H
#define MAILTRACK_VERDICT_H

#include <apr_errno.h>

/* What a hit was. The numbers may be stored: never renumber. */
typedef enum {
    VERDICT_HUMAN,    /* no sign of a machine */
    VERDICT_PROXIED,  /* a provider fetched it because a person looked */
    VERDICT_PREFETCH, /* provider or device fetched it, nobody needed */
    VERDICT_SCANNER,  /* a security product */
    VERDICT_BOT,      /* other software */
    VERDICT_SELF      /* the sender */
} verdict_e;

/* What a hit is worth. */
typedef enum {
    COUNTS_NONE,      /* kept, counted nowhere */
    COUNTS_POSSIBLE,  /* "cannot tell" */
    COUNTS_OPEN       /* a real open */
} counts_e;

/* "human", "proxied", "prefetch", "scanner", "bot", "self"; and
 * "none", "possible", "open". NULL for a value outside the enum. */
const char *verdict_name(verdict_e verdict);
const char *counts_name(counts_e counts);

/* Back; APR_EINVAL for another word. "proxy" is taken for "proxied". */
apr_status_t verdict_of(verdict_e *out, const char *name);
apr_status_t counts_of(counts_e *out, const char *name);

/* What a rule says of the hits it matches. No string is ever NULL; they live
 * as long as the rules. */
typedef struct {
    verdict_e verdict;
    counts_e counts;
    const char *rule;        /* its name: [a-z0-9-], at most 64 bytes;
                              * "default" when no rule matched */
    const char *vendor;      /* "google", or "", at most 64 bytes */
    const char *meaning;     /* a sentence for people */
    const char *confidence;  /* "high", "medium", "low": in the label */
    int verified;            /* 0: rests on a weak or a single source */
} verdict_t;

#endif
