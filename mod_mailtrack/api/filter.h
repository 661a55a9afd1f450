/* SPDX-License-Identifier: MIT */
/*
 * Which mails are meant: the query parameters that the list and its exports
 * share, so that a file holds exactly what the list shows. Faults are noted in
 * call->input.
 */
#ifndef MAILTRACK_API_FILTER_H
#define MAILTRACK_API_FILTER_H

#include "route.h"
#include "tracks.h"

/** All but the page; that is the first, of `FILTER_PAGE` mails. */
void filter_read(track_filter_t *filter, call_t *call);
#define FILTER_PAGE 50

/** cursor and limit. */
void filter_read_page(track_filter_t *filter, call_t *call);

/** Is any condition given but since and until? */
int filter_narrows(const track_filter_t *filter);

#endif
