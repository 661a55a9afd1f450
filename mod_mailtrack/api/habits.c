/* SPDX-License-Identifier: MIT */
/*
 * Habits out of sums; see habits.h. Runs in httpd's worker threads; reads no
 * store.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "habits.h"
#include "rules.h"

/* 95 % of a normal distribution lie within. */
#define Z 1.96

/* -- hours of the week --------------------------------------------------- */

static json_t *grid(const hour_t *week, int opens)
{
    json_t *days = json_array();
    int day, hour;

    for (day = 0; day < 7; day++) {
        json_t *hours = json_array();

        for (hour = 0; hour < 24; hour++) {
            const hour_t *h = &week[24 * day + hour];

            json_array_append_new(hours, json_integer(opens ? h->opens
                                                            : h->mails));
        }
        json_array_append_new(days, hours);
    }
    return days;
}

json_t *habits_week(const hour_t *week)
{
    json_t *out = json_object();

    json_object_set_new(out, "mails", grid(week, 0));
    json_object_set_new(out, "opens", grid(week, 1));
    return out;
}

static apr_int64_t known_of(const hour_t *hour)
{
    return hour->mails - hour->mails_possible;
}

/* The lower end of the interval in which the true rate is. */
static double worth(const hour_t *hour)
{
    double n = (double)known_of(hour);
    double rate = (double)hour->mails_opened / n;

    return (rate + Z * Z / (2 * n)
            - Z * sqrt((rate * (1 - rate) + Z * Z / (4 * n)) / n))
           / (1 + Z * Z / n);
}

typedef struct slot_t {
    double worth;
    int hour;
} slot_t;

static int best_first(const void *a, const void *b)
{
    const slot_t *x = a, *y = b;

    if (x->worth != y->worth)
        return x->worth < y->worth ? 1 : -1;
    return x->hour - y->hour;
}

json_t *habits_best(const hour_t *week)
{
    slot_t slots[REPORTS_HOURS];
    json_t *out = json_object(), *list = json_array();
    int i, count = 0;

    for (i = 0; i < REPORTS_HOURS; i++)
        if (known_of(&week[i]) >= HABITS_SAMPLE) {
            slots[count].worth = worth(&week[i]);
            slots[count++].hour = i;
        }
    qsort(slots, (size_t)count, sizeof(*slots), best_first);
    for (i = 0; i < count && i < HABITS_BEST; i++) {
        const hour_t *hour = &week[slots[i].hour];
        json_t *one = json_object();

        json_object_set_new(one, "weekday",
                            json_integer(slots[i].hour / 24 + 1));
        json_object_set_new(one, "hour", json_integer(slots[i].hour % 24));
        json_object_set_new(one, "mails", json_integer(known_of(hour)));
        json_object_set_new(one, "mails_opened",
                            json_integer(hour->mails_opened));
        json_object_set_new(one, "open_rate",
                            json_real((double)hour->mails_opened
                                      / (double)known_of(hour)));
        json_array_append_new(list, one);
    }
    json_object_set_new(out, "minimum_mails", json_integer(HABITS_SAMPLE));
    json_object_set_new(out, "hours", list);
    return out;
}

void habits_hour_row(csv_t *csv, const hour_t *week, int row)
{
    const hour_t *hour = &week[row ? row - 1 : 0];

    csv_row(csv);
    if (!row) {
        csv_text(csv, "weekday");
        csv_text(csv, "hour");
        csv_text(csv, "mails");
        csv_text(csv, "mails_opened");
        csv_text(csv, "mails_possible");
        csv_text(csv, "opens");
        return;
    }
    csv_int(csv, (row - 1) / 24 + 1);
    csv_int(csv, (row - 1) % 24);
    csv_int(csv, hour->mails);
    csv_int(csv, hour->mails_opened);
    csv_int(csv, hour->mails_possible);
    csv_int(csv, hour->opens);
}

/* -- the first open ------------------------------------------------------ */

static apr_int64_t first_mails(const rollup_t *sums)
{
    apr_int64_t n = 0;
    int i;

    for (i = 0; i < REPORTS_FIRST; i++)
        n += sums->first[i];
    return n;
}

double habits_median(const rollup_t *sums)
{
    double left = (double)first_mails(sums) / 2;
    double from, to;
    int i = 0;

    if (left <= 0)
        return -1;
    while (i < REPORTS_FIRST - 1 && left > (double)sums->first[i])
        left -= (double)sums->first[i++];
    if (i == REPORTS_FIRST - 1)
        return (double)reports_first_ends[i - 1];
    to = (double)reports_first_ends[i];
    if (!i)
        return to * left / (double)sums->first[i];
    from = (double)reports_first_ends[i - 1];
    return from * pow(to / from, left / (double)sums->first[i]);
}

json_t *habits_first(const rollup_t *sums)
{
    json_t *out = json_object(), *classes = json_array();
    double median = habits_median(sums);
    int i;

    for (i = 0; i < REPORTS_FIRST; i++) {
        json_t *one = json_object();

        json_object_set_new(one, "from", json_integer(i
                            ? reports_first_ends[i - 1] : 0));
        json_object_set_new(one, "to", i < REPORTS_FIRST - 1
                            ? json_integer(reports_first_ends[i])
                            : json_null());
        json_object_set_new(one, "mails", json_integer(sums->first[i]));
        json_array_append_new(classes, one);
    }
    json_object_set_new(out, "classes", classes);
    json_object_set_new(out, "median_seconds", median < 0 ? json_null()
                        : json_integer((json_int_t)(median + 0.5)));
    return out;
}

/* -- machines ------------------------------------------------------------ */

apr_int64_t habits_machines(const rollup_t *sums)
{
    return sums->verdicts[VERDICT_PREFETCH] + sums->verdicts[VERDICT_SCANNER]
           + sums->verdicts[VERDICT_BOT];
}

json_t *habits_automated(const rollup_t *sums)
{
    apr_int64_t machines = habits_machines(sums);
    apr_int64_t all = machines + sums->verdicts[VERDICT_HUMAN]
                      + sums->verdicts[VERDICT_PROXIED];
    json_t *out = json_object();

    json_object_set_new(out, "hits", json_integer(machines));
    json_object_set_new(out, "of", json_integer(all));
    json_object_set_new(out, "share", all ? json_real((double)machines
                                                      / (double)all)
                                          : json_null());
    return out;
}
