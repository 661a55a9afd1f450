/* SPDX-License-Identifier: MIT */
/*
 * The outbox: what somebody must be told (a row, written in the transaction
 * that made it true, under a unique key) and its delivery by each channel (a
 * row each, leased, tried again). mailprobe's store thread; the API reads
 * channels and depth, and asks for tests.
 */
#ifndef MAILTRACK_OUTBOX_H
#define MAILTRACK_OUTBOX_H

#include <apr_tables.h>

#include "store.h"

/* Events. Of opens (written by the drain) and of mailprobe. */
#define EVENT_FIRST_OPEN "first_open"   /* track_id, open_id */
#define EVENT_HOT        "hot"
#define EVENT_REVIVED    "revived"
#define EVENT_FOLLOW_UP  "follow_up"    /* track_id */
#define EVENT_ALARM      "alarm"        /* incident_id */
#define EVENT_REPEAT     "repeat"
#define EVENT_RECOVERED  "recovered"
#define EVENT_TEST       "test"         /* channel */

typedef struct outbox_row_t {
    apr_int64_t id;
    const char *dedupe_key;
    const char *event;
    apr_int64_t track_id;       /* STORE_NULL where none, and so below */
    apr_int64_t open_id;
    apr_int64_t incident_id;
    const char *channel;        /* this one alone; NULL: all that want it */
    const char *payload;        /* JSON, or NULL */
    apr_int64_t created_at;
    apr_int64_t not_before;
    apr_int64_t expires_at;
} outbox_row_t;

/** Joins the caller's transaction. A key that is there already is no error. */
apr_status_t outbox_put(store_t *store, const outbox_row_t *row);

/** Rows that are due and have no deliveries yet, oldest first. Those that have
 * expired are left out, and closed on the way. */
apr_status_t outbox_undispatched(apr_array_header_t **list, store_t *store,
                                 apr_time_t now, int limit, apr_pool_t *pool);

/** Make its deliveries and mark it, in one transaction, once: STORE_ECONFLICT
 * when another mailprobe was faster. names: const char *; none is right too.
 * next_at: when each may go (quiet hours), an apr_int64_t beside each name. */
apr_status_t outbox_dispatch(store_t *store, apr_int64_t outbox_id,
                             const apr_array_header_t *names,
                             const apr_array_header_t *next_at,
                             apr_time_t now);

/**
 * Channels that got (or wait for) an alarm or a repeat of an incident: const
 * char *, by name. A row EVENT_ALARM goes to those that want it and are not
 * among them (a monitor that joins late has a row of its own, for channels that
 * told nothing yet); EVENT_RECOVERED goes to exactly them.
 */
apr_status_t outbox_told(apr_array_header_t **names, store_t *store,
                         apr_int64_t incident_id, apr_pool_t *pool);

typedef struct delivery_t {
    apr_int64_t id;
    const char *channel;
    apr_int64_t attempts;       /* before this one */
    outbox_row_t row;
} delivery_t;

/**
 * Claim the oldest due delivery of a channel for lasts microseconds of the
 * database's clock. Nothing is claimed while the channel's retry_at is ahead;
 * what has expired on the way is marked so.
 * @return APR_NOTFOUND: nothing is due
 */
apr_status_t outbox_claim(delivery_t **delivery, store_t *store,
                          const char *channel, const char *owner,
                          apr_interval_time_t lasts, apr_time_t now,
                          apr_pool_t *pool);

/** How it ended; only while owner's lease is the one (STORE_ECONFLICT). */
apr_status_t outbox_sent(store_t *store, const delivery_t *delivery,
                         const char *owner, apr_time_t now);
/** @param again when to try next; STORE_NULL: given up
 * @param hold   the whole channel waits until again (Retry-After, a dead
 *               server), not this message alone */
apr_status_t outbox_failed(store_t *store, const delivery_t *delivery,
                           const char *owner, const char *detail,
                           apr_int64_t again, int hold, apr_time_t now);

