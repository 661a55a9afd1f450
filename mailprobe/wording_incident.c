/* SPDX-License-Identifier: MIT */
/*
 * What is said of an incident: it began, it goes on, it is over (for some, for
 * all). Pure; any thread. Says where the mail stopped, since when, and when it
 * last worked.
 */
#include "wording.h"

#include <string.h>

#include <apr_strings.h>

#include "plain.h"

#define NAME_MAX_CHARS 60
#define ADDRESS_CHARS  120

typedef struct state_words_t {
    const char *state;
    const char *title;          /* "Mail is ...: NAME" */
    const char *lead;           /* "Mail to X ..." */
} state_words_t;

static const state_words_t state_words[] = {
    { STATE_MISSING, "Mail is missing", "does not arrive" },
    { STATE_BOUNCED, "Mail is returned", "is returned by a server" },
    { STATE_SEND_FAILED, "Mail is refused", "cannot be handed over" },
    { STATE_SPAM, "Mail goes to junk", "is filed as junk" },
    { STATE_LATE, "Mail is late", "takes too long" },
    { STATE_SLOW, "Mail is slow", "takes longer than usual" },
    { STATE_BLIND, "Mailbox cannot be seen",
      "may or may not arrive: the mailbox cannot be looked into" },
    { "", "Mail is failing", "does not get through" }
};

static const state_words_t *words_of(const char *state)
{
    const state_words_t *words = state_words;

    while (*words->state && strcmp(words->state, state)) {
        words++;
    }
    return words;
}

static int is_kind(const wording_facts_t *facts, const char *kind)
{
    return !strcmp(facts->incident->kind, kind);
}

static const incident_member_t *member_at(const wording_facts_t *facts, int i)
{
    return &APR_ARRAY_IDX(facts->members, i, incident_member_t);
}

static int total(const wording_facts_t *facts)
{
    return facts->members ? facts->members->nelts : 0;
}

typedef enum { FAILS, GOOD, UNSAID } part_t;

/* Who is muted or in maintenance is not spoken of while it fails. */
static part_t part_of(const incident_member_t *m)
{
    return m->recovered_at != STORE_NULL ? GOOD : m->quiet ? UNSAID : FAILS;
}

static int count_of(const wording_facts_t *facts, part_t part)
{
    int i, count = 0;

    for (i = 0; i < total(facts); i++) {
        count += part_of(member_at(facts, i)) == part;
    }
    return count;
}

/* -- lines of one monitor -------------------------------------------------- */

static const char *since_words(const wording_facts_t *facts, apr_int64_t since,
                               apr_pool_t *pool)
{
    return apr_pstrcat(pool, moment_local(since, facts->now, &facts->zone,
                                          pool), " (",
                       moment_span(facts->now - since, pool), ")", NULL);
}

static void add_member(wording_t *w, const wording_facts_t *facts,
                       const incident_member_t *m, apr_pool_t *pool)
{
    const char *name = plain_line(m->monitor_name, NAME_MAX_CHARS, pool);

    if (part_of(m) == GOOD) {
        wording_add(w, "", apr_pstrcat(pool, name,
                        strcmp(m->state, INCIDENT_LEFT) ? ": works again"
                        : ": no longer watched", NULL), pool);
        wording_add(w, "Failed", apr_pstrcat(pool,
                        moment_local(m->failing_since, facts->now,
                                     &facts->zone, pool), ", for ",
                        moment_span(m->recovered_at - m->failing_since, pool),
                        NULL), pool);
        return;
    }
    wording_add(w, "", apr_pstrcat(pool, name, ": ", m->state, NULL), pool);
    wording_add(w, "To", m->recipient, pool);
    if (*m->detail) {
        wording_add(w, "Stopped", m->detail, pool);
    }
    if (*m->last_hop) {
        wording_add(w, "Last seen at", m->last_hop, pool);
    }
    wording_add(w, "Since", since_words(facts, m->failing_since, pool), pool);
    wording_add(w, "Last good", m->last_ok_at == STORE_NULL ? "never"
                : moment_local(m->last_ok_at, facts->now, &facts->zone, pool),
                pool);
}

/* Those that fail first: a phone shows the first lines. */
static void add_members(wording_t *w, const wording_facts_t *facts,
                        apr_pool_t *pool)
{
    int shown = 0, all = total(facts) - count_of(facts, UNSAID), part, i;

    for (part = FAILS; part <= GOOD; part++) {
        for (i = 0; i < total(facts) && shown < WORDING_MEMBERS; i++) {
            const incident_member_t *m = member_at(facts, i);

            if ((int)part_of(m) == part) {
                add_member(w, facts, m, pool);
                shown++;
            }
        }
    }
    if (shown < all) {
        wording_add(w, "", apr_psprintf(pool, "and %d more", all - shown),
                    pool);
    }
}

/* -- what it is ------------------------------------------------------------ */

/* The one that fails, or the state all of them share. */
static const char *shared_state(const wording_facts_t *facts)
{
    const char *state = NULL;
    int i;

    for (i = 0; i < total(facts); i++) {
        const incident_member_t *m = member_at(facts, i);

        if (part_of(m) != FAILS) {
            continue;
        }
        if (state && strcmp(state, m->state)) {
            return "";
        }
        state = m->state;
    }
    return state ? state : "";
}

static const incident_member_t *only_one(const wording_facts_t *facts,
                                         part_t part)
{
    const incident_member_t *one = NULL;
    int i;

    for (i = 0; i < total(facts); i++) {
        const incident_member_t *m = member_at(facts, i);

        if (part_of(m) == part) {
            if (one) {
                return NULL;
            }
            one = m;
        }
    }
    return one;
}

