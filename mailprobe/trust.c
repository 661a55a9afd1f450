/* SPDX-License-Identifier: MIT */
/*
 * X509_STOREs by file, kept with the loop. Loop thread. The one place that
 * reads a file of certificates: a few milliseconds, once.
 */
#include "trust.h"

#include <string.h>
#include <sys/stat.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <openssl/ssl.h>

#define TRUST_KEY "mailprobe:trust"
#define LOOK_AGAIN (60 * APR_USEC_PER_SEC)

typedef struct trust_t {
    const char *path;
    X509_STORE *store;          /* NULL: could not be read */
    struct stat seen;           /* of what was read */
    apr_int64_t looked_at;      /* loop_clock */
} trust_t;

static apr_status_t forget(void *data)
{
    trust_t *trust = data;

    X509_STORE_free(trust->store);
    trust->store = NULL;
    return APR_SUCCESS;
}

static X509_STORE *load(const char *path)
{
    X509_STORE *store = X509_STORE_new();

    if (store && X509_STORE_load_locations(store, path, NULL) != 1) {
        X509_STORE_free(store);
        store = NULL;
    }
    if (store) {
        /* as libcurl does: an authority in between, or the server's own
         * certificate, is enough when it is in the file */
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    }
    return store;
}

/* Half a file (somebody writes it just now) does not take the place of a whole
 * one. */
static void refresh(trust_t *trust)
{
    X509_STORE *store;
    struct stat now;

    trust->looked_at = loop_clock();
    memset(&now, 0, sizeof(now));
    if (stat(trust->path, &now) || (trust->store
        && now.st_mtim.tv_sec == trust->seen.st_mtim.tv_sec
        && now.st_mtim.tv_nsec == trust->seen.st_mtim.tv_nsec
        && now.st_size == trust->seen.st_size
        && now.st_ino == trust->seen.st_ino)) {
        return;
    }
    store = load(trust->path);
    if (store) {
        X509_STORE_free(trust->store);
        trust->store = store;
        trust->seen = now;
    }
}

static trust_t *trust_of(loop_t *loop, const char *path)
{
    apr_pool_t *pool = loop_pool(loop);
    void *found = NULL;
    apr_hash_t *all;
    trust_t *trust;

    apr_pool_userdata_get(&found, TRUST_KEY, pool);
    if (!found) {
        found = apr_hash_make(pool);
        apr_pool_userdata_setn(found, TRUST_KEY, NULL, pool);
    }
    all = found;
    trust = apr_hash_get(all, path, APR_HASH_KEY_STRING);
    if (!trust) {
        trust = apr_pcalloc(pool, sizeof(*trust));
        trust->path = apr_pstrdup(pool, path);
        apr_hash_set(all, trust->path, APR_HASH_KEY_STRING, trust);
        apr_pool_cleanup_register(pool, trust, forget,
                                  apr_pool_cleanup_null);
    }
    return trust;
}

static CURLcode on_context(CURL *easy, void *context, void *data)
{
    trust_t *trust = data;

    (void)easy;
    if (!trust->store || loop_clock() - trust->looked_at > LOOK_AGAIN) {
        refresh(trust);
    }
    if (!trust->store) {
        return CURLE_SSL_CACERT_BADFILE;
    }
    SSL_CTX_set1_cert_store(context, trust->store);
    return CURLE_OK;
}

void trust_set(loop_t *loop, CURL *easy, const char *ca_file)
{
    const curl_version_info_data *about = curl_version_info(CURLVERSION_NOW);
    const char *path = ca_file ? ca_file : about->cainfo;

    if (!path || !about->ssl_version
        || strncmp(about->ssl_version, "OpenSSL/", 8)) {
        /* another TLS library, or authorities in a directory alone: libcurl
         * knows what to do */
        if (ca_file) {
            curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
            curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        }
        return;
    }
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
#if CURL_AT_LEAST_VERSION(7, 87, 0)
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, trust_of(loop, path));
}