/** Not sent, and no fault of the channel: it is no longer worth telling, or not
 * now (quiet hours). Only while owner's lease is the one (STORE_ECONFLICT).
 * @param again when to look next; STORE_NULL: it ends as expired */
apr_status_t outbox_skip(store_t *store, const delivery_t *delivery,
                         const char *owner, const char *detail,
                         apr_int64_t again, apr_time_t now);

/** How many deliveries wait, and rows not yet dispatched (metrics, status). */
apr_status_t outbox_depth(apr_int64_t *depth, store_t *store);

/** Remove up to limit rows whose deliveries all ended before, but for those of
 * an incident that is open. Their keys of opens go with them:
 * tracked_emails.told remembers. */
apr_status_t outbox_prune(apr_int64_t *gone, store_t *store,
                          apr_int64_t before, int limit);

/* -- channels -------------------------------------------------------------- */

typedef struct channel_row_t {
    const char *name;
    const char *kind;           /* "email", "discord", "webhook", "ntfy" */
    const char *target;         /* for people; no secret */
    int present;
    apr_int64_t since;          /* switched on */
    apr_int64_t last_ok_at;     /* STORE_NULL where none, and so below */
    apr_int64_t failing_since;
    const char *last_error;
    apr_int64_t last_error_at;
    apr_int64_t retry_at;
    apr_int64_t pending;        /* deliveries that wait; set by channels_list */
} channel_row_t;

/** Make the table say what the configuration says; a channel that is new, or
 * was off, is switched on now; what waits for one that is no more expires. */
apr_status_t channels_publish(store_t *store, const apr_array_header_t *rows,
                              apr_time_t now);
/** Present ones, by name. */
apr_status_t channels_list(apr_array_header_t **list, store_t *store,
                           apr_pool_t *pool);
/** APR_NOTFOUND. */
apr_status_t channels_get(channel_row_t **row, store_t *store,
                          const char *name, apr_pool_t *pool);
/** Last deliveries of a channel, newest first. */
typedef struct delivery_log_t {
    const char *event;
    const char *state;
    const char *detail;
    apr_int64_t attempts;
    apr_int64_t created_at;
    apr_int64_t done_at;
} delivery_log_t;
apr_status_t channels_log(apr_array_header_t **list, store_t *store,
                          const char *name, int limit, apr_pool_t *pool);

/* -- what a message about a mail says -------------------------------------- */

typedef struct outbox_mail_t {
    const char *public_id;
    const char *recipient;
    const char *subject;
    apr_int64_t created_at;
    apr_int64_t created_by;     /* STORE_NULL */
    const char *owner_name;     /* the user's name, or NULL */
    apr_int64_t real_open_count;
    apr_int64_t opened_at;      /* of the open; STORE_NULL: no open here */
    const char *country;        /* NULL unknown */
    const char *city;
    const char *verdict;        /* "human", "proxied"; NULL: no open here */
    const char *user_agent;
} outbox_mail_t;
/** APR_NOTFOUND: it was deleted, tell nobody. */
apr_status_t outbox_mail(outbox_mail_t **mail, store_t *store,
                         const outbox_row_t *row, apr_pool_t *pool);

/* -- follow-ups ------------------------------------------------------------ */

typedef struct follow_up_t {
    apr_int64_t track_id;
    const char *public_id;
    const char *domains;        /* of its recipients, separated by blanks */
    apr_int64_t created_at;
} follow_up_t;
/** Unopened mails made in from..to that nobody was asked about, oldest first;
 * muted ones are left out. */
apr_status_t follow_ups_due(apr_array_header_t **list, store_t *store,
                            apr_int64_t from, apr_int64_t to, int limit,
                            apr_pool_t *pool);
/** Put it into the outbox and mark the mail, in one transaction; not when it
 * was opened meanwhile. */
apr_status_t follow_ups_put(store_t *store, const follow_up_t *follow_up,
                            apr_time_t now, apr_pool_t *pool);
/** Given up: marked, and nobody is told. */
apr_status_t follow_ups_drop(store_t *store, const follow_up_t *follow_up,
                             apr_time_t now);

#endif
