/* SPDX-License-Identifier: MIT */
/*
 * Tables notification_prefs and notification_quiet. Runs in httpd's request
 * threads.
 */
#include "notifications.h"

#include <string.h>

const char *const notify_events[NOTIFY_EVENTS] = {
    "first_open", "hot", "revived", "follow_up"
};
const char *const notify_channels[NOTIFY_CHANNELS] = {
    "email", "discord", "webhook", "ntfy"
};

void notifications_default(notify_prefs_t *prefs)
{
    int i;

    memset(prefs, 0, sizeof(*prefs));
    for (i = 0; i < NOTIFY_CHANNELS; i++) {
        prefs->on[0][i] = 1;
    }
    prefs->quiet_from = prefs->quiet_to = -1;
}

static int place_of(const char *const *names, int count, const char *name)
{
    int i = 0;

    while (i < count && strcmp(names[i], name)) {
        i++;
    }
    return i;
}

static apr_status_t read_events(notify_prefs_t *prefs, store_t *store,
                                apr_int64_t user_id)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT event, channel, enabled"
                     " FROM notification_prefs WHERE user_id = ?", "i",
                     user_id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        int event = place_of(notify_events, NOTIFY_EVENTS,
                             store_peek(rows, 0));
        int channel = place_of(notify_channels, NOTIFY_CHANNELS,
                               store_peek(rows, 1));

        if (event < NOTIFY_EVENTS && channel < NOTIFY_CHANNELS) {
            prefs->on[event][channel] = store_int(rows, 2) != 0;
        }
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static apr_status_t read_quiet(notify_prefs_t *prefs, store_t *store,
                               apr_int64_t user_id, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT from_minute, to_minute, tz"
                     " FROM notification_quiet WHERE user_id = ?", "i",
                     user_id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        prefs->quiet_from = (int)store_int(rows, 0);
        prefs->quiet_to = (int)store_int(rows, 1);
        prefs->quiet_tz = store_text(rows, 2, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t notifications_get(notify_prefs_t *prefs, store_t *store,
                               apr_int64_t user_id, apr_pool_t *pool)
{
    apr_status_t rv;

    notifications_default(prefs);
    rv = read_events(prefs, store, user_id);
    return rv == APR_SUCCESS ? read_quiet(prefs, store, user_id, pool) : rv;
}

static apr_status_t write_all(store_t *store, apr_int64_t user_id,
                              const notify_prefs_t *prefs)
{
    apr_status_t rv;
    int e, c;

    rv = store_exec(store, NULL, "DELETE FROM notification_prefs"
                    " WHERE user_id = ?", "i", user_id);
    for (e = 0; e < NOTIFY_EVENTS; e++) {
        for (c = 0; c < NOTIFY_CHANNELS && rv == APR_SUCCESS; c++) {
            rv = store_exec(store, NULL, "INSERT INTO notification_prefs"
                            " (user_id, event, channel, enabled)"
                            " VALUES (?, ?, ?, ?)", "itti", user_id,
                            notify_events[e], notify_channels[c],
                            (apr_int64_t)(prefs->on[e][c] != 0));
        }
    }
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "DELETE FROM notification_quiet"
                        " WHERE user_id = ?", "i", user_id);
    }
    if (rv == APR_SUCCESS && prefs->quiet_tz) {
        rv = store_exec(store, NULL, "INSERT INTO notification_quiet"
                        " (user_id, from_minute, to_minute, tz)"
                        " VALUES (?, ?, ?, ?)", "iiit", user_id,
                        (apr_int64_t)prefs->quiet_from,
                        (apr_int64_t)prefs->quiet_to, prefs->quiet_tz);
    }
    return rv;
}

apr_status_t notifications_set(store_t *store, apr_int64_t user_id,
                               const notify_prefs_t *prefs)
{
    apr_status_t rv = store_begin(store);

    return rv == APR_SUCCESS
           ? store_end(store, write_all(store, user_id, prefs)) : rv;
}
