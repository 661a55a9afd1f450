/* SPDX-License-Identifier: MIT */
/*
 * The rules. Everything that would make a monitor lie is decided here: an
 * unreachable mailbox is not a lost mail, an old mail is no recovery, a server
 * that asks to come again is no failure. Pure; any thread.
 */
#include "decide.h"

#include <string.h>

#define SECOND APR_INT64_C(1000000)
#define SLOW_MORE (5 * SECOND)
#define SLOW_TIMES 3

static int is(const char *a, const char *b)
{
    return !strcmp(a, b);
}

static int known(apr_int64_t value)
{
    return value != STORE_NULL;
}

/* -- one probe ------------------------------------------------------------- */

/* From when on it is waited for. */
static apr_time_t waits_since(const probe_t *probe)
{
    if (known(probe->sent_at)) {
        return probe->sent_at;
    }
    return known(probe->started_at) ? probe->started_at : probe->due_at;
}

/* INTERNALDATE is cut to the second and comes from another clock: it cannot
 * put the arrival out of the time we know it happened in. */
static apr_time_t arrived_at(const probe_t *probe)
{
    apr_time_t at = probe->seen_at;

    if (known(probe->resolution_us) && probe->resolution_us > SECOND
        && known(probe->delivered_at) && probe->delivered_at < at) {
        apr_time_t earliest = at - probe->resolution_us;

        at = probe->delivered_at > earliest ? probe->delivered_at : earliest;
    }
    return at;
}

static void take_latency(probe_t *probe)
{
    apr_time_t at = arrived_at(probe);

    if (!known(probe->sent_at)) {
        return;
    }
    /* a fast mailbox is heard before the server's reply is read */
    probe->latency_us = at > probe->sent_at ? at - probe->sent_at : 0;
    if (at != probe->seen_at && at == probe->delivered_at) {
        probe->resolution_us = SECOND;
    }
}

int decide_arrived(probe_t *probe, const decide_arrival_t *arrival)
{
    if (known(probe->seen_at)) {
        return 0;
    }
    probe->seen_at = arrival->seen_at;
    probe->resolution_us = arrival->resolution;
    probe->delivered_at = arrival->delivered_at ? arrival->delivered_at
                                                : STORE_NULL;
    probe->folder = arrival->folder;
    if (arrival->junk) {
        probe->outcome = STATE_SPAM;
    }
    take_latency(probe);
    return 1;
}

void decide_sent(probe_t *probe)
{
    if (known(probe->seen_at) && !known(probe->latency_us)) {
        take_latency(probe);
    }
}

static const char *outcome_seen(const probe_t *probe, const monitor_t *m)
{
    apr_int64_t latency = known(probe->latency_us) ? probe->latency_us
                          : arrived_at(probe) - waits_since(probe);

    if (is(probe->outcome, STATE_SPAM)) {
        return STATE_SPAM;
    }
    if (is(probe->outcome, STATE_MISSING) || latency > m->missing_us
        || (m->late_us && latency > m->late_us)) {
        return STATE_LATE;
    }
    if (known(m->usual_us) && latency > m->usual_us * SLOW_TIMES
        && latency > m->usual_us + SLOW_MORE) {
        return STATE_SLOW;
    }
    return STATE_OK;
}

/* Not seen, not bounced, and not refused. */
static const char *outcome_awaited(const probe_t *probe, const monitor_t *m,
                                   int blind, apr_time_t now)
{
    int sent = known(probe->sent_at);

    if (is(probe->outcome, STATE_BLIND) || is(probe->outcome, STATE_MISSING)) {
        return probe->outcome;
    }
    if (now < waits_since(probe) + m->missing_us) {
        return sent ? OUTCOME_SENT : OUTCOME_SENDING;
    }
    /* what nobody knows to have been sent says nothing of the route */
    return !sent || blind || probe->blind_us > m->missing_us / 2
           ? STATE_BLIND : STATE_MISSING;
}

