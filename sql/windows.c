/* SPDX-License-Identifier: MIT */
/*
 * Maintenance windows: times in which a monitor's failures are told to nobody.
 * Written in httpd's request threads, read there and by mailprobe.
 */
#include "monitors.h"

#include <string.h>

#include "dialect.h"
#include "engine.h"
#include "monitor_row.h"
#include "utf8.h"
#include "zone.h"

#define MINUTES 1440
#define EVERY_DAY 127
#define NOTE_MAX 255

static apr_status_t check(store_t *store, const window_t *w, apr_pool_t *pool)
{
    zone_t *zone;

    if (!w->note || !utf8_valid(w->note, strlen(w->note))
        || utf8_length(w->note) > NOTE_MAX) {
        return store_fail(store, APR_EINVAL, "note: at most 255 characters");
    }
    if (w->starts_at != STORE_NULL) {
        return w->ends_at != STORE_NULL && w->starts_at < w->ends_at
               ? APR_SUCCESS
               : store_fail(store, APR_EINVAL, "ends_at: after starts_at");
    }
    if (w->weekdays < 1 || w->weekdays > EVERY_DAY) {
        return store_fail(store, APR_EINVAL, "weekdays: one day or more, or "
                          "starts_at and ends_at");
    }
    if (w->from_minute < 0 || w->from_minute >= MINUTES) {
        return store_fail(store, APR_EINVAL, "from: a time of the day");
    }
    if (w->to_minute < 0 || w->to_minute > MINUTES) {
        return store_fail(store, APR_EINVAL, "to: a time of the day");
    }
    return w->tz && zone_load(&zone, w->tz, ZONE_DIR, pool) == APR_SUCCESS
           ? APR_SUCCESS
           : store_fail(store, APR_EINVAL, "tz: the name of a time zone");
}

static apr_status_t add(store_t *store, window_t *w, apr_time_t now,
                        apr_pool_t *pool)
{
    int once = w->starts_at != STORE_NULL;
    apr_status_t rv;

    rv = store_insert(store, &w->id, "INSERT INTO maintenance_windows"
                      " (monitor_id, note, starts_at, ends_at, weekdays,"
                      " from_minute, to_minute, tz, created_at)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", "NtNNiiiti",
                      w->monitor_id, w->note, w->starts_at,
                      once ? w->ends_at : STORE_NULL,
                      (apr_int64_t)(once ? 0 : w->weekdays),
                      (apr_int64_t)(once ? 0 : w->from_minute),
                      (apr_int64_t)(once ? 0 : w->to_minute),
                      once ? "UTC" : w->tz, (apr_int64_t)now);
    return rv == APR_SUCCESS ? monitor_row_edited(store, pool) : rv;
}

apr_status_t windows_add(store_t *store, window_t *window, apr_time_t now)
{
    apr_pool_t *scratch;
    apr_status_t rv;

    apr_pool_create(&scratch, NULL);
    rv = check(store, window, scratch);
    if (rv == APR_SUCCESS) {
        rv = store_begin(store);
        if (rv == APR_SUCCESS) {
            rv = store_end(store, add(store, window, now, scratch));
        }
    }
    apr_pool_destroy(scratch);
    return rv;
}

static apr_status_t remove_row(store_t *store, apr_int64_t id,
                               apr_pool_t *pool)
{
    apr_int64_t gone = 0;
    apr_status_t rv;

    rv = store_exec(store, &gone, "DELETE FROM maintenance_windows"
                    " WHERE id = ?", "i", id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return gone ? monitor_row_edited(store, pool) : APR_NOTFOUND;
}

apr_status_t windows_remove(store_t *store, apr_int64_t id)
{
    apr_pool_t *scratch;
    apr_status_t rv = store_begin(store);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&scratch, NULL);
    rv = store_end(store, remove_row(store, id, scratch));
    apr_pool_destroy(scratch);
    return rv;
}

static void read_window(window_t *w, store_rows_t *rows, apr_pool_t *pool)
{
    w->id = store_int(rows, 0);
    w->monitor_id = dialect_int(rows, 1);
    w->note = store_text(rows, 2, pool);
    w->starts_at = dialect_int(rows, 3);
    w->ends_at = dialect_int(rows, 4);
    w->weekdays = (int)store_int(rows, 5);
    w->from_minute = (int)store_int(rows, 6);
    w->to_minute = (int)store_int(rows, 7);
    w->tz = store_text(rows, 8, pool);
}

apr_status_t windows_list(apr_array_header_t **list, store_t *store,
                          apr_time_t now, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    *list = apr_array_make(pool, 4, sizeof(window_t));
    rv = store_query(&rows, store, "SELECT id, monitor_id, note, starts_at,"
                     " ends_at, weekdays, from_minute, to_minute, tz"
                     " FROM maintenance_windows WHERE ends_at IS NULL"
                     " OR ends_at > ? ORDER BY id", "i", (apr_int64_t)now);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        read_window(apr_array_push(*list), rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* -- is it one? ----------------------------------------------------------- */

static int weekly(const window_t *w, apr_time_t at, apr_pool_t *pool)
{
    apr_int64_t seconds = apr_time_sec(at), local, day;
    zone_t *zone;
    int minute, today, yesterday;

    if (zone_load(&zone, w->tz, ZONE_DIR, pool) != APR_SUCCESS) {
        return 0;               /* rather told than missed */
    }
    local = seconds + zone_offset(zone, seconds);
    day = local / 86400 - (local % 86400 < 0);
    minute = (int)((local - day * 86400) / 60);
    /* 1970-01-01 was a Thursday */
    today = w->weekdays >> ((day % 7 + 10) % 7) & 1;
    yesterday = w->weekdays >> ((day % 7 + 9) % 7) & 1;
    if (w->from_minute < w->to_minute) {
        return today && minute >= w->from_minute && minute < w->to_minute;
    }
    return (today && minute >= w->from_minute)
           || (yesterday && minute < w->to_minute);
}

int windows_cover(const apr_array_header_t *list, apr_int64_t monitor_id,
                  apr_time_t at, apr_pool_t *pool)
{
    int i, covered = 0;

    for (i = 0; i < list->nelts && !covered; i++) {
        const window_t *w = &APR_ARRAY_IDX(list, i, window_t);

        if (w->monitor_id != STORE_NULL && w->monitor_id != monitor_id) {
            continue;
        }
        covered = w->starts_at != STORE_NULL
                  ? at >= w->starts_at && at < w->ends_at
                  : weekly(w, at, pool);
    }
    return covered;
}
