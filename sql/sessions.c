/* SPDX-License-Identifier: MIT */
/*
 * Sessions: begun, checked, listed, ended; contract in sessions.h.
 * sessions_check runs in httpd's request threads for each request with a
 * cookie: one indexed read, and one small write a minute.
 */
#include "sessions.h"

#include <string.h>

#include <apr_strings.h>

#include "engine.h"
#include "token.h"
#include "utf8.h"

#define TOKEN_BYTES 32

/* seen_at is written no more often, unless idle time is short. */
#define SEEN_STEP apr_time_from_sec(60)

/* An address not used for signing in for so long is a stranger's again. */
#define ADDRESS_KEPT apr_time_from_sec(APR_INT64_C(90) * 86400)

#define COLUMNS "s.id, s.user_id, u.name, u.role, s.created_at, s.seen_at," \
    " s.ends_at, s.ip_address, s.user_agent"
#define FROM " FROM sessions s JOIN users u ON u.id = s.user_id"

/* -- begun --------------------------------------------------------------- */

/* What ended, of anybody, and what is too much of this user's. */
static apr_status_t sweep(store_t *store, const session_new_t *in)
{
    apr_status_t rv;

    rv = store_exec(store, NULL, "DELETE FROM sessions WHERE ends_at <= ?"
                    " OR seen_at <= ?", "ii", (apr_int64_t)in->now,
                    (apr_int64_t)(in->now - in->idle));
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "DELETE FROM sessions WHERE user_id = ?"
                        " AND id NOT IN (SELECT id FROM sessions"
                        " WHERE user_id = ? ORDER BY seen_at DESC, id DESC"
                        " LIMIT ?)", "iii", in->user_id, in->user_id,
                        (apr_int64_t)SESSION_USER_MAX - 1);
    }
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "DELETE FROM signin_addresses"
                        " WHERE user_id = ? AND (ip_address = ?"
                        " OR seen_at < ?)", "iti", in->user_id, in->network,
                        (apr_int64_t)(in->now - ADDRESS_KEPT));
    }
    return rv;
}

static apr_status_t insert(store_t *store, const session_new_t *in,
                           const char *hash, apr_pool_t *pool)
{
    const char *agent = in->user_agent ? in->user_agent : "";
    apr_status_t rv = sweep(store, in);

    agent = utf8_clean(agent, strlen(agent), SESSION_AGENT_MAX, pool);
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "INSERT INTO sessions (hash, user_id,"
                        " created_at, seen_at, ends_at, ip_address,"
                        " user_agent) VALUES (?, ?, ?, ?, ?, ?, ?)",
                        "tiiiitt", hash, in->user_id, (apr_int64_t)in->now,
                        (apr_int64_t)in->now, (apr_int64_t)in->ends_at,
                        in->ip_address, agent);
    }
    if (rv == APR_SUCCESS) {
        rv = store_exec(store, NULL, "INSERT INTO signin_addresses"
                        " (user_id, ip_address, seen_at) VALUES (?, ?, ?)",
                        "iti", in->user_id, in->network,
                        (apr_int64_t)in->now);
    }
    return rv;
}

apr_status_t sessions_add(const char **token, store_t *store,
                          const session_new_t *in, apr_pool_t *pool)
{
    char hash[TOKEN_HASH_LENGTH + 1];
    apr_status_t rv;

    rv = token_base64(token, store, TOKEN_BYTES, pool);
    if (rv == APR_SUCCESS) {
        rv = token_hash(hash, store, *token);
    }
    if (rv == APR_SUCCESS) {
        rv = store_begin(store);
    }
    return rv != APR_SUCCESS ? rv
           : store_end(store, insert(store, in, hash, pool));
}

/* -- checked and listed --------------------------------------------------- */

