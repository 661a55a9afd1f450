/* SPDX-License-Identifier: MIT */
/*
 * What httpd.conf says of a server (virtual host). Made and merged while the
 * configuration is read, completed in check_config, then only read, by every
 * thread.
 */
#ifndef MAILTRACK_DIRECTIVES_H
#define MAILTRACK_DIRECTIVES_H

#include <httpd.h>
#include <http_config.h>

struct instance_t;

typedef struct mailtrack_conf_t {
    int engine;                 /* MailtrackEngine; -1 unset */
    const char *base_url;       /* MailtrackBaseURL, no slash at its end */
    const char *base_path;      /* its path: "" or "/mail" */
    const char *origin;         /* its scheme://host[:port] */
    const char *pixel_path;     /* MailtrackPixelPath: "p" */
    const char *pixel_prefix;   /* base_path "/" pixel_path "/" */
    apr_size_t pixel_prefix_len;
    const char *spool_dir;      /* MailtrackSpool */
    int sync_always;            /* MailtrackSpoolSync; -1 unset */
    apr_off_t spool_limit;      /* MailtrackSpoolLimit, bytes; -1 unset */
    const char *rules_file;     /* MailtrackRules */
    const char *geoip_file;     /* MailtrackGeoIP; NULL: no places */
    apr_interval_time_t min_delay;      /* MailtrackMinDelay; -1 unset */
    int anonymize;              /* MailtrackAnonymizeIP; -1 unset */
    int trust_user;             /* MailtrackTrustUser; -1 unset */
    int metrics_open;           /* MailtrackMetrics require; -1 unset */
    apr_interval_time_t session_idle;   /* MailtrackSessionLifetime: unused, */
    apr_interval_time_t session_end;    /* and at most; -1 unset */
    const char *dbd_driver;     /* DBDriver, DBDParams: read on their way to */
    const char *dbd_params;     /* mod_dbd; may hold a password */
    struct instance_t *instance;        /* shared by the servers of one spool */
} mailtrack_conf_t;

extern const command_rec directives_table[];

void *directives_create(apr_pool_t *pool, server_rec *s);
void *directives_merge(apr_pool_t *pool, void *base, void *add);

/** Of this server; never NULL. */
mailtrack_conf_t *directives_of(const server_rec *s);

/**
 * Complete and check every server's configuration: what must stop the start.
 * @return OK, or HTTP_INTERNAL_SERVER_ERROR with the reason logged
 */
int directives_check(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *base);

#endif
