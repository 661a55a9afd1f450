/* SPDX-License-Identifier: MIT */
/*
 * The rules by which probes and monitors are judged, one by one: outcomes by
 * time and evidence, greylisting, blindness, late arrivals, alarm and recovery,
 * authentication, certificates, schedules, clocks that jump, words.
 */
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#include "decide.h"

#define S APR_INT64_C(1000000)
#define MIN (60 * S)
#define T0 APR_INT64_C(1795168800000000)

static apr_pool_t *pool;

static monitor_t monitor(void)
{
    monitor_t m;

    memset(&m, 0, sizeof(m));
    m.interval_us = 5 * MIN;
    m.retry_us = MIN;
    m.missing_us = 15 * MIN;
    m.failures_needed = 2;
    m.successes_needed = 1;
    m.alert_on = "missing,bounced,send-failed,spam,late,blind,auth,"
                 "certificate";
    m.enabled = 1;
    m.state = STATE_NEW;
    m.detail = "";
    m.auth_state = "";
    m.last_probe_at = m.last_ok_at = m.last_latency_us = m.usual_us
        = m.cert_until = STORE_NULL;
    return m;
}

static probe_t begun(apr_time_t due_at)
{
    probe_t p;

    memset(&p, 0, sizeof(p));
    p.due_at = due_at;
    p.outcome = OUTCOME_SENDING;
    p.detail = "";
    p.send_state = "";
    p.started_at = p.sent_at = p.seen_at = p.decided_at = p.latency_us
        = p.resolution_us = p.delivered_at = p.send_code = p.cert_until
        = STORE_NULL;
    return p;
}

static probe_t sent(apr_time_t due_at)
{
    probe_t p = begun(due_at);

    p.started_at = due_at;
    p.sent_at = due_at + S;
    p.send_state = "accepted";
    p.queue_id = "4XyZ";
    p.outcome = OUTCOME_SENT;
    return p;
}

static void arrive(probe_t *p, apr_int64_t after, int junk)
{
    decide_arrival_t a = { p->sent_at + after, 50000, 0, junk,
                           junk ? "Junk" : "INBOX" };

    decide_arrived(p, &a);
}

static probe_t arrived(apr_time_t due_at, apr_int64_t after)
{
    probe_t p = sent(due_at);

    arrive(&p, after, 0);
    return p;
}

static const char *outcome(const probe_t *p, apr_time_t now)
{
    monitor_t m = monitor();

    return decide_outcome(p, &m, 0, now);
}

/* -- outcomes -------------------------------------------------------------- */

static void test_arrivals(void)
{
    monitor_t m = monitor();
    probe_t p = arrived(T0, 300000);

    is_int(p.latency_us, 300000, "latency: from the final 250 to the mailbox");
    is_int(p.resolution_us, 50000, "its resolution");
    is_str(outcome(&p, T0), STATE_OK, "arrived");
    p = arrived(T0, 14 * MIN);
    is_str(outcome(&p, T0), STATE_OK, "late is never, where it is 0");
    m.late_us = 10 * S;
    is_str(decide_outcome(&p, &m, 0, T0), STATE_LATE, "later than late");
    p = arrived(T0, 10 * S);
    is_str(decide_outcome(&p, &m, 0, T0), STATE_OK, "exactly late is not");
    m = monitor();
    m.usual_us = 2 * S;
    p = arrived(T0, 7 * S);
    is_str(decide_outcome(&p, &m, 0, T0), STATE_OK, "usual + 5 s: not slow");
    p = arrived(T0, 7 * S + 1);
    is_str(decide_outcome(&p, &m, 0, T0), STATE_SLOW, "over it, and 3 times");
    m.usual_us = 10 * S;
    p = arrived(T0, 30 * S);
    is_str(decide_outcome(&p, &m, 0, T0), STATE_OK, "3 times usual: not slow");
    p = arrived(T0, 30 * S + 1);
    is_str(decide_outcome(&p, &m, 0, T0), STATE_SLOW, "over that");
    p = sent(T0);
    arrive(&p, S, 1);
    is_str(outcome(&p, T0), STATE_SPAM, "in junk");
    arrive(&p, 2 * S, 0);
    is_int(p.latency_us, S, "a second copy changes nothing");
    is_str(outcome(&p, T0), STATE_SPAM, "nothing at all");
}

