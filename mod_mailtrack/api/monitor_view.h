/* SPDX-License-Identifier: MIT */
/*
 * How monitors, probes and windows look in JSON: the field names of the wire.
 * Settings are in seconds, what was measured in microseconds. Every function
 * returns a new reference.
 */
#ifndef MAILTRACK_API_MONITOR_VIEW_H
#define MAILTRACK_API_MONITOR_VIEW_H

#include <jansson.h>

#include "monitors.h"
#include "probes.h"
#include "route.h"

/** Alerts wait so long for company before they are sent; mailprobe.yaml may
 * say otherwise. */
#define MONITOR_GATHER apr_time_from_sec(30)

/** STORE_NULL becomes null. */
json_t *monitor_view_int(apr_int64_t number);

/** From a failure that begins just after a probe to the message, in seconds:
 * the wait for that probe's turn, further ones that must fail too, the time
 * until the last counts as missing, and the gathering. */
apr_int64_t monitor_told_within(const monitor_t *monitor);

/** State alone, as lists of many show it.
 * @param windows window_t */
json_t *monitor_view_state(call_t *call, const monitor_t *monitor,
                           const apr_array_header_t *windows);

/** State and settings.
 * @param off channels switched off for it, const char * */
json_t *monitor_view(call_t *call, const monitor_t *monitor,
                     const apr_array_header_t *windows,
                     const apr_array_header_t *off);

/** A probe; with anatomy also what the headers said. */
json_t *probe_view(call_t *call, const probe_t *probe, int anatomy);

json_t *window_view(call_t *call, const window_t *window,
                    const char *monitor_public_id);

/** "22:30" of a minute of the day. */
json_t *window_view_minute(call_t *call, int minute);

#endif
