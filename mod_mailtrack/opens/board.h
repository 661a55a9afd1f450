/* SPDX-License-Identifier: MIT */
/*
 * Numbers that every httpd child writes and /health reads: shared memory, made
 * before the children fork and kept through graceful restarts' lifetime of a
 * generation. Each field is read and written atomically; nothing waits.
 */
#ifndef MAILTRACK_BOARD_H
#define MAILTRACK_BOARD_H

#include <apr_pools.h>

typedef enum {
    BOARD_HITS,                 /* lines written to the spool */
    BOARD_LOST,                 /* hits answered that could not be written */
    BOARD_LOST_AT,              /* when last, microseconds */
    BOARD_STORED,               /* hits committed */
    BOARD_UNKNOWN,              /* hits of ids the store does not have */
    BOARD_REJECTED,             /* lines put aside in SPOOL/rejected */
    BOARD_BACKLOG,              /* bytes in the spool not stored yet */
    BOARD_SEGMENTS,             /* segment files */
    BOARD_OLDEST_AT,            /* time of the oldest hit waiting; 0: none */
    BOARD_DRAINED_AT,           /* the drain's last complete round */
    BOARD_DRAIN_PID,            /* who drains */
    BOARD_DRAIN_STATUS,         /* 0 or the status that stops the drain */
    BOARD_FIELDS
} board_field_t;

typedef struct board_t board_t;

/** @param pool as long as the children may write */
apr_status_t board_make(board_t **board, apr_pool_t *pool);

apr_int64_t board_get(const board_t *board, board_field_t field);
void board_set(board_t *board, board_field_t field, apr_int64_t value);
void board_add(board_t *board, board_field_t field, apr_int64_t delta);

#endif
