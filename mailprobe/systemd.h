/* SPDX-License-Identifier: MIT */
/*
 * What systemd wants to hear of a service of Type=notify: one datagram to the
 * socket it named, see sd_notify(3). Nothing happens where there is none.
 */
#ifndef MAILPROBE_SYSTEMD_H
#define MAILPROBE_SYSTEMD_H

#include <apr_errno.h>
#include <apr_time.h>

/** @param state "READY=1", "STATUS=...", "WATCHDOG=1", "STOPPING=1";
 * several are separated by newlines. Never blocks. APR_SUCCESS also where
 * nobody listens. */
apr_status_t systemd_notify(const char *state);

/** How often WATCHDOG=1 is due (half of what the unit says); 0: never. */
apr_interval_time_t systemd_watchdog(void);

#endif
