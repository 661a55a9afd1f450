/* SPDX-License-Identifier: MIT */
/*
 * Routes and CORS; see route.h. The table at the end is the whole
 * API: openapi.json says the same and a test compares the two.
 * Runs in httpd's worker threads. Knows no endpoint's insides.
 */
#include <httpd.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include "answer.h"
#include "body.h"
#include "endpoints.h"
#include "gate.h"
#include "route.h"

/* How long a browser may remember a preflight; Chromium's own bound. */
#define PREFLIGHT_SECONDS "7200"

typedef struct route_t {
    const char *method;
    const char *pattern;        /* {...} is one segment */
    scope_t scope;
    int (*endpoint)(call_t *call);
} route_t;

extern const route_t route_table[];

/* -- the store ----------------------------------------------------------- */

int call_store(call_t *call)
{
    request_rec *r = call->r;
    apr_status_t rv;

    if (call->store)
        return OK;
    rv = dbd_borrow(&call->loan, r->server, r->pool);
    if (!rv) {
        call->store = call->loan.store;
        return OK;
    }
    (void)answer_store_away(call, NULL);
    return DONE;
}

void call_return(call_t *call)
{
    if (call->store)
        dbd_return(&call->loan, call->r->server);
    call->store = NULL;
}

/* -- the table ----------------------------------------------------------- */

/* Does path fit? parts are what stands for each {...}. */
static int pattern_fits(const char *pattern, const char *path,
                        const char **parts, apr_pool_t *pool)
{
    parts[0] = parts[1] = NULL;
    while (*pattern) {
        if (*pattern == '{') {
            apr_size_t len = strcspn(path, "/");

            if (!len)
                return 0;
            parts[parts[0] != NULL] = apr_pstrmemdup(pool, path, len);
            path += len;
            pattern = strchr(pattern, '}') + 1;
        } else if (*pattern++ != *path++)
            return 0;
    }
    return !*path;
}

/* The route for the call's path and method. *allow: methods the path has, NULL:
 * no such path. */
static const route_t *route_find(const char **allow, call_t *call,
                                 const char *path, request_rec *r)
{
    const route_t *route, *found = NULL;
    const char *method = r->header_only ? "GET" : r->method;
    int literal = 0;

    *allow = NULL;
    for (route = route_table; route->method; route++) {
        const char *parts[2];

        /* a path that stands there as it is, is no {...} of another */
        if (!pattern_fits(route->pattern, path, parts, r->pool) ||
            (parts[0] && literal))
            continue;
        literal = !parts[0];
        if (parts[0]) {
            call->id = parts[0];
            call->part = parts[1];
        }
        *allow = apr_pstrcat(r->pool, *allow ? *allow : "",
                             *allow ? ", " : "", route->method,
                             strcmp(route->method, "GET") ? "" : ", HEAD",
                             NULL);
        if (!strcmp(route->method, method))
            found = route;
    }
    if (*allow)
        *allow = apr_pstrcat(r->pool, *allow, ", OPTIONS", NULL);
    return found;
}

/* -- CORS (Fetch standard, 3.2) ------------------------------------------ */

/*
 * Anybody's page may call with a key it knows, which is all an extension's
 * background worker needs. No credentials, ever: a cookie works for our own
 * pages alone.
 */
static void cors_headers(call_t *call, const char *path)
{
    if (strncmp(path, "/api/", 5))
        return;
    apr_table_setn(call->r->headers_out, "Access-Control-Allow-Origin", "*");
    apr_table_setn(call->r->headers_out, "Access-Control-Expose-Headers",
                   "Link, Retry-After, Mailtrack-API-Version");
    apr_table_setn(call->r->headers_out, "Mailtrack-API-Version",
                   APR_STRINGIFY(API_VERSION));
}

