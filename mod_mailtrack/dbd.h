/* SPDX-License-Identifier: MIT */
/*
 * The one file that borrows connections from mod_dbd.
 */
#ifndef MAILTRACK_DBD_H
#define MAILTRACK_DBD_H

#include <httpd.h>

#include "store.h"

/** A connection on loan. */
typedef struct dbd_loan_t {
    store_t *store;             /* ready to use */
    const char *detail;         /* on failure: what is wrong, for people */
    const char *remedy;         /* on failure: the command that mends it */
    void *connection;           /* mod_dbd's; dbd.c only */
} dbd_loan_t;

/** Look mod_dbd's optional functions up. In post_config. */
void dbd_retrieve(void);

/**
 * Borrow a connection of this server's pool and see that the store is ready.
 * Never creates a database file. Any thread.
 * @param loan zeroed by the callee; detail and remedy in pool
 * @return APR_SUCCESS: dbd_return must follow. Else STORE_E* or APR's status.
 */
apr_status_t dbd_borrow(dbd_loan_t *loan, server_rec *s, apr_pool_t *pool);

/** Give it back. Rolls back what was left open. */
void dbd_return(dbd_loan_t *loan, server_rec *s);

#endif
