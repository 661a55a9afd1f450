/* SPDX-License-Identifier: MIT */
/*
 * The mail accounts of mailprobe.yaml as others may see them: no password is
 * ever here. Written by mailprobe, read by the API.
 */
#ifndef MAILTRACK_ACCOUNTS_H
#define MAILTRACK_ACCOUNTS_H

#include <apr_tables.h>

#include "store.h"

typedef struct account_row_t {
    const char *name;
    const char *sender;         /* envelope sender; "": cannot send */
    const char *smtp;           /* "smtps://host:465", "" */
    const char *imap;           /* "imaps://host:993", "": cannot watch */
    const char *smtp_user;
    const char *imap_user;
    const char *state;          /* of imap: "unknown", "up", "blind" */
    const char *detail;         /* why it is blind */
    apr_int64_t since;
    apr_int64_t updated_at;
} account_row_t;

/** Make the table say what the configuration says: account_row_t, state and
 * since of those that stay are kept. Others are marked as not present. */
apr_status_t accounts_publish(store_t *store, const apr_array_header_t *rows,
                              apr_time_t now);

/** The IMAP side's state has changed (or is confirmed). */
apr_status_t accounts_state(store_t *store, const char *name,
                            const char *state, const char *detail,
                            apr_time_t now);

/** Those present, by name. @param list of account_row_t, in pool */
apr_status_t accounts_list(apr_array_header_t **list, store_t *store,
                           apr_pool_t *pool);

#endif
