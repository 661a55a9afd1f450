/* SPDX-License-Identifier: MIT */
/*
 * Search prefixes and the mails under them. Runs in whatever thread holds the
 * store; changes nothing. A prefix of few words is read as that many sorted
 * streams, merged here, so that the first page of a word a million mails have
 * costs as much as that of a thousand.
 */
#include "search.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "words.h"

/* Words a merge takes; a prefix of more is left to a walk over the mails. */
#define MERGE_WORDS 64
/* Ids a stream reads at a time; of many streams only few of each are used. */
#define MERGE_IDS      32
#define MERGE_IDS_EACH 8
#define MERGE_FEW      4

/* Sorts behind every word, and is text to any database. */
#define LAST_CHARACTER "\xf4\x8f\xbf\xbf"
/* Sorts before every character of a word. */
#define FIRST_CHARACTER " "

typedef struct stream_t {
    const char *word;
    apr_int64_t ids[MERGE_IDS];
    int asked;
    int count;                  /* of ids; less than asked: the last */
    int next;
} stream_t;

struct search_merge_t {
    store_t *store;
    apr_array_header_t *streams;        /* stream_t */
};

/* -- prefixes ----------------------------------------------------------- */

static int by_length(const void *a, const void *b)
{
    const char *left = ((const search_prefix_t *)a)->from;
    const char *right = ((const search_prefix_t *)b)->from;
    apr_size_t l = strlen(left), r = strlen(right);

    return l != r ? (l < r ? 1 : -1) : strcmp(left, right);
}

apr_status_t search_parse(apr_array_header_t **prefixes, const char *text,
                          apr_pool_t *pool)
{
    apr_array_header_t *words = NULL;
    apr_status_t rv = words_split(&words, &text, 1, pool);
    int i;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *prefixes = apr_array_make(pool, words->nelts, sizeof(search_prefix_t));
    for (i = 0; i < words->nelts; i++) {
        const char *word = APR_ARRAY_IDX(words, i, const char *);
        const char *next = i + 1 < words->nelts
                           ? APR_ARRAY_IDX(words, i + 1, const char *) : "";
        search_prefix_t *prefix;

        /* sorted: if a word begins any other, it begins the next one */
        if (!strncmp(next, word, strlen(word))) {
            continue;
        }
        prefix = apr_array_push(*prefixes);
        prefix->from = word;
        prefix->below = apr_pstrcat(pool, word, LAST_CHARACTER, NULL);
    }
    qsort((*prefixes)->elts, (size_t)(*prefixes)->nelts,
          sizeof(search_prefix_t), by_length);
    if ((*prefixes)->nelts > SEARCH_MAX_PREFIXES) {
        (*prefixes)->nelts = SEARCH_MAX_PREFIXES;
    }
    return APR_SUCCESS;
}

apr_status_t search_count(apr_int64_t *count, store_t *store,
                          const search_prefix_t *prefix, int cap)
{
    return store_get_int(store, count,
                         "SELECT count(*) FROM (SELECT 1 FROM search_words"
                         " WHERE word >= ? AND word < ? LIMIT ?) x", "tti",
                         prefix->from, prefix->below, (apr_int64_t)cap);
}

/* -- merge -------------------------------------------------------------- */

/* The words under a prefix by leaps through the index, not by reading it. */
static apr_status_t find_words(search_merge_t *merge,
                               const search_prefix_t *prefix,
                               apr_pool_t *pool)
{
    const char *from = prefix->from;
    const char *word = NULL;
    apr_status_t rv;

    while ((rv = store_get_text(merge->store, &word, pool,
                                "SELECT word FROM search_words"
                                " WHERE word >= ? AND word < ?"
                                " ORDER BY word LIMIT 1", "tt", from,
                                prefix->below)) == APR_SUCCESS) {
        stream_t *stream;

        if (merge->streams->nelts == MERGE_WORDS) {
            return APR_ENOTIMPL;
        }
        stream = apr_array_push(merge->streams);
        stream->word = word;
        from = apr_pstrcat(pool, word, FIRST_CHARACTER, NULL);
    }
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

static apr_status_t fill(stream_t *stream, store_t *store, apr_int64_t below,
                         int ids)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT track_id FROM search_words"
                     " WHERE word = ? AND track_id < ?"
                     " ORDER BY track_id DESC LIMIT ?", "tii", stream->word,
                     below, (apr_int64_t)ids);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    stream->asked = ids;
    stream->count = 0;
    stream->next = 0;
    while ((rv = store_next(rows)) == APR_SUCCESS
           && stream->count < ids) {
        stream->ids[stream->count++] = store_int(rows, 0);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t search_merge_open(search_merge_t **out, store_t *store,
                               const search_prefix_t *prefix,
                               apr_int64_t below, apr_pool_t *pool)
{
    search_merge_t *merge = apr_palloc(pool, sizeof(*merge));
    apr_status_t rv;
    int i;

    merge->store = store;
    merge->streams = apr_array_make(pool, 4, sizeof(stream_t));
    rv = find_words(merge, prefix, pool);
    for (i = 0; i < merge->streams->nelts && rv == APR_SUCCESS; i++) {
        rv = fill(&APR_ARRAY_IDX(merge->streams, i, stream_t), store, below,
                  merge->streams->nelts > MERGE_FEW ? MERGE_IDS_EACH
                  : MERGE_IDS);
    }
    *out = merge;
    return rv;
}

/* Step over an id that was given out; read on at the end of a full stream. */
static apr_status_t step(stream_t *stream, store_t *store, apr_int64_t id)
{
    if (stream->next == stream->count || stream->ids[stream->next] != id) {
        return APR_SUCCESS;
    }
    if (++stream->next == stream->asked) {
        return fill(stream, store, id, MERGE_IDS);
    }
    return APR_SUCCESS;
}

apr_status_t search_merge_next(apr_int64_t *id, search_merge_t *merge)
{
    stream_t *streams = (stream_t *)merge->streams->elts;
    apr_status_t rv = APR_SUCCESS;
    int found = 0;
    int i;

    for (i = 0; i < merge->streams->nelts; i++) {
        stream_t *s = &streams[i];

        if (s->next < s->count && (!found || s->ids[s->next] > *id)) {
            *id = s->ids[s->next];
            found = 1;
        }
    }
    for (i = 0; found && i < merge->streams->nelts && rv == APR_SUCCESS; i++) {
        rv = step(&streams[i], merge->store, *id);
    }
    return found ? rv : APR_EOF;
}
