/* SPDX-License-Identifier: MIT */
/*
 * Hits out of result rows. Runs in whatever thread holds the store; changes
 * nothing.
 */
#include "open_row.h"

void open_row_read(open_t *open, store_rows_t *rows, int first_column,
                   apr_pool_t *pool)
{
    int c = first_column;

    open->id = store_int(rows, c++);
    open->track_id = store_int(rows, c++);
    open->opened_at = store_int(rows, c++);
    open->recorded_at = store_int(rows, c++);
    open->method = store_text(rows, c++, pool);
    open->ip_address = store_text(rows, c++, pool);
    open->user_agent = store_text(rows, c++, pool);
    open->referer = store_text(rows, c++, pool);
    open->headers = store_text(rows, c++, pool);
    open->networks = store_text(rows, c++, pool);
    open->country = store_text(rows, c++, pool);
    open->city = store_text(rows, c++, pool);
    open->verdict = (int)store_int(rows, c++);
    open->counts = (int)store_int(rows, c++);
    open->rule = store_text(rows, c++, pool);
    open->vendor = store_text(rows, c++, pool);
    open->context = (int)store_int(rows, c++);
    open->rules_version = store_int(rows, c++);
    open->track_public_id = NULL;
    open->recipient = NULL;
    open->subject = NULL;
    open->track_created_at = 0;
}

void open_row_track(open_t *open, store_rows_t *rows, int first_column,
                    apr_pool_t *pool)
{
    open->track_public_id = store_text(rows, first_column, pool);
    open->recipient = store_text(rows, first_column + 1, pool);
    open->subject = store_text(rows, first_column + 2, pool);
    open->track_created_at = store_int(rows, first_column + 3);
}
