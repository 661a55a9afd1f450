/* SPDX-License-Identifier: MIT */
/*
 * Instances: made once per spool in post_config by httpd's parent, completed in
 * each child before it serves.
 */
#include "instance.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <httpd.h>
#include <ap_mpm.h>
#include <apr_strings.h>
#include <http_log.h>
#include <unixd.h>

#include "opens/drain.h"

APLOG_USE_MODULE(mailtrack);

static const char *name_of(const server_rec *s)
{
    return s->server_hostname ? s->server_hostname : "(main)";
}

static int refuse(server_rec *s, const char *words)
{
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, 0, s,
                 "mailtrack: server %s: %s", name_of(s), words);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* A directory that the children can write in. Started as root, httpd makes it
 * for them; one that is there is taken as it is. */
static int check_spool(server_rec *s, apr_pool_t *ptemp)
{
    const char *dir = directives_of(s)->spool_dir;
    struct stat st;

    if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode)) {
        return OK;
    }
    if (mkdir(dir, 0750) != 0
        || (geteuid() == 0 && chown(dir, ap_unixd_config.user_id,
                                    ap_unixd_config.group_id) != 0)) {
        return refuse(s, apr_psprintf(ptemp, "MailtrackSpool %s is no "
                                      "directory and cannot be made (%s): "
                                      "install -d -o USER -g GROUP -m 750 "
                                      "'%s', with httpd's User and Group",
                                      dir, strerror(errno), dir));
    }
    return OK;
}

static instance_t *same_spool(server_rec *base, const server_rec *s)
{
    const char *dir = directives_of(s)->spool_dir;

    for (; base != s; base = base->next) {
        const mailtrack_conf_t *conf = directives_of(base);

        if (conf->instance && !strcmp(conf->spool_dir, dir)) {
            return conf->instance;
        }
    }
    return NULL;
}

/* Two servers may share a spool only if they share all that is done with it. */
static int check_shared(const instance_t *in, server_rec *s,
                        apr_pool_t *ptemp)
{
    const mailtrack_conf_t *a = in->conf;
    const mailtrack_conf_t *b = directives_of(s);

    if (strcmp(a->dbd_driver, b->dbd_driver)
        || strcmp(a->dbd_params, b->dbd_params)
        || strcmp(a->rules_file, b->rules_file)
        || strcmp(a->geoip_file ? a->geoip_file : "",
                  b->geoip_file ? b->geoip_file : "")
        || a->min_delay != b->min_delay || a->spool_limit != b->spool_limit
        || a->sync_always != b->sync_always) {
        return refuse(s, apr_psprintf(ptemp, "MailtrackSpool %s is also that "
                                      "of server %s, which has another "
                                      "DBDParams, MailtrackRules, "
                                      "MailtrackGeoIP, MailtrackMinDelay, "
                                      "MailtrackSpoolLimit or "
                                      "MailtrackSpoolSync: give this one a "
                                      "spool of its own", b->spool_dir,
                                      name_of(in->server)));
    }
    return OK;
}

static int make_one(instance_t **out, server_rec *s, apr_pool_t *pconf)
{
    instance_t *in = apr_pcalloc(pconf, sizeof(*in));
    const mailtrack_conf_t *conf = directives_of(s);
    const char *words = "";
    apr_status_t rv;

    in->server = s;
    in->conf = conf;
    /* all nodes' rows are summed: a name that others share does no harm */
    apr_cpystrn(in->node, "unknown", sizeof(in->node));
    if (rules_load(&in->rules, &words, conf->rules_file, pconf)
        != APR_SUCCESS) {
        return refuse(s, apr_psprintf(pconf, "MailtrackRules: %s", words));
    }
    rv = board_make(&in->board, pconf);
    if (rv == APR_SUCCESS) {
        rv = drain_register(in, pconf);
    }
    if (APR_STATUS_IS_ENOTIMPL(rv)) {
        return refuse(s, "mod_watchdog is not there: a2enmod watchdog, or "
                      "LoadModule watchdog_module");
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, rv, s,
                     "mailtrack: shared memory or the drain's watchdog "
                     "cannot be had");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    *out = in;
    return OK;
}

int instance_make_all(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *base)
{
    server_rec *s;
    int rc = OK;

    for (s = base; s && rc == OK; s = s->next) {
        mailtrack_conf_t *conf = directives_of(s);
        instance_t *in;

        if (!conf->engine) {
            continue;
        }
        in = same_spool(base, s);
        rc = check_spool(s, ptemp);
        if (rc == OK) {
            rc = in ? check_shared(in, s, ptemp) : make_one(&in, s, pconf);
        }
        conf->instance = rc == OK ? in : NULL;
    }
    return rc;
}

static apr_status_t open_child(instance_t *in, apr_pool_t *pchild)
{
    const mailtrack_conf_t *conf = in->conf;
    char node[sizeof(in->node)];
    apr_status_t rv;

    if (spool_node(node, conf->spool_dir) == APR_SUCCESS) {
        apr_cpystrn(in->node, node, sizeof(in->node));
    } else {
        ap_log_error(APLOG_MARK, APLOG_WARNING, errno, in->server,
                     "mailtrack: %s/node cannot be read or made",
                     conf->spool_dir);
    }
    rv = geo_make(&in->geo, conf->geoip_file, pchild);
    if (rv == APR_SUCCESS) {
        rv = spool_make(&in->spool, conf->spool_dir, in->board,
                        conf->spool_limit, conf->sync_always, pchild);
    }
    return rv != APR_SUCCESS ? rv : drain_child(in, pchild);
}

void instance_child(apr_pool_t *pchild, server_rec *base)
{
    server_rec *s;

    for (s = base; s; s = s->next) {
        instance_t *in = directives_of(s)->instance;
        apr_status_t rv;

        if (!in || in->server != s) {
            continue;
        }
        rv = open_child(in, pchild);
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                         "mailtrack: this child cannot work: out of memory?");
        }
    }
}
