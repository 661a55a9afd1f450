/* SPDX-License-Identifier: MIT */
/*
 * mailprobe --check: everything that mailprobe.yaml names is tried and told in
 * a line each. Main thread, with a loop of its own.
 */
#ifndef MAILPROBE_CHECK_H
#define MAILPROBE_CHECK_H

#include <apr_pools.h>

/** @return 0: all is well; 1: a line begins with a cross */
int check_run(const char *path, apr_pool_t *pool);

#endif
