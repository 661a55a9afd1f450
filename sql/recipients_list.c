/* SPDX-License-Identifier: MIT */
/*
 * People, a page in one of seven orders, with or without a search. Runs in
 * httpd's request threads; changes nothing.
 *
 * A search looks at the people of the mails that its rarest word leads to;
 * where those are many, people are walked in the list's order and looked at
 * one by one: then there are many to find.
 */
#include "recipients.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "cursor.h"
#include "recipient_row.h"
#include "score.h"
#include "search.h"
#include "words.h"

#define LIMIT_MAX 1000
/* Rows of one query of a walk. */
#define STEP 256
/* People looked at for one page of a search; then it is cut short. */
#define PATIENCE 5120
/* Entries of the word index that are still followed to their people. */
#define FEW 2000
/* The order's key of somebody who never opened anything. */
#define NEVER (-APR_INT64_MAX)

typedef struct sort_t {
    const char *name;
    const char *column;
    char kind;                  /* of cursor; upper case when ascending */
} sort_t;

static const sort_t sorts[] = {
    { "mails", "mails", 'm' },
    { "opened", "mails_opened", 'o' },
    { "rate", "rate", 'r' },
    { "last_mail", "last_mail_at", 'd' },
    { "last_open", "last_open_at", 'l' },
    { "address", "address", 'a' },
    { "score", NULL, 's' }
};

/* A list under way. */
typedef struct list_t {
    store_t *store;
    const recipient_filter_t *filter;
    const sort_t *sort;
    char kind;
    apr_array_header_t *prefixes;       /* search_prefix_t */
    int with_search;
    /* the place: behind these */
    apr_int64_t key;
    apr_int64_t id;
    const char *address;
} list_t;

/* -- order ---------------------------------------------------------------- */

static apr_int64_t key_of(const list_t *list, const recipient_t *r)
{
    apr_int64_t key;

    switch (apr_tolower(list->kind)) {
    case 'm':
        return r->mails;
    case 'o':
        return r->mails_opened;
    case 'r':
        return r->rate;
    case 'd':
        return r->last_mail_at;
    case 's':
        key = r->score_key - score_offset(list->filter->today);
        return r->score_base < key ? key : r->score_base;
    case 'l':
        return r->last_open_at == STORE_NULL ? NEVER : r->last_open_at;
    default:
        return 0;
    }
}

static void move_to(list_t *list, const recipient_t *r)
{
    list->key = key_of(list, r);
    list->id = r->id;
    list->address = r->address;
}

/* Is r behind the list's place, in the list's order? */
static int is_behind(const list_t *list, const recipient_t *r)
{
    apr_int64_t key = key_of(list, r);
    int order;

    if (list->sort->kind == 'a') {
        order = strcmp(r->address, list->address);
    } else if (key != list->key) {
        order = key < list->key ? -1 : 1;
    } else {
        order = r->id == list->id ? 0 : r->id < list->id ? -1 : 1;
    }
    return list->filter->ascending ? order > 0 : order < 0;
}

static apr_status_t find_sort(list_t *list)
{
    const recipient_filter_t *filter = list->filter;
    const char *name = filter->sort ? filter->sort : "mails";
    apr_size_t i;

    for (i = 0; i < sizeof(sorts) / sizeof(*sorts); i++) {
        if (!strcmp(sorts[i].name, name)) {
            list->sort = &sorts[i];
            list->kind = (char)(filter->ascending
                                ? apr_toupper(sorts[i].kind)
                                : sorts[i].kind);
            return APR_SUCCESS;
        }
    }
    return APR_EINVAL;
}