static void test_order_of_news(void)
{
    decide_arrival_t early = { T0 + S, 30000, 0, 0, "INBOX" };
    probe_t p = begun(T0);

    p.started_at = T0;
    is_int(decide_arrived(&p, &early), 1, "seen before the server's reply "
           "was read");
    is_int(p.latency_us, STORE_NULL, "no latency yet");
    p.sent_at = T0 + S + 500;
    p.send_state = "accepted";
    decide_sent(&p);
    is_int(p.latency_us, 0, "and none below zero");
    is_str(outcome(&p, T0 + 2 * S), STATE_OK, "it arrived");
    p = begun(T0);
    p.started_at = T0;
    decide_arrived(&p, &early);
    is_str(outcome(&p, T0 + 2 * S), STATE_OK,
           "seen, though nobody knows that it was sent: it was");
}

static void test_waiting(void)
{
    probe_t p = sent(T0);
    monitor_t m = monitor();

    is_str(outcome(&p, T0 + 15 * MIN), OUTCOME_SENT, "waited for");
    is_int(decide_again_at(&p, &m), T0 + S + 15 * MIN, "until then");
    is_str(outcome(&p, T0 + S + 15 * MIN), STATE_MISSING,
           "counted from sent_at");
    p.outcome = STATE_MISSING;
    is_int(decide_again_at(&p, &m), 0, "no time changes what is missing");
    arrive(&p, 16 * MIN, 0);
    is_str(outcome(&p, T0 + 16 * MIN), STATE_LATE,
           "seen after it was called missing: late");
    p = sent(T0);
    p.outcome = STATE_MISSING;
    arrive(&p, 5 * MIN, 0);
    is_str(outcome(&p, T0 + 16 * MIN), STATE_LATE, "whatever its time says");
    p = sent(T0);
    p.send_state = "unknown";
    is_str(outcome(&p, T0 + MIN), OUTCOME_SENT, "no answer to the data: "
           "it may arrive");
    is_str(outcome(&p, T0 + S + 15 * MIN), STATE_MISSING, "or not");
    arrive(&p, MIN, 0);
    is_str(outcome(&p, T0), STATE_OK, "and if it does it is well");
}

static void test_blind(void)
{
    monitor_t m = monitor();
    probe_t p = sent(T0);
    apr_time_t end = T0 + S + 15 * MIN;
    decide_arrival_t found = { T0 + 3600 * S, 3600 * S,
                               T0 + 3 * S, 0, "INBOX" };

    is_str(decide_outcome(&p, &m, 1, end - 1), OUTCOME_SENT,
           "blind for now: nothing is said yet");
    is_str(decide_outcome(&p, &m, 1, end), STATE_BLIND,
           "blind when it would be missing");
    p.blind_us = 15 * MIN / 2;
    is_str(decide_outcome(&p, &m, 0, end), STATE_MISSING, "seeing half of "
           "the wait is enough");
    p.blind_us++;
    is_str(decide_outcome(&p, &m, 0, end), STATE_BLIND, "less is not");
    p.outcome = STATE_BLIND;
    is_str(decide_outcome(&p, &m, 0, end + MIN), STATE_BLIND,
           "blind stays, when sight is back and nothing is there");
    is_int(decide_again_at(&p, &m), 0, "without news");
    decide_arrived(&p, &found);
    is_int(p.latency_us, 2 * S, "found on review: latency is the server's");
    is_int(p.resolution_us, S, "to the second");
    is_str(outcome(&p, found.seen_at), STATE_OK, "so it was well");
    p = sent(T0);
    found.delivered_at = T0 - 5 * S;
    decide_arrived(&p, &found);
    is_int(p.latency_us, 0, "a server's clock that is behind: not below 0");
    p = sent(T0);
    found.delivered_at = found.seen_at + 3600 * S;
    decide_arrived(&p, &found);
    is_int(p.latency_us, found.seen_at - p.sent_at, "one that is ahead: "
           "not later than seen");
    p = sent(T0);
    found.delivered_at = T0 + 2 * S;
    found.resolution = 1000 * S;
    decide_arrived(&p, &found);
    is_int(p.latency_us, 2599 * S, "nor before the last look, whatever it "
           "says");
    is_int(p.resolution_us, 1000 * S, "and no better known than that");
    p = sent(T0);
    found.resolution = 40000;
    found.seen_at = T0 + 2 * S + 200;
    decide_arrived(&p, &found);
    is_int(p.latency_us, S + 200, "seen at once: INTERNALDATE is not asked");
}

