/* SPDX-License-Identifier: MIT */
/*
 * The directive table, configuration create and merge, and the checks that
 * `apachectl configtest` can make. Runs while httpd reads its configuration, in
 * one thread; reaches no database.
 */
#include "directives.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <httpd.h>
#include <http_core.h>
#include <http_log.h>
#include <util_time.h>

#include "opens/spool.h"

APLOG_USE_MODULE(mailtrack);

#define UNSET (-1)

#define DEFAULT_LIMIT (APR_INT64_C(1) << 30)
#define DEFAULT_DELAY apr_time_from_sec(5)
#define DEFAULT_IDLE  apr_time_from_sec(12 * 3600)
#define DEFAULT_END   apr_time_from_sec(30 * 86400)

mailtrack_conf_t *directives_of(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &mailtrack_module);
}

void *directives_create(apr_pool_t *pool, server_rec *s)
{
    mailtrack_conf_t *conf = apr_pcalloc(pool, sizeof(*conf));

    (void)s;
    conf->engine = UNSET;
    conf->sync_always = UNSET;
    conf->spool_limit = UNSET;
    conf->min_delay = UNSET;
    conf->anonymize = UNSET;
    conf->trust_user = UNSET;
    conf->metrics_open = UNSET;
    conf->session_idle = UNSET;
    conf->session_end = UNSET;
    return conf;
}

#define EITHER(field) (over->field ? over->field : under->field)
#define SET(field)    (over->field != UNSET ? over->field : under->field)

void *directives_merge(apr_pool_t *pool, void *base, void *add)
{
    const mailtrack_conf_t *under = base;
    const mailtrack_conf_t *over = add;
    mailtrack_conf_t *conf = apr_pcalloc(pool, sizeof(*conf));

    conf->engine = SET(engine);
    conf->base_url = EITHER(base_url);
    conf->base_path = EITHER(base_path);
    conf->origin = EITHER(origin);
    conf->pixel_path = EITHER(pixel_path);
    conf->spool_dir = EITHER(spool_dir);
    conf->sync_always = SET(sync_always);
    conf->spool_limit = SET(spool_limit);
    conf->rules_file = EITHER(rules_file);
    conf->geoip_file = EITHER(geoip_file);
    conf->min_delay = SET(min_delay);
    conf->anonymize = SET(anonymize);
    conf->trust_user = SET(trust_user);
    conf->metrics_open = SET(metrics_open);
    conf->session_idle = SET(session_idle);
    conf->session_end = SET(session_end);
    conf->dbd_driver = EITHER(dbd_driver);
    conf->dbd_params = EITHER(dbd_params);
    return conf;
}

/* -- the directives ----------------------------------------------------- */

static mailtrack_conf_t *conf_of(cmd_parms *cmd)
{
    return directives_of(cmd->server);
}

static const char *set_engine(cmd_parms *cmd, void *dir, int on)
{
    (void)dir;
    conf_of(cmd)->engine = on;
    return NULL;
}

static const char *set_anonymize(cmd_parms *cmd, void *dir, int on)
{
    (void)dir;
    conf_of(cmd)->anonymize = on;
    return NULL;
}

static const char *set_trust_user(cmd_parms *cmd, void *dir, int on)
{
    (void)dir;
    conf_of(cmd)->trust_user = on;
    return NULL;
}

static const char *set_metrics(cmd_parms *cmd, void *dir, const char *word)
{
    mailtrack_conf_t *conf = conf_of(cmd);

    (void)dir;
    if (!strcasecmp(word, "require")) {
        conf->metrics_open = 1;
    } else if (!strcasecmp(word, "key")) {
        conf->metrics_open = 0;
    } else {
        return apr_psprintf(cmd->pool, "MailtrackMetrics '%s': expected 'key' "
                            "or 'require'", word);
    }
    return NULL;
}

static const char *bad_url(cmd_parms *cmd, const char *url, const char *why)
{
    return apr_psprintf(cmd->pool, "MailtrackBaseURL '%s' %s; expected how the "
                        "world reaches this server, as in "
                        "https://track.example.org or "
                        "https://example.org/mail", url, why);
}

