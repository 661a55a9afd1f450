/* SPDX-License-Identifier: MIT */
/*
 * What the servers that share a spool have in common at run time. Made in
 * post_config, completed in each child; the API reads it, the hit path and the
 * drain work with it.
 */
#ifndef MAILTRACK_INSTANCE_H
#define MAILTRACK_INSTANCE_H

#include <httpd.h>

#include "board.h"
#include "directives.h"
#include "geo.h"
#include "rules.h"
#include "spool.h"
#include "throttle.h"

typedef struct instance_t {
    server_rec *server;         /* the first server of this spool */
    const mailtrack_conf_t *conf;       /* that server's */
    rules_t *rules;
    board_t *board;
    throttle_t *throttle;       /* of sign-ins */
    geo_t *geo;                 /* per child */
    spool_t *spool;             /* per child */
    struct drain_t *drain;      /* per child */
    char node[37];              /* UUID of this spool: rollups' node */
} instance_t;

/**
 * Give every server with MailtrackEngine On its instance, with its rules; all
 * that configtest can see is checked. In check_config; makes nothing.
 * @return OK or HTTP_INTERNAL_SERVER_ERROR with the reason logged
 */
int instance_check_all(apr_pool_t *pconf, apr_pool_t *ptemp,
                       server_rec *base);

/** Spool directory, shared memory, watchdog. In post_config; returns as above.
 */
int instance_make_all(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *base);

/** In each child: open what belongs to a process. */
void instance_child(apr_pool_t *pchild, server_rec *base);

#endif
