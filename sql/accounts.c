/* SPDX-License-Identifier: MIT */
/*
 * Table `accounts`: mailprobe's mail accounts as the dashboard may see them.
 * Written by mailprobe's store thread, read in httpd's request threads.
 */
#include "accounts.h"

#include "dialect.h"

#define DETAIL_MAX 1000

static apr_status_t publish_one(store_t *store, const account_row_t *a,
                                apr_time_t now)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(store, &changed, "UPDATE accounts SET sender = ?,"
                    " smtp = ?, imap = ?, smtp_user = ?, imap_user = ?,"
                    " updated_at = ?, present = 1 WHERE name = ?", "tttttit",
                    a->sender, a->smtp, a->imap, a->smtp_user, a->imap_user,
                    (apr_int64_t)now, a->name);
    if (rv != APR_SUCCESS || changed) {
        return rv;
    }
    return store_exec(store, NULL, "INSERT INTO accounts (name, sender, smtp,"
                      " imap, smtp_user, imap_user, state, detail, since,"
                      " updated_at, present) VALUES (?, ?, ?, ?, ?, ?,"
                      " 'unknown', '', ?, ?, 1)", "ttttttii", a->name,
                      a->sender, a->smtp, a->imap, a->smtp_user, a->imap_user,
                      (apr_int64_t)now, (apr_int64_t)now);
}

static apr_status_t publish(store_t *store, const apr_array_header_t *rows,
                            apr_time_t now)
{
    apr_status_t rv;
    int i;

    rv = store_exec(store, NULL, "UPDATE accounts SET present = 0", NULL);
    for (i = 0; i < rows->nelts && rv == APR_SUCCESS; i++) {
        rv = publish_one(store, &APR_ARRAY_IDX(rows, i, account_row_t), now);
    }
    return rv;
}

apr_status_t accounts_publish(store_t *store, const apr_array_header_t *rows,
                              apr_time_t now)
{
    apr_status_t rv = store_begin(store);

    return rv != APR_SUCCESS ? rv : store_end(store, publish(store, rows,
                                                             now));
}

apr_status_t accounts_state(store_t *store, const char *name,
                            const char *state, const char *detail,
                            apr_time_t now)
{
    apr_int64_t changed = 0;
    apr_pool_t *scratch;
    apr_status_t rv;

    apr_pool_create(&scratch, NULL);
    /* since first: MariaDB lets an assignment see those before it */
    rv = store_exec(store, &changed, "UPDATE accounts SET since = CASE WHEN"
                    " state = ? THEN since ELSE ? END, state = ?, detail = ?,"
                    " updated_at = ? WHERE name = ?", "tittit", state,
                    (apr_int64_t)now, state,
                    dialect_words(detail, DETAIL_MAX, scratch),
                    (apr_int64_t)now, name);
    apr_pool_destroy(scratch);
    return rv == APR_SUCCESS && !changed ? APR_NOTFOUND : rv;
}

static void read_account(account_row_t *a, store_rows_t *rows,
                         apr_pool_t *pool)
{
    a->name = store_text(rows, 0, pool);
    a->sender = store_text(rows, 1, pool);
    a->smtp = store_text(rows, 2, pool);
    a->imap = store_text(rows, 3, pool);
    a->smtp_user = store_text(rows, 4, pool);
    a->imap_user = store_text(rows, 5, pool);
    a->state = store_text(rows, 6, pool);
    a->detail = store_text(rows, 7, pool);
    a->since = store_int(rows, 8);
    a->updated_at = store_int(rows, 9);
}

apr_status_t accounts_list(apr_array_header_t **list, store_t *store,
                           apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *list = apr_array_make(pool, 8, sizeof(account_row_t));
    rv = store_query(&rows, store, "SELECT name, sender, smtp, imap,"
                     " smtp_user, imap_user, state, detail, since, updated_at"
                     " FROM accounts WHERE present = 1 ORDER BY name", NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        read_account(apr_array_push(*list), rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}
