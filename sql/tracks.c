/* SPDX-License-Identifier: MIT */
/*
 * Tracked mails: made, read, changed, deleted. Lists are in tracks_list.c. A
 * public function is one transaction; the static ones run inside it.
 */
#include "tracks.h"

#include <string.h>

#include <apr_strings.h>

#include "counters.h"
#include "open_row.h"
#include "people.h"
#include "track_row.h"
#include "words.h"

/* -- reading ------------------------------------------------------------ */

static apr_status_t read_one(track_t **out, store_t *store, const char *sql,
                             const store_arg_t *arg, apr_pool_t *pool)
{
    apr_array_header_t *tracks = apr_array_make(pool, 1, sizeof(track_t));
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query_args(&rows, store, sql, arg, 1);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        track_row_read(apr_array_push(tracks), rows, 0, pool);
    }
    store_done(rows);
    if (rv != APR_SUCCESS) {
        return rv == APR_EOF ? APR_NOTFOUND : rv;
    }
    *out = &APR_ARRAY_IDX(tracks, 0, track_t);
    return track_row_recipients(tracks, store, pool);
}

apr_status_t tracks_get(track_t **out, store_t *store, const char *public_id,
                        apr_pool_t *pool)
{
    store_arg_t arg = { 't', 0, 0, public_id };

    return read_one(out, store, "SELECT " TRACK_COLUMNS
                    " FROM tracked_emails t WHERE t.public_id = ?", &arg,
                    pool);
}

static apr_status_t get_by_id(track_t **out, store_t *store, apr_int64_t id,
                              apr_pool_t *pool)
{
    store_arg_t arg = { 'i', 0, id, NULL };

    return read_one(out, store, "SELECT " TRACK_COLUMNS
                    " FROM tracked_emails t WHERE t.id = ?", &arg, pool);
}

#define TEN "?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
#define FIFTY TEN ", " TEN ", " TEN ", " TEN ", " TEN

apr_status_t tracks_by_ids(apr_array_header_t **out, store_t *store,
                           const apr_array_header_t *ids, apr_pool_t *pool)
{
    store_arg_t args[TRACKS_IDS_MAX];
    store_rows_t *rows;
    apr_status_t rv;
    int i;

    *out = apr_array_make(pool, ids->nelts + 1, sizeof(track_t));
    if (!ids->nelts) {
        return APR_SUCCESS;
    }
    /* filled up with the last, so that the text stays the same */
    for (i = 0; i < TRACKS_IDS_MAX; i++) {
        int at = i < ids->nelts ? i : ids->nelts - 1;

        args[i] = (store_arg_t){ 't', 0, 0,
                                 APR_ARRAY_IDX(ids, at, const char *) };
    }
    rv = store_query_args(&rows, store, "SELECT " TRACK_COLUMNS
                          " FROM tracked_emails t WHERE t.public_id IN ("
                          FIFTY ", " FIFTY ")"
                          " ORDER BY t.created_at DESC, t.id DESC", args,
                          TRACKS_IDS_MAX);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        track_row_read(apr_array_push(*out), rows, 0, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? track_row_recipients(*out, store, pool) : rv;
}

/* -- search words ------------------------------------------------------- */

static apr_status_t words_of(apr_array_header_t **words, const char *recipient,
                             const char *subject, const char *notes,
                             apr_pool_t *pool)
{
    const char *texts[3];

    texts[0] = recipient;
    texts[1] = subject;
    texts[2] = notes;
    return words_split(words, texts, 3, pool);
}

static apr_status_t add_words(store_t *store, apr_int64_t track_id,
                              const apr_array_header_t *words)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < words->nelts && rv == APR_SUCCESS; i++) {
        rv = store_exec(store, NULL, "INSERT INTO search_words (track_id,"
                        " word) VALUES (?, ?)", "it", track_id,
                        APR_ARRAY_IDX(words, i, const char *));
    }
    return rv;
}

static apr_status_t replace_words(store_t *store, const track_t *t,
                                  apr_pool_t *pool)
{
    apr_array_header_t *words;
    apr_status_t rv;

    rv = store_exec(store, NULL, "DELETE FROM search_words WHERE track_id"
                    " = ?", "i", t->id);
    if (rv == APR_SUCCESS) {
        rv = words_of(&words, t->recipient, t->subject, t->notes, pool);
    }
    return rv != APR_SUCCESS ? rv : add_words(store, t->id, words);
}