/* A path that can stand in links and in comparisons as it is. */
static int plain_path(const char *path)
{
    for (; *path; path++) {
        if (!apr_isalnum(*path) && !strchr("/-._~", *path)) {
            return 0;
        }
        if (path[0] == '/' && (path[1] == '/' || path[1] == '.')) {
            return 0;
        }
    }
    return 1;
}

/* A name or an address (of IPv6 without its brackets), and a port if any. */
static int plain_host(const apr_uri_t *uri)
{
    const char *c = uri->hostname;
    apr_int64_t port = uri->port_str ? apr_atoi64(uri->port_str) : 0;

    while (apr_isalnum(*c) || (*c && strchr("-._:", *c))) {
        c++;
    }
    return c > uri->hostname && !*c
           && (!uri->port_str || (port > 0 && port < 65536));
}

static const char *set_base_url(cmd_parms *cmd, void *dir, const char *url)
{
    mailtrack_conf_t *conf = conf_of(cmd);
    char *trimmed = apr_pstrdup(cmd->pool, url);
    apr_size_t len = strlen(trimmed);
    apr_uri_t uri;

    (void)dir;
    while (len && trimmed[len - 1] == '/') {
        trimmed[--len] = '\0';
    }
    if (apr_uri_parse(cmd->pool, trimmed, &uri) != APR_SUCCESS || !uri.scheme
        || (strcasecmp(uri.scheme, "http")
            && strcasecmp(uri.scheme, "https")) || !uri.hostname
        || !plain_host(&uri)) {
        return bad_url(cmd, url, "is no http or https URL");
    }
    if (uri.query || uri.fragment || uri.user || uri.password) {
        return bad_url(cmd, url, "has a user, a query or a fragment");
    }
    if (uri.path && !plain_path(uri.path)) {
        return bad_url(cmd, url, "has a path with other characters than "
                       "letters, digits and -._~/");
    }
    conf->base_url = trimmed;
    conf->base_path = uri.path ? uri.path : "";
    ap_str_tolower(uri.scheme);
    ap_str_tolower(uri.hostname);
    conf->origin = apr_pstrmemdup(cmd->pool, trimmed,
                                  len - strlen(conf->base_path));
    return NULL;
}

static const char *set_pixel_path(cmd_parms *cmd, void *dir,
                                  const char *path)
{
    char *trimmed = apr_pstrdup(cmd->pool, path + (*path == '/'));
    apr_size_t len = strlen(trimmed);

    (void)dir;
    if (len && trimmed[len - 1] == '/') {
        trimmed[--len] = '\0';
    }
    if (!len || *trimmed == '.' || !plain_path(trimmed)
        || !strcmp(trimmed, "api") || !strncmp(trimmed, "api/", 4)
        || !strcmp(trimmed, "health") || !strcmp(trimmed, "metrics")) {
        return apr_psprintf(cmd->pool, "MailtrackPixelPath '%s': expected a "
                            "path below the base URL such as p, of letters, "
                            "digits and -._~/, and not api, health or metrics",
                            path);
    }
    conf_of(cmd)->pixel_path = trimmed;
    return NULL;
}

static const char *set_file(cmd_parms *cmd, void *dir, const char *path)
{
    const char *absolute = ap_server_root_relative(cmd->pool, path);
    apr_size_t offset = (apr_size_t)(apr_uintptr_t)cmd->info;
    mailtrack_conf_t *conf = conf_of(cmd);

    (void)dir;
    if (!*path || !absolute) {
        return apr_psprintf(cmd->pool, "%s: '%s' is no path", cmd->cmd->name,
                            path);
    }
    if (strlen(absolute) > 3800) {
        return apr_psprintf(cmd->pool, "%s: the path is too long",
                            cmd->cmd->name);
    }
    *(const char **)((char *)conf + offset) = absolute;
    return NULL;
}

static const char *set_sync(cmd_parms *cmd, void *dir, const char *word)
{
    mailtrack_conf_t *conf = conf_of(cmd);

    (void)dir;
    if (!strcasecmp(word, "always")) {
        conf->sync_always = 1;
    } else if (!strcasecmp(word, "interval")) {
        conf->sync_always = 0;
    } else {
        return apr_psprintf(cmd->pool, "MailtrackSpoolSync '%s': expected "
                            "'interval' or 'always'", word);
    }
    return NULL;
}