static int answer_options(call_t *call, const char *path, const char *allow)
{
    apr_table_t *in = call->r->headers_in;
    apr_table_t *out = call->r->headers_out;

    apr_table_setn(out, "Allow", allow);
    if (!strncmp(path, "/api/", 5) && apr_table_get(in, "Origin") &&
        apr_table_get(in, "Access-Control-Request-Method")) {
        apr_table_unset(out, "Access-Control-Expose-Headers");
        apr_table_setn(out, "Access-Control-Allow-Methods", allow);
        apr_table_setn(out, "Access-Control-Allow-Headers",
                       "content-type, x-api-key, idempotency-key");
        apr_table_setn(out, "Access-Control-Max-Age", PREFLIGHT_SECONDS);
    }
    return answer_empty(call, HTTP_NO_CONTENT);
}

/* -- one request --------------------------------------------------------- */

/* MailtrackMetrics require: httpd has asked already who may read them. */
static scope_t scope_of(const call_t *call, const route_t *route)
{
    return route->endpoint == endpoint_metrics && call->conf->metrics_open
           ? SCOPE_NONE : route->scope;
}

static int run(call_t *call, const route_t *route)
{
    int answered = 0;
    int status = gate_pass(call, scope_of(call, route));

    if (status != OK)
        return OK;
    if (route->method[0] == 'P') {      /* POST, PUT, PATCH */
        /* a slow sender must not hold a connection */
        call_return(call);
        status = body_read(call, &answered);
        if (answered)
            return status;
    }
    request_args(call->input, call->r->args);
    return route->endpoint(call);
}

int api_handle(request_rec *r, const mailtrack_conf_t *conf,
               const char *path)
{
    call_t *call = apr_pcalloc(r->pool, sizeof(*call));
    const char *allow;
    const route_t *route = route_find(&allow, call, path, r);
    int status;

    call->r = r;
    call->conf = conf;
    call->input = request_create(r->pool);
    call->actor.user_id = STORE_NULL;
    cors_headers(call, path);
    if (!allow)
        return answer_problem(call, HTTP_NOT_FOUND, "There is nothing under "
                              "this path.");
    if (!route && r->method_number == M_OPTIONS)
        return answer_options(call, path, allow);
    if (!route) {
        apr_table_setn(r->headers_out, "Allow", allow);
        return answer_problem(call, HTTP_METHOD_NOT_ALLOWED,
                              apr_pstrcat(r->pool, "This path takes ", allow,
                                          ".", NULL));
    }
    status = run(call, route);
    call_return(call);
    return status == DONE ? OK : status;
}

