/* SPDX-License-Identifier: MIT */
/*
 * The writing side: one segment per child, one write(2) a hit, under a mutex of
 * the child so that nothing is written behind a line that is not whole.
 * Runs in the hit path: no database, no allocation after the first hit.
 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <apr_uuid.h>

/* A segment is closed at this size, so that a busy child's is deleted, too. */
#define SEGMENT_MAX (8 * 1024 * 1024)

struct spool_t {
    const char *dir;
    board_t *board;
    apr_off_t limit;
    int sync_always;
    apr_thread_mutex_t *mutex;  /* guards all below */
    int fd;                     /* -1: none yet */
    apr_off_t size;
    apr_time_t begun_at;
    int dirty;                  /* written since the last fdatasync */
};

static apr_status_t spool_close(void *data)
{
    spool_t *spool = data;

    if (spool->fd >= 0) {
        close(spool->fd);
        spool->fd = -1;
    }
    return APR_SUCCESS;
}

apr_status_t spool_make(spool_t **out, const char *dir, board_t *board,
                        apr_off_t limit, int sync_always, apr_pool_t *pool)
{
    spool_t *spool = apr_pcalloc(pool, sizeof(*spool));

    spool->dir = apr_pstrdup(pool, dir);
    spool->board = board;
    spool->limit = limit;
    spool->sync_always = sync_always;
    spool->fd = -1;
    apr_pool_cleanup_register(pool, spool, spool_close,
                              apr_pool_cleanup_null);
    *out = spool;
    return apr_thread_mutex_create(&spool->mutex, APR_THREAD_MUTEX_DEFAULT,
                                   pool);
}

/* Locked under a name nobody looks at, then shown: a reader can never find a
 * segment whose living writer has no lock yet. */
static apr_status_t start_segment(spool_t *spool)
{
    char uuid[APR_UUID_FORMATTED_LENGTH + 1];
    char hidden[4096];
    char shown[4096];
    apr_status_t rv;
    apr_uuid_t id;

    apr_uuid_get(&id);
    apr_uuid_format(uuid, &id);
    apr_snprintf(hidden, sizeof(hidden), "%s/.%s.new", spool->dir, uuid);
    apr_snprintf(shown, sizeof(shown), "%s/%s.seg", spool->dir, uuid);
    spool->fd = open(hidden, O_WRONLY | O_CREAT | O_EXCL | O_APPEND
                     | O_CLOEXEC, 0640);
    if (spool->fd < 0) {
        return errno;
    }
    if (flock(spool->fd, LOCK_EX | LOCK_NB) != 0
        || rename(hidden, shown) != 0) {
        rv = errno;
        unlink(hidden);
        spool_close(spool);
        return rv;
    }
    spool->size = 0;
    spool->begun_at = apr_time_now();
    return APR_SUCCESS;
}

static apr_status_t write_line(spool_t *spool, const char *line,
                               apr_size_t len)
{
    apr_status_t rv = APR_SUCCESS;
    ssize_t n;

    do {
        n = write(spool->fd, line, len);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        rv = errno;
    } else {
        spool->size += n;
        spool->dirty = 1;
        rv = (apr_size_t)n == len ? APR_SUCCESS : APR_ENOSPC;
    }
    /* an empty one is kept: a full disk must not fill with empty files */
    if (rv != APR_SUCCESS && spool->size > 0) {
        spool_close(spool);
    }
    return rv;
}

static apr_status_t append(spool_t *spool, const char *line, apr_size_t len)
{
    apr_status_t rv = APR_SUCCESS;

    if (spool->fd >= 0 && spool->size >= SEGMENT_MAX) {
        spool_close(spool);
    }
    if (spool->fd < 0) {
        rv = start_segment(spool);
    }
    if (rv == APR_SUCCESS) {
        rv = write_line(spool, line, len);
    }
    if (rv == APR_SUCCESS && spool->sync_always) {
        rv = fdatasync(spool->fd) == 0 ? APR_SUCCESS : errno;
        spool->dirty = 0;
    }
    return rv;
}

apr_status_t spool_append(spool_t *spool, const char *line, apr_size_t len)
{
    apr_status_t rv;

    if (board_get(spool->board, BOARD_BACKLOG) >= spool->limit) {
        rv = APR_ENOSPC;
    } else {
        apr_thread_mutex_lock(spool->mutex);
        rv = append(spool, line, len);
        apr_thread_mutex_unlock(spool->mutex);
    }
    if (rv == APR_SUCCESS) {
        board_add(spool->board, BOARD_HITS, 1);
    } else {
        board_add(spool->board, BOARD_LOST, 1);
        board_set(spool->board, BOARD_LOST_AT, apr_time_now());
    }
    return rv;
}

/* Also when the clock was set back: an early end does no harm. */
static int is_old(const spool_t *spool, apr_time_t age)
{
    apr_time_t now = apr_time_now();

    return spool->fd >= 0 && spool->size > 0
           && (now - spool->begun_at >= age || now < spool->begun_at);
}

apr_status_t spool_sync(spool_t *spool, apr_time_t age)
{
    apr_status_t rv = APR_SUCCESS;
    int fd = -1;

    /* sync a duplicate outside the lock: hits do not wait for the disk */
    apr_thread_mutex_lock(spool->mutex);
    if (spool->dirty && spool->fd >= 0) {
        fd = fcntl(spool->fd, F_DUPFD_CLOEXEC, 0);
        rv = fd < 0 ? errno : APR_SUCCESS;
        spool->dirty = 0;
    }
    if (rv == APR_SUCCESS && is_old(spool, age)) {
        spool_close(spool);
    }
    apr_thread_mutex_unlock(spool->mutex);
    if (fd >= 0) {
        rv = fdatasync(fd) == 0 ? APR_SUCCESS : errno;
        close(fd);
    }
    return rv;
}
