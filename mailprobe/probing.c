/* SPDX-License-Identifier: MIT */
/*
 * Probing begins here: what the configuration says is published, the schedule
 * started; and it begins anew, as far as need be, with another configuration.
 * Loop thread, but for publish_work.
 */
#include "probing_inside.h"

#include <string.h>

#include <apr_strings.h>

#include "accounts.h"
#include "log.h"

/* -- what others see of the configuration --------------------------------- */

typedef struct publish_t {
    apr_pool_t *pool;
    apr_array_header_t *accounts;       /* account_row_t */
    apr_array_header_t *monitors;       /* monitor_t */
    apr_array_header_t *names;          /* const char *: of channels */
    apr_hash_t *off;                    /* monitor -> array of channels */
    probing_t *probing;
} publish_t;

static const char *url_of(const endpoint_t *server, const char *plain,
                          apr_pool_t *pool)
{
    return !server ? "" : apr_psprintf(pool, "%s%s://%s:%d", plain,
                                       server->security == SECURITY_TLS
                                       ? "s" : "", server->host,
                                       server->port);
}

static const char *or_empty(const char *text, apr_pool_t *pool)
{
    return text ? apr_pstrdup(pool, text) : "";
}

static void add_account(publish_t *job, const account_t *account)
{
    account_row_t *row = apr_array_push(job->accounts);
    apr_pool_t *pool = job->pool;

    memset(row, 0, sizeof(*row));
    row->name = apr_pstrdup(pool, account->name);
    row->sender = account->smtp ? or_empty(account->from, pool) : "";
    row->smtp = url_of(account->smtp, "smtp", pool);
    row->imap = url_of(account->imap, "imap", pool);
    row->smtp_user = account->smtp ? or_empty(account->smtp->username, pool)
                     : "";
    row->imap_user = account->imap ? or_empty(account->imap->username, pool)
                     : "";
    row->state = "unknown";
    row->detail = "";
}

static int is_off(const publish_t *job, const char *monitor,
                  const char *channel)
{
    const apr_array_header_t *off = apr_hash_get(job->off, monitor,
                                                 APR_HASH_KEY_STRING);
    int i;

    for (i = 0; off && i < off->nelts; i++) {
        if (!strcmp(channel, APR_ARRAY_IDX(off, i, const char *))) {
            return 1;
        }
    }
    return 0;
}

static apr_status_t toggle(store_t *store, const publish_t *job,
                           const monitor_t *m)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && i < job->names->nelts; i++) {
        const char *channel = APR_ARRAY_IDX(job->names, i, const char *);

        rv = monitors_channel_set(store, m->id, channel,
                                  !is_off(job, m->name, channel));
    }
    return rv;
}

static int is_declared(const publish_t *job, const char *name)
{
    int i;

    for (i = 0; i < job->monitors->nelts; i++) {
        if (!strcmp(name, APR_ARRAY_IDX(job->monitors, i, monitor_t).name)) {
            return 1;
        }
    }
    return 0;
}

static apr_status_t publish_work(store_t *store, void *data, apr_pool_t *pool)
{
    publish_t *job = data;
    apr_array_header_t *list = NULL;
    apr_time_t now = apr_time_now();
    apr_status_t rv = accounts_publish(store, job->accounts, now);
    int i;

    if (rv == APR_SUCCESS) {
        rv = monitors_declare(store, job->monitors, now, pool);
    }
    if (rv == APR_SUCCESS && job->monitors->nelts) {
        rv = monitors_list(&list, store, pool);
    }
    for (i = 0; rv == APR_SUCCESS && list && i < list->nelts; i++) {
        const monitor_t *m = &APR_ARRAY_IDX(list, i, monitor_t);

        if (m->declared && is_declared(job, m->name)) {
            rv = toggle(store, job, m);
        }
    }
    return rv;
}

static void published(apr_status_t rv, const char *error, void *data)
{
    publish_t *job = data;

    if (rv != APR_SUCCESS) {
        log_line(LOG_ERROR, "what the configuration declares is not in the"
                 " store: %s", error);
    }
    schedule_hurry(job->probing);
    apr_pool_destroy(job->pool);
}

