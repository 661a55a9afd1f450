/* SPDX-License-Identifier: MIT */
/*
 * Search words (words, folds) and UTF-8 (utf8), down to every code point and
 * every two octets.
 */
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#include "folds.h"
#include "utf8.h"
#include "words.h"

static apr_pool_t *pool;

static const char *joined(const char *const *texts, int n)
{
    apr_array_header_t *words;
    const char *out = "";
    int i;

    if (words_split(&words, texts, n, pool) != APR_SUCCESS) {
        return "(failed)";
    }
    for (i = 0; i < words->nelts; i++) {
        out = apr_pstrcat(pool, out, i ? " " : "",
                          APR_ARRAY_IDX(words, i, const char *), NULL);
    }
    return out;
}

static void splits(const char *text, const char *want)
{
    is_str(joined(&text, 1), want, "words of %.50s", text);
}

static void test_words(void)
{
    static const char *const texts[] = { "b a", NULL, "A c" };

    splits("", "");
    splits(" .,;-", "");
    splits("Re: The quick, quick fox!", "fox quick re the");
    splits("jane.doe@example.org", "doe example jane org");
    splits("O'Brien 2024-11-20 R&D", "11 20 2024 brien d o r");
    splits("M\xC3\xBCller \xC3\x84rger Stra\xC3\x9F" "e",
           "arger muller strasse");
    splits("mu\xCC\x88ller", "muller");
    splits("\xC3\x86r\xC3\xB8sk\xC3\xB8" "bing \xC5\x81\xC3\xB3" "d\xC5\xBA "
           "\xC4\xB0zmir", "aeroskobing izmir lodz");
    splits("\xE1\xBA\xA4n Vi\xE1\xBB\x87t", "an viet");
    splits("\xCE\x91\xCE\xB8\xCE\xAE\xCE\xBD\xCE\xB1 "
           "\xCE\x9F\xCE\x94\xCE\x9F\xCE\xA3 \xCE\xBF\xCE\xB4\xCF\x8C\xCF\x82",
           "\xCE\xB1\xCE\xB8\xCE\xB7\xCE\xBD\xCE\xB1 "
           "\xCE\xBF\xCE\xB4\xCE\xBF\xCF\x83");
    splits("\xD0\x9C\xD0\x9E\xD0\xA1\xD0\x9A\xD0\x92\xD0\x90 "
           "\xD1\x91\xD0\xB6 \xD0\x99",
           "\xD0\xB5\xD0\xB6 \xD0\xB8 "
           "\xD0\xBC\xD0\xBE\xD1\x81\xD0\xBA\xD0\xB2\xD0\xB0");
    splits("\xE6\x9D\xB1\xE4\xBA\xAC" "abc\xE3\x81\x82",
           "abc \xE3\x81\x82 \xE4\xBA\xAC \xE6\x9D\xB1");
    splits("\xEA\xB0\x80\xEB\x82\x98", "\xEA\xB0\x80 \xEB\x82\x98");
    splits("\xEF\xBC\xA1\xEF\xBD\x82\xEF\xBC\x93", "ab3");
    splits("\xEF\xAC\x81sh", "fish");
    splits("so\xC2\xAD" "ft zero\xE2\x80\x8Dwidth", "soft zerowidth");
    splits("a\xC2\xA0" "b\xE2\x80\x94" "c\xF0\x9F\x98\x80" "d", "a b c d");
    splits("\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",
           "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D");
    splits("a\xFF" "b\xC3", "a b");
    splits("\xED\xA0\x80x", "x");
    is_str(joined(texts, 3), "a b c", "several texts, a NULL among them");
}

static void test_bounds(void)
{
    apr_array_header_t *words;
    const char *text = "", *long_word;
    int i, sorted = 1;

    long_word = "x\xC3\xA5\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6"
        "\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6"
        "\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6"
        "\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6\xD0\xB6q\xD0\xB6"
        "\xD0\xB6\xD0\xB6" "abc";
    words_split(&words, &long_word, 1, pool);
    is_int(words->nelts, 1, "a long word is one");
    is_int(strlen(APR_ARRAY_IDX(words, 0, const char *)), 63,
           "cut between characters");
    ok(utf8_valid(APR_ARRAY_IDX(words, 0, const char *), 63), "still UTF-8");

    for (i = 0; i < 1000; i++) {
        text = apr_psprintf(pool, "%s w%d", text, i % 700);
    }
    words_split(&words, &text, 1, pool);
    is_int(words->nelts, WORDS_MAX_COUNT, "no more than 512 words");
    for (i = 1; i < words->nelts; i++) {
        sorted &= strcmp(APR_ARRAY_IDX(words, i - 1, const char *),
                         APR_ARRAY_IDX(words, i, const char *)) < 0;
    }
    ok(sorted, "sorted, none twice");
}

/* Splitting the words again must give the same: else a search by what was
 * stored would miss it. */
