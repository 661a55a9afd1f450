/* SPDX-License-Identifier: MIT */
/*
 * openapi.json of this directory as text, made by sql/embed.awk. Constant; any
 * thread.
 */
#ifndef MAILTRACK_API_OPENAPI_JSON_H
#define MAILTRACK_API_OPENAPI_JSON_H

extern const char openapi_json[];

#endif
