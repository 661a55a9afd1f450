/* SPDX-License-Identifier: MIT */
/*
 * Places of addresses. Used by the drain (and, with MailtrackAnonymizeIP, by
 * every thread in the hit path), so the open database is shared under a
 * read-write lock and exchanged whole when the file changes.
 */
#include "geo.h"

#include <maxminddb.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>
#include <apr_thread_rwlock.h>

#include "utf8.h"

struct geo_t {
    const char *path;
    apr_thread_rwlock_t *lock;  /* guards all below */
    geo_state_t state;
    MMDB_s mmdb;                /* open in state GEO_OPEN only */
    struct stat seen;           /* of the file as it was opened or refused */
    struct stat mapped;         /* of the file that is open */
};

static apr_status_t geo_close(void *data)
{
    geo_t *geo = data;

    if (geo->state == GEO_OPEN) {
        MMDB_close(&geo->mmdb);
        geo->state = GEO_ABSENT;
    }
    return APR_SUCCESS;
}

static int same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev
           && a->st_size == b->st_size
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec
           && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Was the mapped file written over in place? Then reading it may be SIGBUS. */
static int overwritten(const geo_t *geo, const struct stat *now)
{
    return geo->state == GEO_OPEN && !same_file(now, &geo->mapped)
           && now->st_ino == geo->mapped.st_ino
           && now->st_dev == geo->mapped.st_dev;
}

/* Under the write lock. A file that is gone leaves the open one in use; a
 * new file that does not open leaves it, too. */
static void look(geo_t *geo)
{
    struct stat now;
    MMDB_s fresh;

    if (stat(geo->path, &now) != 0) {
        if (geo->state != GEO_OPEN) {
            geo->state = GEO_ABSENT;
        }
        memset(&geo->seen, 0, sizeof(geo->seen));
        return;
    }
    if (same_file(&now, &geo->seen)) {
        return;
    }
    geo->seen = now;
    if (overwritten(geo, &now)) {
        geo_close(geo);
    }
    if (MMDB_open(geo->path, MMDB_MODE_MMAP, &fresh) != MMDB_SUCCESS) {
        if (geo->state != GEO_OPEN) {
            geo->state = GEO_BROKEN;
        }
        return;
    }
    geo_close(geo);
    geo->mmdb = fresh;
    geo->mapped = now;
    geo->state = GEO_OPEN;
}

apr_status_t geo_make(geo_t **out, const char *path, apr_pool_t *pool)
{
    geo_t *geo = apr_pcalloc(pool, sizeof(*geo));
    apr_status_t rv;

    *out = geo;
    geo->state = GEO_OFF;
    rv = apr_thread_rwlock_create(&geo->lock, pool);
    if (rv == APR_SUCCESS && path) {
        geo->path = apr_pstrdup(pool, path);
        geo->state = GEO_ABSENT;
        look(geo);
        apr_pool_cleanup_register(pool, geo, geo_close,
                                  apr_pool_cleanup_null);
    }
    return rv;
}

/* Take the read lock with the file as it is now. Each time anew: `cp` over a
 * mapped file cuts it off under the readers, and a stat costs a microsecond. */
static void lock_fresh(geo_t *geo)
{
    struct stat now;
    int changed;

    apr_thread_rwlock_rdlock(geo->lock);
    changed = stat(geo->path, &now) == 0 && !same_file(&now, &geo->seen);
    if (changed) {
        apr_thread_rwlock_unlock(geo->lock);
        apr_thread_rwlock_wrlock(geo->lock);
        look(geo);
        apr_thread_rwlock_unlock(geo->lock);
        apr_thread_rwlock_rdlock(geo->lock);
    }
}

/* An English name into out, cut at a character, "" when there is none. */
static void name_of(char *out, apr_size_t room, MMDB_entry_s *entry,
                    const char *what)
{
    MMDB_entry_data_s data;
    apr_size_t len;

    *out = '\0';
    if (MMDB_get_value(entry, &data, what, "names", "en", NULL)
        != MMDB_SUCCESS || !data.has_data
        || data.type != MMDB_DATA_TYPE_UTF8_STRING) {
        return;
    }
    len = data.data_size < room ? data.data_size : room - 1;
    memcpy(out, data.utf8_string, len);
    while (len > 0 && !utf8_valid(out, len)) {
        len--;
    }
    out[len] = '\0';
}

void geo_lookup(geo_place_t *place, geo_t *geo, const char *address)
{
    MMDB_lookup_result_s found;
    int gai_error = 0;
    int error = 0;

    place->country[0] = place->city[0] = '\0';
    if (geo->state == GEO_OFF || !address || !*address) {
        return;
    }
    lock_fresh(geo);
    if (geo->state == GEO_OPEN) {
        found = MMDB_lookup_string(&geo->mmdb, address, &gai_error, &error);
        if (!gai_error && error == MMDB_SUCCESS && found.found_entry) {
            name_of(place->country, sizeof(place->country), &found.entry,
                    "country");
            name_of(place->city, sizeof(place->city), &found.entry, "city");
        }
    }
    apr_thread_rwlock_unlock(geo->lock);
}

geo_state_t geo_state(geo_t *geo)
{
    geo_state_t state;

    if (geo->state == GEO_OFF) {
        return GEO_OFF;
    }
    lock_fresh(geo);
    state = geo->state;
    apr_thread_rwlock_unlock(geo->lock);
    return state;
}

apr_int64_t geo_built_at(geo_t *geo)
{
    apr_int64_t at = 0;

    apr_thread_rwlock_rdlock(geo->lock);
    if (geo->state == GEO_OPEN) {
        at = (apr_int64_t)geo->mmdb.metadata.build_epoch;
    }
    apr_thread_rwlock_unlock(geo->lock);
    return at;
}

const char *geo_type(geo_t *geo, apr_pool_t *pool)
{
    const char *type = "";

    apr_thread_rwlock_rdlock(geo->lock);
    if (geo->state == GEO_OPEN && geo->mmdb.metadata.database_type) {
        type = apr_pstrdup(pool, geo->mmdb.metadata.database_type);
    }
    apr_thread_rwlock_unlock(geo->lock);
    return type;
}
