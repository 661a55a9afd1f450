/* SPDX-License-Identifier: MIT */
/*
 * networks: names, numbers, list files (contract in networks.h).
 *
 * Runs in whatever loads the rules, on one thread; read-only afterwards.
 * Must not log and must not know YAML or rules.
 */
#include <string.h>

#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include <openssl/evp.h>

#include "networks.h"

/* A list file's digest; the digest of all is made of these, so that a file
 * need not stay in memory until the end. */
typedef struct {
    unsigned char byte[EVP_MAX_MD_SIZE];
    unsigned len;
} digest_t;

struct networks_t {
    apr_pool_t *pool;
    cidr_tree_t *tree;
    apr_array_header_t *names;       /* const char *, by number */
    apr_array_header_t *digests;     /* digest_t */
};

apr_status_t networks_create(networks_t **out, apr_pool_t *pool)
{
    networks_t *networks = apr_pcalloc(pool, sizeof *networks);

    networks->pool = pool;
    networks->names = apr_array_make(pool, 16, sizeof(const char *));
    networks->digests = apr_array_make(pool, 4, sizeof(digest_t));
    *out = networks;
    return cidr_tree_create(&networks->tree, pool);
}

static const char *name_at(const networks_t *networks, int number)
{
    return APR_ARRAY_IDX(networks->names, number, const char *);
}

apr_status_t networks_find(unsigned *number, const networks_t *networks,
                           const char *name, apr_size_t len)
{
    int i;

    for (i = 0; i < networks->names->nelts; i++) {
        const char *known = name_at(networks, i);

        if (strlen(known) == len && memcmp(known, name, len) == 0) {
            *number = (unsigned)i;
            return APR_SUCCESS;
        }
    }
    return APR_NOTFOUND;
}

apr_status_t networks_add(unsigned *number, networks_t *networks,
                          const char *name)
{
    if (networks_find(number, networks, name, strlen(name)) == APR_SUCCESS) {
        return APR_EEXIST;
    }
    if (networks->names->nelts >= CIDR_NETWORKS_MAX) {
        return APR_ENOSPC;
    }
    *number = (unsigned)networks->names->nelts;
    APR_ARRAY_PUSH(networks->names, const char *) =
        apr_pstrdup(networks->pool, name);
    return APR_SUCCESS;
}

/* Bytes of a file as they may be shown in an error: short and printable. */
static const char *shown(const char *text, apr_size_t len, apr_pool_t *pool)
{
    char *copy = apr_pstrmemdup(pool, text, len < 60 ? len : 60);
    char *c;

    for (c = copy; *c; c++) {
        if (*c < 0x20 || *c > 0x7e) {
            *c = '?';
        }
    }
    return copy;
}

static apr_status_t put_prefix(networks_t *networks, const char **why,
                               unsigned number, const char *text,
                               apr_size_t len)
{
    apr_pool_t *pool = networks->pool;
    const char *fault;
    cidr_t cidr;

    memset(&cidr, 0, sizeof cidr);
    cidr.bits = -1;
    if (cidr_parse(&cidr, &fault, text, len) == APR_SUCCESS) {
        return cidr_add(networks->tree, &cidr, number);
    }
    if (cidr.bits >= 0) {
        *why = apr_psprintf(pool, "bad CIDR \"%s\": %s; expected %s",
                            shown(text, len, pool), fault,
                            cidr_text(&cidr, pool));
    }
    else {
        *why = apr_psprintf(pool, "bad CIDR \"%s\": %s; expected a prefix "
                            "such as 192.0.2.0/24 or 2001:db8::/32",
                            shown(text, len, pool), fault);
    }
    return APR_EINVAL;
}

apr_status_t networks_cidr(networks_t *networks, const char **why,
                           unsigned number, const char *text)
{
    return put_prefix(networks, why, number, text, strlen(text));
}

apr_status_t networks_slurp(const char **text, apr_size_t *len,
                            const char **why, const char *path,
                            apr_size_t max, apr_pool_t *pool)
{
    apr_finfo_t info;
    apr_file_t *file;
    apr_status_t rv, closed;
    char fault[128];
    char *bytes;

    rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY,
                       APR_FPROT_OS_DEFAULT, pool);
    if (rv != APR_SUCCESS) {
        *why = apr_psprintf(pool, "cannot be opened (%s); expected a "
                            "readable file",
                            apr_strerror(rv, fault, sizeof fault));
        return rv;
    }
    rv = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file);
    if (rv == APR_SUCCESS
        && (info.filetype != APR_REG || info.size > (apr_off_t)max)) {
        *why = apr_psprintf(pool, "is not a file of at most %" APR_SIZE_T_FMT
                            " bytes; expected one", max);
        apr_file_close(file);
        return APR_EINVAL;
    }
    *len = rv == APR_SUCCESS ? (apr_size_t)info.size : 0;
    bytes = apr_palloc(pool, *len + 1);
    if (rv == APR_SUCCESS && *len > 0) {
        rv = apr_file_read_full(file, bytes, *len, len);
    }
    closed = apr_file_close(file);
    if (rv == APR_SUCCESS) {
        rv = closed;
    }
    if (rv != APR_SUCCESS) {
        *why = apr_psprintf(pool, "cannot be read (%s); expected a readable "
                            "file", apr_strerror(rv, fault, sizeof fault));
        return rv;
    }
    bytes[*len] = '\0';
    *text = bytes;
    return APR_SUCCESS;
}

