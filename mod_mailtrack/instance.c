/* SPDX-License-Identifier: MIT */
/*
 * Instances: checked once per spool in check_config, where configtest sees
 * them, made in post_config, both in httpd's parent; completed in each child
 * before it serves.
 */
#include "instance.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <httpd.h>
#include <ap_mpm.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <mpm_common.h>
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

/* -- the spool directory ------------------------------------------------ */

/*
 * May the children write there? Asked by a process that becomes one of them
 * (user, groups, ChrootDir), as nothing else knows. Before httpd has threads.
 * @return 0 or errno
 */
static int writable(const char *dir, server_rec *base, apr_pool_t *ptemp)
{
    int status = 0;
    pid_t pid;

    if (geteuid() != 0) {
        /* a user's configtest of root's server tells nothing */
        return ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST
               || access(dir, W_OK | X_OK) == 0 ? 0 : errno;
    }
    pid = fork();
    if (pid == 0) {
        _exit(ap_run_drop_privileges(ptemp, base) == OK
              && access(dir, W_OK | X_OK) != 0 ? errno : 0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        return 0;
    }
    return WEXITSTATUS(status);
}

static int no_spool(server_rec *s, int error, apr_pool_t *ptemp)
{
    const char *dir = directives_of(s)->spool_dir;

    return refuse(s, apr_psprintf(ptemp, "MailtrackSpool %s cannot be used "
                                  "(%s): install -d -o USER -g GROUP -m 750 "
                                  "'%s', with httpd's User and Group, in a "
                                  "place they may enter", dir,
                                  strerror(error), dir));
}

/* What configtest can tell. A disk that fails is no mistake of the file's. */
static int check_spool(server_rec *s, server_rec *base, apr_pool_t *ptemp)
{
    const char *dir = directives_of(s)->spool_dir;
    struct stat st;
    int error;

    if (stat(dir, &st) == 0) {
        error = S_ISDIR(st.st_mode) ? writable(dir, base, ptemp) : ENOTDIR;
        return error == EACCES || error == ENOTDIR ? no_spool(s, error, ptemp)
               : OK;
    }
    error = errno;
    /* make_spool will make it where there is a place for it */
    if (error == ENOENT
        && stat(ap_make_dirstr_parent(ptemp, dir), &st) == 0
        && S_ISDIR(st.st_mode)) {
        return OK;
    }
    return no_spool(s, error, ptemp);
}

/* Started as root, httpd makes the directory for its children; one that is
 * there is taken as it is. */
static int make_spool(server_rec *s, apr_pool_t *ptemp)
{
    const char *dir = directives_of(s)->spool_dir;
    struct stat st;

    if (stat(dir, &st) == 0) {
        return OK;
    }
    if (mkdir(dir, 0750) != 0
        || (geteuid() == 0 && chown(dir, ap_unixd_config.user_id,
                                    ap_unixd_config.group_id) != 0)) {
        return no_spool(s, errno, ptemp);
    }
    return OK;
}

/* Is it one directory, whatever the names? */
static int same_dir(const char *a, const char *b)
{
    struct stat one;
    struct stat other;

    return !strcmp(a, b)
           || (stat(a, &one) == 0 && stat(b, &other) == 0
               && one.st_dev == other.st_dev && one.st_ino == other.st_ino);
}

static instance_t *same_spool(server_rec *base, const server_rec *s)
{
    const char *dir = directives_of(s)->spool_dir;

    for (; base != s; base = base->next) {
        const mailtrack_conf_t *conf = directives_of(base);

        if (conf->instance && same_dir(conf->spool_dir, dir)) {
            return conf->instance;
        }
    }
    return NULL;
}

/* -- checking and making ------------------------------------------------ */

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

static int check_one(instance_t **out, server_rec *s, apr_pool_t *pconf)
{
    instance_t *in = apr_pcalloc(pconf, sizeof(*in));
    const mailtrack_conf_t *conf = directives_of(s);
    const char *words = "";

    in->server = s;
    in->conf = conf;
    /* all nodes' rows are summed: a name that others share does no harm */
    apr_cpystrn(in->node, "unknown", sizeof(in->node));
    if (rules_load(&in->rules, &words, conf->rules_file, pconf)
        != APR_SUCCESS) {
        return refuse(s, apr_psprintf(pconf, "MailtrackRules: %s", words));
    }
    *out = in;
    return OK;
}

int instance_check_all(apr_pool_t *pconf, apr_pool_t *ptemp,
                       server_rec *base)
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
        rc = in ? check_shared(in, s, ptemp) : check_spool(s, base, ptemp);
        if (rc == OK && !in) {
            rc = check_one(&in, s, pconf);
        }
        conf->instance = rc == OK ? in : NULL;
    }
    return rc;
}

static int make_one(instance_t *in, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    server_rec *s = in->server;
    apr_status_t rv;

    if (make_spool(s, ptemp) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    rv = board_make(&in->board, pconf);
    if (rv == APR_SUCCESS) {
        rv = throttle_make(&in->throttle, pconf);
    }
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
    return OK;
}

int instance_make_all(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *base)
{
    server_rec *s;
    int rc = OK;

    for (s = base; s && rc == OK; s = s->next) {
        instance_t *in = directives_of(s)->instance;

        if (in && in->server == s) {
            rc = make_one(in, pconf, ptemp);
        }
    }
    return rc;
}

/* -- in a child --------------------------------------------------------- */

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