static const char *set_limit(cmd_parms *cmd, void *dir, const char *text)
{
    char *end = NULL;
    apr_int64_t value = apr_strtoi64(text, &end, 10);
    static const char units[] = "KMGT";
    const char *unit = *end ? strchr(units, apr_toupper(*end)) : NULL;

    (void)dir;
    if (unit && value > 0 && value < (APR_INT64_C(1) << 22)) {
        value <<= 10 * (unit - units + 1);
        end++;
    }
    /* beyond that, a number too long for an integer */
    if (!apr_isdigit(*text) || *end || value < 65536
        || value >= APR_INT64_C(1) << 62) {
        return apr_psprintf(cmd->pool, "MailtrackSpoolLimit '%s': expected a "
                            "size of at least 64K, as in 500M or 1G", text);
    }
    conf_of(cmd)->spool_limit = value;
    return NULL;
}

static const char *set_delay(cmd_parms *cmd, void *dir, const char *text)
{
    apr_interval_time_t value = UNSET;

    (void)dir;
    /* for httpd "soon" is 0 s */
    if (!apr_isdigit(*text)
        || ap_timeout_parameter_parse(text, &value, "s") != APR_SUCCESS
        || value < 0 || value > apr_time_from_sec(3600)) {
        return apr_psprintf(cmd->pool, "MailtrackMinDelay '%s': expected a "
                            "time from 0 to an hour, as in 5s or 500ms",
                            text);
    }
    conf_of(cmd)->min_delay = value;
    return NULL;
}

/* "90s", "30min", "12h", "30d"; UNSET: something else. */
static apr_interval_time_t period(const char *text)
{
    static const struct {
        const char *name;
        apr_int64_t seconds;
    } units[] = {
        { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 }, { NULL, 0 }
    };
    char *end = NULL;
    apr_int64_t value = apr_strtoi64(text, &end, 10);
    int i;

    if (!apr_isdigit(*text) || value > 100000000) {
        return UNSET;
    }
    for (i = 0; units[i].name; i++) {
        if (!strcasecmp(end, units[i].name)) {
            return apr_time_from_sec(value * units[i].seconds);
        }
    }
    return UNSET;
}

static const char *set_lifetime(cmd_parms *cmd, void *dir, const char *idle,
                                const char *end)
{
    mailtrack_conf_t *conf = conf_of(cmd);

    (void)dir;
    conf->session_idle = period(idle);
    conf->session_end = end ? period(end)
                        : conf->session_idle > DEFAULT_END
                        ? conf->session_idle : DEFAULT_END;
    if (conf->session_idle < apr_time_from_sec(60)
        || conf->session_end < conf->session_idle
        || conf->session_end > apr_time_from_sec(365 * 86400)) {
        return apr_psprintf(cmd->pool, "MailtrackSessionLifetime '%s%s%s': "
                            "expected how long a session may be unused and, "
                            "not shorter, how long it may last, each from a "
                            "minute to 365 days, as in 12h 30d", idle,
                            end ? " " : "", end ? end : "");
    }
    return NULL;
}

/* mod_dbd's own directives are noted on their way to it: whoever opens a SQLite
 * path that is not there makes an empty file of it. */
static const char *note_dbd(cmd_parms *cmd, void *dir, const char *text)
{
    apr_size_t offset = (apr_size_t)(apr_uintptr_t)cmd->info;

    (void)dir;
    *(const char **)((char *)conf_of(cmd) + offset) = text;
    return DECLINE_CMD;
}

#define FIELD(name) (void *)APR_OFFSETOF(mailtrack_conf_t, name)

