/* SPDX-License-Identifier: MIT */
/*
 * check's way in from outside: the server, its certificate and /health; then a
 * mail made for the purpose, whose pixel is fetched twice, followed into the
 * store and deleted again. Two fetches, as a cache would answer the second.
 */
#include "check.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_uuid.h>
#include <curl/curl.h>

#include "sql/opens.h"
#include "sql/settings.h"
#include "sql/tracks.h"

/* RFC 2606: nobody's. */
#define CHECK_ADDRESS "check@localhost.invalid"

#define ARRIVE_WITHIN APR_TIME_C(10000000)
#define LOOK_EVERY APR_TIME_C(100000)

/* Older ones were left behind by a check that was killed. */
#define LEFT_BEHIND APR_TIME_C(60000000)

#define CERTIFICATE_DAYS 14
#define DAY 86400

#define FETCHES 2

/* -- the server --------------------------------------------------------- */

/* @return whether to go on */
static int connected(check_t *check, const fetch_t *f)
{
    const char *error = ctl_clean(f->error, check->pool);

    switch (f->code) {
    case CURLE_OK:
        return 1;
    case CURLE_COULDNT_RESOLVE_HOST:
        check_bad(check, "DNS", "make a record for the name, or correct "
                  "MailtrackBaseURL", "%s", error);
        return 0;
    case CURLE_COULDNT_CONNECT:
        check_bad(check, "connection", "start httpd; look at Listen and the "
                  "firewall", "%s", error);
        return 0;
    case CURLE_OPERATION_TIMEDOUT:
        check_bad(check, "connection", "look at the firewall, and whether "
                  "httpd is busy", "%s", error);
        return 0;
    default:
        check_bad(check, "connection", "", "%s", error);
        return 0;
    }
}

static void check_certificate(check_t *check, const fetch_t *f)
{
    apr_int64_t left;

    if (strncmp(check->base, "https:", 6)) {
        check_note(check, "certificate", "none, as the base URL is http: "
                   "readers' programs may refuse the pixel");
        return;
    }
    if (f->certificate_until == STORE_NULL) {
        check_good(check, "certificate", "verified");
        return;
    }
    left = (f->certificate_until - apr_time_sec(apr_time_now())) / DAY;
    if (left < CERTIFICATE_DAYS) {
        check_bad(check, "certificate", "renew it", "verified, but only %"
                  APR_INT64_T_FMT " days are left", left);
    } else {
        check_good(check, "certificate", "verified, %" APR_INT64_T_FMT
                   " days left", left);
    }
}

/* A server that answers something else than its base URL says. */
static int redirected(check_t *check, const char *what, const fetch_t *f)
{
    const char *to = apr_table_get(f->headers, "Location");

    if (f->status < 300 || f->status > 399 || !to) {
        return 0;
    }
    check_bad(check, what, "set MailtrackBaseURL to where it leads",
              "%ld redirects to %s", f->status, ctl_clean(to, check->pool));
    return 1;
}

static void check_health(check_t *check, const fetch_t *f)
{
    if (f->status == 200) {
        check_good(check, "/health", "ok");
    } else if (f->status == 404) {
        check_bad(check, "/health", "MailtrackEngine On in that vhost; look "
                  "at the path of MailtrackBaseURL", "404: this is not "
                  "Mailtrack");
    } else if (!redirected(check, "/health", f)) {
        check_bad(check, "/health", "do what it says", "%ld %s", f->status,
                  ctl_clean(f->body, check->pool));
    }
}

int check_server(check_t *check, int *verify)
{
    const char *url = apr_pstrcat(check->pool, check->base, "/health", NULL);
    fetch_t f;

    fetch_get(&f, url, 1, check->pool);
    if (f.code == CURLE_PEER_FAILED_VERIFICATION
        || f.code == CURLE_SSL_CONNECT_ERROR) {
        check_bad(check, "certificate", "renew or correct it; readers' "
                  "programs will refuse the pixel", "%s",
                  ctl_clean(f.error, check->pool));
        *verify = 0;
        fetch_get(&f, url, 0, check->pool);
    }
    if (!connected(check, &f)) {
        return 0;
    }
    check_good(check, "server", "%s answers at %s",
               ctl_clean(check->base, check->pool), f.remote);
    if (*verify) {
        check_certificate(check, &f);
    }
    check_health(check, &f);
    return 1;
}

