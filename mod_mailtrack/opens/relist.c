/* SPDX-License-Identifier: MIT */
/*
 * New lists for the rules at work. Runs in the watchdog's thread of each child.
 * Requests hold no lock on the rules they read: rules that were replaced live
 * on until the next ones are.
 */
#include "relist.h"

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_log.h>

APLOG_USE_MODULE(mailtrack);

#define LOOK_EVERY apr_time_from_sec(5)

struct relist_t {
    instance_t *in;
    apr_pool_t *current;        /* of in->rules; NULL: httpd's own */
    apr_pool_t *former;         /* of those before */
    apr_time_t at;              /* the next look */
    char complaint[256];        /* the last reason */
};

relist_t *relist_make(instance_t *in, apr_pool_t *pool)
{
    relist_t *relist = apr_pcalloc(pool, sizeof(*relist));

    relist->in = in;
    return relist;
}

static void use(relist_t *relist, rules_t *rules, apr_pool_t *pool)
{
    if (relist->former) {
        apr_pool_destroy(relist->former);
    }
    relist->former = relist->current;
    relist->current = pool;
    relist->complaint[0] = '\0';
    __atomic_store_n(&relist->in->rules, rules, __ATOMIC_RELEASE);
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, relist->in->server,
                 "mailtrack: the lists of %s have changed and are in use",
                 relist->in->conf->rules_file);
}

static void complain(relist_t *relist, const char *error)
{
    char words[sizeof(relist->complaint)];

    apr_cpystrn(words, error ? error : "", sizeof(words));
    if (!strcmp(words, relist->complaint)) {
        return;
    }
    memcpy(relist->complaint, words, sizeof(words));
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, relist->in->server,
                 "mailtrack: changed lists are left out: %s", words);
}

void relist_look(relist_t *relist, apr_time_t now)
{
    const char *error = NULL;
    rules_t *rules = NULL;
    apr_pool_t *pool;
    apr_status_t rv;

    /* a clock that was set back must not stop it */
    if (now < relist->at && relist->at - now <= LOOK_EVERY) {
        return;
    }
    relist->at = now + LOOK_EVERY;
    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return;
    }
    rv = rules_renew(&rules, &error, relist->in->rules, pool);
    if (rv == APR_SUCCESS && rules) {
        use(relist, rules, pool);
        return;
    }
    if (rv != APR_SUCCESS) {
        complain(relist, error);
    }
    apr_pool_destroy(pool);
}