static void test_refusals(void)
{
    static const char *const at_once[] = { "permanent", "unreachable",
        "timeout", "tls", "auth", NULL };
    monitor_t m = monitor();
    probe_t p;
    int i;

    for (i = 0; at_once[i]; i++) {
        p = begun(T0);
        p.send_state = at_once[i];
        is_str(outcome(&p, T0), STATE_SEND_FAILED, "%s", at_once[i]);
    }
    p = begun(T0);
    p.started_at = T0 + 5 * MIN;
    p.send_state = "temporary";
    is_str(outcome(&p, T0 + 15 * MIN - 1), OUTCOME_SENDING,
           "a 4xx is greylisting");
    is_int(decide_again_at(&p, &m), T0 + 15 * MIN, "for a while");
    is_str(outcome(&p, T0 + 15 * MIN), STATE_SEND_FAILED,
           "from due_at, not from the last attempt");
    p = sent(T0 + 10 * MIN);
    p.due_at = T0;
    is_str(outcome(&p, T0 + 20 * MIN), OUTCOME_SENT, "accepted in the end: "
           "waited for as any other, from then on");
    arrive(&p, S, 0);
    is_int(p.latency_us, S, "and greylisting is no latency");
    is_int(decide_retry(1, 0), 30 * S, "first retry");
    is_int(decide_retry(2, 0), 60 * S, "second");
    is_int(decide_retry(3, 0), 120 * S, "third");
    is_int(decide_retry(99, 0), 120 * S, "and all that follow");
    ok(decide_retry(1, 65535) > 37 * S && decide_retry(1, 65535) < 37.5 * S,
       "spread by a quarter");
}

static void test_bounces(void)
{
    probe_t p = sent(T0);

    p.bounce = "{\"action\":\"failed\"}";
    is_str(outcome(&p, T0 + MIN), STATE_BOUNCED, "bounced");
    p.outcome = STATE_MISSING;
    is_str(outcome(&p, T0 + 20 * MIN), STATE_BOUNCED,
           "a bounce after it was called missing says more");
    arrive(&p, S, 0);
    p.outcome = STATE_BOUNCED;
    is_str(outcome(&p, T0 + MIN), STATE_OK,
           "it arrived as well: the reader has it");
}

static void test_died(void)
{
    monitor_t m = monitor();
    probe_t p = begun(T0);

    is_str(outcome(&p, T0 + 14 * MIN), OUTCOME_SENDING,
           "a process died over it: waited for");
    is_int(decide_again_at(&p, &m), T0 + 15 * MIN, "from due_at");
    p.started_at = T0 + MIN;
    is_int(decide_again_at(&p, &m), T0 + 16 * MIN, "or started_at");
    is_str(outcome(&p, T0 + 16 * MIN), STATE_BLIND,
           "nobody knows that it was sent: that is not missing");
    ok(decide_final(STATE_BLIND) && decide_final(STATE_OK)
       && !decide_final(OUTCOME_SENT) && !decide_final(OUTCOME_SENDING),
       "what is final");
}

