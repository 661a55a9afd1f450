/* SPDX-License-Identifier: MIT */
/*
 * What a message about a mail says, and which unopened mails somebody must be
 * asked about. mailprobe's store thread alone.
 */
#include "outbox.h"

#include <apr_strings.h>

#include "dialect.h"

/* News of a mail that nobody opens keep for so long. */
#define TELL_WITHIN apr_time_from_sec(3 * 86400)

/* opens.verdict in words. */
static const char *const verdicts[] = {
    "human", "proxied", "prefetch", "scanner", "bot", "self"
};
#define VERDICTS ((apr_int64_t)(sizeof(verdicts) / sizeof(*verdicts)))

static void read_mail(outbox_mail_t *m, store_rows_t *rows, apr_pool_t *pool)
{
    apr_int64_t verdict = store_int(rows, 10);

    m->public_id = store_text(rows, 0, pool);
    m->recipient = store_text(rows, 1, pool);
    m->subject = store_text(rows, 2, pool);
    m->created_at = store_int(rows, 3);
    m->created_by = dialect_int(rows, 4);
    m->owner_name = store_text(rows, 5, pool);
    m->real_open_count = store_int(rows, 6);
    m->opened_at = dialect_int(rows, 7);
    m->country = store_text(rows, 8, pool);
    m->city = store_text(rows, 9, pool);
    m->verdict = store_is_null(rows, 10) || verdict < 0 || verdict >= VERDICTS
                 ? NULL : verdicts[verdict];
    m->user_agent = store_text(rows, 11, pool);
}

apr_status_t outbox_mail(outbox_mail_t **mail, store_t *store,
                         const outbox_row_t *row, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT t.public_id, t.recipient,"
                     " t.subject, t.created_at, t.created_by, u.name,"
                     " t.real_open_count, o.opened_at, o.country, o.city,"
                     " o.verdict, o.user_agent FROM tracked_emails t"
                     " LEFT JOIN users u ON u.id = t.created_by"
                     " LEFT JOIN opens o ON o.id = ? AND o.track_id = t.id"
                     " WHERE t.id = ?", "NN", row->open_id, row->track_id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        *mail = apr_palloc(pool, sizeof(**mail));
        read_mail(*mail, rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

/* -- follow-ups ------------------------------------------------------------ */

static apr_status_t domains_of(const char **domains, store_t *store,
                               apr_int64_t track_id, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *domains = "";
    rv = store_query(&rows, store, "SELECT DISTINCT r.domain FROM"
                     " email_recipients er JOIN recipients r"
                     " ON r.id = er.recipient_id WHERE er.track_id = ?"
                     " ORDER BY r.domain", "i", track_id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        *domains = apr_pstrcat(pool, *domains, **domains ? " " : "",
                               store_peek(rows, 0), NULL);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* Quiet wanted for the mail, or for each of its people, as for opens. */
#define NOT_MUTED "t.muted = 0 AND coalesce((SELECT min(r.muted) FROM" \
    " email_recipients er JOIN recipients r ON r.id = er.recipient_id" \
    " WHERE er.track_id = t.id), 0) = 0"

apr_status_t follow_ups_due(apr_array_header_t **list, store_t *store,
                            apr_int64_t from, apr_int64_t to, int limit,
                            apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;
    int i;

    *list = apr_array_make(pool, 8, sizeof(follow_up_t));
    rv = store_query(&rows, store, "SELECT t.id, t.public_id, t.created_at"
                     " FROM tracked_emails t WHERE t.seen = 0 AND"
                     " t.followed_up_at IS NULL AND t.created_at >= ? AND"
                     " t.created_at < ? AND " NOT_MUTED
                     " ORDER BY t.created_at, t.id LIMIT ?", "iii", from, to,
                     (apr_int64_t)limit);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        follow_up_t *f = apr_array_push(*list);

        f->track_id = store_int(rows, 0);
        f->public_id = store_text(rows, 1, pool);
        f->created_at = store_int(rows, 2);
    }
    store_done(rows);
    rv = rv == APR_EOF ? APR_SUCCESS : rv;
    for (i = 0; rv == APR_SUCCESS && i < (*list)->nelts; i++) {
        follow_up_t *f = &APR_ARRAY_IDX(*list, i, follow_up_t);

        rv = domains_of(&f->domains, store, f->track_id, pool);
    }
    return rv;
}

/* Nobody is asked twice: marked, unless it was opened or marked before. */
static apr_status_t mark(int *marked, store_t *store, const follow_up_t *f,
                         apr_time_t now)
{
    apr_int64_t changed = 0;
    apr_status_t rv;

    rv = store_exec(store, &changed, "UPDATE tracked_emails SET"
                    " followed_up_at = ? WHERE id = ? AND seen = 0 AND"
                    " followed_up_at IS NULL", "ii", (apr_int64_t)now,
                    f->track_id);
    *marked = changed != 0;
    return rv;
}

static apr_status_t put(store_t *store, const follow_up_t *f, apr_time_t now,
                        apr_pool_t *pool)
{
    outbox_row_t row = {
        0, apr_pstrcat(pool, EVENT_FOLLOW_UP ":", f->public_id, NULL),
        EVENT_FOLLOW_UP, f->track_id, STORE_NULL, STORE_NULL, NULL, NULL, now,
        now, now + TELL_WITHIN
    };
    apr_status_t rv;
    int marked = 0;

    rv = mark(&marked, store, f, now);
    return rv == APR_SUCCESS && marked ? outbox_put(store, &row) : rv;
}

apr_status_t follow_ups_put(store_t *store, const follow_up_t *follow_up,
                            apr_time_t now, apr_pool_t *pool)
{
    apr_status_t rv = store_begin(store);

    return rv != APR_SUCCESS ? rv
           : store_end(store, put(store, follow_up, now, pool));
}

apr_status_t follow_ups_drop(store_t *store, const follow_up_t *follow_up,
                             apr_time_t now)
{
    int marked;

    return mark(&marked, store, follow_up, now);
}