static void copy_monitors(publish_t *job, const configuration_t *conf)
{
    int i;

    for (i = 0; conf->monitors && i < conf->monitors->nelts; i++) {
        monitor_t *m = schedule_copy(&APR_ARRAY_IDX(conf->monitors, i,
                                                    monitor_t), job->pool);
        const apr_array_header_t *off = conf->monitor_channels_off
            ? apr_hash_get(conf->monitor_channels_off, m->name,
                           APR_HASH_KEY_STRING) : NULL;
        apr_array_header_t *names = apr_array_make(job->pool, 2,
                                                   sizeof(char *));
        int j;

        m->declared = 1;
        APR_ARRAY_PUSH(job->monitors, monitor_t) = *m;
        for (j = 0; off && j < off->nelts; j++) {
            APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(job->pool,
                APR_ARRAY_IDX(off, j, const char *));
        }
        apr_hash_set(job->off, m->name, APR_HASH_KEY_STRING, names);
    }
}

static apr_status_t publish(probing_t *probing)
{
    const configuration_t *conf = probing->configuration;
    apr_hash_index_t *hi;
    publish_t *job;
    apr_pool_t *pool;
    int i;
    apr_status_t rv = apr_pool_create(&pool, probing->pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    job = apr_pcalloc(pool, sizeof(*job));
    job->pool = pool;
    job->probing = probing;
    job->accounts = apr_array_make(pool, 8, sizeof(account_row_t));
    job->monitors = apr_array_make(pool, 8, sizeof(monitor_t));
    job->names = apr_array_make(pool, 8, sizeof(char *));
    job->off = apr_hash_make(pool);
    for (hi = apr_hash_first(pool, conf->accounts); hi;
         hi = apr_hash_next(hi)) {
        add_account(job, apr_hash_this_val(hi));
    }
    for (i = 0; conf->channels && i < conf->channels->nelts; i++) {
        APR_ARRAY_PUSH(job->names, const char *) = apr_pstrdup(pool,
            APR_ARRAY_IDX(conf->channels, i, channel_t *)->name);
    }
    copy_monitors(job, conf);
    storage_submit(probing->storage, STORAGE_UNTIL, publish_work, published,
                   job);
    return APR_SUCCESS;
}

/* -- start ---------------------------------------------------------------- */

apr_status_t probing_idle(probing_t **out, loop_t *loop, storage_t *storage,
                          deliver_t *deliver,
                          const configuration_t *configuration,
                          const char *owner, apr_pool_t *pool)
{
    probing_t *probing = apr_pcalloc(pool, sizeof(*probing));

    probing->loop = loop;
    probing->storage = storage;
    probing->deliver = deliver;
    probing->configuration = configuration;
    probing->owner = apr_pstrdup(pool, owner);
    probing->pool = pool;
    probing->seats = apr_hash_make(pool);
    probing->boxes = apr_hash_make(pool);
    probing->gates = apr_hash_make(pool);
    probing->flights = apr_hash_make(pool);
    probing->live = 1;
    schedule_start(probing);
    *out = probing;
    return APR_SUCCESS;
}

apr_status_t probing_start(probing_t **probing, loop_t *loop,
                           storage_t *storage, deliver_t *deliver,
                           const configuration_t *configuration,
                           const char *owner, apr_pool_t *pool)
{
    apr_status_t rv = probing_idle(probing, loop, storage, deliver,
                                   configuration, owner, pool);

    if (rv == APR_SUCCESS) {
        (*probing)->scheduled = 1;
        rv = publish(*probing);
    }
    return rv;
}

void probing_reload(probing_t *probing, const configuration_t *configuration,
                    deliver_t *deliver)
{
    apr_hash_index_t *hi;

    probing->configuration = configuration;
    probing->deliver = deliver;
    for (hi = apr_hash_first(NULL, probing->boxes); hi;
         hi = apr_hash_next(hi)) {
        box_reopen(apr_hash_this_val(hi));
    }
    schedule_boxes(probing);
    if (probing->scheduled && publish(probing) != APR_SUCCESS) {
        log_line(LOG_ERROR, "out of memory");
    }
}

void probing_quiet(probing_t *probing)
{
    probing->quiet = 1;
}
