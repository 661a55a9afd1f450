/* SPDX-License-Identifier: MIT */
/*
 * The API's hooks; see entry.h. Ours are BASE/health, BASE/metrics, BASE/api
 * and everything below; a neighbour's /api in the same vhost is not when BASE
 * has a path.
 */
#include <string.h>

#include <httpd.h>
#include <http_config.h>

#include "directives.h"
#include "entry.h"
#include "route.h"

/* The URI without the base path; NULL: not ours. */
static const char *path_of(const request_rec *r, const mailtrack_conf_t *conf)
{
    const char *path = r->uri;
    apr_size_t len;

    if (conf->engine != 1 || !conf->instance || r->proxyreq || !path)
        return NULL;
    len = strlen(conf->base_path);
    if (strncmp(path, conf->base_path, len))
        return NULL;
    path += len;
    if (!strcmp(path, "/health") || !strcmp(path, "/metrics") ||
        !strcmp(path, "/api") || !strncmp(path, "/api/", 5))
        return path;
    return NULL;
}

int entry_is_ours(request_rec *r)
{
    return path_of(r, directives_of(r->server)) != NULL;
}

int entry_is_api(request_rec *r)
{
    const char *path = path_of(r, directives_of(r->server));

    return path && !strncmp(path, "/api", 4);
}

int entry_translate(request_rec *r)
{
    if (!path_of(r, directives_of(r->server)))
        return DECLINED;
    r->filename = r->uri;
    return OK;
}

int entry_map(request_rec *r)
{
    if (!path_of(r, directives_of(r->server)))
        return DECLINED;
    r->handler = "mailtrack-api";
    return OK;
}

int entry_handler(request_rec *r)
{
    const mailtrack_conf_t *conf = directives_of(r->server);
    const char *path = path_of(r, conf);

    if (!path)
        return DECLINED;
    /* mod_mime reads languages and encodings out of "ann@example.de.gz" */
    r->content_encoding = NULL;
    r->content_languages = NULL;
    return api_handle(r, conf, path);
}
