/* SPDX-License-Identifier: MIT */
/*
 * Time zones from TZif files (RFC 8536) and their POSIX TZ footers; see
 * zone.h. Loaded zones are kept nowhere: a file is 4 KiB at most and the
 * system has it in memory.
 */
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "zone.h"

#define DAY 86400

/* When daylight saving begins or ends: POSIX TZ, "M3.2.0/2", "J60", "59". */
typedef struct turn_t {
    char form;          /* 'M', 'J' or 'n' */
    int month, week, day;
    apr_int64_t time;   /* seconds after local midnight; may be negative */
} turn_t;

typedef struct footer_t {
    int known;          /* 0: there is none, the last offset stays */
    int saves;          /* it has daylight saving */
    apr_int64_t standard, daylight;     /* seconds east */
    turn_t begin, end;
} footer_t;

typedef struct change_t {
    apr_int64_t at;
    apr_int64_t offset;
} change_t;

struct zone_t {
    apr_int64_t first;  /* offset before the first change */
    change_t *changes;
    apr_size_t count;
    footer_t footer;
};

/* -- calendar ------------------------------------------------------------ */

static int leap(apr_int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970-01-01 of 1 January. */
static apr_int64_t year_start(apr_int64_t year)
{
    apr_int64_t y = year - 1;

    return 365 * (year - 1970) + (y / 4 - 492) - (y / 100 - 19) +
           (y / 400 - 4);
}

static apr_int64_t year_of(apr_int64_t day)
{
    apr_int64_t year = 1970 + day / 366;

    while (year_start(year + 1) <= day)
        year++;
    while (year_start(year) > day)
        year--;
    return year;
}

static int days_before(int month, apr_int64_t year)
{
    static const int days[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273,
                                304, 334, 365 };

    return days[month - 1] + (month > 2 && leap(year));
}

/* The day of a turn in a year, days since 1970-01-01. */
static apr_int64_t turn_day(const turn_t *turn, apr_int64_t year)
{
    apr_int64_t start = year_start(year);
    apr_int64_t first, day;

    if (turn->form == 'J')
        return start + turn->day - 1 + (turn->day > 59 && leap(year));
    if (turn->form == 'n')
        return start + turn->day;
    first = start + days_before(turn->month, year);
    /* 1970-01-01 was a Thursday, 4 */
    day = first + ((turn->day - (first + 4)) % 7 + 7) % 7 +
          7 * (turn->week - 1);
    while (day >= start + days_before(turn->month + 1, year))
        day -= 7;
    return day;
}

/* -- the POSIX TZ footer ------------------------------------------------- */

static int small_number(const char **text, int max)
{
    int value = 0;

    if (!apr_isdigit(**text))
        return -1;
    for (; apr_isdigit(**text); (*text)++) {
        value = value * 10 + (**text - '0');
        if (value > max)
            return -1;
    }
    return value;
}

/* "[+-]hh[:mm[:ss]]" in seconds. 0: malformed. */
static int clock_value(const char **text, apr_int64_t *seconds)
{
    int sign = **text == '-' ? -1 : 1;
    int unit, value;

    if (**text == '-' || **text == '+')
        (*text)++;
    *seconds = 0;
    for (unit = 3600; unit; unit /= 60) {
        value = small_number(text, unit == 3600 ? 167 : 59);
        if (value < 0)
            return 0;
        *seconds += value * unit;
        if (**text != ':')
            break;
        (*text)++;
    }
    *seconds *= sign;
    return 1;
}

static int abbreviation(const char **text)
{
    const char *start = *text;

    if (**text == '<') {
        *text += strcspn(*text, ">");
        if (**text != '>')
            return 0;
        (*text)++;
    } else
        while (apr_isalpha(**text))
            (*text)++;
    return *text - start >= 3;
}

static int turn_value(const char **text, turn_t *turn)
{
    turn->time = 7200;
    turn->form = 'n';
    if (*(*text)++ != ',')
        return 0;
    if (**text == 'M' || **text == 'J')
        turn->form = *(*text)++;
    if (turn->form == 'M') {
        turn->month = small_number(text, 12);
        if (turn->month < 1 || *(*text)++ != '.')
            return 0;
        turn->week = small_number(text, 5);
        if (turn->week < 1 || *(*text)++ != '.')
            return 0;
        turn->day = small_number(text, 6);
    } else
        turn->day = small_number(text, 365);
    if (turn->day < (turn->form == 'J'))
        return 0;
    if (**text != '/')
        return 1;
    (*text)++;
    return clock_value(text, &turn->time);
}

static int footer_value(footer_t *footer, const char *text)
{
    memset(footer, 0, sizeof(*footer));
    if (!*text)
        return 1;
    footer->known = 1;
    if (!abbreviation(&text) || !clock_value(&text, &footer->standard))
        return 0;
    footer->standard = -footer->standard;
    if (!*text)
        return 1;
    footer->saves = 1;
    if (!abbreviation(&text))
        return 0;
    footer->daylight = footer->standard + 3600;
    if (*text && *text != ',') {
        if (!clock_value(&text, &footer->daylight))
            return 0;
        footer->daylight = -footer->daylight;
    }
    return turn_value(&text, &footer->begin) &&
           turn_value(&text, &footer->end) && !*text;
}

static apr_int64_t footer_offset(const footer_t *footer, apr_int64_t at)
{
    apr_int64_t local = at + footer->standard;
    apr_int64_t day = local / DAY - (local % DAY < 0);
    apr_int64_t year = year_of(day);
    apr_int64_t begin, end;

    if (!footer->saves)
        return footer->standard;
    begin = turn_day(&footer->begin, year) * DAY + footer->begin.time -
            footer->standard;
    end = turn_day(&footer->end, year) * DAY + footer->end.time -
          footer->daylight;
    if (begin < end)
        return at >= begin && at < end ? footer->daylight : footer->standard;
    return at >= end && at < begin ? footer->standard : footer->daylight;
}

/* -- TZif ---------------------------------------------------------------- */

static apr_int64_t big_endian(const char *data, int octets)
{
    apr_uint64_t value = (data[0] & 0x80) ? APR_UINT64_MAX : 0;
    int i;

    for (i = 0; i < octets; i++)
        value = value << 8 | (unsigned char)data[i];
    return (apr_int64_t)value;
}

/* The header's counts, in the file's order, and what its data block takes. */
typedef struct head_t {
    apr_size_t isut, isstd, leaps, times, types, chars;
    apr_size_t block;
} head_t;

static int head_value(head_t *head, const char *data, apr_size_t len,
                      apr_size_t width)
{
    apr_size_t *const counts[] = { &head->isut, &head->isstd, &head->leaps,
                                   &head->times, &head->types, &head->chars };
    int i;

    if (len < 44 || memcmp(data, "TZif", 4) || data[4] < '2')
        return 0;
    for (i = 0; i < 6; i++) {
        apr_int64_t count = big_endian(data + 20 + 4 * i, 4);

        if (count < 0 || count > ZONE_FILE_MAX)
            return 0;
        *counts[i] = (apr_size_t)count;
    }
    head->block = head->times * (width + 1) + head->types * 6 + head->chars +
                  head->leaps * (width + 4) + head->isstd + head->isut;
    return head->types && head->block <= len - 44;
}

static int changes_read(zone_t *zone, const head_t *head, const char *data,
                        apr_pool_t *pool)
{
    const char *types = data + head->times * 8;
    const char *infos = types + head->times;
    apr_size_t i;

    zone->first = big_endian(infos, 4);
    zone->count = head->times;
    zone->changes = apr_palloc(pool, sizeof(change_t) * (head->times + 1));
    for (i = 0; i < head->times; i++) {
        apr_size_t type = (unsigned char)types[i];

        if (type >= head->types)
            return 0;
        zone->changes[i].at = big_endian(data + i * 8, 8);
        zone->changes[i].offset = big_endian(infos + type * 6, 4);
        if (i && zone->changes[i].at <= zone->changes[i - 1].at)
            return 0;
    }
    return 1;
}

apr_status_t zone_parse(zone_t **out, const char *data, apr_size_t len,
                        apr_pool_t *pool)
{
    zone_t *zone = apr_pcalloc(pool, sizeof(*zone));
    const char *end = data + len;
    const char *line;
    head_t head;

    /* the first block has 32 bit times; the second, of 64 bits, is ours */
    if (!head_value(&head, data, len, 4))
        return APR_EINVAL;
    data += 44 + head.block;
    if (!head_value(&head, data, (apr_size_t)(end - data), 8))
        return APR_EINVAL;
    data += 44;
    if (!changes_read(zone, &head, data, pool))
        return APR_EINVAL;
    data += head.block;
    if (data == end || *data++ != '\n' ||
        !(line = memchr(data, '\n', (apr_size_t)(end - data))))
        return APR_EINVAL;
    if (!footer_value(&zone->footer,
                      apr_pstrmemdup(pool, data, (apr_size_t)(line - data))))
        return APR_EINVAL;
    *out = zone;
    return APR_SUCCESS;
}

/* -- by name ------------------------------------------------------------- */

static int name_good(const char *name)
{
    const char *c;

    if (!apr_isalpha(*name) || strlen(name) > ZONE_NAME_MAX)
        return 0;
    for (c = name; *c; c++)
        if (!apr_isalnum(*c) && !strchr("_+-/", *c))
            return 0;
    return !strstr(name, "//");
}

/* "+05:30": a zone of one offset. */
static apr_status_t fixed(zone_t **out, const char *name, apr_pool_t *pool)
{
    zone_t *zone = apr_pcalloc(pool, sizeof(*zone));
    int hours, minutes;
    const char *text = name + 1;

    if (strlen(name) != 6 || name[3] != ':')
        return APR_EINVAL;
    hours = small_number(&text, 14);
    if (hours < 0 || text++ != name + 3)
        return APR_EINVAL;
    minutes = small_number(&text, 59);
    if (minutes < 0 || *text)
        return APR_EINVAL;
    zone->first = (*name == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    *out = zone;
    return APR_SUCCESS;
}

static apr_status_t read_all(char **data, apr_size_t *len, const char *path,
                             apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ |
                                    APR_FOPEN_BINARY, APR_OS_DEFAULT, pool);

    if (rv)
        return APR_NOTFOUND;
    rv = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file);
    if (!rv && (info.filetype != APR_REG || info.size > ZONE_FILE_MAX))
        rv = APR_NOTFOUND;
    if (!rv) {
        *data = apr_palloc(pool, (apr_size_t)info.size + 1);
        rv = apr_file_read_full(file, *data, (apr_size_t)info.size, len);
    }
    (void)apr_file_close(file);
    return rv ? APR_NOTFOUND : APR_SUCCESS;
}

