/* SPDX-License-Identifier: MIT */
/*
 * Scores, computed and written; see score.h. Runs in whatever thread holds the
 * store, inside its transaction.
 */
#include "score.h"

#include "recipient_row.h"

#define RATE_WORTH        180000
#define CONSISTENCY_WORTH 90000
#define RECENCY_WORTH     90000
#define A_DAY             1000
#define DAYS              90
#define USEC_A_DAY        (APR_INT64_C(86400) * APR_USEC_PER_SEC)

#define PEOPLE_MAX 64           /* of a mail, read at a time */

static apr_int64_t consistency(const recipient_t *r)
{
    apr_int64_t known = r->mails - r->mails_possible;

    return r->recent ? CONSISTENCY_WORTH * r->recent_opened / r->recent
           : CONSISTENCY_WORTH * r->mails_opened / known;
}

void score_set(recipient_t *r)
{
    apr_int64_t known = r->mails - r->mails_possible;
    apr_int64_t last = r->last_open_at == STORE_NULL ? 0 : r->last_open_at;

    if (known <= 0) {
        r->score_base = r->score_key = -1;
        return;
    }
    r->score_base = RATE_WORTH * r->mails_opened / known + consistency(r);
    r->score_key = r->score_base + A_DAY * (last / USEC_A_DAY);
}

apr_int64_t score_offset(apr_int64_t today)
{
    return A_DAY * (today - DAYS);
}

int recipients_score(score_t *score, const recipient_t *r, apr_int64_t today)
{
    apr_int64_t recency = r->score_key - score_offset(today) - r->score_base;

    if (r->score_base < 0) {
        return 0;
    }
    recency = recency < 0 ? 0 : recency > RECENCY_WORTH ? RECENCY_WORTH
              : recency;
    score->consistency = (double)consistency(r) / SCORE_UNIT;
    score->rate = (double)r->score_base / SCORE_UNIT - score->consistency;
    score->recency = (double)recency / SCORE_UNIT;
    score->value = (double)(r->score_base + recency) / SCORE_UNIT;
    return 1;
}

/* -- writing -------------------------------------------------------------- */

static apr_status_t read_recent(recipient_t *r, store_t *store)
{
    store_rows_t *rows;
    apr_status_t rv;

    r->recent = r->recent_opened = 0;
    rv = store_query(&rows, store, "SELECT t.seen FROM email_recipients er"
                     " JOIN tracked_emails t ON t.id = er.track_id"
                     " WHERE er.recipient_id = ?"
                     " ORDER BY er.track_id DESC LIMIT ?", "ii", r->id,
                     (apr_int64_t)SCORE_RECENT);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        apr_int64_t seen = store_int(rows, 0);

        r->recent += seen != 1;
        r->recent_opened += seen == 2;
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static apr_status_t read_counters(recipient_t *r, store_t *store)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT mails, mails_opened,"
                     " mails_possible, last_open_at FROM recipients"
                     " WHERE id = ?", "i", r->id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        r->mails = store_int(rows, 0);
        r->mails_opened = store_int(rows, 1);
        r->mails_possible = store_int(rows, 2);
        r->last_open_at = store_is_null(rows, 3) ? STORE_NULL
                          : store_int(rows, 3);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

apr_status_t score_write(store_t *store, apr_int64_t recipient_id)
{
    recipient_t r = { 0 };
    apr_status_t rv;

    r.id = recipient_id;
    rv = read_counters(&r, store);
    if (rv == APR_SUCCESS) {
        rv = read_recent(&r, store);
    }
    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
    }
    score_set(&r);
    /* a row that stays as it is need not be written, nor its index entries */
    return store_exec(store, NULL, "UPDATE recipients SET recent = ?,"
                      " recent_opened = ?, score_base = ?, score_key = ?"
                      " WHERE id = ? AND (recent <> ? OR recent_opened <> ?"
                      " OR score_base <> ? OR score_key <> ?)", "iiiiiiiii",
                      r.recent, r.recent_opened, r.score_base, r.score_key,
                      r.id, r.recent, r.recent_opened, r.score_base,
                      r.score_key);
}

apr_status_t score_write_people(store_t *store, apr_int64_t track_id)
{
    apr_int64_t ids[PEOPLE_MAX];
    apr_int64_t after = 0;
    int count = PEOPLE_MAX, i;
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && count == PEOPLE_MAX) {
        store_rows_t *rows;

        rv = store_query(&rows, store, "SELECT recipient_id FROM"
                         " email_recipients WHERE track_id = ?"
                         " AND recipient_id > ? ORDER BY recipient_id"
                         " LIMIT ?", "iii", track_id, after,
                         (apr_int64_t)PEOPLE_MAX);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        for (count = 0; count < PEOPLE_MAX
             && (rv = store_next(rows)) == APR_SUCCESS; count++) {
            ids[count] = after = store_int(rows, 0);
        }
        store_done(rows);
        rv = rv == APR_EOF ? APR_SUCCESS : rv;
        for (i = 0; i < count && rv == APR_SUCCESS; i++) {
            rv = score_write(store, ids[i]);
        }
    }
    return rv;
}

apr_status_t score_touch(store_t *store, apr_int64_t track_id,
                         apr_int64_t opened_at)
{
    apr_int64_t worth = A_DAY * (opened_at / USEC_A_DAY);

    return store_exec(store, NULL, "UPDATE recipients SET score_key ="
                      " score_base + ? WHERE id IN (SELECT recipient_id"
                      " FROM email_recipients WHERE track_id = ?)"
                      " AND score_base >= 0 AND score_key < score_base + ?",
                      "iii", worth, track_id, worth);
}