static void test_stable(void)
{
    apr_array_header_t *words, *again;
    apr_pool_t *sub;
    apr_uint32_t code;
    int wrong = 0;

    apr_pool_create(&sub, pool);
    for (code = 1; code < 0x110000; code++) {
        char text[5];
        const char *p = text;

        if (code >= 0xD800 && code < 0xE000) {
            continue;
        }
        text[utf8_put(text, code)] = '\0';
        words_split(&words, &p, 1, sub);
        if (words->nelts == 0) {
            continue;
        }
        words_split(&again, (const char *const *)words->elts, words->nelts,
                    sub);
        if (words->nelts != 1 || again->nelts != 1
            || strcmp(APR_ARRAY_IDX(words, 0, const char *),
                      APR_ARRAY_IDX(again, 0, const char *))) {
            printf("#   U+%04X\n", code);
            wrong++;
        }
        if (code % 512 == 0) {
            apr_pool_clear(sub);
        }
    }
    apr_pool_destroy(sub);
    is_int(wrong, 0, "every character's word splits to itself");
    ok(folds_find(0x10FFFF) && folds_find(0x80) && !folds_find('a'),
       "the table's ends");
}

static void test_utf8(void)
{
    static const struct { const char *text; apr_size_t len; int valid; } t[] = {
        { "", 0, 1 }, { "plain ascii text", 16, 1 },
        { "\xC3\xBC", 2, 1 }, { "\xC3", 1, 0 }, { "\xC0\x80", 2, 0 },
        { "\xE0\x9F\xBF", 3, 0 }, { "\xE0\xA0\x80", 3, 1 },
        { "\xED\x9F\xBF", 3, 1 }, { "\xED\xA0\x80", 3, 0 },
        { "\xF0\x8F\xBF\xBF", 4, 0 }, { "\xF0\x90\x80\x80", 4, 1 },
        { "\xF4\x8F\xBF\xBF", 4, 1 }, { "\xF4\x90\x80\x80", 4, 0 },
        { "\xF5\x80\x80\x80", 4, 0 }, { "\x80", 1, 0 },
        { "1234567\0" "12345678", 16, 0 }, { "12345678\x01\x01\x01\x01"
        "\x01\x01\x01\x01", 16, 1 }, { "123456789\xFF", 10, 0 },
        { "\x01\x7F\t", 3, 1 }
    };
    apr_uint32_t code, back;
    int i, wrong = 0;
    char out[4];

    for (i = 0; i < (int)(sizeof(t) / sizeof(*t)); i++) {
        is_int(utf8_valid(t[i].text, t[i].len), t[i].valid, "validity %d", i);
    }
    for (code = 0; code < 0x110000; code++) {
        apr_size_t n = utf8_put(out, code), m = utf8_next(&back, out, n);

        if (code >= 0xD800 && code < 0xE000) {
            wrong += back != (apr_uint32_t)-1;
        }
        else {
            wrong += back != code || m != n
                || (code && !utf8_valid(out, n))
                || (n > 1 && utf8_valid(out, n - 1));
        }
    }
    is_int(wrong, 0, "every code point there and back");
    is_int(utf8_length("a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80"), 4, "length");
}

static void cleans(const char *text, apr_size_t len, apr_size_t max,
                   const char *want)
{
    char *exact = malloc(len + 1);

    memcpy(exact, text, len);
    exact[len] = '!';
    is_str(utf8_clean(exact, len, max, pool), want, "cleaned to '%s'", want);
    free(exact);
}

static void test_clean(void)
{
    const char *text = "0123456789 \xC3\xBC";
    char two[3] = "";
    int i, wrong = 0;

    ok(utf8_clean(text, 13, 12, pool) == text, "clean text is not copied");
    is_str(utf8_clean(text, 13, 11, pool), "0123456789 ", "cut");
    is_str(utf8_clean(text, 4, 11, pool), "0123", "no NUL there: a copy");
    is_str(utf8_clean(text, 13, 0, pool), "", "nothing");
    cleans("a\xFF" "b", 3, 9, "a\xEF\xBF\xBD" "b");
    cleans("a\0b\0", 4, 9, "a\xEF\xBF\xBD" "b\xEF\xBF\xBD");
    cleans("\xE2\x82", 2, 9, "\xEF\xBF\xBD");
    cleans("\xE2\x82" "A", 3, 9, "\xEF\xBF\xBD" "A");
    cleans("\xF0\x80\x80\x80", 4, 9, "\xEF\xBF\xBD\xEF\xBF\xBD"
           "\xEF\xBF\xBD\xEF\xBF\xBD");
    cleans("\xFF\xFF\xFF\xFF", 4, 2, "\xEF\xBF\xBD\xEF\xBF\xBD");
    cleans("\xFF\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 9, 3,
           "\xEF\xBF\xBD\xF0\x9F\x98\x80\xF0\x9F\x98\x80");
    cleans("a\x01\nb", 4, 9, "a\x01\nb");
    for (i = 0; i < 65536; i++) {
        two[0] = (char)(i >> 8);
        two[1] = (char)(i & 0xFF);
        text = utf8_clean(two, 2, 2, pool);
        wrong += !utf8_valid(text, strlen(text)) || utf8_length(text) > 2
            || utf8_length(text) < 1;
    }
    is_int(wrong, 0, "any two octets");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_words();
    test_bounds();
    test_stable();
    test_utf8();
    test_clean();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
