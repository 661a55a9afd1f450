/* SPDX-License-Identifier: MIT */
/*
 * Times as people and programs write them; see when.h. Pure, any thread.
 */
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "when.h"

/* n digits at *text as a number; *text moves on. -1: not there. */
static int number_at(const char **text, int n)
{
    int value = 0;

    for (; n > 0; n--, (*text)++) {
        if (!apr_isdigit(**text))
            return -1;
        value = value * 10 + (**text - '0');
    }
    return value;
}

/* ".123456789": microseconds, further digits dropped; -1: malformed. */
static int fraction_at(const char **text)
{
    int value = 0, digits = 0;

    if (**text != '.' && **text != ',')
        return 0;
    for ((*text)++; apr_isdigit(**text); (*text)++, digits++)
        if (digits < 6)
            value = value * 10 + (**text - '0');
    if (!digits)
        return -1;
    for (; digits < 6; digits++)
        value *= 10;
    return value;
}

/* "Z", "+hh:mm", "+hhmm"; a plus sign that a query turned into a space is a
 * plus sign still. 0: malformed. */
static int zone_at(const char **text, apr_int32_t *offset)
{
    int sign = **text == '-' ? -1 : 1;
    int hours, minutes;

    *offset = 0;
    if (**text == 'Z' || **text == 'z') {
        (*text)++;
        return 1;
    }
    if (**text != '+' && **text != '-' && **text != ' ')
        return 0;
    (*text)++;
    hours = number_at(text, 2);
    if (**text == ':')
        (*text)++;
    minutes = number_at(text, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return 0;
    *offset = sign * (hours * 3600 + minutes * 60);
    return 1;
}

static int month_days(int month, int year)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
                                31 };
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static int date_at(const char **text, apr_time_exp_t *when)
{
    int year = number_at(text, 4);
    int month = *(*text)++ == '-' ? number_at(text, 2) : -1;
    int day = month > 0 && *(*text)++ == '-' ? number_at(text, 2) : -1;

    if (year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > month_days(month, year))
        return 0;
    when->tm_year = year - 1900;
    when->tm_mon = month - 1;
    when->tm_mday = day;
    return 1;
}

static int clock_at(const char **text, apr_time_exp_t *when)
{
    when->tm_hour = number_at(text, 2);
    if (when->tm_hour < 0 || when->tm_hour > 23 || **text != ':')
        return 0;
    (*text)++;
    when->tm_min = number_at(text, 2);
    if (when->tm_min < 0 || when->tm_min > 59)
        return 0;
    if (**text == ':') {
        (*text)++;
        when->tm_sec = number_at(text, 2);
        if (when->tm_sec < 0 || when->tm_sec > 60)
            return 0;
    }
    when->tm_usec = fraction_at(text);
    return when->tm_usec >= 0;
}

/* UNIX seconds up to the year 9999. */
static apr_int64_t seconds_of(const char *text)
{
    apr_size_t n = strspn(text, "0123456789");
    const char *rest = text + n;
    apr_int64_t seconds, micros;

    if (!n || n > 12)
        return WHEN_NONE;
    seconds = apr_atoi64(text);
    micros = *rest == '.' ? fraction_at(&rest) : 0;
    if (*rest || micros < 0 || seconds > APR_INT64_C(253402300799))
        return WHEN_NONE;
    return seconds * APR_USEC_PER_SEC + micros;
}

apr_int64_t when_parse(const char *text)
{
    apr_time_exp_t when;
    apr_time_t time;

    if (strlen(text) < 5 || text[4] != '-')
        return seconds_of(text);
    memset(&when, 0, sizeof(when));
    if (!date_at(&text, &when) || (*text != 'T' && *text != 't' &&
                                   *text != ' '))
        return WHEN_NONE;
    text++;
    if (!clock_at(&text, &when) || !zone_at(&text, &when.tm_gmtoff) || *text)
        return WHEN_NONE;
    if (apr_time_exp_gmt_get(&time, &when) != APR_SUCCESS)
        return WHEN_NONE;
    return time;
}

const char *when_format(apr_int64_t time, apr_pool_t *pool)
{
    apr_time_exp_t when;

    if (time == WHEN_NONE || apr_time_exp_gmt(&when, time))
        return NULL;
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                        when.tm_year + 1900, when.tm_mon + 1, when.tm_mday,
                        when.tm_hour, when.tm_min, when.tm_sec, when.tm_usec);
}

apr_status_t when_date(apr_int64_t *day, const char *text)
{
    apr_time_exp_t when;
    apr_time_t time;

    memset(&when, 0, sizeof(when));
    if (strlen(text) != 10 || !date_at(&text, &when))
        return APR_EINVAL;
    *day = 0;
    if (apr_time_exp_gmt_get(&time, &when))
        return APR_EINVAL;
    *day = apr_time_sec(time) / 86400;
    return APR_SUCCESS;
}

const char *when_format_date(apr_int64_t day, apr_pool_t *pool)
{
    apr_time_exp_t when;

    if (apr_time_exp_gmt(&when, apr_time_from_sec(day * 86400)))
        return "";
    return apr_psprintf(pool, "%04d-%02d-%02d", when.tm_year + 1900,
                        when.tm_mon + 1, when.tm_mday);
}
