/* SPDX-License-Identifier: MIT */
/*
 * What goes back: JSON, and problems as RFC 9457 has them. Every function
 * gives the store back first (call_return), writes the whole answer and
 * returns OK, to be returned by the endpoint.
 */
#ifndef MAILTRACK_API_ANSWER_H
#define MAILTRACK_API_ANSWER_H

#include "route.h"

/** Headers every answer has: no-store, nosniff, CORS where it is due. */
void answer_headers(call_t *call);

/** @param body stolen, also on failure */
int answer_json(call_t *call, int status, json_t *body);
/** Bytes that live as long as the request. */
int answer_bytes(call_t *call, int status, const char *type,
                 const char *bytes, apr_size_t len);
/** 204 and 304. */
int answer_empty(call_t *call, int status);

/** @param detail a sentence for people; nothing of our insides */
int answer_problem(call_t *call, int status, const char *detail);
/** With further members. @param more stolen; NULL: none */
int answer_problem_with(call_t *call, int status, const char *detail,
                        json_t *more);
/** 422 with the faults of call->input. */
int answer_faults(call_t *call);
/** 422 for one field. */
int answer_fault(call_t *call, const char *field, const char *detail);
/**
 * What a failed store call means: 404, 503 with remedy, 500. The engine's
 * words go to the error log, never to the client.
 */
int answer_store(call_t *call, apr_status_t status, const char *what);

/** What to do, for who is not on this machine. */
#define ANSWER_ELSEWHERE "mailtrackctl status, on the server, says what to do"

/**
 * Words with paths or commands of this machine (NULL is ""), for who is on it;
 * otherwise, if there are any, what the rest of the world is told.
 */
const char *answer_inside(const call_t *call, const char *words,
                          const char *otherwise);

/**
 * 503: dbd_borrow failed; call->loan says why to who is on this machine.
 * @param health stolen or NULL
 */
int answer_store_away(call_t *call, json_t *health);

/** `Link: <...>; rel="next"`: this request with another cursor. */
void answer_next(call_t *call, const char *cursor);
/** The URL of that page. */
const char *answer_next_url(call_t *call, const char *cursor);

#endif
