/* SPDX-License-Identifier: MIT */
/*
 * How a row of the outbox lies in its table, for the files that read it.
 * Private to sql/.
 */
#ifndef MAILTRACK_OUTBOX_ROW_H
#define MAILTRACK_OUTBOX_ROW_H

#include "outbox.h"

/** In the order outbox_row_read wants; `o` is outbox. */
#define OUTBOX_COLUMNS \
    "o.id, o.dedupe_key, o.event, o.track_id, o.open_id, o.incident_id," \
    " o.channel, o.payload, o.created_at, o.not_before, o.expires_at"
#define OUTBOX_COLUMN_COUNT 11

void outbox_row_read(outbox_row_t *row, store_rows_t *rows, apr_pool_t *pool);

#endif