/* Where the page begins: before all, or where the cursor says. */
static apr_status_t find_place(list_t *list, apr_pool_t *pool)
{
    const recipient_filter_t *filter = list->filter;

    /* half of what fits: a score is compared after an addition */
    list->key = filter->ascending ? NEVER
                : list->sort->kind == 's' ? APR_INT64_MAX / 2
                : APR_INT64_MAX;
    list->id = filter->ascending ? 0 : APR_INT64_MAX;
    /* addresses are neither empty nor do they begin with U+10FFFF */
    list->address = filter->ascending ? "" : "\xf4\x8f\xbf\xbf";
    if (!filter->cursor) {
        return APR_SUCCESS;
    }
    return list->sort->kind == 'a'
           ? cursor_read_text(&list->address, list->kind, filter->cursor, pool)
           : cursor_read(&list->key, &list->id, list->kind, filter->cursor,
                         pool);
}

static const char *cursor_of(const list_t *list, apr_pool_t *pool)
{
    return list->sort->kind == 'a'
           ? cursor_make_text(list->kind, list->address, pool)
           : cursor_make(list->kind, list->key, list->id, pool);
}

/* -- search --------------------------------------------------------------- */

/* Does text hold no word that begins like that? Cheaper than splitting, and
 * right for most: what is not ASCII has words that it does not contain. */
static int is_out(const char *text, const char *from)
{
    apr_size_t len = strlen(from);

    for (; *text; text++) {
        if ((unsigned char)*text >= 0x80 || !strncasecmp(text, from, len)) {
            return 0;
        }
    }
    return 1;
}

/* Does each prefix begin a word of the address or the name? */
static int is_found(const list_t *list, const recipient_t *r, apr_pool_t *pool)
{
    const char *texts[2] = { r->address, r->name };
    apr_array_header_t *words = NULL;
    int i, k;

    for (i = 0; i < list->prefixes->nelts; i++) {
        const char *from = APR_ARRAY_IDX(list->prefixes, i,
                                         search_prefix_t).from;

        if (is_out(r->address, from) && is_out(r->name, from)) {
            return 0;
        }
    }
    if (!list->with_search) {
        return 1;
    }
    if (words_split(&words, texts, 2, pool) != APR_SUCCESS) {
        return 0;
    }
    for (i = 0; i < list->prefixes->nelts; i++) {
        const char *from = APR_ARRAY_IDX(list->prefixes, i,
                                         search_prefix_t).from;

        for (k = 0; k < words->nelts; k++) {
            if (!strncmp(APR_ARRAY_IDX(words, k, const char *), from,
                         strlen(from))) {
                break;
            }
        }
        if (k == words->nelts) {
            return 0;
        }
    }
    return 1;
}

/* The prefix that leads to fewest mails; NULL: each leads to many. */
static apr_status_t find_rarest(const search_prefix_t **out, list_t *list)
{
    apr_int64_t least = FEW, count = 0;
    apr_status_t rv = APR_SUCCESS;
    int i;

    *out = NULL;
    for (i = 0; i < list->prefixes->nelts && rv == APR_SUCCESS; i++) {
        const search_prefix_t *prefix =
            &APR_ARRAY_IDX(list->prefixes, i, search_prefix_t);

        rv = search_count(&count, list->store, prefix, FEW);
        if (rv == APR_SUCCESS && count < least) {
            least = count;
            *out = prefix;
        }
    }
    return rv;
}

/* Put the best `most` in order, in a heap's stead: pages are short. */
static void insert_sorted(apr_array_header_t *out, int most, list_t *list,
                          const recipient_t *r)
{
    list_t place = *list;
    recipient_t *rows;
    int at = out->nelts;

    rows = (recipient_t *)out->elts;
    move_to(&place, r);
    while (at > 0 && is_behind(&place, &rows[at - 1])) {
        at--;
    }
    if (at >= most) {
        return;
    }
    if (out->nelts < most) {
        apr_array_push(out);
        rows = (recipient_t *)out->elts;
    }
    memmove(&rows[at + 1], &rows[at],
            sizeof(*rows) * (apr_size_t)(out->nelts - 1 - at));
    rows[at] = *r;
}

