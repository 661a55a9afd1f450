/* SPDX-License-Identifier: MIT */
/*
 * Days of time zones, against the system's own localtime(), and broken files;
 * the buckets of a chart.
 */
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <time.h>

#include "range.h"
#include "tap.h"
#include "when.h"
#include "zone.h"

static apr_pool_t *pool;

static zone_t *zone_of(const char *name)
{
    zone_t *zone = NULL;

    if (!ok(!zone_load(&zone, name, ZONE_DIR, pool), "%s is there", name))
        exit(1);
    return zone;
}

/* Every 6 hours and 7 seconds of 80 years; the footer's rules from 2037. */
static void test_against_system(const char *name)
{
    zone_t *zone = zone_of(name);
    long wrong = 0;
    time_t at;

    setenv("TZ", name, 1);
    tzset();
    for (at = 0; at < 2524608000L; at += 21607) {
        struct tm local;

        localtime_r(&at, &local);
        if (local.tm_gmtoff != zone_offset(zone, at) && !wrong++)
            printf("# %ld: %ld, expected %ld\n", (long)at,
                   (long)zone_offset(zone, at), local.tm_gmtoff);
    }
    is_int(wrong, 0, "%s agrees with the system", name);
}

/* A day's length in seconds. */
static apr_int64_t length_of(const char *name, const char *date)
{
    zone_t *zone = zone_of(name);
    apr_int64_t day = 0;

    (void)when_date(&day, date);
    return zone_day_start(zone, day + 1) - zone_day_start(zone, day);
}

static apr_int64_t start_of(const char *name, const char *date)
{
    apr_int64_t day = 0;

    (void)when_date(&day, date);
    return zone_day_start(zone_of(name), day) - day * 86400;
}

static void test_days(void)
{
    zone_t *zone = zone_of("America/New_York");

    is_int(length_of("Europe/Berlin", "2026-03-29"), 23 * 3600, "spring");
    is_int(length_of("Europe/Berlin", "2026-10-25"), 25 * 3600, "autumn");
    is_int(length_of("Europe/Berlin", "2026-07-01"), 24 * 3600, "summer");
    is_int(length_of("Australia/Lord_Howe", "2026-04-05"), 88200,
           "half an hour");
    is_int(length_of("Africa/Cairo", "2024-04-26"), 23 * 3600,
           "no midnight in Cairo");
    is_int(start_of("Africa/Cairo", "2024-04-26"), -2 * 3600,
           "the day begins with the jump");
    is_int(start_of("America/Havana", "2025-11-02"), 4 * 3600,
           "the first of two midnights");
    is_int(start_of("Europe/Berlin", "2050-07-01"), -2 * 3600,
           "by the footer's rules");
    is_int(start_of("+05:30", "2026-01-01"), -19800, "an offset");
    is_int(start_of("-03:00", "2026-01-01"), 10800, "to the west");
    is_int(start_of("UTC", "2026-01-01"), 0, "UTC");
    is_int(zone_day_of(zone, 1767229199), 20453, "a second to midnight");
    is_int(zone_day_of(zone, 1767243600), 20454, "midnight");
    is_int(zone_day_of(zone, 1767243599), 20453, "just before");
}

static void test_names(void)
{
    static const char *const bad[] = {
        "", "/etc/passwd", "../../etc/passwd", "Europe/../../x", ".", "..",
        "Europe//Berlin", "Europe/Ber lin", "Europe/Berlin\n", "%2e", "+5",
        "+05:60", "+15:00", "+5:300", "+:0000", "-", "+05:3x", "+00:0",
        "a\\b", "\xc3\xa9"
    };
    static const char *const none[] = { "Mars/Olympus", "Europe", "zone.tab",
        "America/", "tzdata-zi", "posixrule" };
    zone_t *zone;
    apr_size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        ok(zone_load(&zone, bad[i], ZONE_DIR, pool) == APR_EINVAL,
           "no name: %d", (int)i);
    for (i = 0; i < sizeof(none) / sizeof(*none); i++)
        ok(zone_load(&zone, none[i], ZONE_DIR, pool) != APR_SUCCESS,
           "no zone: '%s'", none[i]);
}

