/* SPDX-License-Identifier: MIT */
/*
 * One small GET by the loop: the heartbeat, httpd's /health, whether a channel
 * is there. Loop thread.
 */
#ifndef MAILPROBE_FETCH_H
#define MAILPROBE_FETCH_H

#include "loop.h"

/** A longer answer is cut off and an error. */
#define FETCH_MAX 65536

typedef struct fetch_t fetch_t;

/** @param problem "" or why there is no answer; never the URL
 * @param body    NUL-terminated; valid in the callback */
typedef void (*fetch_done_fn)(void *data, const char *problem, long status,
                              const char *body);

/** @param pool ends it: no callback after that */
apr_status_t fetch_make(fetch_t **fetch, loop_t *loop, const char *ca_file,
                        apr_pool_t *pool);

typedef struct fetch_request_t {
    const char *url;
    const char *header;         /* one more, "Name: value"; NULL: none */
    int head;                   /* HEAD instead of GET */
} fetch_request_t;

/** Begin; while one is under way another is refused: APR_EBUSY. */
apr_status_t fetch_ask(fetch_t *fetch, const fetch_request_t *request,
                       fetch_done_fn done, void *data);

#endif
