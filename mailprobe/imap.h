/* SPDX-License-Identifier: MIT */
/*
 * One IMAP connection: logged in by libcurl, then spoken to with our own
 * commands, one at a time, in the order they were given. Loop thread.
 * RFC 3501, 2177 (IDLE).
 */
#ifndef MAILPROBE_IMAP_H
#define MAILPROBE_IMAP_H

#include <stdarg.h>

#include "configuration.h"
#include "imap_parse.h"
#include "loop.h"

typedef struct imap_t imap_t;

typedef struct imap_events_t {
    /** logged in: commands may be given */
    void (*ready)(void *data);
    /** an untagged response; valid in the callback */
    void (*response)(void *data, const imap_response_t *response);
    /** it is over, and closed. The last callback. @param refused name or
     * password were not taken */
    void (*ended)(void *data, int refused, const char *words);
    void *data;
} imap_events_t;

/** The tagged answer. */
typedef void (*imap_done_fn)(void *data, const imap_response_t *answer);

/** @param endpoint and events are copied shallowly: what they point to lives on
 * @param pool ends it. Not to be destroyed within one of its callbacks */
apr_status_t imap_open(imap_t **imap, loop_t *loop,
                       const endpoint_t *endpoint,
                       const imap_events_t *events, apr_pool_t *pool);

/** Give a command, without tag and line end; it waits for those before it. An
 * IDLE is left for it. No answer within the endpoint's time-out ends the
 * connection. @param done gets the events' data; may be NULL */
__attribute__((format(printf, 3, 0)))
void imap_command(imap_t *imap, imap_done_fn done, const char *fmt,
                  va_list args);

/** Nothing is left to be answered: be told of news by the server. To be called
 * when no command waits. @param done called when the server refuses or ends it
 * by itself; not when a command does */
void imap_idle(imap_t *imap, imap_done_fn done);

/** Is it in IDLE, or on the way in? */
int imap_idles(const imap_t *imap);

/** Say LOGOUT and close; no callback after this. */
void imap_close(imap_t *imap);

#endif
