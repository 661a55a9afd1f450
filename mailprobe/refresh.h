/* SPDX-License-Identifier: MIT */
/*
 * The place database and Apple's relay lists kept fresh by download. Loop
 * thread; each download works in a thread of its own, which shares nothing.
 */
#ifndef MAILPROBE_REFRESH_H
#define MAILPROBE_REFRESH_H

#include "house.h"

/** Ask for what is due, now and from time to time. Files are where the
 * configuration says, else where httpd reads them. */
apr_status_t refresh_start(house_t *house, apr_pool_t *pool);

/** A download is under way: its thread uses libcurl and memory of its own. A
 * process that ends meanwhile must do so by _exit(). */
int refresh_busy(void);

#endif
