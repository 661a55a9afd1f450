/* SPDX-License-Identifier: MIT */
/*
 * Lists of mails: candidates come from one index, every condition is checked
 * on them, a page at a time. Runs in httpd's request threads; changes nothing.
 * SQL is put together from fixed pieces; a user's text is only ever bound.
 */
#include "tracks.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "candidates.h"
#include "cursor.h"
#include "track_row.h"

/* Candidates checked by one query; fewer are filled up with the last. */
#define CHUNK 64
/* Candidates looked at for one page: some 10 ms. Then a page is cut short. */
#define PATIENCE 5000

/* The kinds of cursor, by the order they are a place in. */
#define CURSOR_BY_TIME 'c'
#define CURSOR_BY_ID   'i'

/* What a cursor begins with in a list with the pinned mails first. The second
 * alone: the first page of the others. */
#define PINNED_HALF "p."
#define OTHER_HALF  "u."

#define LIMIT_MAX 1000
#define WALK_PAGE 500

#define SIXTEEN "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
#define CANDIDATES "(" SIXTEEN ", " SIXTEEN ", " SIXTEEN ", " SIXTEEN ")"
#define MATCHING "SELECT " TRACK_COLUMNS " FROM tracked_emails t WHERE t.id IN "
/* Words first: a mail's own row is on another page, often not in memory. */
#define WITH_WORDS \
    "(SELECT w.track_id FROM search_words w WHERE w.track_id IN " CANDIDATES \
    " AND w.word >= ? AND w.word < ?"
#define AND_PREFIX \
    " AND EXISTS (SELECT 1 FROM search_words x" \
    " WHERE x.track_id = w.track_id AND x.word >= ? AND x.word < ?)"
#define CONDITIONS \
    " AND t.created_at >= ? AND t.created_at < ?" \
    " AND t.seen BETWEEN ? AND ? AND t.pinned BETWEEN ? AND ?" \
    " AND coalesce(t.created_by, 0) BETWEEN ? AND ?" \
    " AND (? = 1 OR t.message_group_id = ?)"
#define MATCHING_ARGS (CHUNK + 10)
#define TO_RECIPIENT \
    " AND EXISTS (SELECT 1 FROM email_recipients er" \
    " WHERE er.recipient_id = ? AND er.track_id = t.id)"
#define IN_ORDER_OF_TIME " ORDER BY t.created_at DESC, t.id DESC"
#define IN_ORDER_OF_ID   " ORDER BY t.id DESC"

#define ARGS_MAX (MATCHING_ARGS + 1 + 2 * SEARCH_MAX_PREFIXES)

/* -- the statement that checks candidates -------------------------------- */

typedef struct check_t {
    const char *sql;
    store_arg_t args[ARGS_MAX];
    int count;
} check_t;

static void bind_int(check_t *check, apr_int64_t i)
{
    check->args[check->count++] = (store_arg_t){ 'i', 0, i, NULL };
}

static void bind_text(check_t *check, const char *t)
{
    check->args[check->count++] = (store_arg_t){ 't', t == NULL, 0, t };
}

/* What x must lie between so that only `only` does, or everything. */
static void bind_only(check_t *check, apr_int64_t only, int is_given)
{
    bind_int(check, is_given ? only : -APR_INT64_MAX);
    bind_int(check, is_given ? only : APR_INT64_MAX);
}

/* All but the candidates, which come first. */
static check_t *make_check(const list_query_t *query, apr_pool_t *pool)
{
    const track_filter_t *filter = query->filter;
    check_t *check = apr_palloc(pool, sizeof(*check));
    int i;

    check->sql = MATCHING CANDIDATES;
    check->count = CHUNK;
    for (i = 0; i < query->prefixes->nelts; i++) {
        const search_prefix_t *prefix =
            &APR_ARRAY_IDX(query->prefixes, i, search_prefix_t);

        check->sql = i ? apr_pstrcat(pool, check->sql, AND_PREFIX, NULL)
                     : MATCHING WITH_WORDS;
        bind_text(check, prefix->from);
        bind_text(check, prefix->below);
    }
    check->sql = apr_pstrcat(pool, check->sql, i ? ")" CONDITIONS
                             : CONDITIONS, NULL);
    bind_int(check, query->since);
    bind_int(check, query->until);
    bind_only(check, filter->seen, filter->seen >= 0);
    bind_only(check, filter->pinned, filter->pinned >= 0);
    bind_only(check, filter->created_by, filter->created_by != STORE_NULL);
    bind_int(check, filter->group == NULL);
    bind_text(check, filter->group);
    if (query->recipient_id) {
        check->sql = apr_pstrcat(pool, check->sql, TO_RECIPIENT, NULL);
        bind_int(check, query->recipient_id);
    }
    check->sql = apr_pstrcat(pool, check->sql, query->by_id ? IN_ORDER_OF_ID
                             : IN_ORDER_OF_TIME, NULL);
    return check;
}

