/* SPDX-License-Identifier: MIT */
/*
 * Just enough of the Test Anything Protocol for the unit tests: each prints
 * its lines and ends with `return done_testing();`.
 */
#ifndef MAILTRACK_TAP_H
#define MAILTRACK_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_run;
static int tap_failed;

__attribute__((format(printf, 2, 3)))
static inline int ok(int cond, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    printf("%sok %d - ", cond ? "" : "not ", ++tap_run);
    vprintf(fmt, args);
    putchar('\n');
    va_end(args);
    fflush(stdout);
    tap_failed += !cond;
    return cond;
}

#define is_int(got, want, ...) \
    tap_is_int((long long)(got), (long long)(want), __VA_ARGS__)

__attribute__((format(printf, 3, 4)))
static inline int tap_is_int(long long got, long long want,
                             const char *fmt, ...)
{
    char name[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);
    if (!ok(got == want, "%s", name)) {
        printf("#   got %lld, expected %lld\n", got, want);
        return 0;
    }
    return 1;
}

__attribute__((format(printf, 3, 4)))
static inline int is_str(const char *got, const char *want,
                         const char *fmt, ...)
{
    char name[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);
    if (!ok((!got && !want) || (got && want && !strcmp(got, want)),
            "%s", name)) {
        printf("#   got '%s'\n#   expected '%s'\n", got ? got : "(null)",
               want ? want : "(null)");
        return 0;
    }
    return 1;
}

static inline int done_testing(void)
{
    printf("1..%d\n", tap_run);
    return tap_failed ? 1 : 0;
}

/** A file of the source tree, wherever the build is. */
static inline const char *source_file(const char *name)
{
    static char path[4096];
    const char *dir = getenv("srcdir");

    snprintf(path, sizeof(path), "%s/%s", dir ? dir : ".", name);
    return path;
}

#endif
