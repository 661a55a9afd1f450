/* SPDX-License-Identifier: MIT */
/*
 * Which store is meant, and opening it. In this order: --store, --store-file,
 * the environment's MAILTRACK_STORE, the default path that the sample
 * configuration of httpd uses too.
 */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

/* Longer than any driver's parameters. */
#define LINE_MAX_BYTES 4096

int ctl_is_file(const ctl_t *ctl)
{
    return !strcmp(ctl->driver, "sqlite3");
}

/* "pgsql:host=... dbname=..." names a driver; all else is a path. */
static void split(ctl_t *ctl, const char *text)
{
    static const char *const drivers[] = { "sqlite3", "pgsql", "mysql" };
    apr_size_t i;

    ctl->driver = drivers[0];
    ctl->params = text;
    for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        apr_size_t n = strlen(drivers[i]);

        if (!strncmp(text, drivers[i], n) && text[n] == ':') {
            ctl->driver = drivers[i];
            ctl->params = text + n + 1;
        }
    }
}

/* libpq says password=, apr_dbd_mysql pass=. */
static int has_password(const ctl_t *ctl)
{
    const char *p = ctl->params;

    if (ctl_is_file(ctl)) {
        return 0;
    }
    while ((p = strstr(p, "pass")) != NULL) {
        p += strcspn(p, "= ,;");
        if (*p == '=') {
            return 1;
        }
    }
    return 0;
}

static int from_file(ctl_t *ctl, const char *path)
{
    char line[LINE_MAX_BYTES];
    apr_file_t *file = NULL;
    apr_finfo_t info;
    apr_status_t rv;

    rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BUFFERED,
                       APR_FPROT_OS_DEFAULT, ctl->pool);
    if (rv == APR_SUCCESS) {
        rv = apr_file_info_get(&info, APR_FINFO_PROT, file);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_file_gets(line, sizeof(line), file);
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "--store-file %s",
                        ctl_clean(path, ctl->pool));
    }
    apr_file_close(file);
    line[strcspn(line, "\r\n")] = '\0';
    split(ctl, apr_pstrdup(ctl->pool, line));
    if (has_password(ctl) && (info.protection & APR_FPROT_WREAD)) {
        return ctl_refuse(ctl, "%s holds a password and everybody can read "
                          "it; try: chmod o= '%s'",
                          ctl_clean(path, ctl->pool),
                          ctl_clean(path, ctl->pool));
    }
    return CTL_OK;
}

int ctl_find_store(ctl_t *ctl)
{
    const char *given = ctl_option(ctl, "store");
    const char *file = ctl_option(ctl, "store-file");
    const char *env = getenv("MAILTRACK_STORE");
    int code = CTL_OK;

    if (given && file) {
        return ctl_usage(ctl, "expected --store or --store-file, not both");
    }
    if (file) {
        code = from_file(ctl, file);
    } else {
        split(ctl, given ? given : env && *env ? env : STORE_DEFAULT_PATH);
    }
    if (code == CTL_OK && given && has_password(ctl)) {
        return ctl_usage(ctl, "--store: expected no password, as everybody "
                         "can read it in ps; use --store-file FILE or the "
                         "environment variable MAILTRACK_STORE");
    }
    if (code == CTL_OK && !*ctl->params) {
        return ctl_usage(ctl, "expected a store: a path or DRIVER:PARAMS");
    }
    return code;
}

apr_status_t ctl_open(ctl_t *ctl)
{
    return store_open(&ctl->store, ctl->driver, ctl->params, ctl->pool);
}

int ctl_need_ready(ctl_t *ctl)
{
    apr_status_t rv = ctl_open(ctl);

    if (rv == APR_SUCCESS) {
        rv = store_ready(ctl->store);
    }
    return rv == APR_SUCCESS ? CTL_OK
           : ctl_fail(ctl, rv, "%s", ctl_clean(store_name(ctl->store),
                                               ctl->pool));
}
