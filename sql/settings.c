/* SPDX-License-Identifier: MIT */
/*
 * Table `settings`. Runs in httpd's start and in mailtrackctl; each function
 * is one or two statements on the caller's connection and holds no state.
 */
#include "settings.h"

#include <string.h>

#include "engine.h"

static apr_status_t check_name(store_t *store, const char *name)
{
    apr_size_t len = name ? strlen(name) : 0;

    if (len == 0 || len > SETTING_NAME_MAX) {
        return store_fail(store, APR_EINVAL,
                          "a setting's name has 1 to 64 characters");
    }
    return APR_SUCCESS;
}

apr_status_t settings_get(const char **value, store_t *store,
                          const char *name, apr_pool_t *pool)
{
    *value = NULL;
    return store_get_text(store, value, pool,
                          "SELECT value FROM settings WHERE name = ?",
                          "t", name);
}

apr_status_t settings_set(store_t *store, const char *name,
                          const char *value, apr_pool_t *pool)
{
    const char *kept = NULL;
    apr_status_t rv = check_name(store, name);

    if (rv == APR_SUCCESS) {
        rv = settings_get(&kept, store, name, pool);
    }
    if (rv == APR_SUCCESS && kept && !strcmp(kept, value)) {
        return APR_SUCCESS;
    }
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND) {
        return rv;
    }
    return store_exec(store, NULL,
                      "INSERT INTO settings (name, value) VALUES (?, ?)"
                      " ON CONFLICT (name) DO UPDATE"
                      " SET value = excluded.value", "tt", name, value);
}

apr_status_t settings_claim(const char **value, store_t *store,
                            const char *name, const char *offer,
                            apr_pool_t *pool)
{
    apr_status_t rv = check_name(store, name);

    *value = NULL;
    if (rv == APR_SUCCESS) {
        rv = settings_get(value, store, name, pool);
    }
    if (rv != APR_NOTFOUND) {
        return rv;
    }
    rv = store_exec(store, NULL,
                    "INSERT INTO settings (name, value) VALUES (?, ?)"
                    " ON CONFLICT (name) DO NOTHING", "tt", name, offer);
    return rv == APR_SUCCESS ? settings_get(value, store, name, pool) : rv;
}