const char *decide_outcome(const probe_t *probe, const monitor_t *monitor,
                           int blind, apr_time_t now)
{
    const char *sending = probe->send_state;

    if (known(probe->seen_at)) {
        return outcome_seen(probe, monitor);
    }
    if (probe->bounce) {
        return STATE_BOUNCED;
    }
    if (is(sending, "temporary")) {
        return now < probe->due_at + monitor->missing_us ? OUTCOME_SENDING
                                                         : STATE_SEND_FAILED;
    }
    if (*sending && !is(sending, "accepted") && !is(sending, "unknown")) {
        return STATE_SEND_FAILED;
    }
    return outcome_awaited(probe, monitor, blind, now);
}

int decide_final(const char *outcome)
{
    return !is(outcome, OUTCOME_SENDING) && !is(outcome, OUTCOME_SENT);
}

apr_time_t decide_again_at(const probe_t *probe, const monitor_t *monitor)
{
    if (decide_final(decide_outcome(probe, monitor, 0, 0))) {
        return 0;
    }
    return monitor->missing_us + (is(probe->send_state, "temporary")
                                  ? probe->due_at : waits_since(probe));
}

apr_interval_time_t decide_retry(int attempts, unsigned int spread)
{
    apr_interval_time_t wait = 30 * SECOND << (attempts < 3 ? attempts - 1
                                                            : 2);

    return wait + wait / 4 * (spread & 0xffff) / 65536;
}

/* -- the monitor ----------------------------------------------------------- */

int decide_alerts_on(const monitor_t *monitor, const char *word)
{
    apr_size_t len = strlen(word);
    const char *at = monitor->alert_on;

    while (*at) {
        at += strspn(at, ", ");
        if (!strncmp(at, word, len) && (!at[len] || strchr(", ", at[len]))) {
            return 1;
        }
        at += strcspn(at, ", ");
    }
    return 0;
}

static int is_failure(const monitor_t *m, const probe_t *probe)
{
    if (is(probe->outcome, STATE_BLIND) && !known(probe->sent_at)) {
        return 0;
    }
    return decide_alerts_on(m, probe->outcome);
}

/* Late and spam arrived: good enough for those who do not ask to be told. */
static int is_success(const monitor_t *m, const probe_t *probe)
{
    return is(probe->outcome, STATE_OK) || is(probe->outcome, STATE_SLOW)
           || ((is(probe->outcome, STATE_LATE)
                || is(probe->outcome, STATE_SPAM))
               && !decide_alerts_on(m, probe->outcome));
}

static void set_state(decide_news_t *news, monitor_t *m, const char *state,
                      const char *detail, apr_time_t now)
{
    if (!is(m->state, state)) {
        news->state_changed = 1;
        /* the history of states is in order, whatever the clock does */
        m->state_since = now > m->state_since ? now : m->state_since + 1;
    }
    m->state = state;
    m->detail = detail;
}

static void count_failure(decide_news_t *news, monitor_t *m,
                          const probe_t *probe)
{
    m->failures++;
    m->successes = 0;
    m->failed_to = probe->due_at;
    if (!m->alarmed && m->failures >= m->failures_needed) {
        m->alarmed = 1;
        news->alarm = 1;
    }
}

static void count_success(decide_news_t *news, monitor_t *m,
                          const probe_t *probe)
{
    if (!m->alarmed) {
        m->failures = 0;
        return;
    }
    if (probe->due_at > m->failed_to
        && ++m->successes >= m->successes_needed) {
        m->alarmed = 0;
        m->failures = 0;
        m->successes = 0;
        news->recovered = 1;
    }
}

