/* SPDX-License-Identifier: MIT */
/*
 * Where httpd's phases meet the API: which URIs are ours, kept away from the
 * file system, handed to api_handle. Hooks of mod_mailtrack.c; any worker
 * thread.
 */
#ifndef MAILTRACK_API_ENTRY_H
#define MAILTRACK_API_ENTRY_H

#include <httpd.h>

/** BASE/health, BASE/api and below? */
int entry_is_ours(request_rec *r);
/** BASE/api and below? */
int entry_is_api(request_rec *r);

/** translate_name: our URIs name no file. */
int entry_translate(request_rec *r);

/** map_to_storage: no directory walk, no .htaccess; <Location> holds. */
int entry_map(request_rec *r);

/** handler. Before any other: a name's extension picks none for us. */
int entry_handler(request_rec *r);

#endif
