/* SPDX-License-Identifier: MIT */
/*
 * Choosing among the indexes, and reading keys from the chosen one. Runs in
 * whatever thread holds the store; changes nothing.
 *
 * A search begins with a short walk in the list's order: of words that many
 * mails have that fills the page. Else every condition is counted, up to a cap.
 * One that few mails meet is read whole and sorted here, whatever the order of
 * its index. Where many meet every one of them, an index in the list's own
 * order is walked: matches are then near, or the caller's patience ends.
 * Each way goes on from where the one before ended.
 */
#include "candidates.h"

#include <stdlib.h>

#include "track_index.h"

/* Conditions that fewer mails meet are read whole: a page's matches among a
 * million mails are then some thousand apart, and so is a walk's cost. */
static const int caps[] = { 1000, 5000 };
/* Room for what is added between counting and reading. */
#define FEW_SPARE 500

/* A search's first walk, and how many matches make it worth to go on. */
#define TRIAL         128
#define TRIAL_MATCHES 8

typedef enum {
    READ_ARRAY,                 /* few keys, sorted in `few` */
    READ_INDEX,                 /* keys_of[index], in order of created_at */
    READ_RECIPIENT,             /* email_recipients, by id */
    READ_MERGE,                 /* search_words, by id */
    READ_ALL                    /* every mail, by id */
} read_e;

struct candidates_t {
    store_t *store;
    const list_query_t *query;
    apr_pool_t *pool;
    read_e read;
    int index;
    int trial;                  /* keys given out by the first walk; -1: over */
    int matches;                /* among them, as the caller told */
    list_key_t after;           /* where to go on */
    apr_array_header_t *few;    /* list_key_t */
    int next;                   /* in few */
    search_merge_t *merge;
};

/* -- reading ------------------------------------------------------------ */

static store_arg_t number(apr_int64_t i)
{
    return (store_arg_t){ 'i', 0, i, NULL };
}

static store_arg_t text(const char *t)
{
    return (store_arg_t){ 't', 0, 0, t };
}

static apr_status_t read_few(list_key_t *keys, int *count, candidates_t *c)
{
    int left = c->few->nelts - c->next;
    int i;

    *count = *count < left ? *count : left;
    for (i = 0; i < *count; i++) {
        keys[i] = APR_ARRAY_IDX(c->few, c->next + i, list_key_t);
    }
    c->next += *count;
    return APR_SUCCESS;
}

