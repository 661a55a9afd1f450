/* SPDX-License-Identifier: MIT */
/*
 * backup and restore: the files' side is sql/backup.c; here are the questions,
 * the bar and what a restore must leave as it is.
 */
#include "ctl.h"

#include <stdio.h>

#include "sql/backup.h"
#include "sql/schema.h"
#include "sql/settings.h"

/* What httpd says of this installation, and no backup knows better. */
static const char *const installation[] = {
    "instance_id", "base_url", "pixel_path", "spool_dir", "geoip_file",
    "rules_file", "min_delay_us", "anonymize_ip"
};

#define INSTALLATION (sizeof(installation) / sizeof(installation[0]))

/* Words about FILE, without the remedy that fits the store. */
static int refuse_file(const ctl_t *ctl)
{
    return ctl_refuse(ctl, "%s: %s", ctl_clean(ctl->operand, ctl->pool),
                      ctl_clean(store_error(ctl->store), ctl->pool));
}

/* Ours, of whatever version: a backup is wanted before a migration too. */
static int open_ours(ctl_t *ctl)
{
    int version = 0;
    apr_status_t rv = ctl_open(ctl);

    if (rv == APR_SUCCESS) {
        rv = schema_version(ctl->store, &version);
    }
    if (rv == APR_SUCCESS && version == 0) {
        rv = store_ready(ctl->store);
    }
    return rv == APR_SUCCESS ? CTL_OK
           : ctl_fail(ctl, rv, "%s", ctl_clean(store_name(ctl->store),
                                               ctl->pool));
}

int ctl_backup(ctl_t *ctl)
{
    backup_how_t how = { 0 };
    apr_status_t rv;
    int code = open_ours(ctl);

    if (code != CTL_OK) {
        return code;
    }
    how.replace = ctl_option(ctl, "force") != NULL;
    how.progress = ctl_progress;
    how.context = ctl_progress_start(ctl, "backup");
    rv = backup_write(ctl->store, ctl->operand, &how, ctl->pool);
    ctl_progress_end(how.context);
    if (APR_STATUS_IS_EEXIST(rv)) {
        return ctl_refuse(ctl, "%s exists; try: --force",
                          ctl_clean(ctl->operand, ctl->pool));
    }
    if (rv != APR_SUCCESS) {
        return refuse_file(ctl);
    }
    printf("%s: backup of %s, checked\n", ctl_clean(ctl->operand, ctl->pool),
           ctl_clean(store_name(ctl->store), ctl->pool));
    return CTL_OK;
}

/*
 * A damaged store is what restore is for: only somebody else's database, or
 * none at all, is refused. One whose header is gone cannot be opened; then the
 * file is moved away and `init` comes first.
 */
static int open_target(ctl_t *ctl)
{
    int version = 0;
    apr_status_t rv = ctl_open(ctl);

    if (rv == APR_SUCCESS) {
        rv = schema_version(ctl->store, &version);
        rv = rv == STORE_EFOREIGN ? rv : APR_SUCCESS;
    }
    if (rv == APR_SUCCESS && version > schema_current(ctl->store)) {
        rv = store_ready(ctl->store);
    }
    return rv == APR_SUCCESS ? CTL_OK
           : ctl_fail(ctl, rv, "%s", ctl_clean(store_name(ctl->store),
                                               ctl->pool));
}

static void remember(const char *kept[INSTALLATION], const ctl_t *ctl)
{
    apr_size_t i;

    for (i = 0; i < INSTALLATION; i++) {
        /* not set, or not readable any more: httpd writes it at its start */
        if (settings_get(&kept[i], ctl->store, installation[i], ctl->pool)
            != APR_SUCCESS) {
            kept[i] = NULL;
        }
    }
}

/* Brings the schema up to date and this installation's settings back. Killed
 * before, `migrate` and a restart of httpd do the same. */
static int settle(const ctl_t *ctl, const char *const kept[INSTALLATION])
{
    int applied = 0;
    apr_status_t rv = schema_migrate(ctl->store, &applied, ctl->pool);
    apr_size_t i;

    for (i = 0; i < INSTALLATION && rv == APR_SUCCESS; i++) {
        if (kept[i]) {
            rv = settings_set(ctl->store, installation[i], kept[i],
                              ctl->pool);
        }
    }
    return rv == APR_SUCCESS ? CTL_OK
           : ctl_fail(ctl, rv, "restored, but not brought up to date");
}

int ctl_restore(ctl_t *ctl)
{
    const char *kept[INSTALLATION];
    const char *file = ctl_clean(ctl->operand, ctl->pool);
    backup_how_t how = { 0 };
    const char *name;
    int version = 0;
    int code = open_target(ctl);

    if (code != CTL_OK) {
        return code;
    }
    name = ctl_clean(store_name(ctl->store), ctl->pool);
    if (backup_examine(&version, ctl->store, ctl->operand, ctl->pool)
        != APR_SUCCESS) {
        return refuse_file(ctl);
    }
    code = ctl_confirm(ctl, "Replace all that is in %s by %s?", name, file);
    if (code != CTL_OK) {
        return code;
    }
    remember(kept, ctl);
    how.progress = ctl_progress;
    how.context = ctl_progress_start(ctl, "restore");
    if (backup_load(ctl->store, ctl->operand, &how, ctl->pool)
        != APR_SUCCESS) {
        ctl_progress_end(how.context);
        return refuse_file(ctl);
    }
    ctl_progress_end(how.context);
    code = settle(ctl, kept);
    if (code == CTL_OK) {
        printf("%s: restored from %s\n", name, file);
    }
    return code;
}
