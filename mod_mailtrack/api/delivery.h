/* SPDX-License-Identifier: MIT */
/*
 * What is known of the way to a mail's recipients, when it was made and now: an
 * open that is missing means something else where mail does not arrive.
 */
#ifndef MAILTRACK_API_DELIVERY_H
#define MAILTRACK_API_DELIVERY_H

#include <jansson.h>

#include "route.h"
#include "tracks.h"

/**
 * Add "route" to mails: {"sent", "now"}, each the worst of the recipients'
 * domains, null where no monitor covers one or its evidence is too old; null
 * altogether where both are. One query for all of them.
 * @param mails what view_tracks() gave of tracks (track_t)
 */
apr_status_t delivery_add(json_t *mails, call_t *call,
                          const apr_array_header_t *tracks);

/** The same for one; view is view_track()'s. */
apr_status_t delivery_add_one(json_t *view, call_t *call,
                              const track_t *track);

#endif
