/* SPDX-License-Identifier: MIT */
/*
 * mailprobe as a daemon: into the background, signals, systemd, reload, end.
 * SIGHUP reads the file anew (a bad one is refused, the old one stays), SIGTERM
 * and SIGINT end within a second.
 */
#ifndef MAILPROBE_DAEMON_H
#define MAILPROBE_DAEMON_H

#include "configuration.h"

/**
 * Run until told to end. Without foreground the caller's process ends with 0
 * as soon as the daemon runs; stderr stays what it was.
 * @param first the pool the configuration lives in; taken over
 * @return what to exit with
 */
int daemon_run(configuration_t *configuration, apr_pool_t *first,
               int foreground, apr_pool_t *pool);

#endif