/* -- the pixel ---------------------------------------------------------- */

static apr_status_t make_mail(track_t **mail, check_t *check)
{
    track_new_t in = { 0 };
    apr_array_header_t *to = NULL;
    const char *error = NULL;
    char id[APR_UUID_FORMATTED_LENGTH + 1];
    apr_uuid_t uuid;
    apr_status_t rv;

    rv = address_parse_list(&to, &error, CHECK_ADDRESS,
                            strlen(CHECK_ADDRESS), check->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_uuid_get(&uuid);
    apr_uuid_format(id, &uuid);
    in.public_id = id;
    in.created_at = apr_time_now();
    in.created_by = STORE_NULL;
    in.recipients = to;
    in.subject = "mailtrackctl check";
    in.notes = "";
    return tracks_create(mail, check->ctl->store, &in, CTL_NODE,
                         check->pool);
}

/* Mails of checks that could not tidy up. */
static apr_status_t sweep(check_t *check)
{
    apr_array_header_t *old = NULL;
    track_filter_t filter = { 0 };
    const char *next = NULL;
    apr_status_t rv;
    int i;

    filter.recipient = CHECK_ADDRESS;
    filter.seen = -1;
    filter.pinned = -1;
    filter.created_by = STORE_NULL;
    filter.since = STORE_NULL;
    filter.until = apr_time_now() - LEFT_BEHIND;
    filter.limit = 100;
    rv = tracks_list(&old, &next, check->ctl->store, &filter, check->pool);
    for (i = 0; rv == APR_SUCCESS && i < old->nelts; i++) {
        rv = tracks_delete(check->ctl->store,
                           APR_ARRAY_IDX(old, i, track_t).public_id, CTL_NODE,
                           check->pool);
        rv = rv == APR_NOTFOUND ? APR_SUCCESS : rv;
    }
    return rv;
}

static const char *pixel_url(check_t *check, const track_t *mail)
{
    const char *path = NULL;

    if (settings_get(&path, check->ctl->store, "pixel_path", check->pool)
        != APR_SUCCESS || !*path) {
        path = "p";
    }
    return apr_pstrcat(check->pool, check->base, "/", path, "/",
                       mail->public_id, ".gif", NULL);
}

/* @return whether it is the pixel */
static int check_answer(check_t *check, const fetch_t *f)
{
    const char *type = apr_table_get(f->headers, "Content-Type");

    if (!connected(check, f) || redirected(check, "pixel", f)) {
        return 0;
    }
    if (f->status != 200 || f->length != 43 || memcmp(f->body, "GIF89a", 6)
        || !type || strcmp(type, "image/gif")) {
        check_bad(check, "pixel", "look at MailtrackPixelPath, and whether "
                  "something in front of httpd answers", "%ld %s, %"
                  APR_SIZE_T_FMT " bytes instead of 200 image/gif, 43 bytes",
                  f->status, type ? ctl_clean(type, check->pool) : "no type",
                  f->length);
        return 0;
    }
    check_good(check, "pixel", "200 image/gif, 43 bytes");
    return 1;
}

/* What the answer says of caches between it and us. */
static void check_caching(check_t *check, const fetch_t *f)
{
    static const char *const traces[] = {
        "Age", "X-Cache", "CF-Cache-Status", "X-Varnish"
    };
    const char *control = apr_table_get(f->headers, "Cache-Control");
    const char *via = apr_table_get(f->headers, "Via");
    apr_size_t i;

    if (!control || !strstr(control, "no-store")) {
        check_bad(check, "caching headers", "keep Cache-Control as "
                  "Mailtrack sends it", "Cache-Control is '%s', without "
                  "no-store", control ? ctl_clean(control, check->pool) : "");
    } else {
        check_good(check, "caching headers", "Cache-Control: %s",
                   ctl_clean(control, check->pool));
    }
    for (i = 0; i < sizeof(traces) / sizeof(traces[0]); i++) {
        const char *value = apr_table_get(f->headers, traces[i]);

        if (value) {
            check_note(check, "cache", "%s: %s", traces[i],
                       ctl_clean(value, check->pool));
        }
    }
    if (via) {
        check_note(check, "proxy", "Via: %s", ctl_clean(via, check->pool));
    }
}

/* Waits until every fetch is an open, or long enough. */
static apr_status_t wait_for(apr_int64_t *arrived, apr_interval_time_t *took,
                             check_t *check, const track_t *mail)
{
    apr_time_t start = apr_time_now();
    track_t *now = NULL;
    apr_status_t rv;

    *arrived = 0;
    do {
        rv = tracks_get(&now, check->ctl->store, mail->public_id,
                        check->pool);
        if (rv == STORE_EBUSY) {
            rv = APR_SUCCESS;
        } else if (rv == APR_SUCCESS) {
            *arrived = now->open_count;
        }
        *took = apr_time_now() - start;
        if (rv == APR_SUCCESS && *arrived < FETCHES) {
            apr_sleep(LOOK_EVERY);
        }
    } while (rv == APR_SUCCESS && *arrived < FETCHES
             && *took < ARRIVE_WITHIN);
    return rv;
}

static void check_arrival(check_t *check, const track_t *mail,
                          const fetch_t *f)
{
    apr_array_header_t *opens = NULL;
    apr_interval_time_t took = 0;
    apr_int64_t arrived = 0;
    const char *next = NULL;
    apr_status_t rv = wait_for(&arrived, &took, check, mail);

    if (rv != APR_SUCCESS) {
        check_bad(check, "arrival", store_remedy(check->ctl->store, rv,
                  check->pool), "%s", ctl_reason(check->ctl, rv));
        return;
    }
    if (arrived == 0) {
        check_bad(check, "arrival", "compare DBDParams with --store, and see "
                  "what /health says of the spool", "no hit came into the "
                  "store within 10 s");
        return;
    }
    if (arrived < FETCHES) {
        check_bad(check, "cache", "make what stands in front of httpd pass "
                  "every request of the pixel on", "%" APR_INT64_T_FMT
                  " of %d hits came: a cache answered the other", arrived,
                  FETCHES);
    } else {
        check_good(check, "arrival", "both hits are in the store %"
                   APR_INT64_T_FMT " ms later", apr_time_as_msec(took));
    }
    rv = opens_of_track(&opens, &next, check->ctl->store, mail->id, NULL, 1,
                        check->pool);
    if (rv == APR_SUCCESS && opens->nelts > 0) {
        check_address(check, f,
                      APR_ARRAY_IDX(opens, 0, open_t).ip_address);
    }
}

static void follow(check_t *check, const track_t *mail, int verify)
{
    const char *url = pixel_url(check, mail);
    fetch_t f;

    fetch_get(&f, url, verify, check->pool);
    if (!check_answer(check, &f)) {
        return;
    }
    check_caching(check, &f);
    fetch_get(&f, url, verify, check->pool);
    check_arrival(check, mail, &f);
}

void check_pixel(check_t *check, int verify)
{
    store_t *store = check->ctl->store;
    track_t *mail = NULL;
    apr_status_t rv = sweep(check);

    if (rv == APR_SUCCESS) {
        rv = make_mail(&mail, check);
    }
    if (rv != APR_SUCCESS) {
        check_bad(check, "mail", store_remedy(store, rv, check->pool),
                  "none can be made: %s", ctl_reason(check->ctl, rv));
        return;
    }
    follow(check, mail, verify);
    rv = tracks_delete(store, mail->public_id, CTL_NODE, check->pool);
    if (rv != APR_SUCCESS) {
        check_bad(check, "mail", "run check again", "'%s' cannot be deleted: "
                  "%s", CHECK_ADDRESS, ctl_reason(check->ctl, rv));
    }
}