void decide_monitor(decide_news_t *news, monitor_t *m, const probe_t *probe,
                    apr_time_t now)
{
    memset(news, 0, sizeof(*news));
    if (known(probe->seen_at) && !is(probe->outcome, STATE_SPAM)
        && (!known(m->last_ok_at) || m->last_ok_at < arrived_at(probe))) {
        m->last_ok_at = arrived_at(probe);
    }
    if (!m->enabled || probe->due_at <= m->decided_to) {
        return;
    }
    m->decided_to = probe->due_at;
    if (known(probe->latency_us)) {
        m->last_latency_us = probe->latency_us;
    }
    set_state(news, m, probe->outcome, probe->detail, now);
    if (is_failure(m, probe)) {
        count_failure(news, m, probe);
    } else if (is_success(m, probe)) {
        count_success(news, m, probe);
    }
}

void decide_blind(decide_news_t *news, monitor_t *m, const char *words,
                  apr_time_t now)
{
    memset(news, 0, sizeof(*news));
    if (m->enabled) {
        set_state(news, m, STATE_BLIND, words, now);
    }
}

void decide_auth(decide_news_t *news, monitor_t *m, const char *verdict)
{
    memset(news, 0, sizeof(*news));
    if (!*verdict) {
        return;
    }
    if (is(verdict, "pass")) {
        news->recovered = is(m->auth_state, "fail");
        m->auth_state = "pass";
    } else if (is(m->auth_state, "pass")) {
        m->auth_state = "doubt";
    } else if (is(m->auth_state, "doubt")) {
        m->auth_state = "fail";
        news->alarm = 1;
    } else {
        m->auth_state = "fail";     /* it never was any better */
    }
}

int decide_expiring(apr_int64_t cert_until, apr_time_t now)
{
    return known(cert_until) && cert_until > 0
           && cert_until - now < DECIDE_CERTIFICATE;
}

/* -- time ------------------------------------------------------------------ */

static apr_interval_time_t interval_now(const monitor_t *m)
{
    return (m->failures > 0 || m->alarmed) && m->retry_us < m->interval_us
           ? m->retry_us : m->interval_us;
}

apr_time_t decide_next(const monitor_t *monitor, apr_time_t due_at,
                       apr_time_t now, unsigned int spread)
{
    apr_interval_time_t interval = interval_now(monitor);
    apr_interval_time_t share = interval / 10 * (spread & 0xffff) / 65536;
    apr_time_t next;

    if (due_at > now) {
        due_at = now;           /* the clock was set back */
    }
    next = due_at + interval - interval / 20 + share;
    return next < now ? now + share : next;
}

int decide_clock(monitor_t *m, apr_time_t now)
{
    /* a tenth is decide_next's own */
    apr_time_t latest = now + m->interval_us + m->interval_us / 10;
    int changed = 0;

    if (m->next_at > latest) {
        m->next_at = latest;
        changed = 1;
    }
    if (m->decided_to > now) {
        m->decided_to = now;
        changed = 1;
    }
    if (m->failed_to > now) {
        m->failed_to = now;
        changed = 1;
    }
    return changed;
}

/* The mail breaks just after a probe left: the next one is first to fail. Those
 * that left while it was waited for fail after it, an interval apart; what
 * leaves once it is known to fail is a retry apart. */
apr_interval_time_t decide_told_within(const monitor_t *m,
                                       apr_interval_time_t gather)
{
    apr_interval_time_t interval = m->interval_us + m->interval_us / 20;
    apr_interval_time_t retry = m->retry_us < m->interval_us
        ? m->retry_us + m->retry_us / 20 : interval;
    apr_interval_time_t first = interval + m->missing_us;
    apr_interval_time_t sent = interval;
    int n;

    for (n = 1; n < m->failures_needed; n++) {
        if (sent + interval <= first) {
            sent += interval;
        } else if (sent < first) {
            /* already on its way by the longer interval, or the first of the
             * shorter, whichever is sooner */
            sent = sent + interval < first + retry ? sent + interval
                                                   : first + retry;
        } else {
            sent += retry;
        }
    }
    return sent + m->missing_us + gather;
}