/* -- the monitor ----------------------------------------------------------- */

/* Decide a probe with an outcome. @return "A", "R", "s" for its news */
static const char *fate(monitor_t *m, apr_time_t due_at, const char *how)
{
    probe_t p = sent(due_at);
    decide_news_t news;

    if (!strcmp(how, STATE_OK) || !strcmp(how, STATE_SLOW)
        || !strcmp(how, STATE_LATE) || !strcmp(how, STATE_SPAM)) {
        arrive(&p, S, 0);
    }
    p.outcome = how;
    decide_monitor(&news, m, &p, due_at + S);
    return apr_pstrcat(pool, news.alarm ? "A" : "", news.recovered ? "R" : "",
                       news.state_changed ? "s" : "", NULL);
}

static void test_alarm(void)
{
    monitor_t m = monitor();

    is_str(fate(&m, T0, STATE_OK), "s", "first good one: a state");
    is_str(m.state, STATE_OK, "ok");
    is_int(m.last_ok_at, T0 + 2 * S, "last good");
    is_int(m.last_latency_us, S, "last latency");
    is_str(fate(&m, T0 + 1, STATE_MISSING), "s", "one failure is no alarm");
    is_str(m.state, STATE_MISSING, "though the state says it");
    is_int(m.failed_to, T0 + 1, "and failed_to");
    is_str(fate(&m, T0 + 2, STATE_BOUNCED), "As", "two in a row are, of "
           "whatever kind");
    is_int(m.alarmed, 1, "alarmed");
    is_str(fate(&m, T0 + 3, STATE_MISSING), "s", "a third is no second alarm");
    is_str(fate(&m, T0 + 4, STATE_OK), "Rs", "one good one ends it");
    ok(!m.alarmed && !m.failures && !m.successes, "and all counts");
    is_str(fate(&m, T0 + 5, STATE_MISSING), "s", "one failure");
    is_str(fate(&m, T0 + 6, STATE_OK), "s", "a good one between");
    is_str(fate(&m, T0 + 7, STATE_MISSING), "s", "are not two in a row");
    m.failures_needed = 1;
    m.failures = 0;
    is_str(fate(&m, T0 + 8, STATE_MISSING), "A", "one, where one is needed");
    m.successes_needed = 3;
    is_str(fate(&m, T0 + 9, STATE_OK), "s", "1 of 3");
    is_str(fate(&m, T0 + 10, STATE_SLOW), "s", "2 of 3");
    is_str(fate(&m, T0 + 11, STATE_MISSING), "s", "a failure between");
    is_str(fate(&m, T0 + 12, STATE_OK), "s", "1 of 3 again");
    is_str(fate(&m, T0 + 13, STATE_OK), "", "2 of 3");
    is_str(fate(&m, T0 + 14, STATE_OK), "R", "3 of 3");
}

static void test_old_news(void)
{
    monitor_t m = monitor();

    fate(&m, T0 + 10, STATE_OK);
    is_str(fate(&m, T0 + 5, STATE_MISSING), "",
           "missing, but a newer one arrived: history alone");
    is_str(m.state, STATE_OK, "the state stays");
    is_int(m.failures, 0, "nothing is counted");
    fate(&m, T0 + 20, STATE_MISSING);
    is_str(fate(&m, T0 + 30, STATE_MISSING), "A", "alarm");
    is_str(fate(&m, T0 + 20, STATE_LATE), "", "the first arrives, late");
    is_str(fate(&m, T0 + 30, STATE_OK), "", "the second arrives");
    ok(m.alarmed && !strcmp(m.state, STATE_MISSING),
       "that is no recovery, and missing is not erased");
    is_str(fate(&m, T0 + 31, STATE_OK), "Rs", "a newer one is");
    is_str(fate(&m, T0 + 31, STATE_OK), "", "the same one twice is not twice");
    fate(&m, T0 + 40, STATE_MISSING);
    fate(&m, T0 + 41, STATE_MISSING);
    m.failed_to = T0 + 50;
    is_str(fate(&m, T0 + 45, STATE_OK), "s",
           "not newer than the failure: no recovery");
}

