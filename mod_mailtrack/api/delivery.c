/* SPDX-License-Identifier: MIT */
/*
 * Routes of mails; see delivery.h. Runs in httpd's worker threads; one query a
 * page.
 */
#include <apr_hash.h>
#include <apr_strings.h>
#include <string.h>

#include "delivery.h"
#include "monitors.h"
#include "tracks.h"
#include "view.h"

/* Domains of one mail that are looked at. */
#define DOMAINS_MAX 8

/* Questions of a page, each asked once. */
typedef struct asked_t {
    apr_array_header_t *list;   /* route_ask_t */
    apr_hash_t *places;         /* "domain time" -> place in list, + 1 */
    apr_pool_t *pool;
} asked_t;

static const char *key_of(const char *domain, apr_int64_t at,
                          apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s %" APR_INT64_T_FMT, domain, at);
}

static void ask(asked_t *asked, const char *domain, apr_int64_t at)
{
    const char *key = key_of(domain, at, asked->pool);
    route_ask_t *one;

    if (asked->list->nelts >= ROUTES_MAX ||
        apr_hash_get(asked->places, key, APR_HASH_KEY_STRING))
        return;
    one = apr_array_push(asked->list);
    memset(one, 0, sizeof(*one));
    one->domain = domain;
    one->at = at;
    apr_hash_set(asked->places, key, APR_HASH_KEY_STRING,
                 (const void *)(apr_uintptr_t)asked->list->nelts);
}

static const route_ask_t *answer(const asked_t *asked, const char *domain,
                                 apr_int64_t at)
{
    apr_uintptr_t place = (apr_uintptr_t)apr_hash_get(asked->places,
                          key_of(domain, at, asked->pool),
                          APR_HASH_KEY_STRING);

    return place ? &APR_ARRAY_IDX(asked->list, (int)place - 1, route_ask_t)
                 : NULL;
}

static int domains(const track_t *track)
{
    int count = track->recipients ? track->recipients->nelts : 0;

    return count < DOMAINS_MAX ? count : DOMAINS_MAX;
}

static const char *domain_of(const track_t *track, int i)
{
    return APR_ARRAY_IDX(track->recipients, i, address_t).domain;
}

static json_t *route_view(call_t *call, const route_ask_t *worst)
{
    const route_state_t *route;
    json_t *out;

    if (!worst)
        return json_null();
    route = &worst->route;
    out = json_object();
    json_object_set_new(out, "domain", view_text(worst->domain));
    json_object_set_new(out, "state", view_text(route->state));
    json_object_set_new(out, "detail", view_text(route->detail));
    json_object_set_new(out, "monitor", view_text(route->monitor));
    json_object_set_new(out, "since", view_time(call, route->since));
    json_object_set_new(out, "evidence_at",
                        view_time(call, route->evidence_at));
    return out;
}

/* The worst of a mail's domains; NULL: nothing is known. */
static const route_ask_t *worst_of(const asked_t *asked,
                                   const track_t *track, apr_int64_t at)
{
    const route_ask_t *worst = NULL;
    int i;

    for (i = 0; i < domains(track); i++) {
        const route_ask_t *one = answer(asked, domain_of(track, i), at);

        if (one && one->route.state &&
            (!worst || monitors_rank(one->route.state)
                       > monitors_rank(worst->route.state)))
            worst = one;
    }
    return worst;
}

static void set_route(json_t *view, call_t *call, const asked_t *asked,
                      const track_t *track)
{
    const route_ask_t *sent = worst_of(asked, track, track->created_at);
    const route_ask_t *now = worst_of(asked, track, call->r->request_time);
    json_t *out = json_null();

    if (sent || now) {
        out = json_object();
        json_object_set_new(out, "sent", route_view(call, sent));
        json_object_set_new(out, "now", route_view(call, now));
    }
    json_object_set_new(view, "route", out);
}

static void ask_all(asked_t *asked, call_t *call, const track_t *track)
{
    int i;

    for (i = 0; i < domains(track); i++) {
        ask(asked, domain_of(track, i), call->r->request_time);
        ask(asked, domain_of(track, i), track->created_at);
    }
}

static asked_t asked_make(apr_pool_t *pool)
{
    asked_t asked;

    asked.list = apr_array_make(pool, 64, sizeof(route_ask_t));
    asked.places = apr_hash_make(pool);
    asked.pool = pool;
    return asked;
}

apr_status_t delivery_add(json_t *mails, call_t *call,
                          const apr_array_header_t *tracks)
{
    asked_t asked = asked_make(call->r->pool);
    apr_status_t rv;
    int i;

    for (i = 0; i < tracks->nelts; i++)
        ask_all(&asked, call, &APR_ARRAY_IDX(tracks, i, track_t));
    rv = monitors_routes(asked.list, call->store, call->r->pool);
    for (i = 0; !rv && i < tracks->nelts; i++)
        set_route(json_array_get(mails, (size_t)i), call, &asked,
                  &APR_ARRAY_IDX(tracks, i, track_t));
    return rv;
}

apr_status_t delivery_add_one(json_t *view, call_t *call,
                              const track_t *track)
{
    asked_t asked = asked_make(call->r->pool);
    apr_status_t rv;

    ask_all(&asked, call, track);
    rv = monitors_routes(asked.list, call->store, call->r->pool);
    if (!rv)
        set_route(view, call, &asked, track);
    return rv;
}
