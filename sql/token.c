/* SPDX-License-Identifier: MIT */
/*
 * Random secrets and their hashes; contract in token.h. Runs in any thread;
 * keeps no copy of a secret beyond the one it returns.
 */
#include "token.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "engine.h"

#define BYTES_MAX 64

apr_status_t token_hash(char hash[TOKEN_HASH_LENGTH + 1], store_t *store,
                        const char *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    if (EVP_Digest(text, strlen(text), digest, &len, EVP_sha256(), NULL)
        != 1) {
        return store_fail(store, APR_EGENERAL, "no SHA-256");
    }
    return apr_encode_base16_binary(hash, digest, (apr_ssize_t)len,
                                    APR_ENCODE_LOWER, NULL);
}

apr_status_t token_bytes(unsigned char *bytes, store_t *store,
                         apr_size_t count)
{
    if (count > BYTES_MAX || RAND_bytes(bytes, (int)count) != 1) {
        return store_fail(store, APR_EGENERAL, "no random numbers");
    }
    return APR_SUCCESS;
}

apr_status_t token_uuid(const char **text, store_t *store, apr_pool_t *pool)
{
    unsigned char b[16];
    char hex[33];
    apr_status_t rv = token_bytes(b, store, sizeof(b));

    if (rv != APR_SUCCESS) {
        return rv;
    }
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    rv = apr_encode_base16_binary(hex, b, sizeof(b), APR_ENCODE_LOWER, NULL);
    *text = apr_psprintf(pool, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
                         hex + 12, hex + 16, hex + 20);
    return rv;
}

apr_status_t token_base64(const char **text, store_t *store,
                          apr_size_t bytes, apr_pool_t *pool)
{
    unsigned char random[BYTES_MAX];
    apr_status_t rv = token_bytes(random, store, bytes);

    if (rv == APR_SUCCESS) {
        *text = apr_pencode_base64_binary(pool, random, (apr_ssize_t)bytes,
                                          APR_ENCODE_BASE64URL, NULL);
        OPENSSL_cleanse(random, sizeof(random));
    }
    return rv;
}

apr_status_t token_base32(const char **text, store_t *store,
                          apr_size_t bytes, apr_pool_t *pool)
{
    unsigned char random[BYTES_MAX];
    apr_status_t rv = token_bytes(random, store, bytes);

    if (rv == APR_SUCCESS) {
        *text = apr_pencode_base32_binary(pool, random, (apr_ssize_t)bytes,
                                          APR_ENCODE_NOPADDING, NULL);
        OPENSSL_cleanse(random, sizeof(random));
    }
    return rv;
}
