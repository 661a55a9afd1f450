/* SPDX-License-Identifier: MIT */
/*
 * The endpoints that the table in route.c names: one file a subject, and none
 * includes another. Each reads call->input, answers by answer.h and returns
 * what that returned. The gate has been passed; the store is not borrowed yet.
 */
#ifndef MAILTRACK_API_ENDPOINTS_H
#define MAILTRACK_API_ENDPOINTS_H

#include "route.h"

/* tracks.c */
int endpoint_tracks_list(call_t *call);
int endpoint_tracks_create(call_t *call);
int endpoint_tracks_get(call_t *call);
int endpoint_tracks_update(call_t *call);
int endpoint_tracks_delete(call_t *call);
int endpoint_tracks_opens(call_t *call);

/* self.c */
int endpoint_tracks_self(call_t *call);

/* opens.c */
int endpoint_opens_recent(call_t *call);
int endpoint_opens_update(call_t *call);
int endpoint_stats(call_t *call);

/* changes.c */
int endpoint_changes(call_t *call);

/* analytics.c */
int endpoint_analytics(call_t *call);
int endpoint_analytics_csv(call_t *call);

/* recipients.c */
int endpoint_recipients_list(call_t *call);
int endpoint_recipients_get(call_t *call);
int endpoint_recipients_update(call_t *call);
int endpoint_recipients_erase(call_t *call);

/* export.c */
int endpoint_opens_csv(call_t *call);
int endpoint_tracks_csv(call_t *call);
int endpoint_recipients_csv(call_t *call);

/* export_probes.c */
int endpoint_probes_csv(call_t *call);

/* monitors.c */
int endpoint_monitors_list(call_t *call);
int endpoint_monitors_create(call_t *call);
int endpoint_monitors_get(call_t *call);
int endpoint_monitors_update(call_t *call);
int endpoint_monitors_delete(call_t *call);
int endpoint_monitors_probe(call_t *call);

/* probes.c */
int endpoint_probes_list(call_t *call);
int endpoint_probes_get(call_t *call);

/* latency.c */
int endpoint_latency(call_t *call);

/* deliveries.c */
int endpoint_deliveries(call_t *call);

/* alerts.c */
int endpoint_alerts_list(call_t *call);
int endpoint_alerts_get(call_t *call);
int endpoint_alerts_update(call_t *call);

/* channels.c */
int endpoint_channels_list(call_t *call);
int endpoint_channels_get(call_t *call);
int endpoint_channels_test(call_t *call);
int endpoint_accounts_list(call_t *call);

/* windows.c */
int endpoint_windows_list(call_t *call);
int endpoint_windows_create(call_t *call);
int endpoint_windows_delete(call_t *call);

/* metrics.c */
int endpoint_metrics(call_t *call);

/* session.c */
int endpoint_session_get(call_t *call);
int endpoint_session_create(call_t *call);
int endpoint_session_end(call_t *call);
int endpoint_sessions_list(call_t *call);
int endpoint_sessions_end(call_t *call);

/* account.c */
int endpoint_totp_begin(call_t *call);
int endpoint_totp_activate(call_t *call);
int endpoint_totp_remove(call_t *call);
int endpoint_password(call_t *call);

/* keys.c */
int endpoint_keys_list(call_t *call);
int endpoint_keys_create(call_t *call);
int endpoint_keys_revoke(call_t *call);

/* users.c */
int endpoint_users_list(call_t *call);
int endpoint_users_create(call_t *call);
int endpoint_users_remove(call_t *call);

/* notifications.c */
int endpoint_notifications_get(call_t *call);
int endpoint_notifications_set(call_t *call);

/* health.c */
int endpoint_health(call_t *call);

/* openapi.c */
int endpoint_openapi(call_t *call);

#endif