apr_status_t tracks_reword(store_t *store, apr_int64_t id, apr_time_t now,
                           apr_pool_t *pool)
{
    track_t *t;
    apr_status_t rv;

    rv = get_by_id(&t, store, id, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    t->recipient = address_format_list(t->recipients, pool);
    rv = store_exec(store, NULL, "UPDATE tracked_emails SET recipient = ?,"
                    " updated_at = ? WHERE id = ?", "tii", t->recipient,
                    (apr_int64_t)now, id);
    return rv != APR_SUCCESS ? rv : replace_words(store, t, pool);
}

/* -- create ------------------------------------------------------------- */

/* Was this asked before? APR_NOTFOUND: no. */
static apr_status_t find_replay(track_t **out, store_t *store,
                                const track_new_t *in, apr_pool_t *pool)
{
    store_arg_t arg = { 't', 0, 0, in->idempotency_key };
    const char *hash = NULL;
    apr_status_t rv;

    rv = read_one(out, store, "SELECT " TRACK_COLUMNS
                  " FROM tracked_emails t WHERE t.idempotency_key = ?", &arg,
                  pool);
    if (rv == APR_SUCCESS) {
        rv = store_get_text(store, &hash, pool, "SELECT request_hash FROM"
                            " tracked_emails WHERE idempotency_key = ?", "t",
                            in->idempotency_key);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return hash && in->request_hash && !strcmp(hash, in->request_hash)
           ? APR_EEXIST : STORE_ECONFLICT;
}

static apr_status_t insert(apr_int64_t *id, store_t *store,
                           const track_new_t *in, const char *recipient)
{
    return store_insert(store, id,
        "INSERT INTO tracked_emails (public_id, created_at, updated_at,"
        " created_by, recipient, subject, notes, message_group_id, pinned,"
        " muted, idempotency_key, request_hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "tiiNttttiitt",
        in->public_id, (apr_int64_t)in->created_at,
        (apr_int64_t)in->created_at, in->created_by, recipient, in->subject,
        in->notes, in->message_group_id, (apr_int64_t)(in->pinned != 0),
        (apr_int64_t)(in->muted != 0),
        in->idempotency_key, in->request_hash);
}

static apr_status_t create(apr_int64_t *id, store_t *store,
                           const track_new_t *in, const char *node,
                           apr_pool_t *pool)
{
    const char *recipient = address_format_list(in->recipients, pool);
    counters_t *counters = counters_make(store, node, pool);
    apr_array_header_t *words;
    apr_status_t rv;

    rv = insert(id, store, in, recipient);
    if (rv == APR_SUCCESS) {
        rv = people_add(store, *id, in->recipients, in->created_at);
    }
    if (rv == APR_SUCCESS) {
        rv = people_count_mail(store, *id, in->created_at);
    }
    if (rv == APR_SUCCESS) {
        rv = words_of(&words, recipient, in->subject, in->notes, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = add_words(store, *id, words);
    }
    if (rv == APR_SUCCESS) {
        counters_mail(counters, in->created_at, TRACK_UNSEEN, STORE_NULL,
                      +1);
        rv = counters_flush(counters);
    }
    return rv;
}

static apr_status_t drop_replaced(store_t *store, const track_new_t *in,
                                  const char *node, apr_pool_t *pool)
{
    apr_int64_t id = 0;
    apr_status_t rv;

    if (!in->replaces) {
        return APR_SUCCESS;
    }
    rv = store_get_int(store, &id, "SELECT id FROM tracked_emails"
                       " WHERE idempotency_key = ? AND open_count = 0", "t",
                       in->replaces);
    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
    }
    return tracks_delete_in(store, id, node, pool);
}

apr_status_t tracks_create(track_t **out, store_t *store,
                           const track_new_t *in, const char *node,
                           apr_pool_t *pool)
{
    apr_int64_t id = 0;
    apr_status_t rv;

    rv = store_begin(store);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (in->idempotency_key) {
        rv = find_replay(out, store, in, pool);
        if (rv != APR_NOTFOUND) {
            return store_end(store, rv);
        }
    }
    rv = drop_replaced(store, in, node, pool);
    if (rv == APR_SUCCESS) {
        rv = create(&id, store, in, node, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = get_by_id(out, store, id, pool);
    }
    return store_end(store, rv);
}

/* -- update ------------------------------------------------------------- */

static apr_status_t change_recipients(store_t *store, track_t *t,
                                      const apr_array_header_t *list,
                                      apr_pool_t *pool)
{
    apr_array_header_t *before;
    apr_array_header_t *after;
    apr_status_t rv;

    rv = people_of(&before, store, t->id, pool);
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "DELETE FROM email_recipients"
                        " WHERE track_id = ?", "i", t->id);
    }
    if (rv == APR_SUCCESS) {
        rv = people_add(store, t->id, list, t->created_at);
    }
    if (rv == APR_SUCCESS) {
        rv = people_of(&after, store, t->id, pool);
    }
    if (rv == APR_SUCCESS) {
        t->recipient = address_format_list(list, pool);
        rv = people_recount(store, before);
    }
    return rv != APR_SUCCESS ? rv : people_recount(store, after);
}

static apr_status_t change(store_t *store, track_t *t,
                           const track_change_t *change, apr_time_t now,
                           apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;

    if (change->recipients) {
        rv = change_recipients(store, t, change->recipients, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    t->subject = change->subject ? change->subject : t->subject;
    t->notes = change->notes ? change->notes : t->notes;
    t->pinned = change->pinned >= 0 ? change->pinned != 0 : t->pinned;
    t->muted = change->muted >= 0 ? change->muted != 0 : t->muted;
    rv = store_exec(store, NULL, "UPDATE tracked_emails SET recipient = ?,"
                    " subject = ?, notes = ?, pinned = ?, muted = ?,"
                    " updated_at = ? WHERE id = ?", "tttiiii", t->recipient,
                    t->subject, t->notes, (apr_int64_t)t->pinned,
                    (apr_int64_t)t->muted, (apr_int64_t)now, t->id);
    if (rv == APR_SUCCESS
        && (change->recipients || change->subject || change->notes)) {
        rv = replace_words(store, t, pool);
    }
    return rv;
}

apr_status_t tracks_update(track_t **out, store_t *store,
                           const char *public_id, const track_change_t *ch,
                           apr_time_t now, apr_pool_t *pool)
{
    apr_status_t rv;

    rv = store_begin(store);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = tracks_get(out, store, public_id, pool);
    if (rv == APR_SUCCESS) {
        rv = change(store, *out, ch, now, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = tracks_get(out, store, public_id, pool);
    }
    return store_end(store, rv);
}

/* -- delete ------------------------------------------------------------- */

/* Take the hits out of the rollups, in bounded memory: the mail's own counters
 * go with it, so each hit only needs to be seen once. */
static apr_status_t uncount_opens(counters_t *counters, store_t *store,
                                  counters_track_t *t, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_pool_t *scratch;
    apr_status_t rv;
    open_t open;

    rv = store_query(&rows, store, "SELECT " OPEN_COLUMNS " FROM opens o"
                     " WHERE o.track_id = ?", "i", t->id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&scratch, pool);
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        open_row_read(&open, rows, 0, scratch);
        counters_open(counters, t, &open, -1);
        apr_pool_clear(scratch);
    }
    store_done(rows);
    apr_pool_destroy(scratch);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* The rows that hang on a mail, in the order foreign keys want. */
static apr_status_t delete_rows(store_t *store, apr_int64_t id)
{
    static const char *const statements[] = {
        "DELETE FROM outbox WHERE track_id = ?",
        "DELETE FROM opens WHERE track_id = ?",
        "DELETE FROM search_words WHERE track_id = ?",
        "DELETE FROM email_recipients WHERE track_id = ?",
        "DELETE FROM tracked_emails WHERE id = ?"
    };
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    for (i = 0; i < sizeof(statements) / sizeof(statements[0])
         && rv == APR_SUCCESS; i++) {
        rv = store_exec(store, NULL, statements[i], "i", id);
    }
    return rv;
}

apr_status_t tracks_delete_in(store_t *store, apr_int64_t id,
                              const char *node, apr_pool_t *pool)
{
    counters_t *counters = counters_make(store, node, pool);
    apr_array_header_t *people;
    counters_track_t *t;
    apr_status_t rv;

    rv = counters_track(&t, counters, id);
    if (rv == APR_SUCCESS) {
        rv = people_of(&people, store, id, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = uncount_opens(counters, store, t, pool);
    }
    if (rv == APR_SUCCESS) {
        counters_mail(counters, t->created_at, t->seen, t->first_open_at, -1);
        rv = rollups_flush(counters->rollups);
    }
    if (rv == APR_SUCCESS) {
        rv = delete_rows(store, id);
    }
    return rv != APR_SUCCESS ? rv : people_recount(store, people);
}

apr_status_t tracks_delete(store_t *store, const char *public_id,
                           const char *node, apr_pool_t *pool)
{
    apr_int64_t id = 0;
    apr_status_t rv;

    rv = store_begin(store);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_get_int(store, &id, "SELECT id FROM tracked_emails"
                       " WHERE public_id = ?", "t", public_id);
    if (rv == APR_SUCCESS) {
        rv = tracks_delete_in(store, id, node, pool);
    }
    return store_end(store, rv);
}
