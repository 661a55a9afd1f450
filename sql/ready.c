/* SPDX-License-Identifier: MIT */
/*
 * Is the store usable, and what would make it so? Above store.c and schema.c,
 * in whatever thread holds the store_t.
 */
#include <apr_strings.h>

#include "engine.h"
#include "schema.h"

apr_status_t store_ready(store_t *store)
{
    char words[96];
    int version = 0;
    apr_status_t rv;

    if (!store->handle) {
        return store_fail(store, STORE_ELOST, "the database is not open");
    }
    rv = store->engine->check(store);
    if (rv == APR_SUCCESS) {
        rv = schema_version(store, &version);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (version == 0) {
        return store_fail(store, STORE_EEMPTY, "the database has no schema");
    }
    if (version != schema_current(store)) {
        /* not from the pool: it lives as long as the connection */
        apr_snprintf(words, sizeof(words), "the schema is version %d, this "
                     "program speaks %d", version, schema_current(store));
        return store_fail(store, version < schema_current(store)
                          ? STORE_EOLD : STORE_ENEWER, words);
    }
    return APR_SUCCESS;
}

const char *store_remedy(const store_t *store, apr_status_t status,
                         apr_pool_t *pool)
{
    const char *command = NULL;

    switch (status) {
    case STORE_EMISSING:
    case STORE_EEMPTY:
        command = "init";
        break;
    case STORE_EOLD:
        command = "migrate";
        break;
    case STORE_EFOREIGN:
        return "point DBDParams at a database of its own";
    case STORE_ENEWER:
        return "install the release that made this store";
    case STORE_ESPACE:
        return "free disk space; check that the store's directory can be "
               "written";
    default:
        return "";
    }
    if (store->engine == &engine_sqlite) {
        return apr_psprintf(pool, "mailtrackctl --store '%s' %s",
                            store_name(store), command);
    }
    return apr_psprintf(pool, "mailtrackctl %s", command);
}
