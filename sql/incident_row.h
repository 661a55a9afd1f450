/* SPDX-License-Identifier: MIT */
/*
 * What the files on incidents share: outbox rows put, members told late.
 * Everything is inside the caller's transaction. Private to sql/.
 */
#ifndef MAILTRACK_INCIDENT_ROW_H
#define MAILTRACK_INCIDENT_ROW_H

#include "incidents.h"

/** Put a message of an incident: key is `EVENT:ID`, or `EVENT:ID:PART` where
 * part is not 0; counted in `told`. */
apr_status_t incident_row_tell(store_t *store, apr_int64_t id,
                               const char *event, apr_int64_t part,
                               apr_time_t not_before, apr_time_t now);

/** Another one failed (or is no longer quiet) since the incident was opened:
 * nothing, when an alarm waits that will say so. */
apr_status_t incident_row_joined(store_t *store, apr_int64_t id,
                                 apr_int64_t monitor_id, apr_time_t not_before,
                                 apr_time_t now);

/** What was dispatched of it and still waits shall be told to nobody. */
apr_status_t incident_row_supersede(store_t *store, apr_int64_t id,
                                    apr_time_t now);

/** After how long the next repeat comes, when there were so many. */
apr_interval_time_t incident_row_pause(apr_int64_t repeats);

/** A new row without title. @param repeat_at STORE_NULL: it is quiet */
apr_status_t incident_row_open(apr_int64_t *id, store_t *store,
                               const char *kind, const char *subject,
                               apr_int64_t repeat_at, apr_time_t now,
                               apr_pool_t *pool);

apr_status_t incident_row_entitle(store_t *store, apr_int64_t id,
                                  const char *title, const char *detail,
                                  apr_time_t now, apr_pool_t *pool);

/** All is well: closed; what was not dispatched is taken back. */
apr_status_t incident_row_close(store_t *store, apr_int64_t id,
                                apr_time_t now);

/** Say that one (or all) is over, when the alarm was said; once for all that
 * are over in the same moments. */
apr_status_t incident_row_over(store_t *store, apr_int64_t id,
                               apr_time_t not_before, apr_time_t now);

#endif
