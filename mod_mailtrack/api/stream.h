/* SPDX-License-Identifier: MIT */
/*
 * A CSV file written while its rows are read, in bounded memory. It keeps its
 * connection to the store until the client has taken all of it.
 */
#ifndef MAILTRACK_API_STREAM_H
#define MAILTRACK_API_STREAM_H

#include "csv.h"
#include "route.h"

typedef struct stream_t {
    call_t *call;
    csv_t *csv;
    apr_pool_t *row;            /* cleared after each */
    apr_pool_t *page;           /* cleared after each mail */
} stream_t;

/** Headers and the line of names (NULL at the end); the store is borrowed.
 * @return OK: go on, and to stream_end(); or what to return */
int stream_begin(stream_t *out, call_t *call, const char *file,
                 const char *const *names);

/** Send the row that is in out->csv. APR_ECONNABORTED: nobody reads on. */
apr_status_t stream_row(stream_t *out);

/** @param rv how reading ended: a failure breaks the file off
 * @return to be returned by the endpoint */
int stream_end(call_t *call, apr_status_t rv);

#endif
