/* SPDX-License-Identifier: MIT */
/*
 * Monitors: a route that probe mails travel, what people have set for it, and
 * what mailprobe knows of it. People's part is written by the API (and by
 * mailprobe for those declared in mailprobe.yaml), the state by mailprobe
 * alone. Times are microseconds, UTC; durations are microseconds.
 */
#ifndef MAILTRACK_MONITORS_H
#define MAILTRACK_MONITORS_H

#include <apr_tables.h>

#include "store.h"

#define MONITOR_NAME_MAX 128

/* States of a monitor: those of its last decided probes, or why there are
 * none. */
#define STATE_NEW         "new"         /* nothing decided yet */
#define STATE_OK          "ok"
#define STATE_SLOW        "slow"        /* over its own usual */
#define STATE_LATE        "late"        /* over late_us */
#define STATE_MISSING     "missing"
#define STATE_SPAM        "spam"        /* arrived, in junk */
#define STATE_BOUNCED     "bounced"
#define STATE_SEND_FAILED "send-failed"
#define STATE_BLIND       "blind"       /* the mailbox cannot be watched */
#define STATE_PAUSED      "paused"      /* enabled is 0 */

typedef struct monitor_t {
    apr_int64_t id;
    const char *public_id;
    const char *name;
    const char *recipient;
    const char *domain;
    const char *send_account;
    const char *watch_account;
    apr_int64_t interval_us;
    apr_int64_t retry_us;
    apr_int64_t late_us;        /* 0: never late */
    apr_int64_t missing_us;
    int failures_needed;
    int successes_needed;
    const char *alert_on;       /* "missing,bounced,..." */
    int keep_mail;
    int enabled;
    int declared;
    apr_int64_t muted_until;    /* STORE_NULL: not */
    apr_int64_t probe_asked_at; /* STORE_NULL: not */
    apr_int64_t created_at;
    apr_int64_t updated_at;
    /* what mailprobe knows */
    const char *state;
    apr_int64_t state_since;
    const char *detail;
    apr_int64_t failures;
    apr_int64_t successes;
    int alarmed;
    apr_int64_t decided_to;
    apr_int64_t failed_to;
    apr_int64_t next_at;
    apr_int64_t last_probe_at;  /* STORE_NULL where none, and so below */
    apr_int64_t last_ok_at;
    apr_int64_t last_latency_us;
    apr_int64_t usual_us;
    const char *auth_state;     /* "pass", "fail", "doubt" (it failed
                                 * once), "" */
    apr_int64_t cert_until;
} monitor_t;

/** Defaults of the design: 5 min, 1 min while failing, late never, missing
 * after 15 min, 2 failures, 1 success, alerts on missing, bounced,
 * send-failed, spam, late, blind, auth and certificate; enabled. Strings are
 * constants. */
void monitors_default(monitor_t *m);

/**
 * New: sets id, public_id (where it is NULL), recipient and domain as kept.
 * Checks what it can (name, recipient an address, accounts published unless it
 * is declared, durations in range: interval and retry 10 s to 24 h, missing
 * 30 s to 24 h and above late).
 * @return APR_EINVAL with store_error() that begins with the field's API name
 *         and a colon ("recipient: ..."); STORE_ECONFLICT: name is taken
 */
apr_status_t monitors_add(store_t *store, monitor_t *m, apr_time_t now,
                          apr_pool_t *pool);

/** Change people's part of the one with m->id; errors as monitors_add. A change
 * of route or thresholds starts its counting of failures anew; switching it off
 * makes it STATE_PAUSED, closes what it had open, on makes it STATE_NEW. */
apr_status_t monitors_update(store_t *store, const monitor_t *m,
                             apr_time_t now, apr_pool_t *pool);

/** With its probes, rollups and states; what it had open is closed first.
 * APR_NOTFOUND. */
apr_status_t monitors_remove(store_t *store, apr_int64_t id);

/** By public id. APR_NOTFOUND. */
apr_status_t monitors_get(monitor_t **m, store_t *store,
                          const char *public_id, apr_pool_t *pool);

/** By integer id. APR_NOTFOUND. */
apr_status_t monitors_by_id(monitor_t **m, store_t *store, apr_int64_t id,
                            apr_pool_t *pool);

/** All, by name. @param list of monitor_t, in pool */
apr_status_t monitors_list(apr_array_header_t **list, store_t *store,
                           apr_pool_t *pool);

/** A number that changes when people's part of any monitor (or a window, or a
 * toggle) has: mailprobe asks each second, one small read. */
apr_status_t monitors_edition(apr_int64_t *edition, store_t *store);

/** Make those declared in the configuration (by name) be as it says: added,
 * changed, and, when no longer declared, given over to people (declared 0,
 * enabled 0). @param declared of monitor_t */
