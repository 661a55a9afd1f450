/* SPDX-License-Identifier: MIT */
/*
 * A place database verified (contract in mmdb.h), by libmaxminddb. Runs in the
 * thread of a download. Reads only.
 */
#include <string.h>
#include <arpa/inet.h>

#include <apr_strings.h>
#include <apr_time.h>

#include <maxminddb.h>

#include "mmdb.h"

/* Addresses tried: a prime stride goes all over the net. */
#define TRIALS 1024
#define STRIDE 4194301u

static apr_status_t fail(const char **problem, const char *words)
{
    *problem = words;
    return APR_EINVAL;
}

static const char *type_of(const MMDB_s *mmdb)
{
    return mmdb->metadata.database_type ? mmdb->metadata.database_type : "";
}

/* A truncated or damaged file shows when its data are decoded. */
static int reads(MMDB_s *mmdb, const struct sockaddr *address)
{
    int error;
    MMDB_entry_data_list_s *list = NULL;
    MMDB_lookup_result_s result = MMDB_lookup_sockaddr(mmdb, address, &error);

    if (error == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR) {
        return 1;
    }
    if (error != MMDB_SUCCESS) {
        return 0;
    }
    if (result.found_entry) {
        error = MMDB_get_entry_data_list(&result.entry, &list);
        MMDB_free_entry_data_list(list);
    }
    return error == MMDB_SUCCESS;
}

static int reads_all_over(MMDB_s *mmdb)
{
    struct sockaddr_in four = { .sin_family = AF_INET };
    struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
    apr_uint32_t i;

    for (i = 0; i < TRIALS; i++) {
        apr_uint32_t bits = htonl(i * STRIDE);

        four.sin_addr.s_addr = bits;
        memcpy(six.sin6_addr.s6_addr + 2, &bits, 4);
        six.sin6_addr.s6_addr[0] = 0x20 + (i & 0xf);
        if (!reads(mmdb, (const struct sockaddr *)&four)
            || !reads(mmdb, (const struct sockaddr *)&six)) {
            return 0;
        }
    }
    return 1;
}

/* 0: there is none. */
static apr_uint64_t built_of(const char *path)
{
    apr_uint64_t built;
    MMDB_s mmdb;

    if (!path || MMDB_open(path, MMDB_MODE_MMAP, &mmdb) != MMDB_SUCCESS) {
        return 0;
    }
    built = mmdb.metadata.build_epoch;
    MMDB_close(&mmdb);
    return built;
}

static apr_status_t judge(const char **problem, MMDB_s *mmdb,
                          const char *edition, apr_uint64_t present,
                          apr_pool_t *pool)
{
    apr_uint64_t built = mmdb->metadata.build_epoch;

    if (edition && strcmp(edition, type_of(mmdb))) {
        return fail(problem, apr_psprintf(pool, "it is no %s", edition));
    }
    if (mmdb->metadata.node_count == 0) {
        return fail(problem, "it is empty");
    }
    if (built > (apr_uint64_t)apr_time_sec(apr_time_now()) + 2 * 86400) {
        return fail(problem, "it says it was made in the future");
    }
    if (built < present) {
        return fail(problem, "it is older than the one that is there");
    }
    if (!reads_all_over(mmdb)) {
        return fail(problem, "its data are damaged");
    }
    return APR_SUCCESS;
}

apr_status_t mmdb_verify(const char **problem, const char *path,
                         const char *edition, const char *present,
                         apr_pool_t *pool)
{
    apr_uint64_t before = built_of(present);
    apr_status_t rv;
    MMDB_s mmdb;
    int error = MMDB_open(path, MMDB_MODE_MMAP, &mmdb);

    if (error != MMDB_SUCCESS) {
        return fail(problem, "it is no place database");
    }
    rv = judge(problem, &mmdb, edition, before, pool);
    MMDB_close(&mmdb);
    return rv;
}