/* Append those of the candidates that match, until there are `most`. */
static apr_status_t append_matches(apr_array_header_t *tracks, int most,
                                   store_t *store, check_t *check,
                                   const list_key_t *keys, int count)
{
    store_rows_t *rows;
    apr_status_t rv;
    int i;

    for (i = 0; i < CHUNK; i++) {
        check->args[i] = (store_arg_t){ 'i', 0,
                                        keys[i < count ? i : count - 1].id,
                                        NULL };
    }
    rv = store_query_args(&rows, store, check->sql, check->args,
                          check->count);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while (tracks->nelts < most && (rv = store_next(rows)) == APR_SUCCESS) {
        track_row_read(apr_array_push(tracks), rows, 0, tracks->pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* -- what is asked for --------------------------------------------------- */

static apr_status_t find_recipient(apr_int64_t *id, store_t *store,
                                   const char *address, apr_pool_t *pool)
{
    char *key = apr_pstrdup(pool, address);
    char *p;

    for (p = key; *p; p++) {
        *p = (char)apr_tolower(*p);
    }
    return store_get_int(store, id, "SELECT id FROM recipients"
                         " WHERE address = ?", "t", key);
}

static int is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

/* APR_NOTFOUND: nothing can match. */
static apr_status_t parse_search(list_query_t *query, apr_pool_t *pool)
{
    const char *text = query->filter->search;
    apr_array_header_t *prefixes = NULL;
    apr_status_t rv = search_parse(&prefixes, text ? text : "", pool);

    query->prefixes = prefixes;
    return rv == APR_SUCCESS && text && !is_blank(text) && !prefixes->nelts
           ? APR_NOTFOUND : rv;
}

/* Where the page begins. */
static apr_status_t parse_cursor(list_query_t *query, apr_pool_t *pool)
{
    const track_filter_t *filter = query->filter;
    list_key_t *after = &query->after;
    list_key_t at;
    apr_status_t rv;

    after->created_at = query->by_id ? 0 : query->until;
    after->id = query->by_id ? APR_INT64_MAX : 0;
    if (!filter->cursor) {
        return APR_SUCCESS;
    }
    rv = cursor_read(&at.created_at, &at.id, query->by_id ? CURSOR_BY_ID
                     : CURSOR_BY_TIME, filter->cursor, pool);
    if (rv == APR_SUCCESS && (query->by_id
                              || at.created_at < after->created_at)) {
        *after = at;
    }
    return rv;
}

/* APR_NOTFOUND: nothing can match. */
static apr_status_t resolve(list_query_t *query, store_t *store,
                            const track_filter_t *filter, apr_pool_t *pool)
{
    apr_status_t found, rv;

    query->filter = filter;
    query->recipient_id = 0;
    query->since = filter->since != STORE_NULL ? filter->since
                   : -APR_INT64_MAX;
    query->until = filter->until != STORE_NULL ? filter->until
                   : APR_INT64_MAX;
    found = parse_search(query, pool);
    if (found != APR_SUCCESS && found != APR_NOTFOUND) {
        return found;
    }
    query->by_id = ((filter->search && query->prefixes->nelts)
                    || filter->recipient)
                   && filter->since == STORE_NULL
                   && filter->until == STORE_NULL;
    rv = parse_cursor(query, pool);
    if (rv == APR_SUCCESS && filter->recipient) {
        rv = find_recipient(&query->recipient_id, store, filter->recipient,
                            pool);
    }
    return rv == APR_SUCCESS ? found : rv;
}

/* -- the page ------------------------------------------------------------ */

/* Candidates to look at next: as many as the rest of the page should take, by
 * what those before have given. */
static int next_chunk(int missing, int found, int examined)
{
    int guess = found ? missing * examined / found + 4 : CHUNK;

    return guess < CHUNK ? guess : CHUNK;
}

/* @param end set where the page was cut short, to go on behind it */
static apr_status_t gather(apr_array_header_t *tracks, list_key_t *end,
                           int most, store_t *store,
                           const list_query_t *query)
{
    check_t *check = make_check(query, tracks->pool);
    candidates_t *candidates = NULL;
    list_key_t keys[CHUNK];
    int asked = most < CHUNK ? most : CHUNK;
    int count, examined = 0;
    apr_status_t rv;

    rv = candidates_open(&candidates, store, query, tracks->pool);
    while (rv == APR_SUCCESS && tracks->nelts < most) {
        count = asked;
        rv = candidates_next(keys, &count, candidates);
        if (rv == APR_SUCCESS && count) {
            rv = append_matches(tracks, most, store, check, keys, count);
            candidates_matched(candidates, tracks->nelts);
        }
        if (count < asked) {
            break;
        }
        examined += count;
        if (examined >= PATIENCE) {
            *end = keys[count - 1];
            break;
        }
        asked = next_chunk(most - tracks->nelts, tracks->nelts, examined);
    }
    return rv;
}

static const char *next_cursor(apr_array_header_t *tracks, int limit,
                               const list_key_t *end, int by_id,
                               apr_pool_t *pool)
{
    list_key_t at = *end;

    if (tracks->nelts > limit) {
        const track_t *last = &APR_ARRAY_IDX(tracks, limit - 1, track_t);

        tracks->nelts = limit;
        at.created_at = last->created_at;
        at.id = last->id;
    } else if (!at.id) {
        return NULL;
    }
    return cursor_make(by_id ? CURSOR_BY_ID : CURSOR_BY_TIME,
                       by_id ? 0 : at.created_at, at.id, pool);
}

/* A page in one order. */
static apr_status_t list_page(apr_array_header_t **out, const char **next,
                              store_t *store, const track_filter_t *filter,
                              apr_pool_t *pool)
{
    int limit = filter->limit;
    list_key_t end = { 0, 0 };
    list_query_t query;
    apr_status_t rv;

    *out = apr_array_make(pool, limit + 1, sizeof(track_t));
    *next = NULL;
    rv = resolve(&query, store, filter, pool);
    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
    }
    rv = gather(*out, &end, limit + 1, store, &query);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *next = next_cursor(*out, limit, &end, query.by_id, pool);
    return track_row_recipients(*out, store, pool);
}

/* A page of the pinned mails, or of the others; `text` marks whose cursor it
 * is. */
static apr_status_t list_half(apr_array_header_t **out, const char **next,
                              store_t *store, const track_filter_t *filter,
                              const char *text, apr_pool_t *pool)
{
    apr_status_t rv = list_page(out, next, store, filter, pool);

    if (rv == APR_SUCCESS && *next) {
        *next = apr_pstrcat(pool, text, *next, NULL);
    }
    return rv;
}

/* Both halves in one list: the second begins where the first has ended. */
static apr_status_t list_halves(apr_array_header_t **out, const char **next,
                                store_t *store, const track_filter_t *filter,
                                apr_pool_t *pool)
{
    const char *cursor = filter->cursor;
    track_filter_t half = *filter;
    apr_array_header_t *others;
    apr_status_t rv;

    *out = apr_array_make(pool, 1, sizeof(track_t));
    if (!cursor || !strncmp(cursor, PINNED_HALF, 2)) {
        half.pinned = 1;
        half.cursor = cursor ? cursor + 2 : NULL;
        rv = list_half(out, next, store, &half, PINNED_HALF, pool);
        if (rv != APR_SUCCESS || *next) {
            return rv;
        }
        if ((*out)->nelts >= filter->limit) {
            *next = OTHER_HALF;
            return APR_SUCCESS;
        }
        cursor = OTHER_HALF;
    }
    if (strncmp(cursor, OTHER_HALF, 2)) {
        return APR_EINVAL;
    }
    half.pinned = 0;
    half.cursor = cursor[2] ? cursor + 2 : NULL;
    half.limit = filter->limit - (*out)->nelts;
    rv = list_half(&others, next, store, &half, OTHER_HALF, pool);
    if (rv == APR_SUCCESS) {
        apr_array_cat(*out, others);
    }
    return rv;
}

apr_status_t tracks_list(apr_array_header_t **out, const char **next,
                         store_t *store, const track_filter_t *filter,
                         apr_pool_t *pool)
{
    track_filter_t bounded = *filter;

    bounded.limit = filter->limit < 1 ? 1
                    : filter->limit > LIMIT_MAX ? LIMIT_MAX : filter->limit;
    return filter->pinned_first && filter->pinned < 0
           ? list_halves(out, next, store, &bounded, pool)
           : list_page(out, next, store, &bounded, pool);
}

apr_status_t tracks_walk(store_t *store, const track_filter_t *filter,
                         track_visit_t visit, void *context,
                         apr_pool_t *pool)
{
    track_filter_t page = *filter;
    apr_pool_t *pools[2];
    const char *next = NULL;
    apr_status_t rv;
    int i, k = 0;

    apr_pool_create(&pools[0], pool);
    apr_pool_create(&pools[1], pool);
    page.limit = WALK_PAGE;
    do {
        apr_array_header_t *tracks = NULL;

        /* the cursor lives in the pool of the page before */
        apr_pool_clear(pools[k]);
        rv = tracks_list(&tracks, &next, store, &page, pools[k]);
        for (i = 0; rv == APR_SUCCESS && i < tracks->nelts; i++) {
            rv = visit(context, &APR_ARRAY_IDX(tracks, i, track_t));
        }
        page.cursor = next;
        k = !k;
    } while (rv == APR_SUCCESS && next);
    apr_pool_destroy(pools[0]);
    apr_pool_destroy(pools[1]);
    return rv;
}

apr_status_t tracks_changed(apr_array_header_t **out, store_t *store,
                            apr_int64_t since, int limit, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *out = apr_array_make(pool, 16, sizeof(track_t));
    rv = store_query(&rows, store, "SELECT " TRACK_COLUMNS
                     " FROM tracked_emails t WHERE t.updated_at >= ?"
                     " ORDER BY t.updated_at, t.id LIMIT ?", "ii", since,
                     (apr_int64_t)limit);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        track_row_read(apr_array_push(*out), rows, 0, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? track_row_recipients(*out, store, pool) : rv;
}
