/* SPDX-License-Identifier: MIT */
/*
 * What the daemon says of itself: one line each to stderr. Any thread. Callers
 * keep secrets out; control characters are taken out here, so that nothing a
 * server said begins a line of its own.
 */
#ifndef MAILPROBE_LOG_H
#define MAILPROBE_LOG_H

/** The numbers are syslog's (RFC 5424), which is what journald reads. */
typedef enum {
    LOG_ERROR = 3,              /* somebody must do something */
    LOG_WARNING = 4,            /* it mends itself, or may */
    LOG_NOTICE = 5,             /* a change of state */
    LOG_INFO = 6,               /* what is done all the time */
    LOG_DEBUG = 7
} log_level_t;

/** Longer lines are cut (bytes, with prefix and newline). */
#define LOG_LINE_MAX 2048

/**
 * Say lines up to this level; LOG_NOTICE before the first call. Under systemd
 * (JOURNAL_STREAM or INVOCATION_ID in the environment) a line begins with
 * "<LEVEL>", elsewhere with the time and the level's name. Call it before
 * threads start; without it lines go out as outside of systemd.
 */
void log_setup(log_level_t level);

__attribute__((format(printf, 2, 3)))
void log_line(log_level_t level, const char *fmt, ...);

#endif
