/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a list of recipients, as the words of a mail, and
 * as text to be cleaned: what a stranger's request puts into the store.
 *
 * A list that parses must parse again from how it is shown, with the same
 * keys; cleaned text must be valid and within its bounds; words must be valid,
 * bounded and sorted without doubles: else abort. Build and run as
 * t/README.md says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "address.h"
#include "utf8.h"
#include "words.h"

#define CLEAN_MAX 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int good)
{
    if (!good) {
        abort();
    }
}

static void check_one(const address_t *one)
{
    need(utf8_valid(one->address, strlen(one->address)));
    need(utf8_valid(one->name, strlen(one->name)));
    need(utf8_length(one->name) <= ADDRESS_MAX_NAME);
    need(utf8_length(one->address) <= ADDRESS_MAX);
    need(!strpbrk(one->address, "\r\n") && !strpbrk(one->name, "\r\n"));
}

static void addresses(const char *text, size_t size, apr_pool_t *pool)
{
    apr_array_header_t *list, *again;
    const char *error = NULL;
    const char *shown;
    int i;

    if (address_parse_list(&list, &error, text, size, pool)
        != APR_SUCCESS) {
        need(error && utf8_valid(error, strlen(error)));
        return;
    }
    need(list->nelts > 0 && list->nelts <= ADDRESS_MAX_COUNT);
    shown = address_format_list(list, pool);
    need(address_parse_list(&again, &error, shown, strlen(shown), pool)
         == APR_SUCCESS && again->nelts == list->nelts);
    for (i = 0; i < list->nelts; i++) {
        const address_t *one = &APR_ARRAY_IDX(list, i, address_t);

        check_one(one);
        need(!strcmp(one->key, APR_ARRAY_IDX(again, i, address_t).key));
    }
}

static void words(const char *text, apr_pool_t *pool)
{
    apr_array_header_t *list;
    int i;

    if (words_split(&list, &text, 1, pool) != APR_SUCCESS) {
        return;
    }
    need(list->nelts <= WORDS_MAX_COUNT);
    for (i = 0; i < list->nelts; i++) {
        const char *word = APR_ARRAY_IDX(list, i, const char *);

        need(*word && utf8_valid(word, strlen(word)));
        need(utf8_length(word) <= WORDS_MAX_LENGTH);
        need(!i || strcmp(APR_ARRAY_IDX(list, i - 1, const char *), word)
             < 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *clean, *text;
    static int started;
    apr_pool_t *pool;

    if (!started) {
        apr_initialize();
        started = 1;
    }
    need(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    addresses((const char *)data, size, pool);
    text = apr_pstrmemdup(pool, (const char *)data, size);
    clean = utf8_clean(text, size, CLEAN_MAX, pool);
    need(utf8_valid(clean, strlen(clean)));
    need(utf8_length(clean) <= CLEAN_MAX);
    words(utf8_clean(text, size, size, pool), pool);
    apr_pool_destroy(pool);
    return 0;
}