const command_rec directives_table[] = {
    AP_INIT_FLAG("MailtrackEngine", set_engine, NULL, RSRC_CONF,
                 "On: answer pixels and the API in this server"),
    AP_INIT_TAKE1("MailtrackBaseURL", set_base_url, NULL, RSRC_CONF,
                  "How the world reaches this server; may have a path"),
    AP_INIT_TAKE1("MailtrackPixelPath", set_pixel_path, NULL, RSRC_CONF,
                  "Path of pixels below the base URL (default p)"),
    AP_INIT_TAKE1("MailtrackSpool", set_file, FIELD(spool_dir), RSRC_CONF,
                  "Directory where hits wait for the store"),
    AP_INIT_TAKE1("MailtrackSpoolSync", set_sync, NULL, RSRC_CONF,
                  "interval or always: when hits are forced to the disk"),
    AP_INIT_TAKE1("MailtrackSpoolLimit", set_limit, NULL, RSRC_CONF,
                  "Size of the spool above which hits are lost"),
    AP_INIT_TAKE1("MailtrackRules", set_file, FIELD(rules_file), RSRC_CONF,
                  "Rules that judge hits"),
    AP_INIT_TAKE1("MailtrackGeoIP", set_file, FIELD(geoip_file), RSRC_CONF,
                  "MaxMind database of places"),
    AP_INIT_TAKE1("MailtrackMinDelay", set_delay, NULL, RSRC_CONF,
                  "Hits this soon after a mail is made are the sender's"),
    AP_INIT_FLAG("MailtrackAnonymizeIP", set_anonymize, NULL, RSRC_CONF,
                 "On: cut client addresses before they are written"),
    AP_INIT_FLAG("MailtrackTrustUser", set_trust_user, NULL, RSRC_CONF,
                 "On: who httpd's own authentication names is signed in"),
    AP_INIT_TAKE1("MailtrackMetrics", set_metrics, NULL, RSRC_CONF,
                  "key or require: who may read /metrics"),
    AP_INIT_TAKE12("MailtrackSessionLifetime", set_lifetime, NULL, RSRC_CONF,
                   "How long a session may be unused, and last at most"),
    AP_INIT_TAKE1("DBDriver", note_dbd, FIELD(dbd_driver), RSRC_CONF,
                  "(mod_dbd's)"),
    AP_INIT_TAKE1("DBDParams", note_dbd, FIELD(dbd_params), RSRC_CONF,
                  "(mod_dbd's)"),
    { NULL }
};

/* -- completing and checking -------------------------------------------- */

static void complete(mailtrack_conf_t *conf, apr_pool_t *pool)
{
    conf->engine = conf->engine == 1;
    conf->pixel_path = conf->pixel_path ? conf->pixel_path : "p";
    conf->spool_dir = conf->spool_dir ? conf->spool_dir : MAILTRACK_SPOOL_DIR;
    conf->rules_file = conf->rules_file ? conf->rules_file
                       : MAILTRACK_CONF_DIR "/classify.yaml";
    conf->sync_always = conf->sync_always == 1;
    conf->anonymize = conf->anonymize == 1;
    if (conf->spool_limit == UNSET) {
        conf->spool_limit = DEFAULT_LIMIT;
    }
    if (conf->min_delay == UNSET) {
        conf->min_delay = DEFAULT_DELAY;
    }
    conf->trust_user = conf->trust_user == 1;
    conf->metrics_open = conf->metrics_open == 1;
    if (conf->session_idle == UNSET) {
        conf->session_idle = DEFAULT_IDLE;
        conf->session_end = DEFAULT_END;
    }
    if (conf->base_url) {
        conf->pixel_prefix = apr_pstrcat(pool, conf->base_path, "/",
                                         conf->pixel_path, "/", NULL);
        conf->pixel_prefix_len = strlen(conf->pixel_prefix);
    }
}

/* @return NULL, or what is missing and the way out */
static const char *missing(const mailtrack_conf_t *conf)
{
    if (!conf->base_url) {
        return "MailtrackEngine On needs MailtrackBaseURL: how the world "
               "reaches this server, as in https://track.example.org";
    }
    if (!conf->dbd_driver || !conf->dbd_params) {
        return "MailtrackEngine On needs a store: DBDriver sqlite3 and "
               "DBDParams " STORE_DEFAULT_PATH " (and, if they are there, "
               "LoadModule mailtrack_module below LoadModule dbd_module)";
    }
    return NULL;
}

int directives_check(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *base)
{
    const char *words;
    server_rec *s;

    (void)ptemp;
    for (s = base; s; s = s->next) {
        mailtrack_conf_t *conf = directives_of(s);

        complete(conf, pconf);
        words = conf->engine ? missing(conf) : NULL;
        if (words) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, 0, s,
                         "mailtrack: server %s: %s",
                         s->server_hostname ? s->server_hostname : "(main)",
                         words);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}
