/* SPDX-License-Identifier: MIT */
/*
 * One download from the question to the swap (contract in download.h). Runs in
 * a thread of its own. The protocol with an account is the one MaxMind's
 * geoipupdate speaks: the MD5 of what is there is the condition.
 */
#include "download.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "mmdb.h"
#include "relay.h"

#define MAXMIND "https://updates.maxmind.com"

/* No file has this one: "I have none". */
#define MD5_NONE "00000000000000000000000000000000"

apr_status_t download_fail(download_t *download, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    download->problem = apr_pvsprintf(download->pool, format, arguments);
    va_end(arguments);
    return APR_EGENERAL;
}

/* -- the place database --------------------------------------------------- */

static const char *places_url(const download_t *download, int present)
{
    const refresh_t *what = &download->what;
    apr_pool_t *pool = download->pool;
    const char *base = what->url ? what->url : MAXMIND;
    const char *md5 = MD5_NONE;
    apr_size_t length = strlen(base);

    if (!what->account_id) {
        return what->url;
    }
    while (length && base[length - 1] == '/') {
        length--;
    }
    if (present && download_md5(&md5, what->file, pool) != APR_SUCCESS) {
        md5 = MD5_NONE;
    }
    return apr_pstrcat(pool, apr_pstrmemdup(pool, base, length),
                       "/geoip/databases/", what->edition, "/update?db_md5=",
                       md5, NULL);
}

static apr_status_t verify_places(download_t *download,
                                  const download_answer_t *answer,
                                  const char *file)
{
    const refresh_t *what = &download->what;
    const char *md5, *problem;

    if (answer->md5 && (download_md5(&md5, file, download->pool)
                        != APR_SUCCESS || strcasecmp(md5, answer->md5))) {
        return download_fail(download, "what came is not what the server "
                             "meant: another MD5");
    }
    if (mmdb_verify(&problem, file, what->account_id ? what->edition : NULL,
                    what->file, download->pool) != APR_SUCCESS) {
        return download_fail(download, "what came is not used: %s", problem);
    }
    return APR_SUCCESS;
}

static apr_status_t put(download_t *download, const char *file,
                        const char *path)
{
    char words[128];
    apr_status_t rv = download_place(file, path, download->pool);

    if (rv != APR_SUCCESS) {
        return download_fail(download, "%s cannot be replaced: %s", path,
                             apr_strerror(rv, words, sizeof(words)));
    }
    download->changed = 1;
    return APR_SUCCESS;
}

static apr_status_t take_places(download_t *download,
                                const download_answer_t *answer)
{
    const char *file;
    apr_status_t rv = download_unpack(&file, download, answer->file);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = verify_places(download, answer, file);
    if (rv == APR_SUCCESS) {
        rv = put(download, file, download->what.file);
    }
    if (rv != APR_SUCCESS) {
        apr_file_remove(file, download->pool);
    }
    return rv;
}

/* -- the relay lists ------------------------------------------------------ */

