/* SPDX-License-Identifier: MIT */
/*
 * FETCH responses, dates, and the two header fields that tell a mail of ours
 * from all others. Pure; any thread. Reads what strangers wrote.
 */
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "field.h"
#include "imap_fetch.h"
#include "message.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

int imap_fetch_read(imap_fetch_t *fetch, const imap_response_t *response)
{
    const imap_value_t *item;

    memset(fetch, 0, sizeof(*fetch));
    if (response->place != IMAP_UNTAGGED || response->status != IMAP_DATA
        || strcmp(response->name, "FETCH") || !response->values
        || response->values->kind != IMAP_LIST) {
        return 0;
    }
    fetch->sequence = response->number;
    for (item = response->values->first; item && item->next;
         item = item->next->next) {
        const imap_value_t *value = item->next;

        if (imap_value_is(item, "UID")) {
            imap_value_number(&fetch->uid, value);
        } else if (imap_value_is(item, "INTERNALDATE")
                   && value->kind == IMAP_STRING) {
            fetch->date = imap_fetch_date(value->bytes, value->length);
        } else if (imap_value_begins(item, "BODY[")
                   && value->kind != IMAP_LIST) {
            fetch->body = value->bytes;
            fetch->length = value->length;
        }
    }
    return 1;
}

/* -- dates ----------------------------------------------------------------- */

/* So many digits. @return -1: they are none */
static int digits(const char *at, int count)
{
    int sum = 0;

    while (count-- > 0) {
        if (!apr_isdigit(*at)) {
            return -1;
        }
        sum = sum * 10 + (*at++ - '0');
    }
    return sum;
}

static int month_of(const char *name)
{
    int i;

    for (i = 0; i < 12; i++) {
        if (apr_toupper(name[0]) == apr_toupper(months[i * 3])
            && apr_tolower(name[1]) == months[i * 3 + 1]
            && apr_tolower(name[2]) == months[i * 3 + 2]) {
            return i;
        }
    }
    return -1;
}

apr_time_t imap_fetch_date(const char *bytes, apr_size_t length)
{
    apr_time_exp_t exp;
    apr_time_t time;
    int day, hours, minutes;

    if (length != 26 || bytes[2] != '-' || bytes[6] != '-'
        || bytes[11] != ' ' || bytes[14] != ':' || bytes[17] != ':'
        || bytes[20] != ' ' || (bytes[21] != '+' && bytes[21] != '-')) {
        return 0;
    }
    memset(&exp, 0, sizeof(exp));
    day = bytes[0] == ' ' ? digits(bytes + 1, 1) : digits(bytes, 2);
    exp.tm_mday = day;
    exp.tm_mon = month_of(bytes + 3);
    exp.tm_year = digits(bytes + 7, 4) - 1900;
    exp.tm_hour = digits(bytes + 12, 2);
    exp.tm_min = digits(bytes + 15, 2);
    exp.tm_sec = digits(bytes + 18, 2);
    hours = digits(bytes + 22, 2);
    minutes = digits(bytes + 24, 2);
    if (day < 1 || day > 31 || exp.tm_mon < 0 || exp.tm_year < 70
        || exp.tm_hour < 0 || exp.tm_hour > 23 || exp.tm_min < 0
        || exp.tm_min > 59 || exp.tm_sec < 0 || exp.tm_sec > 60 || hours < 0
        || hours > 23 || minutes < 0 || minutes > 59) {
        return 0;
    }
    exp.tm_gmtoff = (hours * 60 + minutes) * (bytes[21] == '-' ? -60 : 60);
    return apr_time_exp_gmt_get(&time, &exp) == APR_SUCCESS && time > 0 ? time
                                                                      : 0;
}

const char *imap_fetch_day(apr_time_t time, apr_pool_t *pool)
{
    apr_time_exp_t exp;

    apr_time_exp_gmt(&exp, time);
    return apr_psprintf(pool, "%d-%.3s-%04d", exp.tm_mday,
                        months + exp.tm_mon * 3, exp.tm_year + 1900);
}

/* -- header lines ---------------------------------------------------------- */

const char *imap_fetch_token(const char *headers, apr_size_t length,
                             apr_pool_t *pool)
{
    const char *at = headers;
    const char *token = NULL;
    const char *digit;
    field_t field;

    while (field_next(&field, &at, headers + length)) {
        if (field_is(&field, MESSAGE_PROBE_HEADER)) {
            if (token) {
                return NULL;
            }
            token = field_value(&field, IMAP_TOKEN_LENGTH + 1, pool);
        }
    }
    if (!token || strlen(token) != IMAP_TOKEN_LENGTH) {
        return NULL;
    }
    for (digit = token; *digit; digit++) {
        if (!apr_isdigit(*digit) && (*digit < 'a' || *digit > 'f')) {
            return NULL;
        }
    }
    return token;
}

/* multipart/report, and of a kind that is not said or is delivery-status: a
 * read receipt is no report for us. */
int imap_fetch_is_report(const char *headers, apr_size_t length,
                         apr_pool_t *pool)
{
    static const char type[] = "multipart/report";
    const char *at = headers;
    const char *kind;
    field_t field;

    while (field_next(&field, &at, headers + length)) {
        if (field_is(&field, "Content-Type")) {
            const char *value = field_value(&field, 1000, pool);

            if (strncasecmp(value, type, sizeof(type) - 1)) {
                return 0;
            }
            kind = strcasestr(value, "report-type");
            if (!kind) {
                return 1;
            }
            kind += strlen("report-type");
            kind += strspn(kind, " =\"");
            return !strncasecmp(kind, "delivery-status", 15);
        }
    }
    return 0;
}
