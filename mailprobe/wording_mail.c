/* SPDX-License-Identifier: MIT */
/*
 * What is said of a mail: opened, hot, opened again after long, no open seen.
 * Pure; any thread. An open is never claimed beyond what was seen: a group is
 * "someone of", a proxy is named, and no mail is called unread.
 */
#include "wording.h"

#include <string.h>

#include <apr_strings.h>

#include "plain.h"

#define SUBJECT_MAX 80          /* characters of it in a title */

static const char *subject_of(const outbox_mail_t *mail, apr_pool_t *pool)
{
    const char *subject = plain_line(mail->subject, SUBJECT_MAX, pool);

    return *subject ? subject : "(no subject)";
}

/* Several people in one mail share its pixel: it was one of them. */
static const char *reader_of(const outbox_mail_t *mail, apr_pool_t *pool)
{
    const char *who = plain_line(mail->recipient, SUBJECT_MAX, pool);

    if (!*who) {
        return "Someone";
    }
    return strchr(who, ',') ? apr_pstrcat(pool, "Someone of ", who, NULL)
           : who;
}

static const char *place_of(const outbox_mail_t *mail, apr_pool_t *pool)
{
    const char *city = plain_line(mail->city, 64, pool);
    const char *country = plain_line(mail->country, 64, pool);

    if (!*country) {
        return city;
    }
    return *city ? apr_pstrcat(pool, city, ", ", country, NULL) : country;
}

static void add_mail(wording_t *w, const wording_facts_t *facts,
                     apr_pool_t *pool)
{
    const outbox_mail_t *mail = facts->mail;
    const char *sent = moment_local(mail->created_at, facts->now,
                                    &facts->zone, pool);

    wording_add(w, "To", mail->recipient, pool);
    wording_add(w, "Subject", subject_of(mail, pool), pool);
    wording_add(w, "Sent", apr_pstrcat(pool, sent, " (",
                    moment_span(facts->now - mail->created_at, pool),
                    " ago)", NULL), pool);
    if (mail->owner_name && *mail->owner_name) {
        wording_add(w, "By", mail->owner_name, pool);
    }
}

static void of_open(wording_t *w, const wording_facts_t *facts,
                    apr_pool_t *pool)
{
    const outbox_mail_t *mail = facts->mail;
    const char *reader = reader_of(mail, pool);
    const char *place = place_of(mail, pool);

    if (mail->opened_at != STORE_NULL) {
        wording_add(w, "Opened", moment_local(mail->opened_at, facts->now,
                                              &facts->zone, pool), pool);
    }
    if (mail->verdict && !strcmp(mail->verdict, "proxied")) {
        wording_add(w, "Where", "behind a mail provider's image proxy", pool);
    }
    else if (*place) {
        wording_add(w, "Where", place, pool);
    }
    wording_add(w, "Opens so far", apr_psprintf(pool, "%" APR_INT64_T_FMT,
                                                mail->real_open_count), pool);
    add_mail(w, facts, pool);
    if (!strcmp(facts->event, EVENT_HOT)) {
        w->title = apr_pstrcat(pool, "Hot: ", subject_of(mail, pool), NULL);
        w->lead = apr_pstrcat(pool, reader, " opened this three times within"
                              " a day.", NULL);
    }
    else if (!strcmp(facts->event, EVENT_REVIVED)) {
        w->title = apr_pstrcat(pool, "Opened again: ",
                               subject_of(mail, pool), NULL);
        w->lead = apr_pstrcat(pool, reader, " came back to this after two"
                              " weeks or more.", NULL);
    }
    else {
        w->title = apr_pstrcat(pool, "Opened: ", subject_of(mail, pool),
                               NULL);
        w->lead = apr_pstrcat(pool, reader, " opened this for the first"
                              " time.", NULL);
    }
}

/* -- follow-ups ------------------------------------------------------------ */

static const char *route_words(const wording_facts_t *facts,
                               const route_state_t *route, apr_pool_t *pool)
{
    if (!route || !route->state) {
        return "unknown, no monitor covers it";
    }
    return apr_pstrcat(pool, route->state, ", last looked at ",
                       moment_span(facts->now - route->evidence_at, pool),
                       " ago", NULL);
}

static int was_failing(const route_state_t *route)
{
    return route && route->state
           && (!strcmp(route->state, STATE_MISSING)
               || !strcmp(route->state, STATE_BOUNCED)
               || !strcmp(route->state, STATE_SEND_FAILED)
               || !strcmp(route->state, STATE_SPAM));
}

static void of_follow_up(wording_t *w, const wording_facts_t *facts,
                         apr_pool_t *pool)
{
    const outbox_mail_t *mail = facts->mail;

    w->title = apr_pstrcat(pool, "No open seen: ", subject_of(mail, pool),
                           NULL);
    w->lead = apr_pstrcat(pool, "No open of this was seen in the ",
                          moment_span(facts->now - mail->created_at, pool),
                          " since it was sent. Time to follow up?", NULL);
    add_mail(w, facts, pool);
    if (facts->domain && *facts->domain) {
        wording_add(w, "Route", apr_pstrcat(pool, facts->domain, ": ",
                        route_words(facts, facts->route, pool), NULL), pool);
    }
    if (was_failing(facts->route_then)) {
        wording_add(w, "When it was sent", apr_pstrcat(pool, "the route was"
                        " failing (", facts->route_then->state, ")", NULL),
                    pool);
    }
    if (facts->held_since != STORE_NULL) {
        wording_add(w, "Held back", apr_pstrcat(pool, "since ",
                        moment_local(facts->held_since, facts->now,
                                     &facts->zone, pool),
                        ", while mail to that domain did not arrive", NULL),
                    pool);
    }
    w->note = "Where images are not loaded an open cannot be seen.";
}

void wording_of_mail(wording_t *w, const wording_facts_t *facts,
                     apr_pool_t *pool)
{
    w->tone = TONE_NEWS;
    if (!strcmp(facts->event, EVENT_FOLLOW_UP)) {
        of_follow_up(w, facts, pool);
    }
    else {
        of_open(w, facts, pool);
    }
}
