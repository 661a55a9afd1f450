/* SPDX-License-Identifier: MIT */
/*
 * People: one row an address, with counters of their mails; and erasing one.
 */
#ifndef MAILTRACK_RECIPIENTS_H
#define MAILTRACK_RECIPIENTS_H

#include <apr_tables.h>

#include "address.h"
#include "store.h"

typedef struct recipient_t {
    apr_int64_t id;
    const char *address;        /* lower-cased */
    const char *name;
    const char *domain;
    apr_int64_t mails;
    apr_int64_t mails_opened;
    apr_int64_t mails_possible; /* cannot tell: outside the rate */
    apr_int64_t rate;           /* opened per mille of those one can tell of;
                                   -1: none */
    apr_int64_t last_mail_at;
    apr_int64_t last_open_at;   /* STORE_NULL: none */
} recipient_t;

typedef struct recipient_filter_t {
    const char *search;         /* begins address or a part of it, or the name;
                                   NULL: all */
    const char *sort;           /* mails, opened, rate, last_mail, last_open,
                                   address */
    int ascending;
    const char *cursor;
    int limit;
} recipient_filter_t;

/**
 * A page, by keyset. A page of a search can be shorter than the limit, even
 * empty, and still have a next one, as in tracks_list. APR_EINVAL: bad cursor
 * or sort.
 */
apr_status_t recipients_list(apr_array_header_t **out /* recipient_t */,
                             const char **next, store_t *store,
                             const recipient_filter_t *filter,
                             apr_pool_t *pool);
/** By address, any case. APR_NOTFOUND. */
apr_status_t recipients_get(recipient_t **out, store_t *store,
                            const char *address, apr_pool_t *pool);

typedef apr_status_t (*recipient_visit_t)(void *context,
                                          const recipient_t *recipient);
/** All of them, by address, in bounded memory. */
apr_status_t recipients_export(store_t *store, recipient_visit_t visit,
                               void *context, apr_pool_t *pool);

/** What recipients_erase did. */
typedef struct erased_t {
    apr_int64_t mails_deleted;  /* mails to that address alone */
    apr_int64_t mails_changed;  /* mails to others too: the address left */
    apr_int64_t opens_deleted;
} erased_t;

/** Told after each step, for a progress bar. May be NULL. */
typedef void (*progress_t)(void *context, apr_int64_t done,
                           apr_int64_t total);

/**
 * Remove every trace of an address: mails only to it go with their opens, from
 * the others it is taken out, counters are corrected, freed pages are
 * overwritten and the WAL emptied (SQLite). In bounded transactions; cut off
 * half-way it is simply run again. APR_NOTFOUND: unknown. STORE_EBUSY from a
 * reader that keeps the WAL: erased, but run it again (then APR_NOTFOUND is
 * success: the WAL was emptied).
 */
apr_status_t recipients_erase(erased_t *result, store_t *store,
                              const char *address, const char *node,
                              progress_t progress, void *context,
                              apr_pool_t *pool);

#endif
