/* SPDX-License-Identifier: MIT */
/*
 * The spool: hits on disk until the store has them. One file (segment) per
 * httpd child, locked by flock(2) as long as its writer lives: the lock dies
 * with the process, so a segment nobody holds is finished. Knows no database.
 *
 * Files of a spool directory:
 *   .UUID.new      a segment being made
 *   UUID.seg       a segment
 *   drain.lock     held by the child that drains
 *   node           UUID of this spool
 *   rejected       lines that no store took
 */
#ifndef MAILTRACK_SPOOL_H
#define MAILTRACK_SPOOL_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "board.h"

typedef struct spool_t spool_t;

/** A segment as the reader sees it. */
typedef struct segment_t {
    const char *name;           /* "UUID.seg" */
    apr_off_t size;
} segment_t;

/** Longest name of a segment, its NUL included. */
#define SPOOL_NAME_MAX 48

/**
 * The writing side, one per child process; any thread may append.
 * @param limit bytes waiting in the spool above which nothing more is written
 * @param sync_always fdatasync after each line
 * Does not touch the disk: the first hit does.
 */
apr_status_t spool_make(spool_t **spool, const char *dir, board_t *board,
                        apr_off_t limit, int sync_always, apr_pool_t *pool);

/**
 * Append one line (with its newline). On failure the hit is lost, counted on
 * the board, and the segment, whose last line may be torn, is given up: it can
 * then be drained and removed, which is what makes room on a full disk.
 * @return APR_ENOSPC when the spool's limit is reached
 */
apr_status_t spool_append(spool_t *spool, const char *line, apr_size_t len);

/**
 * fdatasync what was written since; once a second, from the drain's thread.
 * @param age a segment begun that long ago is ended: its lines, with addresses
 *        in them, shall not stay for as long as a quiet child lives
 */
apr_status_t spool_sync(spool_t *spool, apr_time_t age);

/* -- the reading side ---------------------------------------------------- */

/** Take SPOOL/drain.lock. APR_EAGAIN: another process drains. */
apr_status_t spool_lock(int *fd, const char *dir, apr_pool_t *pool);
void spool_unlock(int fd);

/** The segments, and removal of .new files whose maker died. */
apr_status_t spool_list(apr_array_header_t **segments, const char *dir,
                        apr_pool_t *pool);

/**
 * Read up to `size` bytes from `offset`. *len is cut after the last newline; 0:
 * no whole line there. APR_EINCOMPLETE: `size` bytes without a newline, which
 * no writer of ours makes; *len is size.
 */
apr_status_t spool_read(char *buffer, apr_size_t *len, const char *dir,
                        const char *name, apr_off_t offset, apr_size_t size);

/**
 * Is its writer gone? Then *size is final and *fd holds its lock.
 * APR_EAGAIN: it is still written to.
 */
apr_status_t spool_finished(int *fd, apr_off_t *size, const char *dir,
                            const char *name);

/** Is there certainly no such segment? @return 1 or 0 */
int spool_gone(const char *dir, const char *name);

/** Unlink a finished segment and let go of its lock, also on failure. */
apr_status_t spool_remove(int fd, const char *dir, const char *name);

/** Append a line to SPOOL/rejected, on disk before it returns. */
apr_status_t spool_reject(const char *dir, const char *line, apr_size_t len);

/** The spool's UUID, made when it has none yet. @param node 37 bytes */
apr_status_t spool_node(char *node, const char *dir);

#endif
