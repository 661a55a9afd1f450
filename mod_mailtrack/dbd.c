/* SPDX-License-Identifier: MIT */
/*
 * Connections on loan from mod_dbd. Runs in request threads and in the drain's.
 */
#include "dbd.h"

#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>
#include <httpd.h>
#include <mod_dbd.h>

#include "directives.h"

static APR_OPTIONAL_FN_TYPE(ap_dbd_open) *dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) *dbd_close;

void dbd_retrieve(void)
{
    dbd_open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    dbd_close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
}

/* mod_dbd would make an empty file where the store should be, and complain in
 * the log at each try. */
static apr_status_t missing_file(dbd_loan_t *loan,
                                 const mailtrack_conf_t *conf,
                                 apr_pool_t *pool)
{
    struct stat st;

    if (strcmp(conf->dbd_driver, "sqlite3")
        || (stat(conf->dbd_params, &st) == 0 && st.st_size > 0)) {
        return APR_SUCCESS;
    }
    loan->detail = apr_pstrcat(pool, "there is no store at ",
                               conf->dbd_params, NULL);
    loan->remedy = apr_psprintf(pool, "mailtrackctl --store '%s' init",
                                conf->dbd_params);
    return STORE_EMISSING;
}

apr_status_t dbd_borrow(dbd_loan_t *loan, server_rec *s, apr_pool_t *pool)
{
    const mailtrack_conf_t *conf = directives_of(s);
    ap_dbd_t *connection;
    apr_status_t rv;

    memset(loan, 0, sizeof(*loan));
    loan->detail = loan->remedy = "";
    if (!dbd_open || !dbd_close) {
        loan->detail = "mod_dbd is not loaded";
        loan->remedy = "a2enmod dbd";
        return APR_ENOTIMPL;
    }
    rv = missing_file(loan, conf, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    connection = dbd_open(pool, s);
    if (!connection) {
        loan->detail = "mod_dbd has no connection to the database (its reason "
                       "is in the error log)";
        loan->remedy = "check DBDriver and DBDParams, and the database server";
        return STORE_ELOST;
    }
    loan->connection = connection;
    rv = store_wrap(&loan->store, connection->driver, &connection->handle,
                    conf->dbd_params, connection->pool);
    if (rv == APR_SUCCESS) {
        rv = store_ready(loan->store);
    }
    if (rv != APR_SUCCESS) {
        loan->detail = apr_pstrdup(pool, store_error(loan->store));
        loan->remedy = store_remedy(loan->store, rv, pool);
        dbd_return(loan, s);
    }
    return rv;
}

void dbd_return(dbd_loan_t *loan, server_rec *s)
{
    if (loan->connection) {
        store_rollback(loan->store);
        dbd_close(s, loan->connection);
        loan->connection = NULL;
        loan->store = NULL;
    }
}
