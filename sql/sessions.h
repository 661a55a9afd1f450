/* SPDX-License-Identifier: MIT */
/*
 * Sessions of people who signed in, and the addresses they did it from. A
 * token is 256 random bits; its SHA-256 alone is stored.
 */
#ifndef MAILTRACK_SESSIONS_H
#define MAILTRACK_SESSIONS_H

#include <apr_tables.h>

#include "store.h"

/** Characters of a token (base64url). */
#define SESSION_TOKEN_LENGTH 43
/** Bytes of a user agent that are kept. */
#define SESSION_AGENT_MAX    512
/** Sessions of one user; one more ends the one unused for longest. */
#define SESSION_USER_MAX     50

typedef struct session_t {
    apr_int64_t id;
    apr_int64_t user_id;
    const char *user;           /* the user's name */
    const char *role;           /* the user's, now: "admin" or "user" */
    apr_int64_t created_at;
    apr_int64_t seen_at;        /* to a tenth of the idle time or a minute */
    apr_int64_t ends_at;
    const char *ip_address;
    const char *user_agent;
} session_t;

typedef struct session_new_t {
    apr_int64_t user_id;
    apr_time_t now;
    apr_interval_time_t idle;   /* for the sessions that ended meanwhile */
    apr_time_t ends_at;
    const char *ip_address;
    const char *network;        /* what sessions_known() asks for */
    const char *user_agent;     /* any bytes; cut and cleaned here */
} session_new_t;

/** Begin a session; those that ended are swept away. @param token in pool,
 * for the cookie; kept nowhere */
apr_status_t sessions_add(const char **token, store_t *store,
                          const session_new_t *in, apr_pool_t *pool);

/**
 * Whose is it? APR_NOTFOUND: malformed, unknown, ended, or unused for longer
 * than idle (one answer). Notes its use; a store that cannot be written at this
 * moment does not end a session.
 */
apr_status_t sessions_check(session_t **out, store_t *store,
                            const char *token, apr_time_t now,
                            apr_interval_time_t idle, apr_pool_t *pool);

/** Of one user, newest first; without those that ended. */
apr_status_t sessions_list(apr_array_header_t **out /* session_t */,
                           store_t *store, apr_int64_t user_id,
                           apr_time_t now, apr_interval_time_t idle,
                           apr_pool_t *pool);

/** End one of a user's. APR_NOTFOUND. */
apr_status_t sessions_end(store_t *store, apr_int64_t user_id,
                          apr_int64_t id);

/** End all of a user's but one. @param keep its id; 0: none */
apr_status_t sessions_end_all(store_t *store, apr_int64_t user_id,
                              apr_int64_t keep);

/** Has this user signed in from there? @param name any text */
apr_status_t sessions_known(int *known, store_t *store, const char *name,
                            const char *network);

#endif
