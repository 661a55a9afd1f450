/* SPDX-License-Identifier: MIT */
/*
 * recipients_erase: a person's every trace. Run by mailtrackctl and by an
 * administrator's request, beside a drain that writes: transactions are short.
 */
#include "recipients.h"

#include <apr_strings.h>

#include "counters.h"
#include "engine.h"
#include "recipient_row.h"
#include "tracks.h"

/* Mails of one transaction: the drain waits for it. */
#define BATCH 100
/* How often to try to empty the WAL; each waits for readers, as long as any
 * statement does. */
#define TRIES 3

typedef struct erase_t {
    store_t *store;
    const char *node;
    apr_int64_t id;             /* of the recipient */
    erased_t *result;
    apr_pool_t *pool;
} erase_t;

/* A mail of theirs. */
typedef struct mail_t {
    apr_int64_t id;
    apr_int64_t recipients;
    apr_int64_t opens;
} mail_t;

static apr_status_t next_mails(apr_array_header_t *mails, erase_t *e)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, e->store, "SELECT t.id, (SELECT count(*) FROM"
                     " email_recipients x WHERE x.track_id = t.id),"
                     " t.open_count FROM email_recipients er"
                     " JOIN tracked_emails t ON t.id = er.track_id"
                     " WHERE er.recipient_id = ? ORDER BY er.track_id LIMIT ?",
                     "ii", e->id, (apr_int64_t)BATCH);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        mail_t *mail = apr_array_push(mails);

        mail->id = store_int(rows, 0);
        mail->recipients = store_int(rows, 1);
        mail->opens = store_int(rows, 2);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static apr_status_t erase_mail(erase_t *e, const mail_t *mail,
                               apr_pool_t *pool)
{
    apr_status_t rv;

    /* first, so that a deletion does not recount this person each time */
    rv = store_exec(e->store, NULL, "DELETE FROM email_recipients"
                    " WHERE recipient_id = ? AND track_id = ?", "ii", e->id,
                    mail->id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (mail->recipients > 1) {
        e->result->mails_changed++;
        return tracks_reword(e->store, mail->id, apr_time_now(), pool);
    }
    e->result->mails_deleted++;
    e->result->opens_deleted += mail->opens;
    return tracks_delete_in(e->store, mail->id, e->node, pool);
}

/* @param count out: how many mails; fewer than BATCH: the last ones */
static apr_status_t erase_batch(int *count, erase_t *e, apr_pool_t *pool)
{
    apr_array_header_t *mails = apr_array_make(pool, BATCH, sizeof(mail_t));
    apr_status_t rv;
    int i;

    rv = next_mails(mails, e);
    for (i = 0; i < mails->nelts && rv == APR_SUCCESS; i++) {
        rv = erase_mail(e, &APR_ARRAY_IDX(mails, i, mail_t), pool);
    }
    if (rv == APR_SUCCESS) {
        rv = counters_recipient(e->store, e->id);
    }
    *count = mails->nelts;
    return rv;
}

static apr_status_t erase_all(erase_t *e, progress_t progress, void *context)
{
    apr_int64_t total = 0, done = 0;
    apr_status_t rv;
    int count = BATCH;

    rv = store_get_int(e->store, &total, "SELECT count(*) FROM"
                       " email_recipients WHERE recipient_id = ?", "i",
                       e->id);
    while (rv == APR_SUCCESS && count == BATCH) {
        erased_t before = *e->result;
        apr_pool_t *batch;

        rv = store_begin(e->store);
        if (rv != APR_SUCCESS) {
            break;
        }
        apr_pool_create(&batch, e->pool);
        rv = store_end(e->store, erase_batch(&count, e, batch));
        apr_pool_destroy(batch);
        if (rv != APR_SUCCESS) {
            *e->result = before;
        } else if (progress) {
            done += count;
            progress(context, done, total > done ? total : done);
        }
    }
    return rv;
}

/* Overwritten pages lie in the WAL until it is copied and emptied. */
static apr_status_t empty_wal(store_t *store)
{
    apr_int64_t busy = 1;
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (store->engine != &engine_sqlite) {
        return APR_SUCCESS;
    }
    for (i = 0; i < TRIES && busy && rv == APR_SUCCESS; i++) {
        rv = store_get_int(store, &busy, "PRAGMA wal_checkpoint(TRUNCATE)",
                           NULL);
    }
    return rv == APR_SUCCESS && busy
           ? store_fail(store, STORE_EBUSY, "erased, but a reader keeps the "
                        "write-ahead log from being emptied: run it again")
           : rv;
}

apr_status_t recipients_erase(erased_t *result, store_t *store,
                              const char *address, const char *node,
                              progress_t progress, void *context,
                              apr_pool_t *pool)
{
    erase_t e = { store, node, 0, result, pool };
    apr_status_t rv, emptied;

    result->mails_deleted = 0;
    result->mails_changed = 0;
    result->opens_deleted = 0;
    if (store->engine == &engine_sqlite) {
        /* freed bytes become zeros; for good: this connection's writes are
         * rare but for the drain's, which free nothing */
        rv = store_exec(store, NULL, "PRAGMA secure_delete = ON", NULL);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    rv = store_get_int(store, &e.id, "SELECT id FROM recipients"
                       " WHERE address = ?", "t",
                       recipient_key(address, pool));
    if (rv == APR_SUCCESS) {
        rv = erase_all(&e, progress, context);
    }
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND) {
        return rv;
    }
    /* also when there is nobody any more: an earlier run may have left it */
    emptied = empty_wal(store);
    return emptied != APR_SUCCESS ? emptied : rv;
}
