/* SPDX-License-Identifier: MIT */
/*
 * People: one of them, all of them, habits and mutes. Pages are in
 * recipients_list.c, erasing in erase.c. Runs in httpd's request threads.
 */
#include "recipients.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "recipient_row.h"

/* Rows of one query of the export. */
#define STEP 256

void recipient_row_read(recipient_t *r, store_rows_t *rows, apr_pool_t *pool)
{
    r->id = store_int(rows, 0);
    r->address = store_text(rows, 1, pool);
    r->name = store_text(rows, 2, pool);
    r->domain = store_text(rows, 3, pool);
    r->mails = store_int(rows, 4);
    r->mails_opened = store_int(rows, 5);
    r->mails_possible = store_int(rows, 6);
    r->rate = store_int(rows, 7);
    r->last_mail_at = store_int(rows, 8);
    r->last_open_at = store_is_null(rows, 9) ? STORE_NULL
                      : store_int(rows, 9);
    r->recent = store_int(rows, 10);
    r->recent_opened = store_int(rows, 11);
    r->score_base = store_int(rows, 12);
    r->score_key = store_int(rows, 13);
    r->muted = (int)store_int(rows, 14);
}

apr_status_t recipient_rows_read(apr_array_header_t *out, store_rows_t *rows)
{
    apr_status_t rv;

    while ((rv = store_next(rows)) == APR_SUCCESS) {
        recipient_row_read(apr_array_push(out), rows, out->pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

const char *recipient_key(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);
    char *p;

    for (p = copy; *p; p++) {
        *p = (char)apr_tolower(*p);
    }
    return copy;
}

apr_status_t recipients_get(recipient_t **out, store_t *store,
                            const char *address, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, SELECT_RECIPIENTS
                     " WHERE address = ?", "t", recipient_key(address, pool));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        *out = apr_palloc(pool, sizeof(**out));
        recipient_row_read(*out, rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

apr_status_t recipients_quiet(int *quiet, store_t *store,
                              apr_int64_t track_id)
{
    apr_int64_t muted = 0;
    apr_status_t rv;

    rv = store_get_int(store, &muted, "SELECT coalesce(min(r.muted), 0)"
                       " FROM email_recipients er JOIN recipients r"
                       " ON r.id = er.recipient_id WHERE er.track_id = ?",
                       "i", track_id);
    *quiet = muted != 0;
    return rv;
}

apr_status_t recipients_mute(recipient_t **out, store_t *store,
                             const char *address, int muted,
                             apr_pool_t *pool)
{
    apr_status_t rv;

    rv = store_exec(store, NULL, "UPDATE recipients SET muted = ?"
                    " WHERE address = ?", "it", (apr_int64_t)(muted != 0),
                    recipient_key(address, pool));
    return rv == APR_SUCCESS ? recipients_get(out, store, address, pool) : rv;
}

apr_status_t recipients_habits(apr_array_header_t **out, store_t *store,
                               apr_int64_t recipient_id, int limit,
                               apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *out = apr_array_make(pool, 16, sizeof(first_open_t));
    rv = store_query(&rows, store, "SELECT t.created_at, t.first_open_at"
                     " FROM email_recipients er JOIN tracked_emails t"
                     " ON t.id = er.track_id WHERE er.recipient_id = ?"
                     " ORDER BY er.track_id DESC LIMIT ?", "ii",
                     recipient_id, (apr_int64_t)limit);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        if (!store_is_null(rows, 1)) {
            first_open_t *one = apr_array_push(*out);

            one->created_at = store_int(rows, 0);
            one->first_open_at = store_int(rows, 1);
        }
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t recipients_export(store_t *store, recipient_visit_t visit,
                               void *context, apr_pool_t *pool)
{
    const char *after = "";
    apr_pool_t *scratch;
    apr_status_t rv;
    int i, count = STEP;

    rv = apr_pool_create(&scratch, pool);
    while (rv == APR_SUCCESS && count == STEP) {
        apr_pool_t *piece;
        apr_array_header_t *list;
        store_rows_t *rows;

        apr_pool_create(&piece, pool);
        list = apr_array_make(piece, STEP, sizeof(recipient_t));
        rv = store_query(&rows, store, SELECT_RECIPIENTS
                         " WHERE address > ? ORDER BY address LIMIT ?", "ti",
                         after, (apr_int64_t)STEP);
        if (rv == APR_SUCCESS) {
            rv = recipient_rows_read(list, rows);
        }
        count = list->nelts;
        for (i = 0; i < count && rv == APR_SUCCESS; i++) {
            rv = visit(context, &APR_ARRAY_IDX(list, i, recipient_t));
        }
        apr_pool_clear(scratch);
        after = count ? apr_pstrdup(scratch, APR_ARRAY_IDX(list, count - 1,
                                                      recipient_t).address)
                : "";
        apr_pool_destroy(piece);
    }
    apr_pool_destroy(scratch);
    return rv;
}
