/* SPDX-License-Identifier: MIT */
/*
 * Lines to stderr, each by one write(2) so that threads do not mix theirs. Any
 * thread; the two settings are written before threads start. Never fails in a
 * way a caller could act on.
 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_time.h>

static log_level_t wanted = LOG_NOTICE;
static int journal;

void log_setup(log_level_t level)
{
    wanted = level;
    journal = getenv("JOURNAL_STREAM") || getenv("INVOCATION_ID");
}

static const char *level_name(log_level_t level)
{
    static const char *const names[] = {
        "error", "warning", "notice", "info", "debug"
    };

    return names[level - LOG_ERROR];
}

static int prefix(char *line, size_t size, log_level_t level)
{
    apr_time_exp_t t;

    if (journal) {
        return snprintf(line, size, "<%d>", (int)level);
    }
    apr_time_exp_gmt(&t, apr_time_now());
    return snprintf(line, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %s: ",
                    t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                    t.tm_min, t.tm_sec, t.tm_usec / 1000, level_name(level));
}

void log_line(log_level_t level, const char *fmt, ...)
{
    char line[LOG_LINE_MAX];
    va_list args;
    size_t length, i;
    int n;

    if (level > wanted || level < LOG_ERROR) {
        return;
    }
    length = (size_t)prefix(line, sizeof(line), level);
    va_start(args, fmt);
    n = vsnprintf(line + length, sizeof(line) - length - 1, fmt, args);
    va_end(args);
    if (n < 0) {
        return;
    }
    i = length;
    length += strlen(line + length);
    for (; i < length; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 127) {
            line[i] = ' ';
        }
    }
    line[length++] = '\n';
    /* a stderr that is full or gone is nothing we could tell anybody about */
    if (write(STDERR_FILENO, line, length) < 0) {
        return;
    }
}
