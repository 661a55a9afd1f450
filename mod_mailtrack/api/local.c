/* SPDX-License-Identifier: MIT */
/*
 * Loopback or not; contract in local.h. Runs in httpd's worker threads.
 */
#include <apr_network_io.h>

#include "local.h"

static int is_loopback(apr_sockaddr_t *address, apr_pool_t *pool)
{
    static const char *const nets[][2] = {
        { "127.0.0.0", "8" }, { "::1", "128" }, { NULL, NULL }
    };
    apr_ipsubnet_t *net;
    int i;

    for (i = 0; nets[i][0]; i++) {
        if (!apr_ipsubnet_create(&net, nets[i][0], nets[i][1], pool)
            && apr_ipsubnet_test(net, address)) {
            return 1;
        }
    }
    return 0;
}

int local_client(const request_rec *r)
{
    return !apr_table_get(r->headers_in, "X-Forwarded-For")
           && !apr_table_get(r->headers_in, "Forwarded")
           && is_loopback(r->useragent_addr, r->pool)
           && is_loopback(r->connection->client_addr, r->pool);
}
