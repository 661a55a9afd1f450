/* SPDX-License-Identifier: MIT */
/*
 * What httpd tells the store of itself (table `settings`), for those who do not
 * read httpd.conf: mailtrackctl and mailprobe.
 */
#ifndef MAILTRACK_PUBLISH_H
#define MAILTRACK_PUBLISH_H

#include "instance.h"
#include "store.h"

/**
 * Write base_url, pixel_path, spool_dir, rules_file, geoip_file,
 * min_delay_us, anonymize_ip where they differ, and an instance_id where there
 * is none. By the drain, each time it gets a connection.
 */
apr_status_t publish_settings(store_t *store, const instance_t *in,
                              apr_pool_t *pool);

#endif
