/* SPDX-License-Identifier: MIT */
/*
 * check's look at files: httpd's children and mailprobe run as different users
 * and share the store by a group, the spool is httpd's children's; others may
 * see neither. Only stat(2) and the place database's own reader.
 */
#include "check.h"

#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "mod_mailtrack/opens/geo.h"
#include "sql/settings.h"

/* MaxMind publishes twice a week; cities move slowly. */
#define PLACES_OLD_DAYS 60

#define DAY 86400

static const char *command(check_t *check, const char *chmod_mode,
                           const char *path)
{
    return apr_psprintf(check->pool, "chmod %s '%s'", chmod_mode,
                        ctl_clean(path, check->pool));
}

/*
 * Not for others. The store is writable by the group, unless it is all one
 * user's, and its directory gives its group on, or SQLite's -wal would belong
 * to another one. The spool needs its owner alone, who must not be root:
 * httpd's children are not. @return whether all is well
 */
static int check_mode(check_t *check, const char *what, const char *path)
{
    const char *shown = ctl_clean(path, check->pool);
    struct stat st;
    int shared = !strncmp(what, "store", 5);
    unsigned mode;

    if (stat(path, &st) != 0) {
        check_bad(check, what, "", "%s: %s", shown,
                  ctl_reason(check->ctl, apr_get_os_error()));
        return 0;
    }
    mode = st.st_mode & 07777;
    if (mode & 07) {
        check_bad(check, what, command(check, "o=", path),
                  "%s is open to everybody (mode %04o)", shown, mode);
    } else if (!(mode & 020) && (st.st_uid == 0 || (shared && (mode & 070)))) {
        check_bad(check, what, command(check, "g+w", path),
                  "%s cannot be written by its group (mode %04o)", shown,
                  mode);
    } else if (S_ISDIR(st.st_mode) && (mode & 020) && !(mode & S_ISGID)
               && !strcmp(what, "store directory")) {
        check_bad(check, what, command(check, "g+s", path),
                  "%s does not give its group on (mode %04o)", shown, mode);
    } else {
        check_good(check, what, "%s, mode %04o", shown, mode);
        return 1;
    }
    return 0;
}

static void check_store_files(check_t *check)
{
    const char *path = check->ctl->params;
    const char *slash = strrchr(path, '/');
    const char *wal = apr_pstrcat(check->pool, path, "-wal", NULL);
    struct stat st;

    check_mode(check, "store directory", !slash ? "."
               : apr_pstrmemdup(check->pool, path, slash == path ? 1
                                : (apr_size_t)(slash - path)));
    /* SQLite gives the WAL the file's mode: one fault, one cross */
    if (check_mode(check, "store file", path) && stat(wal, &st) == 0) {
        check_mode(check, "store WAL", wal);
    }
}

static const char *setting(check_t *check, const char *name)
{
    const char *value = NULL;

    if (!check->ready
        || settings_get(&value, check->ctl->store, name, check->pool)
           != APR_SUCCESS || !*value) {
        return NULL;
    }
    return value;
}

static void check_open_places(check_t *check, geo_t *geo, const char *path)
{
    apr_int64_t built = geo_built_at(geo);
    apr_int64_t days = (apr_time_sec(apr_time_now()) - built) / DAY;
    const char *type = ctl_clean(geo_type(geo, check->pool), check->pool);

    if (days > PLACES_OLD_DAYS) {
        check_bad(check, "place database", "fetch a new one (geoipupdate)",
                  "%s (%s) is %" APR_INT64_T_FMT " days old",
                  ctl_clean(path, check->pool), type, days);
    } else {
        check_good(check, "place database", "%s (%s), %" APR_INT64_T_FMT
                   " days old", ctl_clean(path, check->pool), type, days);
    }
}

static void check_places(check_t *check)
{
    const char *path = setting(check, "geoip_file");
    geo_place_t place;
    geo_t *geo = NULL;

    if (!path) {
        check_note(check, "place database", "none configured "
                   "(MailtrackGeoIP): opens have no place");
        return;
    }
    if (geo_make(&geo, path, check->pool) != APR_SUCCESS) {
        check_bad(check, "place database", "", "out of memory");
        return;
    }
    geo_lookup(&place, geo, "192.0.2.1");   /* opens it */
    switch (geo_state(geo)) {
    case GEO_OPEN:
        check_open_places(check, geo, path);
        break;
    case GEO_BROKEN:
        check_bad(check, "place database", "fetch it again (geoipupdate)",
                  "%s is no MaxMind database",
                  ctl_clean(path, check->pool));
        break;
    default:
        check_bad(check, "place database", "fetch it (geoipupdate), or take "
                  "MailtrackGeoIP out", "%s is not there or cannot be read",
                  ctl_clean(path, check->pool));
        break;
    }
}

void check_files(check_t *check)
{
    const char *spool;

    if (ctl_is_file(check->ctl) && check->ready) {
        check_store_files(check);
    }
    if (!check->ready) {
        return;
    }
    spool = setting(check, "spool_dir");
    if (spool) {
        check_mode(check, "spool", spool);
    } else {
        check_note(check, "spool", "not known: httpd notes it in the store "
                   "at its start");
    }
    check_places(check);
}
