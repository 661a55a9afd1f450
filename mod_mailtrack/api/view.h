/* SPDX-License-Identifier: MIT */
/*
 * How mails, hits and people look in JSON: the field names of the wire, in one
 * place. Every function returns a new reference.
 */
#ifndef MAILTRACK_API_VIEW_H
#define MAILTRACK_API_VIEW_H

#include <jansson.h>

#include "opens.h"
#include "recipients.h"
#include "route.h"
#include "tracks.h"

/** NULL and text that is no UTF-8 become null. */
json_t *view_text(const char *text);
/** Microseconds; STORE_NULL becomes null. */
json_t *view_time(call_t *call, apr_int64_t time);

/** Without opens. */
json_t *view_track(call_t *call, const track_t *track);
json_t *view_tracks(call_t *call, const apr_array_header_t *tracks);

/** A hit as a mail's `opens` has it. */
json_t *view_open(call_t *call, const open_t *open);
json_t *view_opens(call_t *call, const apr_array_header_t *opens);
/** A hit as `opens/recent` has it: open_id, opened_at, recipient ... */
json_t *view_recent(call_t *call, const open_t *open);

json_t *view_recipient(call_t *call, const recipient_t *recipient);

/** "opened", "possible", "unopened". */
const char *view_state(int seen);
/** Seconds to the first open there was; a clock that went back makes none
 * negative. */
apr_int64_t view_delay(const track_t *track);
/** Hits that count for nothing and are not the sender's. */
apr_int64_t view_automated(const track_t *track);
/** Vendor of a proxy or scanner; NULL for people. */
const char *view_proxy(const open_t *open);

/** What every pixel's URL begins with. */
const char *view_pixel_base(call_t *call);
/** Where httpd answers this mail's pixel. */
const char *view_pixel_url(call_t *call, const char *public_id);

/** A UUID in lower case, or NULL when text is none. */
const char *view_id(call_t *call, const char *text);

#endif
