/* SPDX-License-Identifier: MIT */
/*
 * How mailtrackctl speaks: one line for a failure, aligned tables, questions.
 * Text from the store or the command line is made harmless for a terminal
 * first.
 */
#include "ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "sql/utf8.h"

#define CLEAN_MAX 80

static void say(const ctl_t *ctl, const char *words, const char *reason)
{
    fflush(stdout);
    fprintf(stderr, "mailtrackctl: %s%s%s%s%s\n",
            ctl->command ? ctl->command->name : "",
            ctl->command ? ": " : "", words, *reason ? ": " : "", reason);
}

int ctl_usage(const ctl_t *ctl, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(ctl, apr_pvsprintf(ctl->pool, format, args), "");
    va_end(args);
    return CTL_USAGE;
}

int ctl_refuse(const ctl_t *ctl, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(ctl, apr_pvsprintf(ctl->pool, format, args), "");
    va_end(args);
    return CTL_FAILED;
}

int ctl_fail(const ctl_t *ctl, apr_status_t rv, const char *format, ...)
{
    const char *reason = ctl_reason(ctl, rv);
    va_list args;

    va_start(args, format);
    say(ctl, apr_pvsprintf(ctl->pool, format, args), reason);
    va_end(args);
    return CTL_FAILED;
}

/* Statuses for which the store, not the system, has the words. */
static int is_stores(apr_status_t rv)
{
    return (rv > APR_OS_START_USERERR && rv < APR_OS_START_EAIERR)
           || rv == APR_EINVAL;
}

/* An engine may use several lines; here a failure is one. */
static const char *one_line(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);
    char *p;

    for (p = copy; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            *p = ' ';
        }
    }
    while (p > copy && p[-1] == ' ') {
        *--p = '\0';
    }
    return copy;
}

const char *ctl_reason(const ctl_t *ctl, apr_status_t rv)
{
    const char *words = "";
    const char *remedy = "";
    char system[256];

    if (ctl->store && is_stores(rv)) {
        words = one_line(store_error(ctl->store), ctl->pool);
        remedy = store_remedy(ctl->store, rv, ctl->pool);
    }
    if (!*words) {
        words = apr_pstrdup(ctl->pool,
                            apr_strerror(rv, system, sizeof(system)));
    }
    return *remedy ? apr_pstrcat(ctl->pool, words, "; try: ", remedy, NULL)
           : words;
}

/* 0x80 to 0x9f are terminal controls too. */
static int is_harmful(apr_uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0)
           || code == (apr_uint32_t)-1;
}

const char *ctl_clean(const char *text, apr_pool_t *pool)
{
    apr_size_t left = strlen(text);
    /* a sequence has up to 4 octets, each at most \\xNN */
    char *out = apr_palloc(pool, 16 * CLEAN_MAX + 4);
    char *p = out;
    int n;

    for (n = 0; left > 0 && n < CLEAN_MAX; n++) {
        apr_uint32_t code;
        apr_size_t len = utf8_next(&code, text, left);
        apr_size_t i;

        if (is_harmful(code)) {
            for (i = 0; i < len; i++) {
                p += apr_snprintf(p, 5, "\\x%02x", (unsigned char)text[i]);
            }
        } else {
            memcpy(p, text, len);
            p += len;
        }
        text += len;
        left -= len;
    }
    memcpy(p, left > 0 ? "..." : "", left > 0 ? 4 : 1);
    return out;
}

const char *ctl_time(apr_int64_t at, apr_pool_t *pool)
{
    apr_time_exp_t t;

    if (at == STORE_NULL || apr_time_exp_gmt(&t, at) != APR_SUCCESS) {
        return "never";
    }
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02dZ",
                        t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                        t.tm_min, t.tm_sec);
}

const char *ctl_size(apr_int64_t bytes, apr_pool_t *pool)
{
    static const char *const units[] = { "KB", "MB", "GB", "TB", "PB" };
    double value = (double)bytes / 1024;
    int unit = 0;

    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    return apr_psprintf(pool, "%.1f %s (%" APR_INT64_T_FMT " bytes)", value,
                        units[unit], bytes);
}

void ctl_table(const apr_array_header_t *cells, int columns,
               apr_pool_t *pool)
{
    apr_size_t *width = apr_pcalloc(pool,
                                    (apr_size_t)columns * sizeof(*width));
    int i;

    for (i = 0; i < cells->nelts; i++) {
        apr_size_t n = utf8_length(APR_ARRAY_IDX(cells, i, const char *));

        if (n > width[i % columns]) {
            width[i % columns] = n;
        }
    }
    for (i = 0; i < cells->nelts; i++) {
        const char *text = APR_ARRAY_IDX(cells, i, const char *);
        int last = i % columns == columns - 1;

        printf("%s%*s%s", text, last ? 0 : (int)(width[i % columns]
                                                 - utf8_length(text) + 2),
               "", last ? "\n" : "");
    }
}

int ctl_confirm(const ctl_t *ctl, const char *format, ...)
{
    char answer[16] = "";
    va_list args;

    if (ctl_option(ctl, "yes")) {
        return CTL_OK;
    }
    if (!isatty(STDIN_FILENO)) {
        return ctl_usage(ctl, "expected --yes, as there is no terminal to "
                         "ask on");
    }
    va_start(args, format);
    fprintf(stderr, "%s [y/N] ", apr_pvsprintf(ctl->pool, format, args));
    va_end(args);
    if (fgets(answer, sizeof(answer), stdin)
        && (answer[0] == 'y' || answer[0] == 'Y')) {
        return CTL_OK;
    }
    return ctl_refuse(ctl, "nothing was changed");
}

int ctl_check_text(const ctl_t *ctl, const char *what, const char *text,
                   apr_size_t max)
{
    const unsigned char *p;

    if (!utf8_valid(text, strlen(text))) {
        return ctl_usage(ctl, "%s: expected UTF-8", what);
    }
    if (!*text || utf8_length(text) > max) {
        return ctl_usage(ctl, "%s: expected 1 to %" APR_SIZE_T_FMT
                         " characters", what, max);
    }
    for (p = (const unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0)) {
            return ctl_usage(ctl, "%s: expected no control characters",
                             what);
        }
    }
    return CTL_OK;
}