/* Each prefix and each byte changed: refused or read, never beyond its end. */
static void test_broken(void)
{
    apr_file_t *file;
    apr_size_t len = 0, i;
    char *data = apr_palloc(pool, ZONE_FILE_MAX);
    zone_t *zone;
    int good = 0;

    if (apr_file_open(&file, ZONE_DIR "/Europe/Berlin", APR_FOPEN_READ, 0,
                      pool))
        exit(1);
    (void)apr_file_read_full(file, data, ZONE_FILE_MAX, &len);
    for (i = 0; i < len; i++) {
        char *copy = malloc(i + 1);

        memcpy(copy, data, i);
        good += !zone_parse(&zone, copy, i, pool);
        free(copy);
    }
    is_int(good, 0, "no part of a file is a zone");
    for (i = 0; i < len; i++) {
        char *copy = malloc(len);

        memcpy(copy, data, len);
        copy[i] = (char)(copy[i] ^ 0xff);
        if (!zone_parse(&zone, copy, len, pool))
            good += zone_day_start(zone, 20000) != zone_day_start(zone, 1);
        free(copy);
    }
    ok(good > 0, "a changed file is read or refused");
}

static const char *days_of(const char *first, const char *last)
{
    range_t range = { NULL };
    apr_array_header_t *days;
    const char *out;
    int i;

    range.zone = zone_of("UTC");
    (void)when_date(&range.first, first);
    (void)when_date(&range.last, last);
    days = range_days(&range, pool);
    out = range_width(&range);
    for (i = 0; i < days->nelts; i++)
        if (i < 3 || i >= days->nelts - 2)
            out = apr_pstrcat(pool, out, " ",
                              when_format_date(APR_ARRAY_IDX(days, i,
                                                      apr_int64_t), pool),
                              NULL);
    return out;
}

static void test_range(void)
{
    range_t range = { NULL, 100, 106 };
    apr_array_header_t *edges;
    int i;

    is_str(days_of("2026-02-27", "2026-03-01"), "day 2026-02-27 2026-02-28 "
           "2026-03-01 2026-03-02", "days");
    is_str(days_of("2026-01-01", "2026-12-31"), "week 2026-01-01 2026-01-05 "
           "2026-01-12 2026-12-28 2027-01-01", "weeks begin on Monday");
    is_str(days_of("2020-01-31", "2026-03-30"), "month 2020-01-31 2020-02-01 "
           "2020-03-01 2026-03-01 2026-03-31", "months");
    is_str(days_of("2026-05-05", "2026-05-05"), "day 2026-05-05 2026-05-06",
           "one day");
    range = range_before(&range);
    ok(range.first == 93 && range.last == 99, "as many days before");
    range.zone = zone_of("Europe/Berlin");
    (void)when_date(&range.first, "2026-10-20");
    (void)when_date(&range.last, "2026-10-30");
    edges = range_edges(&range, range_days(&range, pool), pool);
    is_int(edges->nelts, 12, "an edge more than days");
    for (i = 1; i < edges->nelts; i++)
        if (APR_ARRAY_IDX(edges, i, apr_int64_t) -
            APR_ARRAY_IDX(edges, i - 1, apr_int64_t) !=
            apr_time_from_sec(i == 6 ? 25 * 3600 : 24 * 3600))
            ok(0, "day %d has its length", i);
    ok(1, "days around the change of the clocks");
}

/* Every quarter of an hour of some years in one part, with its offset. */
static void test_parts(const char *name, int most)
{
    zone_t *zone = zone_of(name);
    apr_int64_t from = 1690000200, to = from + 3 * 365 * APR_INT64_C(86400);
    apr_int64_t at = from;
    apr_array_header_t *parts;
    int i, wrong = 0;

    parts = range_parts(zone, apr_time_from_sec(from), apr_time_from_sec(to),
                        pool);
    for (i = 0; i < parts->nelts; i++) {
        const range_part_t *part = &APR_ARRAY_IDX(parts, i, range_part_t);

        wrong += part->from != apr_time_from_sec(at)
                 || (i && part->offset == part[-1].offset);
        for (; apr_time_from_sec(at) < part->to; at += 900)
            wrong += zone_offset(zone, at) != part->offset;
    }
    ok(!wrong && at == to && parts->nelts <= most, "%s: %d parts", name,
       parts->nelts);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_against_system("Europe/Berlin");
    test_against_system("America/New_York");
    test_against_system("Australia/Lord_Howe");
    test_against_system("America/Sao_Paulo");
    test_against_system("Asia/Kathmandu");
    test_against_system("Europe/Dublin");
    test_against_system("Africa/Casablanca");
    test_against_system("America/Nuuk");
    test_days();
    test_names();
    test_broken();
    test_range();
    test_parts("Europe/Berlin", 7);
    test_parts("America/New_York", 7);
    test_parts("Asia/Kolkata", 1);
    test_parts("Africa/Casablanca", 8);
    test_parts("Australia/Lord_Howe", 7);
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
