/* SPDX-License-Identifier: MIT */
/*
 * check: the whole way of a hit, seen from outside, a line for each station
 * with what mends it. This file owns the lines and the order; stations that
 * cannot be reached are left out, so that one fault is one cross.
 */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "sql/schema.h"
#include "sql/settings.h"

void check_good(check_t *check, const char *what, const char *format, ...)
{
    va_list args;

    check->good++;
    va_start(args, format);
    printf("\xe2\x9c\x93 %s: %s\n", what,
           apr_pvsprintf(check->pool, format, args));
    va_end(args);
    fflush(stdout);
}

void check_bad(check_t *check, const char *what, const char *remedy,
               const char *format, ...)
{
    va_list args;

    check->bad++;
    va_start(args, format);
    printf("\xe2\x9c\x97 %s: %s%s%s\n", what,
           apr_pvsprintf(check->pool, format, args),
           *remedy ? "; try: " : "", remedy);
    va_end(args);
    fflush(stdout);
}

void check_note(check_t *check, const char *what, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("- %s: %s\n", what, apr_pvsprintf(check->pool, format, args));
    va_end(args);
    fflush(stdout);
}

static void check_store(check_t *check)
{
    ctl_t *ctl = check->ctl;
    apr_status_t rv = ctl_open(ctl);
    const char *name = ctl_clean(store_name(ctl->store), check->pool);

    if (rv == APR_SUCCESS) {
        rv = store_ready(ctl->store);
    }
    if (rv == APR_SUCCESS) {
        check->ready = 1;
        check_good(check, "store", "%s, schema version %d", name,
                   schema_current(ctl->store));
    } else {
        check_bad(check, "store", store_remedy(ctl->store, rv, check->pool),
                  "%s: %s", name, *store_error(ctl->store)
                  ? ctl_clean(store_error(ctl->store), check->pool)
                  : ctl_reason(ctl, rv));
    }
}

/* --url, else what httpd noted at its start. */
static void find_base(check_t *check)
{
    const char *url = ctl_option(check->ctl, "url");
    const char *noted = NULL;
    char *base;
    apr_size_t n;

    if (!url && check->ready
        && settings_get(&noted, check->ctl->store, "base_url", check->pool)
           == APR_SUCCESS) {
        url = noted;
    }
    if (!url || !*url) {
        check_bad(check, "base URL", "start httpd with MailtrackBaseURL, or "
                  "give --url", "not known");
        return;
    }
    base = apr_pstrdup(check->pool, url);
    for (n = strlen(base); n > 0 && base[n - 1] == '/'; n--) {
        base[n - 1] = '\0';
    }
    check->base = base;
}

int ctl_check(ctl_t *ctl)
{
    const char *url = ctl_option(ctl, "url");
    check_t check = { 0 };
    int verify = 1;

    check.ctl = ctl;
    check.pool = ctl->pool;
    if (url && !fetch_url_ok(url)) {
        return ctl_usage(ctl, "--url: expected http://HOST or https://HOST, "
                         "with the path of MailtrackBaseURL, without user "
                         "or query");
    }
    if (fetch_start() != APR_SUCCESS) {
        return ctl_refuse(ctl, "libcurl cannot be initialised");
    }
    check_store(&check);
    check_files(&check);
    find_base(&check);
    if (check.base && check_server(&check, &verify)) {
        if (check.ready) {
            check_pixel(&check, verify);
        } else {
            check_note(&check, "pixel", "not fetched, as the store is not "
                       "ready");
        }
    }
    fetch_stop();
    if (check.bad > 0) {
        return ctl_refuse(ctl, "%d of %d checks failed", check.bad,
                          check.good + check.bad);
    }
    printf("all %d checks passed\n", check.good);
    return CTL_OK;
}
