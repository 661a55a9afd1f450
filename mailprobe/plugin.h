/* SPDX-License-Identifier: MIT */
/*
 * mailprobe --once and --test-channel: one thing done now, told on stdout.
 * Main thread, with a loop of its own.
 */
#ifndef MAILPROBE_PLUGIN_H
#define MAILPROBE_PLUGIN_H

#include "configuration.h"

/* What Nagios, Icinga and Checkmk understand. */
#define PLUGIN_OK       0
#define PLUGIN_WARNING  1
#define PLUGIN_CRITICAL 2
#define PLUGIN_UNKNOWN  3

/** Send one probe of a monitor and tell its fate in one line with performance
 * data. @return one of the above */
int plugin_probe(const configuration_t *configuration, const char *monitor,
               apr_pool_t *pool);

/** @return 0: the channel took the message; 1: it did not; 2: no such one */
int plugin_channel(const configuration_t *configuration, const char *name,
                 apr_pool_t *pool);

#endif
