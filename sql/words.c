/* SPDX-License-Identifier: MIT */
/*
 * Text to search words, by ASCII rules and the table of folds.c. Runs in the
 * API and mailtrackctl, any thread; pure.
 */
#include "words.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "folds.h"
#include "utf8.h"

typedef struct splitter_t {
    apr_array_header_t *words;
    apr_hash_t *seen;
    apr_pool_t *pool;
    apr_size_t length;
    int full;               /* the word is cut: nothing more is added to it */
    char word[WORDS_MAX_LENGTH + 1];
} splitter_t;

static void end_word(splitter_t *s)
{
    const char *word;

    if (s->length && s->words->nelts < WORDS_MAX_COUNT
        && !apr_hash_get(s->seen, s->word, (apr_ssize_t)s->length)) {
        word = apr_pstrmemdup(s->pool, s->word, s->length);
        apr_hash_set(s->seen, word, (apr_ssize_t)s->length, word);
        APR_ARRAY_PUSH(s->words, const char *) = word;
    }
    s->length = 0;
    s->full = 0;
}

static void add_code(splitter_t *s, apr_uint32_t code)
{
    char out[4];
    apr_size_t n = utf8_put(out, code);

    if (s->full || s->length + n > WORDS_MAX_LENGTH) {
        s->full = 1;
        return;
    }
    memcpy(s->word + s->length, out, n);
    s->length += n;
}

static void add_special(splitter_t *s, const fold_t *fold, apr_uint32_t code)
{
    int shift;

    switch (fold->how) {
    case FOLD_SEPARATE:
        end_word(s);
        break;
    case FOLD_DROP:
        break;
    case FOLD_SINGLE:
        end_word(s);
        add_code(s, code);
        end_word(s);
        break;
    case FOLD_SAME:
        add_code(s, fold->to);
        break;
    case FOLD_SHIFT:
        add_code(s, code - fold->first + fold->to);
        break;
    case FOLD_PAIRS:
        add_code(s, code + ((code - fold->first) % 2 == 0));
        break;
    case FOLD_LATIN:
        for (shift = fold->to > 0xFFFF ? 16 : 8; shift >= 0; shift -= 8) {
            add_code(s, fold->to >> shift & 0xFF);
        }
        break;
    }
}

static void split_text(splitter_t *s, const char *text)
{
    apr_size_t left = strlen(text), n;
    apr_uint32_t code;
    const fold_t *fold;

    for (; left > 0; text += n, left -= n) {
        n = utf8_next(&code, text, left);
        if (code >= 0x80) {
            fold = folds_find(code);
            if (code == (apr_uint32_t)-1) {
                end_word(s);
            }
            else if (fold) {
                add_special(s, fold, code);
            }
            else {
                add_code(s, code);
            }
        }
        else if (code >= 'A' && code <= 'Z') {
            add_code(s, code + 32);
        }
        else if ((code >= 'a' && code <= 'z')
                 || (code >= '0' && code <= '9')) {
            add_code(s, code);
        }
        else {
            end_word(s);
        }
    }
    end_word(s);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

apr_status_t words_split(apr_array_header_t **words, const char *const *texts,
                         int n, apr_pool_t *pool)
{
    splitter_t s = { .pool = pool };
    int i;

    s.words = apr_array_make(pool, 16, sizeof(const char *));
    s.seen = apr_hash_make(pool);
    for (i = 0; i < n; i++) {
        if (texts[i]) {
            split_text(&s, texts[i]);
        }
    }
    if (s.words->nelts > 1) {
        qsort(s.words->elts, (size_t)s.words->nelts, sizeof(const char *),
              compare);
    }
    *words = s.words;
    return APR_SUCCESS;
}