static apr_status_t read_merge(list_key_t *keys, int *count, candidates_t *c)
{
    apr_status_t rv = APR_SUCCESS;
    int room = *count;

    for (*count = 0; *count < room; ++*count) {
        keys[*count].created_at = 0;
        rv = search_merge_next(&keys[*count].id, c->merge);
        if (rv != APR_SUCCESS) {
            break;
        }
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static apr_status_t read_next(list_key_t *keys, int *count, candidates_t *c)
{
    store_arg_t args[3];
    apr_status_t rv;

    switch (c->read) {
    case READ_ARRAY:
        return read_few(keys, count, c);
    case READ_MERGE:
        return read_merge(keys, count, c);
    case READ_INDEX:
        rv = track_index_keys(keys, count, c->store, c->query, c->index,
                              &c->after);
        break;
    case READ_RECIPIENT:
        args[0] = number(c->query->recipient_id);
        args[1] = number(c->after.id);
        args[2] = number(*count);
        rv = track_index_read(keys, count, 0, c->store, "SELECT track_id"
                       " FROM email_recipients WHERE recipient_id = ?"
                       " AND track_id < ? ORDER BY track_id DESC LIMIT ?",
                       args, 3);
        break;
    default:
        args[0] = number(c->after.id);
        args[1] = number(*count);
        rv = track_index_read(keys, count, 0, c->store, "SELECT id"
                       " FROM tracked_emails WHERE id < ?"
                       " ORDER BY id DESC LIMIT ?", args, 2);
        break;
    }
    if (rv == APR_SUCCESS && *count) {
        c->after = keys[*count - 1];
    }
    return rv;
}

/* -- few: read whole and sorted ----------------------------------------- */

static int newest_first(const void *a, const void *b)
{
    const list_key_t *l = a, *r = b;

    if (l->created_at != r->created_at) {
        return l->created_at < r->created_at ? 1 : -1;
    }
    return l->id == r->id ? 0 : l->id < r->id ? 1 : -1;
}

/* Sort, leave out what lies before the page and what came twice. */
static void order_few(candidates_t *c)
{
    list_key_t *keys = (list_key_t *)c->few->elts;
    int i, kept = 0;

    for (i = 0; c->query->by_id && i < c->few->nelts; i++) {
        keys[i].created_at = 0;
    }
    qsort(keys, (size_t)c->few->nelts, sizeof(*keys), newest_first);
    for (i = 0; i < c->few->nelts; i++) {
        if (newest_first(&c->after, &keys[i]) < 0
            && (!kept || newest_first(&keys[kept - 1], &keys[i]))) {
            keys[kept++] = keys[i];
        }
    }
    c->few->nelts = kept;
}

static apr_status_t few_by_prefix(candidates_t *c,
                                  const search_prefix_t *prefix)
{
    store_arg_t args[3];

    args[0] = text(prefix->from);
    args[1] = text(prefix->below);
    args[2] = number(c->few->nelts);
    return track_index_read((list_key_t *)c->few->elts, &c->few->nelts,
                     !c->query->by_id, c->store, c->query->by_id
                     ? "SELECT track_id FROM search_words"
                       " WHERE word >= ? AND word < ? LIMIT ?"
                     : "SELECT t.created_at, t.id FROM search_words w"
                       " JOIN tracked_emails t ON t.id = w.track_id"
                       " WHERE w.word >= ? AND w.word < ? LIMIT ?", args, 3);
}

static apr_status_t few_by_recipient(candidates_t *c)
{
    store_arg_t args[2];

    args[0] = number(c->query->recipient_id);
    args[1] = number(c->few->nelts);
    return track_index_read((list_key_t *)c->few->elts, &c->few->nelts, 1,
                     c->store,
                     "SELECT t.created_at, t.id FROM email_recipients er"
                     " JOIN tracked_emails t ON t.id = er.track_id"
                     " WHERE er.recipient_id = ? LIMIT ?", args, 2);
}

static apr_status_t few_by_index(candidates_t *c, int index)
{
    list_key_t from;

    from.created_at = c->query->until;
    from.id = 0;
    return track_index_keys((list_key_t *)c->few->elts, &c->few->nelts,
                            c->store, c->query, index, &from);
}

/* -- choosing ----------------------------------------------------------- */

/* The narrowest condition so far. */
typedef struct choice_t {
    int cap;
    apr_int64_t count;          /* at the cap: that many or more */
    int index;                  /* of tracked_emails, or -1 */
    const search_prefix_t *prefix;      /* or NULL; neither: the recipient */
} choice_t;

/* Sets best->index to the narrowest index, BY_TIME at the widest. */
static apr_status_t choose_index(choice_t *best, store_t *store,
                                 const list_query_t *query)
{
    apr_status_t rv = APR_SUCCESS;
    int index, last = BY_TIME, given = 0;

    for (index = 0; index < BY_TIME; index++) {
        if (track_index_given(query, index)) {
            last = index;
            given++;
        }
    }
    best->index = last;
    /* a range of time holds in every index: it narrows none more than the
     * others. A single condition needs no count unless words compete. */
    if (given < 2 && !query->prefixes->nelts && !query->recipient_id) {
        return APR_SUCCESS;
    }
    for (index = 0; index < INDEXES && rv == APR_SUCCESS; index++) {
        apr_int64_t count = best->cap;

        if (track_index_given(query, index)) {
            rv = track_index_count(&count, store, query, index, best->cap);
        }
        if (rv == APR_SUCCESS && count < best->count) {
            best->count = count;
            best->index = index;
        }
    }
    return rv;
}

static apr_status_t choose_recipient(choice_t *best, store_t *store,
                                     const list_query_t *query)
{
    apr_int64_t count = 0;
    apr_status_t rv;

    rv = store_get_int(store, &count, "SELECT count(*) FROM (SELECT 1"
                       " FROM email_recipients WHERE recipient_id = ?"
                       " LIMIT ?) x", "ii", query->recipient_id,
                       (apr_int64_t)best->cap);
    if (rv == APR_SUCCESS && count < best->count) {
        best->count = count;
        best->index = -1;
    }
    return rv;
}

static apr_status_t choose_prefix(choice_t *best, store_t *store,
                                  const list_query_t *query)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < query->prefixes->nelts && rv == APR_SUCCESS; i++) {
        const search_prefix_t *prefix =
            &APR_ARRAY_IDX(query->prefixes, i, search_prefix_t);
        apr_int64_t count = 0;

        rv = search_count(&count, store, prefix, best->cap);
        if (rv == APR_SUCCESS && count < best->count) {
            best->count = count;
            best->prefix = prefix;
        }
    }
    return rv;
}

