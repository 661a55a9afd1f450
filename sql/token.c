/* SPDX-License-Identifier: MIT */
/*
 * Random secrets and their hashes; contract in token.h. Runs in any thread;
 * keeps no copy of a secret beyond the one it returns.
 */
#include "token.h"

#include <string.h>

#include <apr_encode.h>
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

static apr_status_t random_bytes(unsigned char *bytes, store_t *store,
                                 apr_size_t count)
{
    if (count > BYTES_MAX || RAND_bytes(bytes, (int)count) != 1) {
        return store_fail(store, APR_EGENERAL, "no random numbers");
    }
    return APR_SUCCESS;
}

apr_status_t token_base64(const char **text, store_t *store,
                          apr_size_t bytes, apr_pool_t *pool)
{
    unsigned char random[BYTES_MAX];
    apr_status_t rv = random_bytes(random, store, bytes);

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
    apr_status_t rv = random_bytes(random, store, bytes);

    if (rv == APR_SUCCESS) {
        *text = apr_pencode_base32_binary(pool, random, (apr_ssize_t)bytes,
                                          APR_ENCODE_NOPADDING, NULL);
        OPENSSL_cleanse(random, sizeof(random));
    }
    return rv;
}