/* One line without its comment and the blanks around it. */
static apr_status_t put_line(networks_t *networks, const char **why,
                             unsigned number, const char *line,
                             apr_size_t len)
{
    const char *comment = memchr(line, '#', len);

    if (comment) {
        len = (apr_size_t)(comment - line);
    }
    while (len > 0 && apr_isspace(line[len - 1])) {
        len--;
    }
    while (len > 0 && apr_isspace(*line)) {
        line++;
        len--;
    }
    return len ? put_prefix(networks, why, number, line, len) : APR_SUCCESS;
}

static apr_status_t remember(networks_t *networks, const char *text,
                             apr_size_t len)
{
    digest_t *digest = apr_array_push(networks->digests);

    return EVP_Digest(text, len, digest->byte, &digest->len, EVP_sha256(),
                      NULL) == 1 ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t put_lines(networks_t *networks, const char **why,
                              unsigned number, const char *path,
                              apr_pool_t *scratch)
{
    const char *text, *line, *end, *next, *fault = "";
    apr_size_t len;
    apr_status_t rv;
    int number_of_line = 0;

    rv = networks_slurp(&text, &len, &fault, path, NETWORKS_FILE_MAX,
                        scratch);
    if (rv != APR_SUCCESS) {
        *why = apr_psprintf(networks->pool, "%s: %s", path, fault);
        return rv;
    }
    end = text + len;
    for (line = text; line < end; line = next) {
        const char *stop = memchr(line, '\n', (apr_size_t)(end - line));

        number_of_line++;
        next = stop ? stop + 1 : end;
        rv = put_line(networks, &fault, number, line,
                      (apr_size_t)((stop ? stop : end) - line));
        if (rv != APR_SUCCESS) {
            *why = apr_psprintf(networks->pool, "%s:%d: %s", path,
                                number_of_line, fault);
            return rv;
        }
    }
    return remember(networks, text, len);
}

apr_status_t networks_file(networks_t *networks, const char **why,
                           unsigned number, const char *path)
{
    apr_pool_t *scratch;
    apr_status_t rv = apr_pool_create(&scratch, networks->pool);

    *why = "out of memory";
    if (rv == APR_SUCCESS) {
        rv = put_lines(networks, why, number, path, scratch);
        apr_pool_destroy(scratch);
    }
    return rv;
}

static int digest_all(unsigned char *out, const networks_t *networks,
                      const char *head, apr_size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int i, ok;

    ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1
         && EVP_DigestUpdate(context, head, len) == 1;
    for (i = 0; ok && i < networks->digests->nelts; i++) {
        const digest_t *one = &APR_ARRAY_IDX(networks->digests, i, digest_t);

        ok = EVP_DigestUpdate(context, one->byte, one->len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(context, out, NULL) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

apr_status_t networks_digest(apr_int64_t *out, const networks_t *networks,
                             const char *head, apr_size_t len)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    apr_uint64_t n = 0;
    int i;

    if (!digest_all(sum, networks, head, len)) {
        return APR_EGENERAL;
    }
    for (i = 0; i < 8; i++) {
        n = n << 8 | sum[i];
    }
    n >>= 1;
    *out = n ? (apr_int64_t)n : 1;
    return APR_SUCCESS;
}

void networks_of_address(cidr_set_t *out, const networks_t *networks,
                         const char *address)
{
    cidr_lookup(out, networks->tree, address);
}

void networks_of_names(cidr_set_t *out, const networks_t *networks,
                       const char *names)
{
    unsigned number;

    memset(out, 0, sizeof *out);
    while (*names) {
        apr_size_t len = strcspn(names, ",");

        if (networks_find(&number, networks, names, len) == APR_SUCCESS) {
            cidr_set_put(out, number);
        }
        names += len + (names[len] == ',');
    }
}

const char *networks_names(const networks_t *networks, const cidr_set_t *set,
                           apr_pool_t *pool)
{
    const char *names = "";
    int i;

    for (i = 0; i < networks->names->nelts; i++) {
        if (cidr_set_has(set, (unsigned)i)) {
            names = *names ? apr_pstrcat(pool, names, ",",
                                         name_at(networks, i), NULL)
                           : name_at(networks, i);
        }
    }
    return apr_pstrdup(pool, names);
}
