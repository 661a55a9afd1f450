/* SPDX-License-Identifier: MIT */
/*
 * What a probe's fate means: its outcome, the monitor's state, and whether
 * somebody must be told. Pure: time and history are passed in, nothing is read
 * or written, so every rule has a unit test. Any thread.
 */
#ifndef MAILPROBE_DECIDE_H
#define MAILPROBE_DECIDE_H

#include "monitors.h"
#include "probes.h"

/** A certificate that ends within this is an incident. */
#define DECIDE_CERTIFICATE apr_time_from_sec(14 * 86400)

/* -- one probe ----------------------------------------------------------- */

/** A copy of the probe's mail seen in a mailbox. */
typedef struct decide_arrival_t {
    apr_time_t seen_at;         /* when we were told */
    apr_interval_time_t resolution;     /* it came at most this much before */
    apr_time_t delivered_at;    /* INTERNALDATE, whole seconds; 0: unknown */
    int junk;
    const char *folder;
} decide_arrival_t;

/**
 * Note an arrival: seen_at, latency, resolution, folder, and "spam" as outcome
 * where it lies in junk. Latency is by seen_at; where we looked more than a
 * second late (after blindness, a restart), by INTERNALDATE as far as that can
 * be right.
 * @return 0: a copy was seen before, and nothing changes
 */
int decide_arrived(probe_t *probe, const decide_arrival_t *arrival);

/** The end of sending is known: sent_at is there, and an arrival that was seen
 * before it gets its latency. */
void decide_sent(probe_t *probe);

/**
 * The outcome of a probe at a time, by what is known of it (sent or refused,
 * seen, where, bounced, time we were blind): an outcome of probes.h; "sending"
 * and "sent" while it is too early to say. A temporary refusal (4xx) is
 * greylisting until missing_us has passed: "sending" while it is tried again.
 * A bounce counts when it is in probe->bounce: failed ones alone belong there.
 * @param blind the mailbox cannot be seen at this moment
 */
const char *decide_outcome(const probe_t *probe, const monitor_t *monitor,
                           int blind, apr_time_t now);

/** Is it one that ends a probe (not "sending", "sent")? */
int decide_final(const char *outcome);

/** When decide_outcome may say something else without news; 0: never. */
apr_time_t decide_again_at(const probe_t *probe, const monitor_t *monitor);

/** After a temporary refusal: how long until the next attempt, so many have
 * been made (>= 1). 30 s, doubled up to 2 min, and up to a quarter more by
 * spread (0..65535). */
apr_interval_time_t decide_retry(int attempts, unsigned int spread);

/* -- the monitor ---------------------------------------------------------- */

typedef struct decide_news_t {
    int alarm;                  /* it goes off now */
    int recovered;              /* it is over now */
    int state_changed;
} decide_news_t;

/**
 * A decided probe (or one whose outcome was corrected): writes state, counts,
 * decided_to, last_* into monitor; detail is probe's. A probe not newer than
 * the newest decided one corrects history and never the state; one that is not
 * newer than the failure is no recovery. Blind is no success, and a failure
 * only for those who want to be told of it (alert_on); that nobody knows
 * whether a probe was sent (we died over it) is neither. A monitor that is
 * switched off keeps its state.
 */
void decide_monitor(decide_news_t *news, monitor_t *monitor,
                    const probe_t *probe, apr_time_t now);

/** Its mailbox has not been seen for a while: STATE_BLIND, until the next
 * decided probe. Nobody is told by this: blind probes do that. */
void decide_blind(decide_news_t *news, monitor_t *monitor, const char *words,
                  apr_time_t now);

/** An arrived probe's headers_verdict. From pass to fail, twice in a row, is
 * an alarm; a pass ends it; "" changes nothing. auth_state is "doubt" after
 * the first. */
void decide_auth(decide_news_t *news, monitor_t *monitor,
                 const char *verdict);

/** Does the server's certificate end within DECIDE_CERTIFICATE? 0 also where
 * none is known (STORE_NULL). */
int decide_expiring(apr_int64_t cert_until, apr_time_t now);

/** Is a word ("missing", "auth") in alert_on? */
int decide_alerts_on(const monitor_t *monitor, const char *word);

/* -- time ----------------------------------------------------------------- */

/** When the next probe is due: interval, or retry while failing; spread by
 * spread (0..65535 of 65536ths of a tenth of it, around it). Counted from
 * due_at, but never in the past: what was missed while we were not there is
 * not made up for. */
apr_time_t decide_next(const monitor_t *monitor, apr_time_t due_at,
                       apr_time_t now, unsigned int spread);

/** The wall clock was set back: what the monitor has of the future is brought
 * to now, so that it neither waits for it nor takes new probes for old ones.
 * @return 1: something was */
int decide_clock(monitor_t *monitor, apr_time_t now);

/** "You will be told within": worst case, microseconds, for the form. */
apr_interval_time_t decide_told_within(const monitor_t *monitor,
                                       apr_interval_time_t gather);

/* -- words ---------------------------------------------------------------- */

/** Where the mail stopped, in one sentence for a phone: "refused at rcpt: 550
 * ...", "accepted as 4XyZ, then unseen", "in junk", "bounced by ...". In
 * decide_where.c. */
const char *decide_where(const probe_t *probe, apr_pool_t *pool);

#endif