apr_status_t monitors_declare(store_t *store,
                              const apr_array_header_t *declared,
                              apr_time_t now, apr_pool_t *pool);

/** "Probe now": noted; mailprobe sees it within a second or so. APR_NOTFOUND:
 * no such monitor, or it is paused. */
apr_status_t monitors_ask(store_t *store, apr_int64_t id, apr_time_t now);

/** Those asked for and not yet noted: ids (apr_int64_t), a small read. */
apr_status_t monitors_asked(apr_array_header_t **ids, store_t *store,
                            apr_pool_t *pool);

/** Write mailprobe's part of m, a monitor_states row when the state differs
 * from the stored one, and clear probe_asked_at where it is <= asked
 * (STORE_NULL: leave it). Joins the caller's transaction.
 * @return STORE_ECONFLICT: people have changed the monitor since m was read
 *         (updated_at differs), nothing is written; APR_NOTFOUND: it is gone */
apr_status_t monitors_note(store_t *store, const monitor_t *m,
                           apr_int64_t asked, apr_time_t now);

/** A mailprobe takes up a monitor: when its next probe is overdue by more than
 * five minutes, nobody was there, and history says so: blind from then to now,
 * the state itself is what it was. Joins the caller's transaction. */
apr_status_t monitors_unwatched(store_t *store, const monitor_t *m,
                                apr_time_t now);

/* -- toggles per channel -------------------------------------------------- */

/** Channels switched off for a monitor: names (const char *). */
apr_status_t monitors_channels_off(apr_array_header_t **names, store_t *store,
                                   apr_int64_t id, apr_pool_t *pool);
apr_status_t monitors_channel_set(store_t *store, apr_int64_t id,
                                  const char *channel, int enabled);

/* -- maintenance windows -------------------------------------------------- */

typedef struct window_t {
    apr_int64_t id;
    apr_int64_t monitor_id;     /* STORE_NULL: all */
    const char *note;
    apr_int64_t starts_at;      /* once; STORE_NULL: weekly */
    apr_int64_t ends_at;
    int weekdays;               /* bit 0 is Monday */
    int from_minute;            /* of the local day */
    int to_minute;              /* exclusive; <= from: into the next day */
    const char *tz;
} window_t;

apr_status_t windows_add(store_t *store, window_t *window, apr_time_t now);
apr_status_t windows_remove(store_t *store, apr_int64_t id);
/** All that have not ended. @param list of window_t */
apr_status_t windows_list(apr_array_header_t **list, store_t *store,
                          apr_time_t now, apr_pool_t *pool);
/** Is a monitor inside one at a time? Pure but for the zone files. */
int windows_cover(const apr_array_header_t *list, apr_int64_t monitor_id,
                  apr_time_t at, apr_pool_t *pool);

/* -- history of states ---------------------------------------------------- */

typedef struct monitor_state_t {
    apr_int64_t since;
    const char *state;
    const char *detail;
} monitor_state_t;

/** Changes from..to, oldest first, and the one before from. */
apr_status_t monitors_states(apr_array_header_t **list, store_t *store,
                             apr_int64_t id, apr_int64_t from, apr_int64_t to,
                             apr_pool_t *pool);

/** Uptime per mille in from..to: time in a working state (ok, slow, late,
 * spam) / time in a known one; blind, paused and new time left out; -1: no
 * time known. */
apr_status_t monitors_uptime(int *per_mille, store_t *store, apr_int64_t id,
                             apr_int64_t from, apr_int64_t to,
                             apr_pool_t *pool);

/** The same of states that were read already, of from or earlier. Pure. */
int monitors_uptime_of(const apr_array_header_t *states, apr_int64_t from,
                       apr_int64_t to);

/* -- routes: what is known of a domain ------------------------------------ */

typedef struct route_state_t {
    const char *state;          /* the worst of its monitors; NULL: unknown */
    const char *monitor;        /* public id of that one */
    const char *detail;
    apr_int64_t since;          /* of the state */
    apr_int64_t evidence_at;    /* newest decided probe up to that time */
} route_state_t;

/** A domain's route at a time (now included), by the monitors whose recipient
 * is there. state NULL where none covers it or evidence is older than 2 h. */
apr_status_t monitors_route(route_state_t *route, store_t *store,
                            const char *domain, apr_int64_t at,
                            apr_pool_t *pool);

/** The same of many, in one query. */
#define ROUTES_MAX 256
typedef struct route_ask_t {
    const char *domain;
    apr_int64_t at;
    route_state_t route;        /* the answer */
} route_ask_t;
/** @param asks route_ask_t, at most ROUTES_MAX */
apr_status_t monitors_routes(apr_array_header_t *asks, store_t *store,
                             apr_pool_t *pool);

/** From good to bad; -1: the state says nothing of a route. */
int monitors_rank(const char *state);

#endif