static void read_session(session_t *session, store_rows_t *rows,
                         apr_pool_t *pool)
{
    session->id = store_int(rows, 0);
    session->user_id = store_int(rows, 1);
    session->user = store_text(rows, 2, pool);
    session->role = store_text(rows, 3, pool);
    session->created_at = store_int(rows, 4);
    session->seen_at = store_int(rows, 5);
    session->ends_at = store_int(rows, 6);
    session->ip_address = store_text(rows, 7, pool);
    session->user_agent = store_text(rows, 8, pool);
}

static apr_status_t find(session_t **out, store_t *store, const char *hash,
                         apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " COLUMNS FROM
                     " WHERE s.hash = ?", "t", hash);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = store_next(rows);
    if (rv == APR_SUCCESS) {
        *out = apr_palloc(pool, sizeof(**out));
        read_session(*out, rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_NOTFOUND : rv;
}

static void note_use(store_t *store, session_t *session, apr_time_t now,
                     apr_interval_time_t idle)
{
    apr_interval_time_t step = idle / 10 < SEEN_STEP ? idle / 10 : SEEN_STEP;

    /* a store that is locked or full right now must not sign anybody out */
    if (now - session->seen_at >= step
        && store_exec(store, NULL, "UPDATE sessions SET seen_at = ?"
                      " WHERE id = ? AND seen_at < ?", "iii",
                      (apr_int64_t)now, session->id, (apr_int64_t)now)
           == APR_SUCCESS) {
        session->seen_at = now;
    }
}

apr_status_t sessions_check(session_t **out, store_t *store,
                            const char *token, apr_time_t now,
                            apr_interval_time_t idle, apr_pool_t *pool)
{
    char hash[TOKEN_HASH_LENGTH + 1];
    apr_status_t rv;

    if (strlen(token) != SESSION_TOKEN_LENGTH) {
        return APR_NOTFOUND;
    }
    /* found by its hash: how long the look-up takes tells nothing of a token */
    rv = token_hash(hash, store, token);
    if (rv == APR_SUCCESS) {
        rv = find(out, store, hash, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (now >= (*out)->ends_at || now - (*out)->seen_at >= idle) {
        return APR_NOTFOUND;
    }
    note_use(store, *out, now, idle);
    return APR_SUCCESS;
}

apr_status_t sessions_list(apr_array_header_t **out, store_t *store,
                           apr_int64_t user_id, apr_time_t now,
                           apr_interval_time_t idle, apr_pool_t *pool)
{
    store_rows_t *rows;
    apr_status_t rv;

    rv = store_query(&rows, store, "SELECT " COLUMNS FROM
                     " WHERE s.user_id = ? AND s.ends_at > ?"
                     " AND s.seen_at > ? ORDER BY s.id DESC", "iii", user_id,
                     (apr_int64_t)now, (apr_int64_t)(now - idle));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *out = apr_array_make(pool, 8, sizeof(session_t));
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        read_session(apr_array_push(*out), rows, pool);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* -- ended ---------------------------------------------------------------- */

apr_status_t sessions_end(store_t *store, apr_int64_t user_id,
                          apr_int64_t id)
{
    apr_int64_t gone = 0;
    apr_status_t rv;

    rv = store_exec(store, &gone, "DELETE FROM sessions WHERE id = ?"
                    " AND user_id = ?", "ii", id, user_id);
    return rv == APR_SUCCESS && !gone ? APR_NOTFOUND : rv;
}

apr_status_t sessions_end_all(store_t *store, apr_int64_t user_id,
                              apr_int64_t keep)
{
    return store_exec(store, NULL, "DELETE FROM sessions WHERE user_id = ?"
                      " AND id <> ?", "ii", user_id, keep);
}

apr_status_t sessions_known(int *known, store_t *store, const char *name,
                            const char *network)
{
    apr_int64_t count = 0;
    apr_status_t rv;

    rv = store_get_int(store, &count, "SELECT count(*)"
                       " FROM signin_addresses a JOIN users u"
                       " ON u.id = a.user_id WHERE u.name = ?"
                       " AND a.ip_address = ?", "tt", name, network);
    *known = rv == APR_SUCCESS && count > 0;
    return rv;
}