static void test_alert_on(void)
{
    monitor_t m = monitor();

    m.failures_needed = 1;
    m.alert_on = "missing";
    is_str(fate(&m, T0, STATE_SPAM), "s", "spam, and nobody wants to know");
    is_str(fate(&m, T0 + 1, STATE_LATE), "s", "late, the same");
    is_int(m.failures, 0, "neither is a failure");
    is_str(fate(&m, T0 + 2, STATE_BOUNCED), "s", "bounced, the same");
    is_str(fate(&m, T0 + 3, STATE_MISSING), "As", "missing");
    is_str(fate(&m, T0 + 4, STATE_BOUNCED), "s", "not asked for, but no "
           "recovery either");
    is_str(fate(&m, T0 + 5, STATE_LATE), "Rs", "late arrived");
    m.alert_on = "missing, late";
    is_str(fate(&m, T0 + 6, STATE_LATE), "A", "late, asked for");
    ok(!decide_alerts_on(&m, "miss") && !decide_alerts_on(&m, "sing")
       && decide_alerts_on(&m, "late") && decide_alerts_on(&m, "missing"),
       "words are whole words");
    m.alert_on = "";
    ok(!decide_alerts_on(&m, "late"), "none at all");
    m.alert_on = "missing,bounced,slow";
    m.alarmed = 0;
    is_str(fate(&m, T0 + 7, STATE_SLOW), "As", "slow, if somebody insists");
}

static void test_blind_monitor(void)
{
    monitor_t m = monitor();
    decide_news_t news;
    probe_t p;

    m.alert_on = "missing";
    fate(&m, T0, STATE_OK);
    is_str(fate(&m, T0 + 1, STATE_BLIND), "s", "blind is a state of its own");
    is_str(fate(&m, T0 + 2, STATE_BLIND), "", "and no failure");
    is_int(m.failures, 0, "however often");
    fate(&m, T0 + 3, STATE_MISSING);
    is_str(fate(&m, T0 + 4, STATE_MISSING), "A", "alarm");
    is_str(fate(&m, T0 + 5, STATE_BLIND), "s", "blind is no recovery");
    is_int(m.alarmed, 1, "still alarmed");
    m = monitor();
    fate(&m, T0, STATE_BLIND);
    is_str(fate(&m, T0 + 1, STATE_BLIND), "A", "who asks is told that it is "
           "blind");
    is_str(fate(&m, T0 + 2, STATE_OK), "Rs", "and that it sees");
    m.failures_needed = 1;
    p = begun(T0 + 3);
    p.outcome = STATE_BLIND;
    decide_monitor(&news, &m, &p, T0 + 4);
    ok(!news.alarm && !m.failures, "what we died over is nobody's failure");
    m = monitor();
    decide_blind(&news, &m, "wrong password", T0);
    ok(news.state_changed && !news.alarm && !strcmp(m.state, STATE_BLIND)
       && !strcmp(m.detail, "wrong password"), "blind for a while: a state");
    decide_blind(&news, &m, "wrong password", T0 + 1);
    is_int(news.state_changed, 0, "once");
    is_str(fate(&m, T0 + 2, STATE_OK), "s", "until a probe says better");
}

static void test_paused(void)
{
    monitor_t m = monitor();
    decide_news_t news;

    m.enabled = 0;
    m.state = STATE_PAUSED;
    is_str(fate(&m, T0, STATE_MISSING), "", "switched off: history alone");
    decide_blind(&news, &m, "x", T0);
    is_int(news.state_changed, 0, "blindness is not its state either");
    is_str(m.state, STATE_PAUSED, "it is paused");
}

