/* SPDX-License-Identifier: MIT */
/*
 * Monitors that the configuration declares, and its toggles per channel. By
 * mailprobe's store thread when it has read its configuration (toggles also in
 * httpd's request threads). What is as it should be is not written.
 */
#include "monitors.h"

#include <string.h>

#include "engine.h"
#include "monitor_row.h"
#include "utf8.h"

static const monitor_t *declared_as(const apr_array_header_t *declared,
                                    const char *name)
{
    int i;

    for (i = 0; i < declared->nelts; i++) {
        const monitor_t *m = &APR_ARRAY_IDX(declared, i, monitor_t);

        if (!strcmp(m->name, name)) {
            return m;
        }
    }
    return NULL;
}

static int same(const monitor_t *a, const monitor_t *b)
{
    return !strcmp(a->recipient, b->recipient)
           && !strcmp(a->send_account, b->send_account)
           && !strcmp(a->watch_account, b->watch_account)
           && a->interval_us == b->interval_us && a->retry_us == b->retry_us
           && a->late_us == b->late_us && a->missing_us == b->missing_us
           && a->failures_needed == b->failures_needed
           && a->successes_needed == b->successes_needed
           && !strcmp(a->alert_on, b->alert_on)
           && a->keep_mail == b->keep_mail && a->enabled == b->enabled
           && a->declared == b->declared;
}

/* One that is in the store: as the configuration has it, or given over. */
static apr_status_t settle(store_t *store, const monitor_t *is,
                           const monitor_t *wanted, apr_time_t now,
                           apr_pool_t *pool)
{
    monitor_t m = wanted ? *wanted : *is;
    apr_status_t rv = APR_SUCCESS;

    m.id = is->id;
    m.muted_until = is->muted_until;
    m.declared = wanted != NULL;
    m.enabled = wanted && wanted->enabled;
    if (wanted) {
        rv = monitor_row_check(store, &m, pool);
    }
    return rv != APR_SUCCESS || same(is, &m) ? rv
           : monitor_row_change(store, &m, now, pool);
}

static apr_status_t declare(store_t *store,
                            const apr_array_header_t *declared,
                            apr_time_t now, apr_pool_t *pool)
{
    apr_array_header_t *list = NULL;
    apr_status_t rv = monitors_list(&list, store, pool);
    int i;

    for (i = 0; rv == APR_SUCCESS && i < list->nelts; i++) {
        const monitor_t *is = &APR_ARRAY_IDX(list, i, monitor_t);
        const monitor_t *wanted = declared_as(declared, is->name);

        if (wanted || is->declared) {
            rv = settle(store, is, wanted, now, pool);
        }
    }
    for (i = 0; rv == APR_SUCCESS && i < declared->nelts; i++) {
        monitor_t m = APR_ARRAY_IDX(declared, i, monitor_t);

        if (!declared_as(list, m.name)) {
            m.declared = 1;
            rv = monitor_row_check(store, &m, pool);
            if (rv == APR_SUCCESS) {
                rv = monitor_row_insert(store, &m, now, pool);
            }
        }
    }
    return rv;
}

apr_status_t monitors_declare(store_t *store,
                              const apr_array_header_t *declared,
                              apr_time_t now, apr_pool_t *pool)
{
    apr_status_t rv = store_begin(store);

    return rv != APR_SUCCESS ? rv
           : store_end(store, declare(store, declared, now, pool));
}

/* -- toggles -------------------------------------------------------------- */

/* No row says that it is on. */
static apr_status_t toggle(store_t *store, apr_int64_t id,
                           const char *channel, int enabled, apr_pool_t *pool)
{
    apr_int64_t changed = 0, found = 0;
    apr_status_t rv;

    rv = store_get_int(store, &found, "SELECT 1 FROM monitors WHERE id = ?",
                       "i", id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = enabled ? store_exec(store, &changed, "DELETE FROM monitor_channels"
                              " WHERE monitor_id = ? AND channel = ?", "it",
                              id, channel)
         : store_exec(store, &changed, "INSERT INTO monitor_channels"
                      " (monitor_id, channel, enabled) VALUES (?, ?, 0)"
                      " ON CONFLICT DO NOTHING", "it", id, channel);
    return rv == APR_SUCCESS && changed ? monitor_row_edited(store, pool) : rv;
}

apr_status_t monitors_channel_set(store_t *store, apr_int64_t id,
                                  const char *channel, int enabled)
{
    apr_pool_t *scratch;
    apr_status_t rv;

    if (!*channel || !utf8_valid(channel, strlen(channel))
        || utf8_length(channel) > 64) {
        return store_fail(store, APR_EINVAL, "channel: 1 to 64 characters");
    }
    rv = store_begin(store);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&scratch, NULL);
    rv = store_end(store, toggle(store, id, channel, enabled, scratch));
    apr_pool_destroy(scratch);
    return rv;
}