static apr_status_t slurp(const char **text, apr_size_t *length,
                          const char *path, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    char *buffer;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ, 0, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    if (rv == APR_SUCCESS) {
        *length = (apr_size_t)info.size;
        buffer = apr_palloc(pool, *length + 1);
        rv = apr_file_read_full(file, buffer, *length, length);
        buffer[*length] = '\0';
        *text = buffer;
    }
    apr_file_close(file);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static int networks_in(const char *path, apr_pool_t *pool)
{
    const char *text = "";
    apr_size_t length = 0;
    int count = 0, start = 1;

    if (slurp(&text, &length, path, pool) != APR_SUCCESS) {
        return 0;
    }
    for (; *text; text++) {
        count += start && *text != '#' && *text != '\n';
        start = *text == '\n';
    }
    return count;
}

typedef struct {
    const char *path, *family, *text, *temporary;
    int count;
} list_t;

static apr_status_t write_list(download_t *download, list_t *list)
{
    char date[APR_RFC822_DATE_LEN];
    apr_time_exp_t now;
    apr_file_t *file;
    apr_size_t length;
    apr_status_t rv = download_temporary(&file, &list->temporary, list->path,
                                         download->pool);

    if (rv == APR_SUCCESS) {
        apr_time_exp_gmt(&now, apr_time_now());
        apr_strftime(date, &length, sizeof(date), "%Y-%m-%d", &now);
        apr_file_printf(file, "# iCloud Private Relay egress, %s, adjacent "
                        "prefixes merged; as of %s.\n# Origin: %s (facts, no "
                        "text).\n", list->family, date, download->what.url);
        rv = apr_file_write_full(file, list->text, strlen(list->text), NULL);
        if (apr_file_close(file) != APR_SUCCESS) {
            rv = APR_EGENERAL;
        }
    }
    return rv == APR_SUCCESS ? rv
           : download_fail(download, "cannot write %s", list->path);
}

/* A list that lost half its networks overnight is not believed. */
static apr_status_t check_list(download_t *download, const list_t *list)
{
    int before = networks_in(list->path, download->pool);

    return list->count >= before / 2 ? APR_SUCCESS
           : download_fail(download, "what came is not used: it has %d "
                           "networks of %s, and %d are there", list->count,
                           list->family, before);
}

static apr_status_t put_lists(download_t *download, list_t *lists)
{
    apr_status_t rv = check_list(download, &lists[0]);

    if (rv == APR_SUCCESS) {
        rv = check_list(download, &lists[1]);
    }
    if (rv == APR_SUCCESS) {
        rv = write_list(download, &lists[0]);
    }
    if (rv == APR_SUCCESS) {
        rv = write_list(download, &lists[1]);
    }
    if (rv == APR_SUCCESS) {
        rv = put(download, lists[0].temporary, lists[0].path);
    }
    if (rv == APR_SUCCESS) {
        rv = put(download, lists[1].temporary, lists[1].path);
    }
    return rv;
}

static apr_status_t take_relays(download_t *download,
                                const download_answer_t *answer)
{
    apr_pool_t *pool = download->pool;
    const char *where = download->what.file, *text, *problem;
    relay_lists_t relays;
    apr_size_t length;
    apr_status_t rv = slurp(&text, &length, answer->file, pool);

    if (rv != APR_SUCCESS) {
        return download_fail(download, "what came cannot be read");
    }
    if (relay_convert(&relays, &problem, text, length, pool) != APR_SUCCESS) {
        return download_fail(download, "what came is not used: %s", problem);
    }
    list_t lists[2] = {
        { apr_pstrcat(pool, where, "/apple-relay-ipv4.txt", NULL), "IPv4",
          relays.ipv4, NULL, relays.ipv4_count },
        { apr_pstrcat(pool, where, "/apple-relay-ipv6.txt", NULL), "IPv6",
          relays.ipv6, NULL, relays.ipv6_count }
    };
    rv = put_lists(download, lists);
    if (rv != APR_SUCCESS) {
        for (int i = 0; i < 2; i++) {
            if (lists[i].temporary) {
                apr_file_remove(lists[i].temporary, pool);
            }
        }
    }
    return rv;
}

/* -- the whole ------------------------------------------------------------ */

/* Is what we would keep on a 304 there and good? */
static int is_present(const download_t *download)
{
    const char *problem, *where = download->what.file;
    apr_pool_t *pool = download->pool;

    if (download->kind == DOWNLOAD_PLACES) {
        return mmdb_verify(&problem, where, NULL, NULL, pool) == APR_SUCCESS;
    }
    return networks_in(apr_pstrcat(pool, where, "/apple-relay-ipv4.txt", NULL),
                       pool)
           && networks_in(apr_pstrcat(pool, where, "/apple-relay-ipv6.txt",
                                      NULL), pool);
}

void download_run(download_t *download)
{
    int present = is_present(download);
    download_answer_t answer;
    download_memo_t memo;
    const char *url = download->kind == DOWNLOAD_PLACES
                      ? places_url(download, present) : download->what.url;
    apr_status_t rv;

    download_recall(&memo, download);
    if (!present || download->what.account_id) {
        memo.etag = memo.modified = NULL;
    }
    rv = download_get(&answer, download, url, &memo);
    if (rv == APR_SUCCESS && answer.status == 200) {
        rv = download->kind == DOWNLOAD_PLACES
             ? take_places(download, &answer)
             : take_relays(download, &answer);
        apr_file_remove(answer.file, download->pool);
        memo.etag = answer.etag;
        memo.modified = answer.modified;
    }
    if (rv == APR_SUCCESS) {
        memo.asked_at = apr_time_now();
        /* forgotten, it is asked for again: no harm */
        (void)download_remember(&memo, download);
    }
}