static void test_state_since(void)
{
    monitor_t m = monitor();

    fate(&m, T0, STATE_OK);
    is_int(m.state_since, T0 + S, "since the decision");
    fate(&m, T0 + MIN, STATE_OK);
    is_int(m.state_since, T0 + S, "and not anew");
    m.decided_to = T0 - 3600 * S;
    fate(&m, T0 - 1800 * S, STATE_MISSING);
    is_int(m.state_since, T0 + S + 1, "the order holds when the clock was "
           "set back");
}

static void auth_is(monitor_t *m, const char *verdict, const char *state,
                    int alarm, int recovered)
{
    decide_news_t news;

    decide_auth(&news, m, verdict);
    ok(news.alarm == alarm && news.recovered == recovered
       && !strcmp(m->auth_state, state), "auth \"%s\": %s%s%s", verdict,
       state, alarm ? ", alarm" : "", recovered ? ", recovered" : "");
}

static void test_auth(void)
{
    monitor_t m = monitor();

    auth_is(&m, "", "", 0, 0);
    auth_is(&m, "fail", "fail", 0, 0);
    auth_is(&m, "fail", "fail", 0, 0);
    auth_is(&m, "pass", "pass", 0, 1);
    auth_is(&m, "fail", "doubt", 0, 0);
    auth_is(&m, "", "doubt", 0, 0);
    auth_is(&m, "pass", "pass", 0, 0);
    auth_is(&m, "fail", "doubt", 0, 0);
    auth_is(&m, "fail", "fail", 1, 0);
    auth_is(&m, "fail", "fail", 0, 0);
    auth_is(&m, "pass", "pass", 0, 1);
    ok(!decide_expiring(STORE_NULL, T0) && !decide_expiring(0, T0),
       "no certificate, no worry");
    ok(decide_expiring(T0 + 14 * 86400 * S - 1, T0), "ends within 14 days");
    ok(!decide_expiring(T0 + 14 * 86400 * S, T0), "or not");
    ok(decide_expiring(T0 - 1, T0), "has ended");
}

/* -- time ------------------------------------------------------------------ */

static void test_next(void)
{
    monitor_t m = monitor();

    is_int(decide_next(&m, T0, T0 + S, 32768), T0 + 5 * MIN,
           "an interval later");
    is_int(decide_next(&m, T0, T0 + S, 0), T0 + 5 * MIN - 15 * S,
           "spread below");
    ok(decide_next(&m, T0, T0 + S, 65535) < T0 + 5 * MIN + 15 * S,
       "and above");
    m.failures = 1;
    is_int(decide_next(&m, T0, T0 + S, 32768), T0 + MIN, "sooner while it "
           "fails");
    m.failures = 0;
    m.alarmed = 1;
    is_int(decide_next(&m, T0, T0 + S, 32768), T0 + MIN, "or is alarmed");
    m.retry_us = 10 * MIN;
    is_int(decide_next(&m, T0, T0 + S, 32768), T0 + 5 * MIN,
           "never less often than else");
    m = monitor();
    is_int(decide_next(&m, T0 - 86400 * S, T0, 0), T0,
           "a day was missed: one now, and no burst");
    is_int(decide_next(&m, T0, T0, 32768), T0 + 5 * MIN, "then as ever");
    is_int(decide_next(&m, T0 + 86400 * S, T0, 32768), T0 + 5 * MIN,
           "the clock went back a day: an interval from now");
}

static void test_clock(void)
{
    monitor_t m = monitor();

    m.next_at = T0 + 5 * MIN;
    m.decided_to = m.failed_to = T0;
    is_int(decide_clock(&m, T0), 0, "a clock that is right");
    m.next_at = m.decided_to = m.failed_to = T0 + 86400 * S;
    is_int(decide_clock(&m, T0), 1, "set back by a day");
    ok(m.next_at <= T0 + 5 * MIN + 30 * S, "the next probe does not wait");
    is_str(fate(&m, T0 + 1, STATE_OK), "s", "and is judged");
}

