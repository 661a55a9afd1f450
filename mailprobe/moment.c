/* SPDX-License-Identifier: MIT */
/*
 * Times and spans in words. Pure; any thread; reads neither clock nor locale.
 */
#include "moment.h"

#include <apr_strings.h>
#include <apr_time.h>

static const char days[] = "Thu\0Fri\0Sat\0Sun\0Mon\0Tue\0Wed";
static const char months[] =
    "Jan\0Feb\0Mar\0Apr\0May\0Jun\0Jul\0Aug\0Sep\0Oct\0Nov\0Dec";

typedef struct civil_t {
    apr_int64_t year;
    int month;                  /* 0 to 11 */
    int day;                    /* 1 to 31 */
    int weekday;                /* 0 is Thursday, as 1970-01-01 was */
    int minute;                 /* of the day */
    int second;
} civil_t;

static apr_int64_t floored(apr_int64_t a, apr_int64_t b)
{
    return a / b - (a % b < 0);
}

/* Proleptic Gregorian, by years that begin in March: the leap day is then the
 * last day of the year, and 400 of them are 146,097 days. */
static civil_t civil_of(apr_int64_t seconds)
{
    apr_int64_t day = floored(seconds, 86400);
    apr_int64_t shifted = day + 719468;     /* days since 0000-03-01 */
    apr_int64_t era = floored(shifted, 146097);
    apr_int64_t doe = shifted - era * 146097;
    apr_int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    apr_int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    apr_int64_t march = (5 * doy + 2) / 153;
    apr_int64_t rest = seconds - day * 86400;
    civil_t c;

    c.day = (int)(doy - (153 * march + 2) / 5 + 1);
    c.month = (int)((march + 2) % 12);
    c.year = era * 400 + yoe + (march >= 10);
    c.weekday = (int)(day - floored(day, 7) * 7);
    c.minute = (int)(rest / 60);
    c.second = (int)(rest % 60);
    return c;
}

const char *moment_iso(apr_int64_t at, apr_pool_t *pool)
{
    civil_t c = civil_of(floored(at, APR_USEC_PER_SEC));

    return apr_psprintf(pool, "%04" APR_INT64_T_FMT
                        "-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month + 1,
                        c.day, c.minute / 60, c.minute % 60, c.second);
}

static civil_t local_of(apr_int64_t at, const moment_zone_t *zone)
{
    apr_int64_t seconds = floored(at, APR_USEC_PER_SEC);

    return civil_of(seconds + (zone->zone ? zone_offset(zone->zone, seconds)
                                          : 0));
}

const char *moment_local(apr_int64_t at, apr_int64_t now,
                         const moment_zone_t *zone, apr_pool_t *pool)
{
    civil_t c = local_of(at, zone);
    const char *year = "";

    if (c.year != local_of(now, zone).year) {
        year = apr_psprintf(pool, " %" APR_INT64_T_FMT, c.year);
    }
    return apr_psprintf(pool, "%s %d %s%s, %02d:%02d %s",
                        days + 4 * c.weekday, c.day, months + 4 * c.month,
                        year, c.minute / 60, c.minute % 60,
                        zone->zone ? zone->name : "UTC");
}

const char *moment_span(apr_int64_t us, apr_pool_t *pool)
{
    apr_int64_t minutes = us / (60 * APR_USEC_PER_SEC);
    apr_int64_t hours = minutes / 60;
    apr_int64_t whole, rest;
    const char *unit;

    if (minutes < 1) {
        return "under a minute";
    }
    if (minutes < 60) {
        return apr_psprintf(pool, "%" APR_INT64_T_FMT " min", minutes);
    }
    whole = hours < 48 ? hours : hours / 24;
    rest = hours < 48 ? minutes % 60 : hours % 24;
    unit = hours < 48 ? "h" : "d";
    if (!rest) {
        return apr_psprintf(pool, "%" APR_INT64_T_FMT " %s", whole, unit);
    }
    return apr_psprintf(pool, "%" APR_INT64_T_FMT " %s %" APR_INT64_T_FMT
                        " %s", whole, unit, rest, hours < 48 ? "min" : "h");
}