/* Few mails meet one of the conditions: read them all. */
static apr_status_t use_few(candidates_t *c, const choice_t *best)
{
    apr_status_t rv;

    c->read = READ_ARRAY;
    c->next = 0;
    c->few = apr_array_make(c->pool, best->cap + FEW_SPARE,
                            sizeof(list_key_t));
    c->few->nelts = best->cap + FEW_SPARE;
    if (best->prefix) {
        rv = few_by_prefix(c, best->prefix);
    } else if (best->index >= 0) {
        rv = few_by_index(c, best->index);
    } else {
        rv = few_by_recipient(c);
    }
    if (rv == APR_SUCCESS) {
        order_few(c);
    }
    return rv;
}

/* Every condition is met by many, and the list goes by id. */
static apr_status_t use_stream(candidates_t *c)
{
    const list_query_t *query = c->query;
    apr_status_t rv = APR_ENOTIMPL;
    int i;

    if (query->recipient_id) {
        c->read = READ_RECIPIENT;
        return APR_SUCCESS;
    }
    for (i = 0; i < query->prefixes->nelts && rv == APR_ENOTIMPL; i++) {
        rv = search_merge_open(&c->merge, c->store,
                               &APR_ARRAY_IDX(query->prefixes, i,
                                              search_prefix_t),
                               c->after.id, c->pool);
    }
    c->read = rv == APR_ENOTIMPL ? READ_ALL : READ_MERGE;
    return rv == APR_ENOTIMPL ? APR_SUCCESS : rv;
}

static apr_status_t choose(choice_t *best, candidates_t *c, int cap)
{
    apr_status_t rv;

    best->cap = cap;
    best->count = cap;
    best->index = BY_TIME;
    best->prefix = NULL;
    rv = choose_index(best, c->store, c->query);
    c->index = best->index;
    if (rv == APR_SUCCESS && c->query->recipient_id) {
        rv = choose_recipient(best, c->store, c->query);
    }
    return rv == APR_SUCCESS ? choose_prefix(best, c->store, c->query) : rv;
}

/* Choose how to read from here on. */
static apr_status_t settle(candidates_t *c)
{
    const list_query_t *query = c->query;
    /* an index in the list's order needs no better choice */
    int tries = query->prefixes->nelts || query->recipient_id ? 2 : 1;
    choice_t best;
    apr_status_t rv;
    int i;

    for (i = 0; i < tries; i++) {
        rv = choose(&best, c, caps[i]);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (best.count < best.cap
            && (query->by_id || best.prefix || best.index < 0)) {
            return use_few(c, &best);
        }
        if (best.count < best.cap) {
            break;
        }
    }
    if (query->by_id) {
        return use_stream(c);
    }
    c->read = READ_INDEX;
    return APR_SUCCESS;
}

apr_status_t candidates_open(candidates_t **out, store_t *store,
                             const list_query_t *query, apr_pool_t *pool)
{
    candidates_t *c = apr_pcalloc(pool, sizeof(*c));

    *out = c;
    c->store = store;
    c->query = query;
    c->pool = pool;
    c->after = query->after;
    if (!query->prefixes->nelts || query->recipient_id) {
        c->trial = -1;
        return settle(c);
    }
    c->read = query->by_id ? READ_ALL : READ_INDEX;
    for (c->index = 0; c->index < BY_TIME; c->index++) {
        if (track_index_given(query, c->index)) {
            break;
        }
    }
    return APR_SUCCESS;
}

void candidates_matched(candidates_t *c, int matches)
{
    c->matches = matches;
}

apr_status_t candidates_next(list_key_t *keys, int *count, candidates_t *c)
{
    apr_status_t rv = APR_SUCCESS;

    if (c->trial >= TRIAL) {
        c->trial = -1;
        if (c->matches < TRIAL_MATCHES) {
            rv = settle(c);
        }
    }
    if (rv == APR_SUCCESS) {
        rv = read_next(keys, count, c);
    }
    if (c->trial >= 0) {
        c->trial += *count;
    }
    return rv;
}
