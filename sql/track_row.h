/* SPDX-License-Identifier: MIT */
/*
 * A mail out of a result row: the columns every SELECT of mails asks for, and
 * the reading of them. Shared by tracks.c and tracks_list.c. Private to sql/.
 */
#ifndef MAILTRACK_TRACK_ROW_H
#define MAILTRACK_TRACK_ROW_H

#include "tracks.h"

/** Columns of `tracked_emails t`, in the order track_row_read expects. */
#define TRACK_COLUMNS \
    "t.id, t.public_id, t.created_at, t.updated_at, t.created_by," \
    " t.recipient, t.subject, t.notes, t.message_group_id, t.pinned," \
    " t.open_count, t.real_open_count, t.possible_count, t.first_open_at," \
    " t.last_open_at, t.last_hit_at, t.seen, t.self_count, t.reached," \
    " t.last_country, t.last_city, t.muted"

/** How many columns that is. */
#define TRACK_COLUMN_COUNT 22

/**
 * Read a mail from the current row. Its recipients become an empty array, to
 * be filled by track_row_recipients.
 * @param first_column where TRACK_COLUMNS begin
 */
void track_row_read(track_t *track, store_rows_t *rows, int first_column,
                    apr_pool_t *pool);

/**
 * Load the recipients of several mails, in each mail's order, with one query
 * for up to 50 mails.
 * @param tracks array of track_t
 */
apr_status_t track_row_recipients(apr_array_header_t *tracks, store_t *store,
                                  apr_pool_t *pool);

#endif
