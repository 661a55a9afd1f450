/* SPDX-License-Identifier: MIT */
/*
 * A hit out of a result row: the columns every SELECT of hits asks for, and
 * the reading of them. Private to sql/.
 */
#ifndef MAILTRACK_OPEN_ROW_H
#define MAILTRACK_OPEN_ROW_H

#include "opens.h"

/** Columns of `opens o`, in the order open_row_read expects. */
#define OPEN_COLUMNS \
    "o.id, o.track_id, o.opened_at, o.recorded_at, o.method, o.ip_address," \
    " o.user_agent, o.referer, o.headers, o.networks, o.country, o.city," \
    " o.verdict, o.counts, o.rule, o.vendor, o.context, o.rules_version"
#define OPEN_COLUMN_COUNT 18

/** Columns of `tracked_emails t` for open_row_track. */
#define OPEN_TRACK_COLUMNS \
    "t.public_id, t.recipient, t.subject, t.created_at"

/** Read a hit from the current row; its mail's fields become NULL and 0. */
void open_row_read(open_t *open, store_rows_t *rows, int first_column,
                   apr_pool_t *pool);

/** Read OPEN_TRACK_COLUMNS into the fields of its mail. */
void open_row_track(open_t *open, store_rows_t *rows, int first_column,
                    apr_pool_t *pool);

#endif
