/* SPDX-License-Identifier: MIT */
/*
 * Errors that httpd makes by itself on our paths (a path it cannot decode, a
 * limit of its own, an auth module's refusal) say so as the API does, in a
 * problem document in place of an HTML page. Any worker thread.
 */
#ifndef MAILTRACK_API_FALLBACK_H
#define MAILTRACK_API_FALLBACK_H

#include <httpd.h>

/** Once, with the hooks. */
void fallback_register(void);

/** insert_error_filter. */
void fallback_insert(request_rec *r);

#endif