/* All people of the mails under a prefix that few mails have. */
static apr_status_t gather_few(apr_array_header_t *out, int most, list_t *list,
                               const search_prefix_t *prefix)
{
    apr_pool_t *scratch;
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, list->store, SELECT_RECIPIENTS
                     " WHERE id IN (SELECT er.recipient_id FROM search_words"
                     " w JOIN email_recipients er ON er.track_id = w.track_id"
                     " WHERE w.word >= ? AND w.word < ?)", "tt", prefix->from,
                     prefix->below);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&scratch, out->pool);
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        recipient_t r;

        apr_pool_clear(scratch);
        recipient_row_read(&r, rows, scratch);
        if (is_behind(list, &r) && is_found(list, &r, scratch)) {
            recipient_row_read(&r, rows, out->pool);
            insert_sorted(out, most, list, &r);
        }
    }
    store_done(rows);
    apr_pool_destroy(scratch);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* -- walking in the list's order ------------------------------------------ */

/*
 * By score: those whose base it is, and those whose key it is on that day, each
 * from its index, merged.
 */
#define SCORED(than, order) \
    "SELECT " RECIPIENT_COLUMNS " FROM (" \
    "SELECT * FROM (SELECT " RECIPIENT_COLUMNS ", score_base AS score" \
    " FROM recipients WHERE (score_base, id) " than " (?, ?)" \
    " AND score_key - ? <= score_base" \
    " ORDER BY score_base " order ", id " order " LIMIT ?) a UNION ALL" \
    " SELECT * FROM (SELECT " RECIPIENT_COLUMNS ", score_key - ? AS score" \
    " FROM recipients WHERE (score_key, id) " than " (?, ?)" \
    " AND score_key - ? > score_base" \
    " ORDER BY score_key " order ", id " order " LIMIT ?) b) c" \
    " ORDER BY score " order ", id " order " LIMIT ?"

static apr_status_t query_scored(store_rows_t **rows, list_t *list,
                                 apr_int64_t limit)
{
    apr_int64_t offset = score_offset(list->filter->today);

    return store_query(rows, list->store, list->filter->ascending
                       ? SCORED(">", "ASC") : SCORED("<", "DESC"),
                       "iiiiiiiiii", list->key, list->id, offset, limit,
                       offset, list->key + offset, list->id, offset, limit,
                       limit);
}

static const char *statement(const list_t *list, int never, apr_pool_t *pool)
{
    const char *column = list->sort->column;
    const char *order = list->filter->ascending ? "" : " DESC";
    const char *than = list->filter->ascending ? " > " : " < ";

    if (list->sort->kind == 'a') {
        return apr_pstrcat(pool, SELECT_RECIPIENTS " WHERE"
                           " address", than, "? ORDER BY address", order,
                           " LIMIT ?", NULL);
    }
    if (never) {
        return apr_pstrcat(pool, SELECT_RECIPIENTS " WHERE"
                           " last_open_at IS NULL AND id", than,
                           "? ORDER BY id", order, " LIMIT ?", NULL);
    }
    return apr_pstrcat(pool, SELECT_RECIPIENTS " WHERE (",
                       column, ", id)", than, "(?, ?) ORDER BY ", column,
                       order, ", id", order, " LIMIT ?", NULL);
}

/* Up to `limit` people behind the place. Those who never opened anything have a
 * statement of their own: NULL has no place in a comparison. */
static apr_status_t read_step(apr_array_header_t *out, list_t *list,
                              apr_int64_t limit)
{
    int never = list->sort->kind == 'l' && list->key == NEVER;
    const char *sql = list->sort->kind == 's' ? NULL
                      : statement(list, never, out->pool);
    store_rows_t *rows;
    apr_status_t rv;

    if (list->sort->kind == 's') {
        rv = query_scored(&rows, list, limit);
    } else if (list->sort->kind == 'a') {
        rv = store_query(&rows, list->store, sql, "ti", list->address, limit);
    } else if (never) {
        rv = store_query(&rows, list->store, sql, "ii", list->id, limit);
    } else {
        rv = store_query(&rows, list->store, sql, "iii", list->key, list->id,
                         limit);
    }
    return rv == APR_SUCCESS ? recipient_rows_read(out, rows) : rv;
}

