/* SPDX-License-Identifier: MIT */
/*
 * Bursts: which windows are one, whatever the order the hits come in; memory
 * that stays bounded; and marking, against a plain count of every window.
 */
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#include "burst.h"
#include "classify.h"

#define T(seconds) (apr_time_from_sec(1700000000) + apr_time_from_sec(seconds))

static apr_pool_t *pool;

static void test_note(void)
{
    burst_t *b = burst_make(pool);

    ok(!burst_knows(b, 1), "nothing is known of a mail");
    is_int(burst_note(b, 1, "a", T(0)), BURST_NO, "one address");
    ok(burst_knows(b, 1), "now it is known");
    ok(!burst_knows(b, 2), "another is not");
    is_int(burst_note(b, 1, "a", T(1)), BURST_NO, "the same again");
    is_int(burst_note(b, 1, "b", T(2)), BURST_NO, "two");
    is_int(burst_note(b, 2, "c", T(3)), BURST_NO, "another mail's third");
    is_int(burst_note(b, 1, "c", T(30)), BURST_BEGINS, "three in 30 s");
    is_int(burst_note(b, 1, "d", T(31)), BURST_GOES_ON, "and a fourth");
    is_int(burst_note(b, 1, "a", T(31)), BURST_GOES_ON, "and the first");
    is_int(burst_note(b, 1, "e", T(200)), BURST_NO, "later: a new window");
    is_int(burst_note(b, 1, "f", T(201)), BURST_NO, "with two");
    is_int(burst_note(b, 1, "g", T(202)), BURST_BEGINS, "three again");
    burst_forget(b);
    ok(!burst_knows(b, 1), "forgotten");
}

static void test_order(void)
{
    burst_t *b = burst_make(pool);

    burst_note(b, 1, "a", T(0));
    burst_note(b, 1, "b", T(31));
    is_int(burst_note(b, 1, "c", T(62)), BURST_NO, "31 s apart");
    burst_note(b, 2, "a", T(29));
    burst_note(b, 2, "b", T(10));
    is_int(burst_note(b, 2, "c", T(0)), BURST_BEGINS, "newest first");
    burst_note(b, 3, NULL, T(0));
    burst_note(b, 3, "", T(0));
    is_int(burst_note(b, 3, "a", T(0)), BURST_NO,
           "no address is one address");
}

static void test_bounded(void)
{
    burst_t *b = burst_make(pool);
    apr_int64_t id;
    int known = 0;

    for (id = 0; id < 100000; id++) {
        burst_note(b, id, "a", T(0));
    }
    for (id = 0; id < 100000; id++) {
        known += burst_knows(b, id);
    }
    ok(known > 0 && known <= 20000, "%d of 100,000 mails are remembered",
       known);
    ok(burst_knows(b, 99999), "the last among them");
}

/* -- marking ------------------------------------------------------------ */

static unsigned int seed = 12345;

static int draw(int below)
{
    seed = seed * 1103515245u + 12345u;
    return (int)(seed >> 8) % below;
}

static int expected(const open_t *opens, int n, int which)
{
    int first, last, i, j, count;

    for (first = 0; first <= which; first++) {
        for (last = which; last < n && opens[last].opened_at
             - opens[first].opened_at <= BURST_WINDOW; last++) {
            for (i = first, count = 0; i <= last; i++) {
                for (j = first; j < i && strcmp(opens[i].ip_address,
                                                opens[j].ip_address); j++) {
                }
                count += j == i;
            }
            if (count >= BURST_ADDRESSES) {
                return 1;
            }
        }
    }
    return 0;
}

static void test_mark(void)
{
    static const char *const names[] = { "a", "b", "c", "d", "" };
    int round, i, wrong = 0, marked = 0, all = 0;

    for (round = 0; round < 3000; round++) {
        int n = draw(13);
        apr_array_header_t *array = apr_array_make(pool, 16, sizeof(open_t));
        char fresh[16], before[16];
        apr_int64_t at = T(0);

        for (i = 0; i < n; i++) {
            open_t *open = apr_array_push(array);

            memset(open, 0, sizeof(*open));
            at += apr_time_from_sec(draw(25));
            open->opened_at = at;
            open->ip_address = names[draw(5)];
            open->context = draw(4) ? 0 : CLASSIFY_BURST;
            before[i] = (char)(open->context != 0);
        }
        burst_mark(array, fresh);
        for (i = 0; i < n; i++) {
            const open_t *open = &APR_ARRAY_IDX(array, i, open_t);
            int want = expected((open_t *)array->elts, n, i);

            wrong += ((open->context & CLASSIFY_BURST) != 0)
                     != (want || before[i]);
            wrong += fresh[i] != (want && !before[i]);
            marked += want;
            all++;
        }
    }
    is_int(wrong, 0, "%d of %d hits stand in a burst, as counted by hand",
           marked, all);
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    test_note();
    test_order();
    test_bounded();
    test_mark();
    return done_testing();
}
