/* SPDX-License-Identifier: MIT */
/*
 * What a user wants to be told: events by kind of channel, and quiet hours.
 * Kept for whoever delivers; mutes of a mail or a person are columns of theirs,
 * and are looked at before anything is put into the outbox.
 */
#ifndef MAILTRACK_NOTIFICATIONS_H
#define MAILTRACK_NOTIFICATIONS_H

#include "store.h"

#define NOTIFY_EVENTS   4
#define NOTIFY_CHANNELS 4

/** "first_open", "hot", "revived", "follow_up". */
extern const char *const notify_events[NOTIFY_EVENTS];
/** "email", "discord", "webhook", "ntfy". */
extern const char *const notify_channels[NOTIFY_CHANNELS];

typedef struct notify_prefs_t {
    int on[NOTIFY_EVENTS][NOTIFY_CHANNELS];
    int quiet_from;             /* minute of the local day; -1: no quiet */
    int quiet_to;               /* exclusive; before quiet_from: next day */
    const char *quiet_tz;       /* a zone's name; NULL: no quiet */
} notify_prefs_t;

/** First opens by every channel, nothing else, no quiet hours. */
void notifications_default(notify_prefs_t *prefs);

/** A user's, or the default. */
apr_status_t notifications_get(notify_prefs_t *prefs, store_t *store,
                               apr_int64_t user_id, apr_pool_t *pool);

/** All of it anew, in one transaction. */
apr_status_t notifications_set(store_t *store, apr_int64_t user_id,
                               const notify_prefs_t *prefs);

#endif
