/* SPDX-License-Identifier: MIT */
/*
 * init, migrate, status: the store as a whole. The only place from which the
 * schema is changed; a running httpd waits (503, pixels spool) and goes on by
 * itself when it is done.
 */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "sql/schema.h"
#include "sql/summary.h"

/* The directory a path lies in. */
static const char *directory_of(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        return ".";
    }
    return slash == path ? "/"
           : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
}

/*
 * Root made the file; those who use it are the directory's owner and group.
 * Through a descriptor, and only where it is still the empty file we made: the
 * directory may belong to somebody who would like another file given away.
 */
static apr_status_t give_to_directory(const char *path, apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;
    struct stat dir;
    struct stat st;
    int fd;

    if (geteuid() != 0 || stat(directory_of(path, pool), &dir) != 0) {
        return APR_SUCCESS;
    }
    fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return apr_get_os_error();
    }
    if (fstat(fd, &st) != 0) {
        rv = apr_get_os_error();
    } else if (S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_size == 0
               && st.st_uid == 0
               && (st.st_uid != dir.st_uid || st.st_gid != dir.st_gid)
               && fchown(fd, dir.st_uid, dir.st_gid) != 0) {
        rv = apr_get_os_error();
    }
    close(fd);
    return rv;
}

/* @param made whether there was no file before */
static int create_file(ctl_t *ctl, int *made)
{
    const char *name = ctl_clean(ctl->params, ctl->pool);
    struct stat st;
    apr_status_t rv;

    *made = 0;
    if (!ctl_is_file(ctl)) {
        return CTL_OK;
    }
    *made = stat(ctl->params, &st) != 0 && errno == ENOENT;
    rv = schema_create(ctl->driver, ctl->params, ctl->pool);
    if (APR_STATUS_IS_ENOENT(rv)) {
        const char *dir = directory_of(ctl->params, ctl->pool);

        return ctl_fail(ctl, rv, "%s: make its directory first, for instance "
                        "install -d -m 2770 -g www-data '%s'", name, dir);
    }
    if (rv == APR_SUCCESS && *made) {
        rv = give_to_directory(ctl->params, ctl->pool);
    }
    return rv == APR_SUCCESS ? CTL_OK : ctl_fail(ctl, rv, "%s", name);
}

/* Opens, looks whose it is, applies what is outstanding. */
static int migrate(ctl_t *ctl, int *before, int *applied)
{
    apr_status_t rv = ctl_open(ctl);
    const char *name = ctl_clean(store_name(ctl->store), ctl->pool);

    *before = 0;
    if (rv == APR_SUCCESS) {
        rv = schema_version(ctl->store, before);
    }
    if (rv == APR_SUCCESS) {
        rv = schema_migrate(ctl->store, applied, ctl->pool);
    }
    return rv == APR_SUCCESS ? CTL_OK : ctl_fail(ctl, rv, "%s", name);
}

int ctl_init(ctl_t *ctl)
{
    const char *name;
    int applied = 0;
    int before = 0;
    int made = 0;
    int code = create_file(ctl, &made);

    if (code == CTL_OK) {
        code = migrate(ctl, &before, &applied);
    }
    if (code != CTL_OK) {
        return code;
    }
    name = ctl_clean(store_name(ctl->store), ctl->pool);
    if (applied == 0) {
        printf("%s: already initialised, schema version %d\n", name,
               schema_current(ctl->store));
    } else if (before == 0) {
        printf("%s: %sinitialised, schema version %d\n", name,
               made ? "created and " : "", schema_current(ctl->store));
    } else {
        printf("%s: migrated from schema version %d to %d\n", name, before,
               schema_current(ctl->store));
    }
    return CTL_OK;
}

int ctl_migrate(ctl_t *ctl)
{
    apr_status_t rv = ctl_open(ctl);
    const char *name = ctl_clean(store_name(ctl->store), ctl->pool);
    int applied = 0;
    int before = 0;

    if (rv == APR_SUCCESS) {
        rv = schema_version(ctl->store, &before);
    }
    if (rv == APR_SUCCESS && before == 0) {
        rv = store_ready(ctl->store);   /* words and remedy: init */
    }
    if (rv == APR_SUCCESS) {
        rv = schema_migrate(ctl->store, &applied, ctl->pool);
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "%s", name);
    }
    if (applied == 0) {
        printf("%s: up to date, schema version %d\n", name,
               schema_current(ctl->store));
    } else {
        printf("%s: migrated from schema version %d to %d\n", name, before,
               schema_current(ctl->store));
    }
    return CTL_OK;
}

/* -- status ------------------------------------------------------------- */

static void line(const char *what, const char *value)
{
    printf("%-8s %s\n", what, value);
}

static void file_line(const ctl_t *ctl, const char *what, const char *suffix)
{
    const char *path = apr_pstrcat(ctl->pool, ctl->params, suffix, NULL);
    struct stat st;

    if (ctl_is_file(ctl)) {
        line(what, ctl_size(stat(path, &st) == 0 ? (apr_int64_t)st.st_size
                            : 0, ctl->pool));
    }
}

static int counts(const ctl_t *ctl)
{
    summary_t *s = NULL;
    apr_status_t rv = store_summary(&s, ctl->store, ctl->pool);
    apr_pool_t *pool = ctl->pool;

    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "%s", ctl_clean(store_name(ctl->store),
                                                 pool));
    }
    line("mails", apr_ltoa(pool, (long)s->mails));
    line("opens", apr_psprintf(pool, "%" APR_INT64_T_FMT " (%"
                               APR_INT64_T_FMT " count)", s->opens,
                               s->real_opens));
    line("users", apr_psprintf(pool, "%" APR_INT64_T_FMT " (%"
                               APR_INT64_T_FMT " admin)", s->users,
                               s->admins));
    line("keys", apr_psprintf(pool, "%" APR_INT64_T_FMT " valid, %"
                              APR_INT64_T_FMT " revoked", s->keys,
                              s->keys_revoked));
    line("spool", apr_psprintf(pool, "%" APR_INT64_T_FMT " segments, %"
                               APR_INT64_T_FMT " bytes of them stored",
                               s->segments, s->spooled));
    line("outbox", apr_psprintf(pool, "%" APR_INT64_T_FMT " waiting",
                                s->outbox));
    line("monitors", apr_psprintf(pool, "%" APR_INT64_T_FMT " (%"
                                  APR_INT64_T_FMT " work, %" APR_INT64_T_FMT
                                  " fail)", s->monitors, s->working,
                                  s->failing));
    line("alerts", apr_psprintf(pool, "%" APR_INT64_T_FMT " open",
                                s->incidents));
    return CTL_OK;
}

int ctl_status(ctl_t *ctl)
{
    int version = 0;
    apr_status_t rv = ctl_open(ctl);

    line("store", ctl_clean(store_name(ctl->store), ctl->pool));
    if (rv == APR_SUCCESS) {
        rv = store_ready(ctl->store);
    }
    line("state", rv == APR_SUCCESS ? "ready" : ctl_reason(ctl, rv));
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "%s", ctl_clean(store_name(ctl->store),
                                                 ctl->pool));
    }
    rv = schema_version(ctl->store, &version);
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "schema version");
    }
    line("schema", apr_itoa(ctl->pool, version));
    file_line(ctl, "size", "");
    file_line(ctl, "wal", "-wal");
    return counts(ctl);
}