const route_t route_table[] = {
    { "GET", "/health", SCOPE_NONE, endpoint_health },
    { "GET", "/api/openapi.json", SCOPE_NONE, endpoint_openapi },
    { "GET", "/api/tracks", SCOPE_TRACK, endpoint_tracks_list },
    { "POST", "/api/tracks", SCOPE_TRACK, endpoint_tracks_create },
    { "GET", "/api/tracks/{id}", SCOPE_TRACK, endpoint_tracks_get },
    { "PATCH", "/api/tracks/{id}", SCOPE_WRITE, endpoint_tracks_update },
    { "DELETE", "/api/tracks/{id}", SCOPE_WRITE, endpoint_tracks_delete },
    { "GET", "/api/tracks/{id}/opens", SCOPE_TRACK, endpoint_tracks_opens },
    { "POST", "/api/tracks/{id}/self", SCOPE_TRACK, endpoint_tracks_self },
    { "GET", "/api/opens/recent", SCOPE_TRACK, endpoint_opens_recent },
    { "PATCH", "/api/opens/{id}", SCOPE_WRITE, endpoint_opens_update },
    { "GET", "/api/stats", SCOPE_TRACK, endpoint_stats },
    { "GET", "/api/changes", SCOPE_TRACK, endpoint_changes },
    { "GET", "/api/analytics", SCOPE_TRACK, endpoint_analytics },
    { "GET", "/api/recipients", SCOPE_TRACK, endpoint_recipients_list },
    { "GET", "/api/recipients/{address}", SCOPE_TRACK,
      endpoint_recipients_get },
    { "PATCH", "/api/recipients/{address}", SCOPE_WRITE,
      endpoint_recipients_update },
    { "DELETE", "/api/recipients/{address}", SCOPE_ADMIN,
      endpoint_recipients_erase },
    { "GET", "/api/export/opens.csv", SCOPE_TRACK, endpoint_opens_csv },
    { "GET", "/api/export/tracks.csv", SCOPE_TRACK, endpoint_tracks_csv },
    { "GET", "/api/export/analytics.csv", SCOPE_TRACK,
      endpoint_analytics_csv },
    { "GET", "/api/export/recipients.csv", SCOPE_TRACK,
      endpoint_recipients_csv },
    { "GET", "/api/export/probes.csv", SCOPE_TRACK, endpoint_probes_csv },
    { "GET", "/metrics", SCOPE_TRACK, endpoint_metrics },
    { "GET", "/api/deliveries", SCOPE_TRACK, endpoint_deliveries },
    { "GET", "/api/monitors", SCOPE_TRACK, endpoint_monitors_list },
    { "POST", "/api/monitors", SCOPE_ADMIN, endpoint_monitors_create },
    { "GET", "/api/monitors/{id}", SCOPE_TRACK, endpoint_monitors_get },
    { "PATCH", "/api/monitors/{id}", SCOPE_ADMIN, endpoint_monitors_update },
    { "DELETE", "/api/monitors/{id}", SCOPE_ADMIN, endpoint_monitors_delete },
    { "GET", "/api/monitors/{id}/probes", SCOPE_TRACK, endpoint_probes_list },
    { "GET", "/api/monitors/{id}/probes/{probe}", SCOPE_TRACK,
      endpoint_probes_get },
    { "POST", "/api/monitors/{id}/probe-now", SCOPE_WRITE,
      endpoint_monitors_probe },
    { "GET", "/api/monitors/{id}/latency", SCOPE_TRACK, endpoint_latency },
    { "GET", "/api/alerts", SCOPE_TRACK, endpoint_alerts_list },
    { "GET", "/api/alerts/{id}", SCOPE_TRACK, endpoint_alerts_get },
    { "PATCH", "/api/alerts/{id}", SCOPE_WRITE, endpoint_alerts_update },
    { "GET", "/api/channels", SCOPE_WRITE, endpoint_channels_list },
    { "GET", "/api/channels/{name}", SCOPE_WRITE, endpoint_channels_get },
    { "POST", "/api/channels/{name}/test", SCOPE_ADMIN,
      endpoint_channels_test },
    { "GET", "/api/accounts", SCOPE_WRITE, endpoint_accounts_list },
    { "GET", "/api/windows", SCOPE_TRACK, endpoint_windows_list },
    { "POST", "/api/windows", SCOPE_ADMIN, endpoint_windows_create },
    { "DELETE", "/api/windows/{id}", SCOPE_ADMIN, endpoint_windows_delete },
    { "GET", "/api/session", SCOPE_NONE, endpoint_session_get },
    { "POST", "/api/session", SCOPE_NONE, endpoint_session_create },
    { "DELETE", "/api/session", SCOPE_NONE, endpoint_session_end },
    { "GET", "/api/sessions", SCOPE_SELF, endpoint_sessions_list },
    { "DELETE", "/api/sessions/{id}", SCOPE_SELF, endpoint_sessions_end },
    { "POST", "/api/totp", SCOPE_SELF, endpoint_totp_begin },
    { "PUT", "/api/totp", SCOPE_SELF, endpoint_totp_activate },
    { "DELETE", "/api/totp", SCOPE_SELF, endpoint_totp_remove },
    { "PUT", "/api/password", SCOPE_SELF, endpoint_password },
    { "GET", "/api/notifications", SCOPE_SELF, endpoint_notifications_get },
    { "PUT", "/api/notifications", SCOPE_SELF, endpoint_notifications_set },
    { "GET", "/api/keys", SCOPE_WRITE, endpoint_keys_list },
    { "POST", "/api/keys", SCOPE_WRITE, endpoint_keys_create },
    { "DELETE", "/api/keys/{prefix}", SCOPE_WRITE, endpoint_keys_revoke },
    { "GET", "/api/users", SCOPE_ADMIN, endpoint_users_list },
    { "POST", "/api/users", SCOPE_ADMIN, endpoint_users_create },
    { "DELETE", "/api/users/{name}", SCOPE_ADMIN, endpoint_users_remove },
    { NULL, NULL, SCOPE_NONE, NULL }
};
