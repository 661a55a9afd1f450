/* SPDX-License-Identifier: MIT */
/*
 * What delivering does in the store thread: rows to deliveries, a delivery
 * claimed and its facts gathered, the chores of each minute. Works on a copy
 * of the configuration, as that may be replaced meanwhile. Private to
 * deliver*.c and follow_up.c; nothing here waits for the network.
 */
#ifndef MAILPROBE_DELIVER_PLAN_H
#define MAILPROBE_DELIVER_PLAN_H

#include "configuration.h"
#include "notifications.h"
#include "outbox.h"
#include "wording.h"

/** Follow-ups that stay due for so long are given up. */
#define FOLLOW_UP_GIVEN_UP apr_time_from_sec(14 * 86400)
/** The setting that says since when follow-ups are on. */
#define FOLLOW_UP_SINCE "follow_ups_since"
/** A channel that fails for so long is told by the others. */
#define DELIVER_CHANNEL_DEAD apr_time_from_sec(3600)

#define WANTS_OPENS      1
#define WANTS_FOLLOW_UPS 2
#define WANTS_ALERTS     4

typedef struct plan_channel_t {
    const char *name;
    channel_kind_t kind;
    const char *target;
    int wants;                  /* WANTS_* */
} plan_channel_t;

typedef struct plan_t {
    apr_array_header_t *channels;       /* plan_channel_t, as configured */
    moment_zone_t zone;
    const char *base_url;       /* NULL: what httpd wrote */
    apr_interval_time_t follow_up_after;        /* 0: never */
    const char *owner;
} plan_t;

plan_t *plan_make(const configuration_t *configuration, const char *owner,
                  apr_pool_t *pool);

/** Who wants an event: WANTS_*; 0: a test, or none we know. */
int plan_class(const char *event);

/** When a moment lies in somebody's quiet hours their end, else the moment.
 * @param zone of prefs->quiet_tz; NULL: no quiet */
apr_int64_t plan_quiet(const notify_prefs_t *prefs, const zone_t *zone,
                       apr_int64_t at);

/** How long to wait after so many failures: 15 s, 30 s, 1 min ... an hour, each
 * between 3/4 and 5/4 of that, so that what failed together does not come back
 * together. Pure. @param dice 0 to 65535 */
apr_interval_time_t plan_backoff(apr_int64_t tries, unsigned dice);

/** Does the mail's owner want it by this kind of channel, and when: *at is
 * moved to the end of quiet hours. Reads the store. */
apr_status_t plan_wanted(int *wanted, apr_int64_t *at, store_t *store,
                         const outbox_mail_t *mail, const char *event,
                         channel_kind_t kind, apr_pool_t *pool);

/** Make the table of channels say what the plan says. */
apr_status_t plan_publish(store_t *store, const plan_t *plan, apr_time_t now,
                          apr_pool_t *pool);

/** Make deliveries of what is due in the outbox.
 * @param more set when there may be more */
apr_status_t plan_dispatch(int *more, store_t *store, const plan_t *plan,
                           apr_time_t now, apr_pool_t *pool);

/** A delivery in hand, worded. */
typedef struct plan_item_t {
    delivery_t *delivery;
    wording_facts_t facts;
    wording_t *wording;
} plan_item_t;

/** Claim the next delivery of a channel that is still worth telling.
 * @param lasts of the lease
 * @return APR_NOTFOUND: there is nothing to send now */
apr_status_t plan_claim(plan_item_t *item, store_t *store, const plan_t *plan,
                        const plan_channel_t *channel,
                        apr_interval_time_t lasts, apr_time_t now,
                        apr_pool_t *pool);

/** The chores of a minute, for one process of all: repeats of incidents,
 * channels that are dead, follow-ups. */
apr_status_t plan_chores(store_t *store, const plan_t *plan, apr_time_t now,
                         apr_pool_t *pool);

/** Does a route fail, so that a mail may not have arrived? */
int plan_route_fails(const route_state_t *route);

/** Put the follow-ups that are due into the outbox.
 * @param held how many wait for a route that fails
 * @param domain one such domain, or NULL */
apr_status_t follow_up_run(int *held, const char **domain, store_t *store,
                           const plan_t *plan, apr_time_t now,
                           apr_pool_t *pool);

#endif
