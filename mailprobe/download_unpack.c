/* SPDX-License-Identifier: MIT */
/*
 * A download unpacked (contract in download.h): gzip by zlib, which reads what
 * is not packed as it is, and of tar the little that finds one file. Runs in
 * the thread of a download, over foreign bytes.
 */
#include "download.h"

#include <string.h>

#include <apr_atomic.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <zlib.h>

#define BLOCK 512

typedef struct {
    download_t *download;
    gzFile in;
    apr_file_t *out;
    apr_off_t written;
} unpacking_t;

/* @return bytes, 0 at the end, -1: damaged or cut off */
static int read_some(unpacking_t *u, void *buffer, unsigned int length)
{
    int got = gzread(u->in, buffer, length);
    int error = Z_OK;

    if (got < (int)length) {
        (void)gzerror(u->in, &error);
    }
    return error != Z_OK && error != Z_STREAM_END ? -1 : got;
}

static apr_status_t damaged(unpacking_t *u)
{
    return download_fail(u->download, "what came is damaged or cut off");
}

static apr_status_t write_some(unpacking_t *u, const char *bytes, int length)
{
    apr_size_t written;

    u->written += length;
    if (apr_atomic_read32(&u->download->stop)) {
        return download_fail(u->download, "given up");
    }
    if (u->written > DOWNLOAD_MAX) {
        return download_fail(u->download, "what came is too large");
    }
    if (apr_file_write_full(u->out, bytes, (apr_size_t)length, &written)
        != APR_SUCCESS) {
        return download_fail(u->download, "cannot write beside %s",
                             u->download->what.file);
    }
    return APR_SUCCESS;
}

/* The rest, or so many bytes of it (-1: all). */
static apr_status_t copy(unpacking_t *u, apr_int64_t left)
{
    char buffer[16384];
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && left) {
        unsigned int want = left < 0 || left > (apr_int64_t)sizeof(buffer)
                            ? sizeof(buffer) : (unsigned int)left;
        int got = read_some(u, buffer, want);

        if (got < 0 || (got < (int)want && left > 0)) {
            return damaged(u);
        }
        if (got == 0) {
            break;
        }
        rv = write_some(u, buffer, got);
        left -= left < 0 ? 0 : got;
    }
    return rv;
}

/* -- tar (POSIX ustar) ---------------------------------------------------- */

static int is_tar(const char *block)
{
    return !memcmp(block + 257, "ustar", 5);
}

/* @return -1: no number */
static apr_int64_t size_of(const char *block)
{
    apr_int64_t size = 0;
    int i;

    for (i = 124; i < 135; i++) {
        if (block[i] < '0' || block[i] > '7') {
            return block[i] == '\0' || block[i] == ' ' ? size : -1;
        }
        size = size * 8 + (block[i] - '0');
    }
    return size;
}

static int is_wanted(const char *block)
{
    char name[101];
    apr_size_t length;

    apr_cpystrn(name, block, sizeof(name));
    length = strlen(name);
    return (block[156] == '0' || block[156] == '\0') && length > 5
           && !strcmp(name + length - 5, ".mmdb");
}

static apr_status_t skip(unpacking_t *u, apr_int64_t size)
{
    char buffer[BLOCK];
    apr_int64_t blocks = (size + BLOCK - 1) / BLOCK;

    while (blocks--) {
        if (read_some(u, buffer, BLOCK) != BLOCK) {
            return damaged(u);
        }
    }
    return APR_SUCCESS;
}

static apr_status_t copy_member(unpacking_t *u, char *block)
{
    do {
        apr_int64_t size = size_of(block);
        apr_status_t rv;

        if (!is_tar(block)) {
            return download_fail(u->download, "there is no .mmdb in the "
                                 "archive");
        }
        if (size < 0 || size > DOWNLOAD_MAX) {
            return damaged(u);
        }
        if (is_wanted(block)) {
            return copy(u, size);
        }
        rv = skip(u, size);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    } while (read_some(u, block, BLOCK) == BLOCK);
    return damaged(u);
}

/* -- the whole ------------------------------------------------------------ */

static apr_status_t unpack(unpacking_t *u)
{
    char block[BLOCK];
    int got = read_some(u, block, BLOCK);
    apr_status_t rv;

    if (got < 0) {
        return damaged(u);
    }
    if (got == BLOCK && is_tar(block)) {
        return copy_member(u, block);
    }
    rv = write_some(u, block, got);
    return rv == APR_SUCCESS ? copy(u, -1) : rv;
}

apr_status_t download_unpack(const char **out, download_t *download,
                             const char *packed)
{
    unpacking_t u = { download, NULL, NULL, 0 };
    apr_status_t rv;

    u.in = gzopen(packed, "rb");
    if (!u.in || download_temporary(&u.out, out, download->what.file,
                                    download->pool) != APR_SUCCESS) {
        if (u.in) {
            gzclose(u.in);
        }
        return download_fail(download, "cannot write beside %s",
                             download->what.file);
    }
    rv = unpack(&u);
    gzclose(u.in);
    if (apr_file_close(u.out) != APR_SUCCESS && rv == APR_SUCCESS) {
        rv = download_fail(download, "cannot write beside %s",
                           download->what.file);
    }
    if (rv != APR_SUCCESS) {
        apr_file_remove(*out, download->pool);
    }
    return rv;
}
