/* SPDX-License-Identifier: MIT */
/*
 * The way of an API request: table of routes, CORS, who asks (the gate), then
 * the endpoint. Runs in httpd's worker threads, one call_t a request.
 */
#ifndef MAILTRACK_API_ROUTE_H
#define MAILTRACK_API_ROUTE_H

#include <httpd.h>

#include "dbd.h"
#include "directives.h"
#include "request.h"

struct session_t;

/**
 * What an extension and a server must agree on; /api/stats and the header
 * Mailtrack-API-Version tell it. It is raised when an extension made for the
 * number before would no longer work.
 */
#define API_VERSION 1

/** What a route asks of its caller. */
typedef enum {
    SCOPE_NONE,                 /* nothing: anybody */
    SCOPE_TRACK,                /* makes and reads: the extension's key */
    SCOPE_WRITE,                /* changes and deletes mails: any user, a key
                                 * of scope admin */
    SCOPE_SELF,                 /* a person's own account: no key */
    SCOPE_ADMIN                 /* manages users, keys of others, settings */
} scope_t;

/** How the gate knew who asks. */
typedef enum {
    ACTOR_NOBODY,
    ACTOR_KEY,                  /* X-API-Key */
    ACTOR_SESSION,              /* the cookie */
    ACTOR_HTTPD                 /* an Apache auth module's user */
} actor_kind_t;

/** Who asks. Filled by the gate. */
typedef struct actor_t {
    actor_kind_t kind;
    scope_t scope;              /* TRACK, WRITE or ADMIN: what is allowed */
    apr_int64_t user_id;        /* users.id or STORE_NULL */
    const char *name;           /* "user/7", "key/3": whose idempotency keys */
    const char *user;           /* the user's name, NULL: a key of nobody's */
    const char *role;           /* the user's, or NULL */
    const struct session_t *session;    /* ACTOR_SESSION: which, else NULL */
} actor_t;

typedef struct call_t {
    request_rec *r;
    const mailtrack_conf_t *conf;
    const char *id;             /* the path's {...}, or NULL */
    const char *part;           /* its second {...}, or NULL */
    request_t *input;           /* query read; body as well where one is due */
    actor_t actor;
    dbd_loan_t loan;
    store_t *store;             /* NULL before call_store, after call_return */
} call_t;

/**
 * Answer a request of ours.
 * @param path its URI without the base path: "/api/tracks", "/health"
 * @return OK when the answer is written, or an HTTP status for httpd
 */
int api_handle(request_rec *r, const mailtrack_conf_t *conf,
               const char *path);

/**
 * Borrow the store for this call; again is harmless.
 * @return OK, or what the endpoint returns at once: 503 has been answered
 */
int call_store(call_t *call);

/** Give the store back before a slow client is written to. Harmless twice. */
void call_return(call_t *call);

#endif
