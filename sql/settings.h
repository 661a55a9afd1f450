/* SPDX-License-Identifier: MIT */
/*
 * What the store knows of its own installation: a name and a text each.
 * Written by httpd (instance_id, base_url, pixel_path, spool_dir, geoip_file,
 * rules_file, min_delay_us, anonymize_ip) and read by the other programs, so
 * that they mean the same. No secrets here: whoever reads the store reads it.
 */
#ifndef MAILTRACK_SETTINGS_H
#define MAILTRACK_SETTINGS_H

#include "store.h"

#define SETTING_NAME_MAX 64

/** @param value in pool. APR_NOTFOUND: never set. */
apr_status_t settings_get(const char **value, store_t *store,
                          const char *name, apr_pool_t *pool);

/**
 * Keep a value. Reads first and writes only what differs, so that a restart
 * does not wait for the drain's lock. Joins the caller's transaction, or is
 * one by itself. APR_EINVAL: name empty or longer than SETTING_NAME_MAX.
 */
apr_status_t settings_set(store_t *store, const char *name,
                          const char *value, apr_pool_t *pool);

/**
 * Keep offer unless there is a value already. @param value the one that is
 * there now, so that of two processes that start at once both get the first
 * one's (instance_id).
 */
apr_status_t settings_claim(const char **value, store_t *store,
                            const char *name, const char *offer,
                            apr_pool_t *pool);

#endif