static const char *what_fails(const wording_facts_t *facts)
{
    if (is_kind(facts, INCIDENT_AUTH)) {
        return "Authentication fails";
    }
    if (is_kind(facts, INCIDENT_CERTIFICATE)) {
        return "Certificate ends soon";
    }
    return words_of(shared_state(facts))->title;
}

static const char *whom(const wording_facts_t *facts, part_t part,
                        apr_pool_t *pool)
{
    const incident_member_t *one = only_one(facts, part);

    return one ? plain_line(one->monitor_name, NAME_MAX_CHARS, pool)
           : apr_psprintf(pool, "%d monitors", count_of(facts, part));
}

static const char *lead_of(const wording_facts_t *facts, apr_pool_t *pool)
{
    const incident_member_t *one = only_one(facts, FAILS);

    if (is_kind(facts, INCIDENT_AUTH)) {
        return "SPF, DKIM or DMARC of probe mails no longer passes. Others may"
               " begin to refuse your mail.";
    }
    if (is_kind(facts, INCIDENT_CERTIFICATE)) {
        return "A mail server's certificate ends soon. After that mail will be"
               " refused.";
    }
    if (!one) {
        return "These have something in common: an account, a domain or the"
               " last server seen.";
    }
    return apr_pstrcat(pool, "Mail to ", plain_line(one->recipient,
                                                    ADDRESS_CHARS, pool),
                       " ", words_of(one->state)->lead, ". Since ",
                       since_words(facts, one->failing_since, pool), ".",
                       NULL);
}

static void of_alarm(wording_t *w, const wording_facts_t *facts, int again,
                     apr_pool_t *pool)
{
    const char *what = what_fails(facts);

    w->tone = is_kind(facts, INCIDENT_DELIVERY)
              && strcmp(shared_state(facts), STATE_SPAM)
              && strcmp(shared_state(facts), STATE_SLOW) ? TONE_BAD
              : TONE_WARN;
    w->title = apr_pstrcat(pool, again ? "Still: " : "", what, ": ",
                           whom(facts, FAILS, pool), NULL);
    w->lead = lead_of(facts, pool);
    add_members(w, facts, pool);
    if (again) {
        w->note = "Acknowledge it in Mailtrack to hear no more of it until it"
                  " is over.";
    }
}

/* All that ended were paused or deleted: that is no good news. */
static int only_left(const wording_facts_t *facts)
{
    int i;

    for (i = 0; i < total(facts); i++) {
        const incident_member_t *m = member_at(facts, i);

        if (part_of(m) == GOOD && strcmp(m->state, INCIDENT_LEFT)) {
            return 0;
        }
    }
    return 1;
}

static const char *what_is_good(const wording_facts_t *facts)
{
    if (only_left(facts)) {
        return "No longer watched: ";
    }
    if (is_kind(facts, INCIDENT_AUTH)) {
        return "Authentication passes again: ";
    }
    return is_kind(facts, INCIDENT_CERTIFICATE) ? "Certificate renewed: "
           : "Arrives again: ";
}

static void of_recovery(wording_t *w, const wording_facts_t *facts,
                        apr_pool_t *pool)
{
    int left = count_of(facts, FAILS), good = count_of(facts, GOOD);
    apr_int64_t end = facts->incident->closed_at;
    const char *span = moment_span((end == STORE_NULL ? facts->now : end)
                                   - facts->incident->opened_at, pool);

    w->tone = left ? TONE_WARN : only_left(facts) ? TONE_NEWS : TONE_GOOD;
    w->title = apr_pstrcat(pool, what_is_good(facts),
                           whom(facts, GOOD, pool), left
                           ? apr_psprintf(pool, " (%d still failing)", left)
                           : "", NULL);
    w->lead = left
              ? apr_psprintf(pool, "%d of %d work again; the others still"
                             " fail.", good, good + left)
              : apr_pstrcat(pool, "It is over. It took ", span, ".", NULL);
    add_members(w, facts, pool);
}

static void of_house(wording_t *w, const wording_facts_t *facts,
                     apr_pool_t *pool)
{
    const incident_t *incident = facts->incident;
    int over = !strcmp(facts->event, EVENT_RECOVERED);
    const char *prefix = over ? "Over: "
                         : !strcmp(facts->event, EVENT_REPEAT) ? "Still: "
                         : "";

    w->tone = over ? TONE_GOOD : TONE_BAD;
    w->title = apr_pstrcat(pool, prefix, plain_line(incident->title,
                                                    WORDING_TITLE, pool),
                           NULL);
    w->lead = over ? apr_pstrcat(pool, "It took ",
                         moment_span((incident->closed_at == STORE_NULL
                                      ? facts->now : incident->closed_at)
                                     - incident->opened_at, pool), ".", NULL)
              : plain_line(incident->detail, WORDING_VALUE, pool);
    wording_add(w, over ? "Began" : "Since",
                over ? moment_local(incident->opened_at, facts->now,
                                    &facts->zone, pool)
                : since_words(facts, incident->opened_at, pool), pool);
}

void wording_of_incident(wording_t *w, const wording_facts_t *facts,
                         apr_pool_t *pool)
{
    if (is_kind(facts, INCIDENT_HOUSE) || !total(facts)) {
        of_house(w, facts, pool);
    }
    else if (!strcmp(facts->event, EVENT_RECOVERED)) {
        of_recovery(w, facts, pool);
    }
    else {
        of_alarm(w, facts, !strcmp(facts->event, EVENT_REPEAT), pool);
    }
}
