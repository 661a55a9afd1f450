/* SPDX-License-Identifier: MIT */
/*
 * Getting in: libcurl connects, does TLS and logs in (CONNECT_ONLY), and what
 * went wrong is put into words. For imap.c alone; loop thread.
 */
#ifndef MAILPROBE_IMAP_LOGIN_H
#define MAILPROBE_IMAP_LOGIN_H

#include <curl/curl.h>

#include "configuration.h"

typedef struct imap_login_t {
    const endpoint_t *endpoint;
    char error[CURL_ERROR_SIZE];        /* libcurl's words */
    char reply[256];                    /* the server's last refusal */
} imap_login_t;

/** @param login zeroed; outlives the handle
 * @return a handle for loop_transfer, the caller's, but for whom it trusts
 *         (trust.h); NULL: out of memory */
CURL *imap_login_handle(imap_login_t *login, const endpoint_t *endpoint);

/** Why it did not work, without any secret in it.
 * @param refused set to 1 when it was name or password */
const char *imap_login_words(int *refused, const imap_login_t *login,
                             CURL *easy, CURLcode rc, apr_pool_t *pool);

#endif
