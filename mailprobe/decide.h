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

/**
 * The outcome of a probe at a time, by what is known of it (sent or refused,
 * seen, where, bounced, time we were blind): an outcome of probes.h; "sending"
 * and "sent" while it is too early to say. A temporary refusal (4xx) is
 * greylisting until missing_us has passed: "sending" while it is tried again.
 */
const char *decide_outcome(const probe_t *probe, const monitor_t *monitor,
                           apr_time_t now);

/** When decide_outcome may say something else without news; 0: never. */
apr_time_t decide_again_at(const probe_t *probe, const monitor_t *monitor);

typedef struct decide_news_t {
    int alarm;                  /* it goes off now */
    int recovered;              /* it is over now */
    int state_changed;
} decide_news_t;

/**
 * A decided probe (or one whose outcome was corrected): writes state, counts,
 * decided_to, last_* into monitor. A probe older than the newest decided one
 * corrects history and never the state; one that is not newer than the failure
 * is no recovery. Blind is a state of its own: neither failure nor success.
 */
void decide_monitor(decide_news_t *news, monitor_t *monitor,
                    const probe_t *probe, apr_time_t now);

/** When the next probe is due: interval, or retry while failing; spread by
 * spread (0..65535 of 65536ths of a tenth of the interval). Counted from
 * due_at, but never in the past: what was missed while we were not there is
 * not made up for. */
apr_time_t decide_next(const monitor_t *monitor, apr_time_t due_at,
                       apr_time_t now, unsigned int spread);

/** "You will be told within": worst case, microseconds, for the form. */
apr_interval_time_t decide_told_within(const monitor_t *monitor,
                                       apr_interval_time_t gather);

/** Where the mail stopped, in one sentence for a phone: "refused at RCPT: 550
 * ...", "accepted as 4XyZ, then unseen", "in junk", "bounced by ...". */
const char *decide_where(const probe_t *probe, apr_pool_t *pool);

#endif