static void test_told_within(void)
{
    monitor_t m = monitor();

    m.failures_needed = 1;
    is_int(decide_told_within(&m, 30 * S),
           5 * MIN + 15 * S + 15 * MIN + 30 * S, "one failure: an interval, "
           "the wait, the gathering");
    m.failures_needed = 2;
    is_int(decide_told_within(&m, 30 * S),
           2 * (5 * MIN + 15 * S) + 15 * MIN + 30 * S,
           "two: the next was on its way already");
    m.missing_us = MIN;
    is_int(decide_told_within(&m, 30 * S),
           5 * MIN + 15 * S + MIN + MIN + 3 * S + MIN + 30 * S,
           "two, known soon: the retry, and its wait");
}

/* -- words ----------------------------------------------------------------- */

static void where_is(probe_t *p, const char *how, const char *want)
{
    p->outcome = how;
    is_str(decide_where(p, pool), want, "words: %s", want);
}

static void test_where(void)
{
    probe_t p = sent(T0);

    where_is(&p, OUTCOME_SENT, "accepted as 4XyZ, not seen yet");
    where_is(&p, STATE_MISSING, "accepted as 4XyZ, then unseen");
    where_is(&p, STATE_BLIND,
             "accepted as 4XyZ, but the mailbox could not be seen");
    where_is(&p, STATE_BOUNCED, "bounced");
    p.bounce = "{\"remote_mta\":\"mx.example\",\"diagnostic\":\"550 no\"}";
    where_is(&p, STATE_BOUNCED, "bounced by mx.example: 550 no");
    p.bounce = "{\"reporting_mta\":\"out.example\",\"status\":\"5.1.1\"}";
    where_is(&p, STATE_BOUNCED, "bounced by out.example: 5.1.1");
    p.bounce = "no JSON";
    where_is(&p, STATE_BOUNCED, "bounced");
    p.queue_id = "";
    where_is(&p, STATE_MISSING, "accepted, then unseen");
    p.send_state = "unknown";
    where_is(&p, STATE_MISSING,
             "handed over without an answer, then unseen");
    p = begun(T0);
    where_is(&p, OUTCOME_SENDING, "being sent");
    where_is(&p, STATE_BLIND,
             "mailprobe ended while it was sent, and it was not seen");
    p.send_state = "permanent";
    p.send_phase = "rcpt";
    p.send_reply = "550 5.1.1 no such user";
    where_is(&p, STATE_SEND_FAILED,
             "refused at rcpt: 550 5.1.1 no such user");
    p.send_state = "auth";
    where_is(&p, STATE_SEND_FAILED, "sign-in failed: 550 5.1.1 no such user");
    p.send_state = "temporary";
    where_is(&p, OUTCOME_SENDING,
             "put off, will be tried again: 550 5.1.1 no such user");
    p.send_reply = NULL;
    where_is(&p, STATE_SEND_FAILED, "put off until time ran out at rcpt");
    p = arrived(T0, 345678);
    where_is(&p, STATE_OK, "arrived after 0.35 s");
    p = arrived(T0, 9996000);
    where_is(&p, STATE_OK, "arrived after 10 s");
    p = arrived(T0, 185 * S);
    where_is(&p, STATE_LATE, "arrived after 3 min 5 s");
    p = arrived(T0, 7800 * S);
    where_is(&p, STATE_LATE, "arrived after 2 h 10 min");
    p = sent(T0);
    arrive(&p, S, 1);
    where_is(&p, STATE_SPAM, "arrived after 1.00 s, in junk (Junk)");
    p = begun(T0);
    p.seen_at = T0;
    where_is(&p, STATE_OK, "arrived");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_arrivals();
    test_order_of_news();
    test_waiting();
    test_blind();
    test_refusals();
    test_bounces();
    test_died();
    test_alarm();
    test_old_news();
    test_alert_on();
    test_blind_monitor();
    test_paused();
    test_state_since();
    test_auth();
    test_next();
    test_clock();
    test_told_within();
    test_where();
    apr_terminate();
    return done_testing();
}
