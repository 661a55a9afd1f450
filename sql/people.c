/* SPDX-License-Identifier: MIT */
/*
 * The people of a mail: rows of email_recipients, made and unmade with it, and
 * their counters. Inside the caller's transaction.
 */
#include "people.h"

#include "counters.h"
#include "score.h"

/* The person's row, made when there is none; a later mail may name them. */
static apr_status_t person(apr_int64_t *id, store_t *store,
                           const address_t *a, apr_int64_t mail_at)
{
    apr_status_t rv;

    rv = store_exec(store, NULL, "INSERT INTO recipients (address, name,"
                    " domain, last_mail_at) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT DO NOTHING", "ttti", a->key, a->name,
                    a->domain, mail_at);
    if (rv == APR_SUCCESS) {
        rv = store_get_int(store, id, "SELECT id FROM recipients"
                           " WHERE address = ?", "t", a->key);
    }
    if (rv == APR_SUCCESS && *a->name) {
        rv = store_exec(store, NULL, "UPDATE recipients SET name = ?"
                        " WHERE id = ? AND name <> ?", "tit", a->name, *id,
                        a->name);
    }
    return rv;
}

apr_status_t people_add(store_t *store, apr_int64_t track_id,
                        const apr_array_header_t *list, apr_int64_t mail_at)
{
    apr_status_t rv = APR_SUCCESS;
    apr_int64_t id = 0;
    int i;

    for (i = 0; i < list->nelts && rv == APR_SUCCESS; i++) {
        const address_t *a = &APR_ARRAY_IDX(list, i, address_t);

        rv = person(&id, store, a, mail_at);
        if (rv == APR_SUCCESS) {
            rv = store_exec(store, NULL, "INSERT INTO email_recipients"
                            " (recipient_id, track_id, position, name)"
                            " VALUES (?, ?, ?, ?)", "iiit", id, track_id,
                            (apr_int64_t)i, a->name);
        }
    }
    return rv;
}

/* A new mail of theirs, not opened yet: the row needs no recount. */
apr_status_t people_count_mail(store_t *store, apr_int64_t track_id,
                               apr_int64_t mail_at)
{
    apr_status_t rv;

    rv = store_exec(store, NULL, "UPDATE recipients SET mails = mails + 1,"
                    " last_mail_at = CASE WHEN last_mail_at < ? THEN ?"
                    " ELSE last_mail_at END WHERE id IN (SELECT recipient_id"
                    " FROM email_recipients WHERE track_id = ?)", "iii",
                    mail_at, mail_at, track_id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_exec(store, NULL, "UPDATE recipients SET " COUNTERS_RATE
                    " WHERE id IN (SELECT recipient_id FROM"
                    " email_recipients WHERE track_id = ?)", "i", track_id);
    return rv == APR_SUCCESS ? score_write_people(store, track_id) : rv;
}

apr_status_t people_of(apr_array_header_t **ids, store_t *store,
                       apr_int64_t track_id, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *ids = apr_array_make(pool, 4, sizeof(apr_int64_t));
    rv = store_query(&rows, store, "SELECT recipient_id FROM"
                     " email_recipients WHERE track_id = ?", "i", track_id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        APR_ARRAY_PUSH(*ids, apr_int64_t) = store_int(rows, 0);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t people_recount(store_t *store, const apr_array_header_t *ids)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < ids->nelts && rv == APR_SUCCESS; i++) {
        rv = counters_recipient(store, APR_ARRAY_IDX(ids, i, apr_int64_t));
    }
    return rv;
}