/* At the end of one half of the order by last open: on to the other? */
static int next_half(list_t *list)
{
    if (list->sort->kind != 'l') {
        return 0;
    }
    if (list->filter->ascending && list->key == NEVER) {
        list->key = NEVER + 1;
        list->id = 0;
        return 1;
    }
    if (!list->filter->ascending && list->key != NEVER) {
        list->key = NEVER;
        list->id = APR_INT64_MAX;
        return 1;
    }
    return 0;
}

/* @param cut set where patience ended; the place is where to go on */
static apr_status_t gather_walk(apr_array_header_t *out, int *cut, int most,
                                list_t *list)
{
    int ask = list->with_search ? STEP : most;
    apr_status_t rv = APR_SUCCESS;
    int examined = 0, i;

    *cut = 0;
    while (rv == APR_SUCCESS && out->nelts < most) {
        apr_array_header_t *step;
        apr_pool_t *scratch;

        if (examined >= PATIENCE) {
            *cut = 1;
            break;
        }
        apr_pool_create(&scratch, out->pool);
        step = apr_array_make(scratch, ask, sizeof(recipient_t));
        rv = read_step(step, list, ask);
        for (i = 0; i < step->nelts && out->nelts < most; i++) {
            recipient_t *r = &APR_ARRAY_IDX(step, i, recipient_t);

            r->address = apr_pstrdup(out->pool, r->address);
            if (is_found(list, r, scratch)) {
                r->name = apr_pstrdup(out->pool, r->name);
                r->domain = apr_pstrdup(out->pool, r->domain);
                APR_ARRAY_PUSH(out, recipient_t) = *r;
            }
            move_to(list, r);
        }
        examined += step->nelts;
        i = step->nelts;
        apr_pool_destroy(scratch);
        if (i < ask && !next_half(list)) {
            break;
        }
    }
    return rv;
}

/* -- the page ------------------------------------------------------------- */

static apr_status_t start(list_t *list, store_t *store,
                          const recipient_filter_t *filter, apr_pool_t *pool)
{
    const char *text = filter->search ? filter->search : "";
    apr_status_t rv;

    memset(list, 0, sizeof(*list));
    list->store = store;
    list->filter = filter;
    list->with_search = text[strspn(text, " \t\r\n")] != '\0';
    rv = search_parse(&list->prefixes, text, pool);
    if (rv == APR_SUCCESS) {
        rv = find_sort(list);
    }
    return rv == APR_SUCCESS ? find_place(list, pool) : rv;
}

apr_status_t recipients_list(apr_array_header_t **out, const char **next,
                             store_t *store, const recipient_filter_t *filter,
                             apr_pool_t *pool)
{
    int limit = filter->limit < 1 ? 1
                : filter->limit > LIMIT_MAX ? LIMIT_MAX : filter->limit;
    const search_prefix_t *rarest = NULL;
    list_t list;
    apr_status_t rv;
    int cut = 0;

    *next = NULL;
    *out = apr_array_make(pool, limit + 1, sizeof(recipient_t));
    rv = start(&list, store, filter, pool);
    if (rv != APR_SUCCESS || (list.with_search && !list.prefixes->nelts)) {
        return rv;
    }
    rv = find_rarest(&rarest, &list);
    if (rv == APR_SUCCESS) {
        rv = rarest ? gather_few(*out, limit + 1, &list, rarest)
             : gather_walk(*out, &cut, limit + 1, &list);
    }
    if (rv == APR_SUCCESS && (*out)->nelts > limit) {
        (*out)->nelts = limit;
        move_to(&list, &APR_ARRAY_IDX(*out, limit - 1, recipient_t));
        cut = 1;
    }
    if (rv == APR_SUCCESS && cut) {
        *next = cursor_of(&list, pool);
    }
    return rv;
}
