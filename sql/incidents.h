/* SPDX-License-Identifier: MIT */
/*
 * Incidents: what is wrong, told once however many monitors it hits. Failures
 * that begin within two minutes and share an account, a domain or a last hop
 * are one. Each call joins the caller's transaction (calls that write want
 * one), and puts the outbox rows it causes there in the same one.
 */
#ifndef MAILTRACK_INCIDENTS_H
#define MAILTRACK_INCIDENTS_H

#include <apr_tables.h>

#include "monitors.h"
#include "store.h"

#define INCIDENT_DELIVERY    "delivery"
#define INCIDENT_AUTH        "auth"
#define INCIDENT_CERTIFICATE "certificate"
#define INCIDENT_HOUSE       "house"    /* drain, spool, places ... */

/** After the first failure others may join it for so long. */
#define INCIDENT_JOIN apr_time_from_sec(120)
/** Repeats so many seconds after the message before, the last one for ever,
 * until acknowledged. */
#define INCIDENT_REPEATS { 3600, 4 * 3600, 24 * 3600 }
/** State of a member whose monitor was paused or deleted, not mended. */
#define INCIDENT_LEFT "paused"

typedef struct incident_t {
    apr_int64_t id;
    const char *public_id;
    const char *kind;
    const char *subject;
    const char *title;
    const char *detail;
    apr_int64_t opened_at;
    apr_int64_t closed_at;      /* STORE_NULL: open */
    apr_int64_t acked_at;       /* STORE_NULL: not */
    const char *acked_by;
    int muted;
    apr_int64_t told;
    apr_int64_t repeat_at;
    apr_int64_t updated_at;
} incident_t;

typedef struct incident_member_t {
    apr_int64_t monitor_id;
    const char *monitor_public_id;
    const char *monitor_name;
    const char *recipient;
    apr_int64_t joined_at;
    apr_int64_t failing_since;
    const char *state;
    const char *detail;
    const char *last_hop;
    apr_int64_t last_ok_at;
    apr_int64_t recovered_at;   /* STORE_NULL: still failing */
    int quiet;                  /* muted or in maintenance: not to be told */
} incident_member_t;

/**
 * A monitor's alarm goes off: it joins the open incident of this kind that
 * began (or whose failures began) within INCIDENT_JOIN and that it shares
 * something with, or opens one. Of a monitor that is in one already state and
 * detail are refreshed, and one that was quiet is told when it no longer is
 * (incidents_repeat does the same by itself).
 * Outbox rows: `alarm:ID` of a new one, `alarm:ID:MONITOR` of one that joined
 * after that was dispatched.
 * @param gather the outbox row of a new one waits so long for others
 * @param quiet  it is muted or in maintenance: an incident, but no message
 */
typedef struct incident_alarm_t {
    const char *kind;
    const monitor_t *monitor;
    apr_int64_t failing_since;
    const char *state;
    const char *detail;         /* where the mail stopped */
    const char *last_hop;       /* "" where unknown */
    apr_interval_time_t gather;
    int quiet;
} incident_alarm_t;
apr_status_t incidents_raise(store_t *store, const incident_alarm_t *alarm,
                             apr_time_t now, apr_pool_t *pool);

/** A monitor works again: noted on every open incident of that kind it is in;
 * the last member closes it. Recovery is said to whom the alarm was said
 * (`recovered:ID:N`, see outbox_told); an alarm that was not dispatched yet is
 * taken back when all is well. What still waits of a closed one expires. */
apr_status_t incidents_recover(store_t *store, const char *kind,
                               const monitor_t *monitor,
                               apr_interval_time_t gather, apr_time_t now,
                               apr_pool_t *pool);

/** A monitor is paused or goes: its members end as INCIDENT_LEFT. */
apr_status_t incidents_leave(store_t *store, apr_int64_t monitor_id,
                             apr_time_t now, apr_pool_t *pool);

/** The house: open (once) or refresh the one of this subject ("drain", "spool",
 * "places", "httpd", "channel:NAME"), and close it. */
apr_status_t incidents_house(store_t *store, const char *subject,
                             const char *title, const char *detail,
                             apr_time_t now, apr_pool_t *pool);
apr_status_t incidents_house_over(store_t *store, const char *subject,
                                  apr_time_t now, apr_pool_t *pool);

/** Put the repeats that are due into the outbox, and alarms of members that
 * were quiet and no longer are (mute over, window over). A repeat waits while
 * all who still fail are quiet. Often is cheap: open incidents alone are read.
 * Outside of a transaction it makes one of its own. */
apr_status_t incidents_repeat(store_t *store, apr_time_t now,
                              apr_pool_t *pool);

apr_status_t incidents_get(incident_t **incident, store_t *store,
                           const char *public_id, apr_pool_t *pool);
apr_status_t incidents_by_id(incident_t **incident, store_t *store,
                             apr_int64_t id, apr_pool_t *pool);
/** Newest first. @param open 1: open ones alone, 0: closed, -1: all
 * @param before id to go on below, STORE_NULL: from the newest */
apr_status_t incidents_page(apr_array_header_t **list, store_t *store,
                            int open, apr_int64_t before, int limit,
                            apr_pool_t *pool);
/** @param list of incident_member_t */
apr_status_t incidents_members(apr_array_header_t **list, store_t *store,
                               apr_int64_t id, apr_pool_t *pool);

/** By people. Acknowledged: no more repeats. Muted: no message but recovery. */
apr_status_t incidents_acknowledge(store_t *store, apr_int64_t id,
                                   const char *who, apr_time_t now);
apr_status_t incidents_mute(store_t *store, apr_int64_t id, int muted,
                            apr_time_t now);

#endif
