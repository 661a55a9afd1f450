/* SPDX-License-Identifier: MIT */
/*
 * Something downloaded into a file's place: asked for conditionally, unpacked,
 * verified, and only then renamed over the old one, which stays on any doubt.
 * Runs in a thread of its own and may take its time; nothing here logs.
 */
#ifndef MAILPROBE_DOWNLOAD_H
#define MAILPROBE_DOWNLOAD_H

#include <apr_file_io.h>
#include <apr_pools.h>
#include <apr_time.h>

#include "configuration.h"

/** Larger is refused, packed or not. */
#define DOWNLOAD_MAX (1024 * 1024 * 1024)

typedef enum { DOWNLOAD_PLACES, DOWNLOAD_RELAYS } download_kind_t;

typedef struct download_t {
    download_kind_t kind;
    refresh_t what;             /* file is set */
    volatile apr_uint32_t stop; /* set by another thread: give up soon */
    apr_pool_t *pool;
    /* the result */
    int changed;                /* there is a new file */
    const char *problem;        /* NULL: none. No secret in it */
} download_t;

/** Do it all. The result is in the download_t. */
void download_run(download_t *download);

/** When it was last asked for with success; 0: never, or not this URL. */
apr_time_t download_asked(const download_t *download);

/* -- for download*.c alone ------------------------------------------------ */

/** What was remembered of the last answer. */
typedef struct download_memo_t {
    const char *key;            /* of URL and account; no secret */
    const char *etag;
    const char *modified;
    apr_time_t asked_at;
} download_memo_t;

/** Never fails: what cannot be read was never known. */
void download_recall(download_memo_t *memo, const download_t *download);
apr_status_t download_remember(const download_memo_t *memo,
                               const download_t *download);

typedef struct download_answer_t {
    long status;                /* 200: file has it all; 304 */
    const char *file;           /* temporary, beside the real one */
    const char *etag, *modified;
    const char *md5;            /* X-Database-MD5; NULL: not said */
} download_answer_t;

/** GET. @return APR_SUCCESS for 200 and 304; else problem is set */
apr_status_t download_get(download_answer_t *answer, download_t *download,
                          const char *url, const download_memo_t *memo);

/** A file (plain, gzip, or a tar of either with one .mmdb) unpacked beside it.
 * @param out the new file's name; there only on success */
apr_status_t download_unpack(const char **out, download_t *download,
                             const char *packed);

/** A new file to write beside path, mode 0600 until it is put in place. */
apr_status_t download_temporary(apr_file_t **file, const char **name,
                                const char *path, apr_pool_t *pool);

/** On the disk, readable for httpd, and then in path's place. */
apr_status_t download_place(const char *temporary, const char *path,
                            apr_pool_t *pool);

/** Lower-case hex of a file's MD5, as MaxMind's protocol compares it. */
apr_status_t download_md5(const char **hex, const char *path,
                          apr_pool_t *pool);

/** Set problem; always APR_EGENERAL. */
apr_status_t download_fail(download_t *download, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
