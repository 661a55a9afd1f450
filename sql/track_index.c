/* SPDX-License-Identifier: MIT */
/*
 * Reading keys of mails from the indexes of tracked_emails. Runs in whatever
 * thread holds the store; changes nothing.
 */
#include "track_index.h"

#define KEYS_OF(condition) \
    "SELECT t.created_at, t.id FROM tracked_emails t WHERE " condition \
    "(t.created_at, t.id) < (?, ?) AND t.created_at >= ?" \
    " ORDER BY t.created_at DESC, t.id DESC LIMIT ?"
#define COUNT_OF(condition) \
    "SELECT count(*) FROM (SELECT 1 FROM tracked_emails t WHERE " condition \
    "t.created_at >= ? AND t.created_at < ? LIMIT ?) x"

static const char *const keys_of[INDEXES] = {
    KEYS_OF("t.message_group_id = ? AND "),
    KEYS_OF("t.created_by = ? AND "),
    KEYS_OF("t.seen = ? AND "),
    KEYS_OF("t.pinned = 1 AND "),
    KEYS_OF("")
};

static const char *const count_of[INDEXES] = {
    COUNT_OF("t.message_group_id = ? AND "),
    COUNT_OF("t.created_by = ? AND "),
    COUNT_OF("t.seen = ? AND "),
    COUNT_OF("t.pinned = 1 AND "),
    COUNT_OF("")
};

apr_status_t track_index_read(list_key_t *keys, int *count, int with_time,
                              store_t *store, const char *sql,
                              const store_arg_t *args, int n)
{
    store_rows_t *rows;
    apr_status_t rv;
    int room = *count;

    *count = 0;
    rv = store_query_args(&rows, store, sql, args, n);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS && *count < room) {
        keys[*count].created_at = with_time ? store_int(rows, 0) : 0;
        keys[*count].id = store_int(rows, with_time ? 1 : 0);
        ++*count;
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static store_arg_t number(apr_int64_t i)
{
    return (store_arg_t){ 'i', 0, i, NULL };
}

static store_arg_t text(const char *t)
{
    return (store_arg_t){ 't', 0, 0, t };
}

/* The value of an index's own condition, where it has one. */
static int index_args(store_arg_t *args, int index,
                      const track_filter_t *filter)
{
    switch (index) {
    case BY_GROUP:
        args[0] = text(filter->group);
        return 1;
    case BY_USER:
        args[0] = number(filter->created_by);
        return 1;
    case BY_SEEN:
        args[0] = number(filter->seen);
        return 1;
    default:
        return 0;
    }
}

apr_status_t track_index_keys(list_key_t *keys, int *count, store_t *store,
                              const list_query_t *query, int index,
                              const list_key_t *after)
{
    store_arg_t args[5];
    int n = index_args(args, index, query->filter);

    args[n++] = number(after->created_at);
    args[n++] = number(after->id);
    args[n++] = number(query->since);
    args[n++] = number(*count);
    return track_index_read(keys, count, 1, store, keys_of[index], args, n);
}

int track_index_given(const list_query_t *query, int index)
{
    const track_filter_t *filter = query->filter;

    switch (index) {
    case BY_GROUP:
        return filter->group != NULL;
    case BY_USER:
        return filter->created_by != STORE_NULL;
    case BY_SEEN:
        return filter->seen >= 0;
    case BY_PINNED:
        return filter->pinned == 1;
    default:
        return filter->since != STORE_NULL || filter->until != STORE_NULL;
    }
}

apr_status_t track_index_count(apr_int64_t *count, store_t *store,
                               const list_query_t *query, int index, int cap)
{
    store_arg_t args[4];
    store_rows_t *rows;
    apr_status_t rv;
    int n = index_args(args, index, query->filter);

    args[n++] = number(query->since);
    args[n++] = number(query->until);
    args[n++] = number(cap);
    rv = store_query_args(&rows, store, count_of[index], args, n);
    if (rv == APR_SUCCESS) {
        rv = store_next(rows);
        *count = rv == APR_SUCCESS ? store_int(rows, 0) : 0;
        store_done(rows);
    }
    return rv;
}
