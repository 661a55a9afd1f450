/* SPDX-License-Identifier: MIT */
/*
 * What the parts of `mailtrackctl check` share: the lines they print, an
 * answer fetched over HTTP, and what an address is.
 */
#ifndef MAILTRACK_CHECK_H
#define MAILTRACK_CHECK_H

#include "ctl.h"

typedef struct check_t {
    ctl_t *ctl;
    apr_pool_t *pool;
    int ready;                  /* the store can be worked with */
    int good, bad;
    const char *base;           /* base URL without a slash at its end */
} check_t;

/* -- lines (check.c) ---------------------------------------------------- */

void check_good(check_t *check, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** @param remedy what mends it */
void check_bad(check_t *check, const char *what, const char *remedy,
               const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** Neither: nothing to tell, or not to be told from here. */
void check_note(check_t *check, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* -- files (check_files.c) ---------------------------------------------- */

/** Modes of the store, its directory and the spool; the place database. */
void check_files(check_t *check);

/* -- HTTP (check_fetch.c) ----------------------------------------------- */

typedef struct fetch_t {
    int code;                   /* CURLcode */
    const char *error;          /* its words */
    long status;                /* 0: no answer */
    apr_table_t *headers;
    const char *body;           /* the first 64 KB; NUL-terminated */
    apr_size_t length;          /* of the body kept */
    const char *remote;         /* address connected to; "" none */
    const char *local;          /* our end of the connection */
    apr_int64_t certificate_until;      /* seconds; STORE_NULL: no TLS */
} fetch_t;

apr_status_t fetch_start(void);
void fetch_stop(void);

/** GET without redirects, without a proxy. @param verify the certificate */
void fetch_get(fetch_t *out, const char *url, int verify, apr_pool_t *pool);

/** Is it an http or https URL with a host, and nothing after its path? */
int fetch_url_ok(const char *url);

/* -- the way in (check_web.c) ------------------------------------------- */

/** DNS, connection, certificate, /health. @param verify set to 0 where the
 * certificate is at fault, for the steps that follow
 * @return whether the server answers at all */
int check_server(check_t *check, int *verify);

/** A mail is made, its pixel fetched twice and followed into the store. */
void check_pixel(check_t *check, int verify);

/* -- addresses (check_address.c) ---------------------------------------- */

/** Whose address was recorded, ours or a proxy's? */
void check_address(check_t *check, const fetch_t *fetch,
                   const char *recorded);

#endif
