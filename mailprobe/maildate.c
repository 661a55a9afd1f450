/* SPDX-License-Identifier: MIT */
/*
 * Dates of mail headers, read strictly enough that nonsense is 0 and never a
 * wrong time. Any thread.
 */
#include "maildate.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "lexer.h"

#define WORDS 6

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

/* Digits alone, at most so many. @return -1: something else */
static int number(const char *text, int digits)
{
    int value = 0;
    int n;

    for (n = 0; apr_isdigit(text[n]); n++) {
        if (n == digits) {
            return -1;
        }
        value = value * 10 + (text[n] - '0');
    }
    return n && !text[n] ? value : -1;
}

static int month_of(const char *text)
{
    int i;

    for (i = 0; strlen(text) == 3 && i < 12; i++) {
        if (!strncasecmp(months + 3 * i, text, 3)) {
            return i;
        }
    }
    return -1;
}

static int year_of(const char *text)
{
    int year = number(text, 4);

    if (year < 0) {
        return -1;
    }
    switch (strlen(text)) {
    case 2:
        return year < 50 ? 2000 + year : 1900 + year;
    case 3:
        return 1900 + year;
    case 4:
        return year;
    default:
        return -1;
    }
}

static int days_in(int month, int year)
{
    static const char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
                                 31 };

    if (month == 1 && year % 4 == 0 && (year % 100 || year % 400 == 0)) {
        return 29;
    }
    return days[month];
}

/* hh:mm, hh:mm:ss, and fractions, which are dropped. */
static int time_of(apr_time_exp_t *when, const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);
    char *minute = strchr(copy, ':');
    char *second;

    if (!minute) {
        return 0;
    }
    *minute++ = '\0';
    copy[strcspn(copy, ".")] = '\0';
    minute[strcspn(minute, ".")] = '\0';
    second = strchr(minute, ':');
    if (second) {
        *second++ = '\0';
    }
    when->tm_hour = number(copy, 2);
    when->tm_min = number(minute, 2);
    when->tm_sec = second ? number(second, 2) : 0;
    return when->tm_hour >= 0 && when->tm_hour < 24 && when->tm_min >= 0
           && when->tm_min < 60 && when->tm_sec >= 0 && when->tm_sec <= 60;
}

/* Seconds east of Greenwich. */
static int zone_of(apr_int32_t *offset, const char *text)
{
    static const char *const names[] = { "EDT", "EST", "CDT", "CST", "MDT",
                                         "MST", "PDT", "PST", NULL };
    static const int hours[] = { -4, -5, -5, -6, -6, -7, -7, -8 };
    int i;

    *offset = 0;
    if (*text == '+' || *text == '-') {
        int value = number(text + 1, 4);

        if (strlen(text) != 5 || value < 0 || value % 100 > 59) {
            return 0;
        }
        *offset = (value / 100 * 60 + value % 100) * (*text == '-' ? -60 : 60);
        return 1;
    }
    for (i = 0; names[i]; i++) {
        if (!strcasecmp(names[i], text)) {
            *offset = hours[i] * 3600;
        }
    }
    return apr_isalpha(*text) != 0;
}

/* The words of the date proper, day first. @return how many */
static int words_of(const char **words, const char *text, apr_pool_t *pool)
{
    lexer_t lexer = { text, ",", pool };
    int n = 0;

    for (;;) {
        lex_t word;

        lexer_word(&word, &lexer, NULL);
        if (word.kind == LEX_END || n == WORDS) {
            return n;
        }
        if (word.kind == LEX_ATOM && (n || apr_isdigit(*word.text))) {
            words[n++] = word.text;
        }
    }
}

apr_time_t maildate_parse(const char *text, apr_pool_t *pool)
{
    const char *words[WORDS];
    apr_time_exp_t when;
    apr_time_t at;

    memset(&when, 0, sizeof(when));
    if (strlen(text) > 200 || words_of(words, text, pool) < 5) {
        return 0;
    }
    when.tm_mday = number(words[0], 2);
    when.tm_mon = month_of(words[1]);
    when.tm_year = year_of(words[2]);
    if (when.tm_mon < 0 || when.tm_year < 1970 || when.tm_year > 2199
        || when.tm_mday < 1
        || when.tm_mday > days_in(when.tm_mon, when.tm_year)
        || !time_of(&when, words[3], pool)
        || !zone_of(&when.tm_gmtoff, words[4])) {
        return 0;
    }
    when.tm_year -= 1900;
    return apr_time_exp_gmt_get(&at, &when) == APR_SUCCESS && at > 0 ? at : 0;
}
