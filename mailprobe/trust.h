/* SPDX-License-Identifier: MIT */
/*
 * Which certificate authorities are trusted, for every handle that does TLS.
 * The authorities of a file are read once and shared by all connections: by
 * itself libcurl 7.88 reads them for each (40 ms and 0.9 MB for Debian's
 * bundle), or keeps those of one file alone. Loop thread.
 */
#ifndef MAILPROBE_TRUST_H
#define MAILPROBE_TRUST_H

#include "loop.h"

/**
 * Trust the authorities of this file and no others; the system's where it is
 * NULL. A file that changed is read anew within a minute. One that cannot be
 * read fails the transfer with CURLE_SSL_CACERT_BADFILE.
 * Takes CURLOPT_SSL_CTX_FUNCTION and _DATA, sets CAINFO and CAPATH.
 */
void trust_set(loop_t *loop, CURL *easy, const char *ca_file);

#endif
