/* SPDX-License-Identifier: MIT */
/*
 * What /health's answer means for people (contract in housewatch.h). Pure, over
 * a foreign text; any thread.
 */
#include <string.h>

#include <apr_strings.h>
#include <jansson.h>

#include "housewatch.h"

/* The drain comes round ten times a second. */
#define LAG_MAX 60.0

/* Hits lost longer ago are history. */
#define LOST_RECENTLY apr_time_from_sec(3600)

typedef struct {
    housewatch_verdict_t *verdicts;
    int count;
    apr_pool_t *pool;
    apr_time_t now;
} judging_t;

static void add(judging_t *j, const char *subject, const char *title,
                const char *detail)
{
    housewatch_verdict_t *verdict = &j->verdicts[j->count++];

    verdict->subject = subject;
    verdict->title = title;
    verdict->detail = detail;
}

/* "2026-11-20T12:00:00.000000Z" as /health writes it; 0: no such time. */
static apr_time_t time_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    apr_time_exp_t at = { 0 };
    apr_time_t time = 0;
    int year, month;

    if (!text || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month,
                        &at.tm_mday, &at.tm_hour, &at.tm_min, &at.tm_sec)
                 != 6) {
        return 0;
    }
    at.tm_year = year - 1900;
    at.tm_mon = month - 1;
    return apr_time_exp_gmt_get(&time, &at) == APR_SUCCESS ? time : 0;
}

static void judge_spool(judging_t *j, const json_t *spool)
{
    double lag = json_number_value(json_object_get(spool, "lag_seconds"));
    json_int_t lost = json_integer_value(json_object_get(spool, "lost"));
    apr_time_t lost_at = time_of(spool, "last_lost_at");

    if (lag > LAG_MAX) {
        add(j, "drain", "Opens are not being stored",
            apr_psprintf(j->pool, "The oldest hit has waited for %.0f s in "
                         "the spool. None is lost: they are stored when the "
                         "drain works again. httpd's error log says why it "
                         "does not.", lag));
    }
    else {
        add(j, "drain", NULL, "");
    }
    if (lost_at && j->now - lost_at < LOST_RECENTLY) {
        add(j, "spool", "Opens are being lost",
            apr_psprintf(j->pool, "%" JSON_INTEGER_FORMAT " hits could not be "
                         "kept since httpd's start: the spool is full "
                         "(MailtrackSpoolLimit), or its disk is, or it "
                         "cannot be written.", lost));
    }
    else {
        add(j, "spool", NULL, "");
    }
}

static void judge_places(judging_t *j, const json_t *geo,
                         apr_interval_time_t place_age)
{
    const char *status = json_string_value(json_object_get(geo, "status"));
    apr_time_t built = time_of(geo, "built_at");

    if (!status || !strcmp(status, "off")) {
        add(j, "places", NULL, "");
    }
    else if (strcmp(status, "ok")) {
        add(j, "places", "Opens have no place",
            !strcmp(status, "absent")
            ? "The place database (MailtrackGeoIP) is not there."
            : "The place database (MailtrackGeoIP) cannot be read.");
    }
    else if (built && j->now - built > place_age) {
        add(j, "places", "The place database is old",
            apr_psprintf(j->pool, "It was made %d days ago: places of opens "
                         "become wrong. \"refresh\" in mailprobe.yaml keeps "
                         "it fresh.",
                         (int)((j->now - built) / apr_time_from_sec(86400))));
    }
    else {
        add(j, "places", NULL, "");
    }
}

int housewatch_judge(housewatch_verdict_t *verdicts, const char *problem,
                     const char *body, apr_interval_time_t place_age,
                     apr_time_t now, apr_pool_t *pool)
{
    judging_t j = { verdicts, 0, pool, now };
    json_t *answer = *problem ? NULL : json_loads(body, 0, NULL);
    const json_t *spool = json_object_get(answer, "spool");
    const json_t *geo = json_object_get(answer, "geoip");

    if (!json_is_object(spool)) {
        add(&j, "httpd", "The web server does not answer",
            *problem ? apr_pstrcat(pool, "/health cannot be reached: ",
                                   problem, ". While it is so, opens are "
                                   "lost.", NULL)
                     : "/health is not answered as Mailtrack does: watch."
                       "health_url or base_url leads elsewhere, or the "
                       "module is not loaded.");
    }
    else {
        add(&j, "httpd", NULL, "");
        judge_spool(&j, spool);
        if (json_is_object(geo)) {
            judge_places(&j, geo, place_age);
        }
    }
    json_decref(answer);
    return j.count;
}
