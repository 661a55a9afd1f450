/* SPDX-License-Identifier: MIT */
/*
 * The files of a download (contracts in download.h): temporary ones beside the
 * real one, what is remembered of the last answer, the swap. Runs in the
 * thread of a download.
 */
#include "download.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>

#include <apr_file_io.h>
#include <apr_md5.h>
#include <apr_strings.h>

#define MEMO_MAX 2048

apr_status_t download_temporary(apr_file_t **file, const char **name,
                                const char *path, apr_pool_t *pool)
{
    char *template = apr_pstrcat(pool, path, ".XXXXXX", NULL);

    *name = template;
    return apr_file_mktemp(file, template, APR_FOPEN_CREATE | APR_FOPEN_READ
                           | APR_FOPEN_WRITE | APR_FOPEN_EXCL, pool);
}

/* So that the rename is not on the disk before what is renamed. */
static apr_status_t sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd);
    apr_status_t rv = failed ? apr_get_os_error() : APR_SUCCESS;

    if (fd >= 0) {
        close(fd);
    }
    return rv;
}

static const char *directory_of(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    return !slash ? "." : slash == path ? "/"
           : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
}

apr_status_t download_place(const char *temporary, const char *path,
                            apr_pool_t *pool)
{
    apr_status_t rv = apr_file_perms_set(temporary, APR_FPROT_UREAD
                                         | APR_FPROT_UWRITE | APR_FPROT_GREAD
                                         | APR_FPROT_WREAD);

    if (rv == APR_SUCCESS) {
        rv = sync_path(temporary, O_RDONLY);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_file_rename(temporary, path, pool);
    }
    if (rv == APR_SUCCESS) {
        /* the file is good in any case */
        (void)sync_path(directory_of(path, pool), O_RDONLY | O_DIRECTORY);
    }
    return rv;
}

static const char *hex_of(const unsigned char *digest, apr_pool_t *pool)
{
    char *hex = apr_palloc(pool, 2 * APR_MD5_DIGESTSIZE + 1);
    int i;

    for (i = 0; i < APR_MD5_DIGESTSIZE; i++) {
        apr_snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    return hex;
}

apr_status_t download_md5(const char **hex, const char *path, apr_pool_t *pool)
{
    unsigned char digest[APR_MD5_DIGESTSIZE];
    apr_md5_ctx_t context;
    apr_file_t *file;
    char buffer[16384];
    apr_size_t length;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ, 0, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_md5_init(&context);
    do {
        length = sizeof(buffer);
        rv = apr_file_read(file, buffer, &length);
        if (rv == APR_SUCCESS) {
            apr_md5_update(&context, buffer, length);
        }
    } while (rv == APR_SUCCESS);
    apr_file_close(file);
    apr_md5_final(digest, &context);
    *hex = hex_of(digest, pool);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* -- what is remembered --------------------------------------------------- */

/* ".GeoLite2-City.mmdb.asked" beside the file; of a directory's lists in it. */
static const char *memo_path(const download_t *download)
{
    apr_pool_t *pool = download->pool;
    const char *file = download->what.file;
    const char *slash = strrchr(file, '/');

    return download->kind == DOWNLOAD_RELAYS
           ? apr_pstrcat(pool, file, "/.apple-relay.asked", NULL)
           : apr_pstrcat(pool, directory_of(file, pool), "/.",
                         slash ? slash + 1 : file, ".asked", NULL);
}

static const char *key_of(const download_t *download)
{
    const refresh_t *what = &download->what;
    unsigned char digest[APR_MD5_DIGESTSIZE];
    const char *text = apr_pstrcat(download->pool, what->url ? what->url : "",
                                   " ", what->account_id ? what->account_id
                                   : "", " ", what->edition ? what->edition
                                   : "", NULL);

    apr_md5(digest, text, strlen(text));
    return hex_of(digest, download->pool);
}

void download_recall(download_memo_t *memo, const download_t *download)
{
    char buffer[MEMO_MAX + 1], *line, *state = NULL;
    apr_pool_t *pool = download->pool;
    const char *key = "";
    apr_file_t *file;
    apr_size_t length = MEMO_MAX;

    memset(memo, 0, sizeof(*memo));
    memo->key = key_of(download);
    if (apr_file_open(&file, memo_path(download), APR_FOPEN_READ, 0, pool)
        != APR_SUCCESS) {
        return;
    }
    apr_file_read_full(file, buffer, length, &length);
    apr_file_close(file);
    buffer[length] = '\0';
    for (line = apr_strtok(buffer, "\n", &state); line;
         line = apr_strtok(NULL, "\n", &state)) {
        if (!strncmp(line, "key=", 4)) {
            key = line + 4;
        }
        else if (!strncmp(line, "asked=", 6)) {
            memo->asked_at = apr_atoi64(line + 6);
        }
        else if (!strncmp(line, "etag=", 5) && line[5]) {
            memo->etag = apr_pstrdup(pool, line + 5);
        }
        else if (!strncmp(line, "modified=", 9) && line[9]) {
            memo->modified = apr_pstrdup(pool, line + 9);
        }
    }
    if (strcmp(key, memo->key)) {
        memo->etag = memo->modified = NULL;
        memo->asked_at = 0;
    }
}

apr_status_t download_remember(const download_memo_t *memo,
                               const download_t *download)
{
    apr_pool_t *pool = download->pool;
    const char *path = memo_path(download), *name;
    apr_file_t *file;
    apr_status_t rv = download_temporary(&file, &name, path, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_file_printf(file, "key=%s\nasked=%" APR_TIME_T_FMT "\netag=%s\n"
                    "modified=%s\n", memo->key, memo->asked_at,
                    memo->etag ? memo->etag : "",
                    memo->modified ? memo->modified : "");
    rv = apr_file_close(file);
    return rv == APR_SUCCESS ? apr_file_rename(name, path, pool) : rv;
}

apr_time_t download_asked(const download_t *download)
{
    download_memo_t memo;

    download_recall(&memo, download);
    return memo.asked_at;
}
