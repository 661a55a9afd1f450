/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a request's body, from httpd's input filters into memory,
 * bounded; and what kind they claim to be.
 */
#ifndef MAILTRACK_API_BODY_H
#define MAILTRACK_API_BODY_H

#include "route.h"

/**
 * Read the body and parse it as a JSON object into call->input.
 * @return OK to go on; else a problem has been answered (*answered is set and
 *         the result is to be returned): 413, 415, 400, 422, 408
 */
int body_read(call_t *call, int *answered);

#endif
