/* SPDX-License-Identifier: MIT */
/*
 * Answers with an ETag, for pages that ask again and again: what has not
 * changed is a 304 without a body (RFC 9110, 13.1.2).
 */
#ifndef MAILTRACK_API_VALIDATE_H
#define MAILTRACK_API_VALIDATE_H

#include "route.h"

/** 200 with the body and its hash as ETag, or 304. @param body stolen */
int validate_answer(call_t *call, json_t *body);

/**
 * The same for a body that costs more to make than to know: state is all of
 * what it is made from.
 * @param state stolen
 * @return 1: the client has it, 304 is answered, return OK; 0: make the body
 *         and answer it, the ETag is set
 */
int validate_same(call_t *call, json_t *state);

#endif
