/* SPDX-License-Identifier: MIT */
/*
 * The hit path, in httpd's worker threads. Quick handlers see the URI merged
 * (`//`) but not decoded, and bypass Require and mod_headers: the headers are
 * set here. No database, no locks but the spool's, no allocation to speak of.
 */
#include "pixel.h"

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>

#include <apr_strings.h>

#include "../instance.h"
#include "hit.h"

APLOG_USE_MODULE(mailtrack);

/* A transparent GIF of one pixel: header, palette of two, control block that
 * makes the first colour transparent, image, trailer (GIF89a). */
static const char gif[43] =
    "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
    "\x21\xf9\x04\x01\x00\x00\x00\x00"
    "\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3b";

/* Gmail's proxy was seen to fetch again at each display when told so. */
#define NEVER_KEEP "no-cache, no-store, must-revalidate, max-age=0, private"

static int answer(request_rec *r)
{
    conn_rec *c = r->connection;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, c->bucket_alloc);
    apr_bucket_alloc_t *ba = c->bucket_alloc;

    ap_set_content_type(r, "image/gif");
    ap_set_content_length(r, sizeof(gif));
    apr_table_setn(r->headers_out, "Cache-Control", NEVER_KEEP);
    apr_table_setn(r->headers_out, "Pragma", "no-cache");
    apr_table_setn(r->headers_out, "Expires",
                   "Thu, 01 Jan 1970 00:00:00 GMT");
    apr_table_setn(r->headers_out, "Cross-Origin-Resource-Policy",
                   "cross-origin");
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_immortal_create(gif, sizeof(gif),
                                                           ba));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(ba));
    /* a client that went away is logged by the core filters */
    (void)ap_pass_brigade(r->output_filters, bb);
    return OK;
}

static const char *collect_headers(char *buffer, request_rec *r,
                                   const rules_t *rules)
{
    const apr_array_header_t *names = rules_headers(rules);
    apr_size_t len = 0;
    int i;

    buffer[0] = '\0';
    for (i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        const char *value = apr_table_get(r->headers_in, name);

        if (value) {
            len = hit_header(buffer, len, name, value);
        }
    }
    return buffer;
}

/* What the address says is looked up while it is whole. */
static void anonymize(hit_t *hit, geo_place_t *place, char *cut,
                      const instance_t *in, request_rec *r)
{
    const char *networks = "";
    apr_status_t rv;

    geo_lookup(place, in->geo, hit->address);
    rv = rules_networks(&networks, in->rules, hit->address, r->pool);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, r->server,
                     "mailtrack: networks of an address not looked up");
    }
    hit_anonymize(cut, hit->address);
    hit->address = cut;
    hit->anonymized = 1;
    hit->networks = networks;
    hit->country = place->country;
    hit->city = place->city;
}

/* At most one line a minute and process: a full disk must not fill the log.
 * As a line of the server's, for a request's has the client's address. */
static void log_loss(request_rec *r, apr_status_t rv, const char *dir)
{
    static apr_time_t logged_at;
    apr_time_t last = __atomic_load_n(&logged_at, __ATOMIC_RELAXED);

    if (r->request_time - last >= apr_time_from_sec(60)
        && __atomic_compare_exchange_n(&logged_at, &last, r->request_time, 0,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, r->server,
                     "mailtrack: hits cannot be written to %s and are lost "
                     "(/health counts them)", dir);
    }
}

static void record(request_rec *r, const mailtrack_conf_t *conf,
                   const char *id)
{
    const instance_t *in = conf->instance;
    char headers[HIT_HEADERS_MAX];
    char line[HIT_LINE_MAX];
    char cut[46];
    geo_place_t place;
    hit_t hit = { 0 };
    apr_status_t rv;

    hit.at = r->request_time;
    hit.id = id;
    hit.address = r->useragent_ip;
    hit.method = r->method;
    hit.user_agent = apr_table_get(r->headers_in, "User-Agent");
    hit.referer = apr_table_get(r->headers_in, "Referer");
    hit.headers = collect_headers(headers, r, in->rules);
    if (conf->anonymize) {
        anonymize(&hit, &place, cut, in, r);
    }
    rv = spool_append(in->spool, line, hit_format(line, &hit));
    if (rv != APR_SUCCESS) {
        log_loss(r, rv, conf->spool_dir);
    }
}

/* The id between the prefix and ".gif"; @return 0 when it is none. */
static int id_of(char *id, const char *name)
{
    apr_size_t len = strlen(name);

    return len == HIT_ID_LEN + 4 && !strcmp(name + HIT_ID_LEN, ".gif")
           && hit_id(id, name, HIT_ID_LEN);
}

int pixel_handler(request_rec *r, int lookup)
{
    const mailtrack_conf_t *conf = directives_of(r->server);
    char id[HIT_ID_LEN + 1];

    if (lookup || conf->engine != 1 || !r->uri || !conf->instance
        || strncmp(r->uri, conf->pixel_prefix, conf->pixel_prefix_len)) {
        return DECLINED;
    }
    if (r->method_number != M_GET) {
        /* httpd's own answer would say "Allow: TRACE", which is not true */
        r->status = HTTP_METHOD_NOT_ALLOWED;
        apr_table_setn(r->headers_out, "Allow", "GET, HEAD");
        ap_set_content_length(r, 0);
        return OK;
    }
    if (id_of(id, r->uri + conf->pixel_prefix_len)) {
        record(r, conf, id);
    }
    return answer(r);
}