apr_status_t zone_load(zone_t **zone, const char *name, const char *dir,
                       apr_pool_t *pool)
{
    char *data = NULL;
    apr_size_t len = 0;
    apr_status_t rv;

    if (*name == '+' || *name == '-')
        return fixed(zone, name, pool);
    if (!name_good(name))
        return APR_EINVAL;
    if (!strcmp(name, "UTC") || !strcmp(name, "Z"))
        return fixed(zone, "+00:00", pool);
    rv = read_all(&data, &len, apr_pstrcat(pool, dir, "/", name, NULL), pool);
    if (rv)
        return rv;
    return zone_parse(zone, data, len, pool) ? APR_NOTFOUND : APR_SUCCESS;
}

/* -- asking -------------------------------------------------------------- */

apr_int64_t zone_offset(const zone_t *zone, apr_int64_t at)
{
    apr_size_t low = 0, high = zone->count;

    while (low < high) {
        apr_size_t middle = low + (high - low) / 2;

        if (zone->changes[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->count && zone->footer.known)
        return footer_offset(&zone->footer, at);
    return low ? zone->changes[low - 1].offset : zone->first;
}

apr_int64_t zone_day_start(const zone_t *zone, apr_int64_t day)
{
    apr_int64_t midnight = day * DAY;
    apr_int64_t before = zone_offset(zone, midnight - DAY);
    apr_int64_t after = zone_offset(zone, midnight + DAY);
    apr_int64_t low = midnight - after;
    apr_int64_t high = midnight - before;

    if (zone_offset(zone, high) == before)
        return high;
    if (zone_offset(zone, low) == after)
        return low;
    /* midnight was skipped: the day begins with the jump, after low */
    while (high - low > 1) {
        apr_int64_t middle = low + (high - low) / 2;

        if (zone_offset(zone, middle) == after)
            high = middle;
        else
            low = middle;
    }
    return high;
}

apr_int64_t zone_day_of(const zone_t *zone, apr_int64_t at)
{
    apr_int64_t local = at + zone_offset(zone, at);

    return local / DAY - (local % DAY < 0);
}
