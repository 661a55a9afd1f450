/* SPDX-License-Identifier: MIT */
/*
 * One probe, one message (contract in plugin.h). Main thread. The answer to a
 * monitoring system is one line; what servers said in it is made harmless.
 */
#include "plugin.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_uuid.h>

#include "decide.h"
#include "deliver.h"
#include "leases.h"
#include "probing.h"
#include "storage.h"

#define LAST_WRITES (2 * APR_USEC_PER_SEC)

typedef struct once_t {
    loop_t *loop;
    apr_pool_t *pool;
    const char *name;
    const char *owner;
    int status;
} once_t;

/* -- the plugin's line ---------------------------------------------------- */

static int status_of(const char *outcome)
{
    static const struct {
        const char *outcome;
        int status;
    } table[] = {
        { STATE_OK, PLUGIN_OK },
        { STATE_SLOW, PLUGIN_WARNING },
        { STATE_LATE, PLUGIN_WARNING },
        { STATE_SPAM, PLUGIN_WARNING },
        { STATE_MISSING, PLUGIN_CRITICAL },
        { STATE_BOUNCED, PLUGIN_CRITICAL },
        { STATE_SEND_FAILED, PLUGIN_CRITICAL },
        { NULL, PLUGIN_UNKNOWN }
    };
    int i = 0;

    while (table[i].outcome && strcmp(table[i].outcome, outcome)) {
        i++;
    }
    return table[i].status;
}

/* "|" begins the performance data, a newline the long text. */
static const char *harmless(const char *words, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, words), *at;

    for (at = copy; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = ' ';
        }
        else if (*at == '|') {
            *at = '/';
        }
    }
    return copy;
}

static const char *seconds(apr_int64_t us, apr_pool_t *pool)
{
    return us == STORE_NULL ? "" : apr_psprintf(pool, "%.3f", (double)us / 1e6);
}

/* 'label'=value[unit];[warn];[crit];[min] */
static const char *performance(const probe_t *probe, const monitor_t *m,
                               apr_pool_t *pool)
{
    const char *submit = "";

    if (probe->latency_us == STORE_NULL) {
        return "";
    }
    if (probe->started_at != STORE_NULL && probe->sent_at != STORE_NULL) {
        submit = apr_psprintf(pool, " submit=%ss;;;0",
                              seconds(probe->sent_at - probe->started_at,
                                      pool));
    }
    return apr_psprintf(pool, " | latency=%ss;%s;%s;0%s",
                        seconds(probe->latency_us, pool),
                        m->late_us ? seconds(m->late_us, pool) : "",
                        seconds(m->missing_us, pool), submit);
}

static void print_line(const once_t *once, const char *words,
                       const char *figures)
{
    static const char *const names[] = {
        "OK", "WARNING", "CRITICAL", "UNKNOWN"
    };

    printf("MAILPROBE %s - %s: %s%s\n", names[once->status],
           harmless(once->name, once->pool), harmless(words, once->pool),
           figures);
}

static const char *words_of(const probe_t *probe, apr_pool_t *pool)
{
    if (probe->latency_us != STORE_NULL) {
        return apr_psprintf(pool, "%s, arrived after %s s in %s",
                            probe->outcome, seconds(probe->latency_us, pool),
                            probe->folder ? probe->folder : "the inbox");
    }
    return apr_psprintf(pool, "%s, %s", probe->outcome,
                        decide_where(probe, pool));
}

static void decided(const probe_t *probe, const monitor_t *monitor,
                    const char *problem, void *data)
{
    once_t *once = data;

    if (!probe) {
        once->status = PLUGIN_UNKNOWN;
        print_line(once, problem, "");
    }
    else {
        once->status = status_of(probe->outcome);
        print_line(once, words_of(probe, once->pool),
                   performance(probe, monitor, once->pool));
    }
    loop_stop(once->loop);
}

/* -- a monitor that no daemon has declared yet ---------------------------- */

typedef struct declare_t {
    once_t *once;
    const monitor_t *monitor;
    probing_t *probing;
} declare_t;

static apr_status_t declare_work(store_t *store, void *job, apr_pool_t *pool)
{
    monitor_t monitor = *((declare_t *)job)->monitor;
    apr_status_t rv = monitors_add(store, &monitor, apr_time_now(), pool);

    return rv == STORE_ECONFLICT ? APR_SUCCESS : rv;    /* it is there */
}

static void declared(apr_status_t rv, const char *error, void *job)
{
    declare_t *declare = job;
    once_t *once = declare->once;

    if (rv != APR_SUCCESS
        || probing_once(declare->probing, once->name, decided, once)
           != APR_SUCCESS) {
        decided(NULL, NULL, *error ? error : "it cannot be probed", once);
    }
}

static const monitor_t *declared_as(const configuration_t *configuration,
                                    const char *name)
{
    int i;

    for (i = 0; i < configuration->monitors->nelts; i++) {
        const monitor_t *m = &APR_ARRAY_IDX(configuration->monitors, i,
                                            monitor_t);

        if (!strcmp(m->name, name)) {
            return m;
        }
    }
    return NULL;
}

/* -- a probe -------------------------------------------------------------- */

static apr_status_t give_up_leases(store_t *store, void *job, apr_pool_t *pool)
{
    const once_t *once = job;

    (void)pool;
    return leases_drop_all(store, once->owner);
}

static apr_status_t run(once_t *once, const configuration_t *configuration,
                        storage_t **storage)
{
    declare_t *declare = apr_pcalloc(once->pool, sizeof(*declare));
    apr_status_t rv = storage_start(storage, once->loop,
                                    &configuration->store, once->pool);

    declare->once = once;
    declare->monitor = declared_as(configuration, once->name);
    if (rv == APR_SUCCESS) {
        rv = probing_idle(&declare->probing, once->loop, *storage, NULL,
                          configuration, once->owner, once->pool);
    }
    if (rv == APR_SUCCESS && declare->monitor) {
        storage_submit(*storage, STORAGE_ONCE, declare_work, declared,
                       declare);
    }
    else if (rv == APR_SUCCESS) {
        rv = probing_once(declare->probing, once->name, decided, once);
    }
    return rv == APR_SUCCESS ? loop_run(once->loop) : rv;
}

int plugin_probe(const configuration_t *configuration, const char *monitor,
               apr_pool_t *pool)
{
    char owner[APR_UUID_FORMATTED_LENGTH + 1], words[128];
    once_t once = { NULL, pool, monitor, owner, PLUGIN_UNKNOWN };
    storage_t *storage = NULL;
    apr_uuid_t uuid;
    apr_status_t rv = loop_create(&once.loop, pool);

    apr_uuid_get(&uuid);
    apr_uuid_format(owner, &uuid);
    if (rv == APR_SUCCESS) {
        rv = run(&once, configuration, &storage);
    }
    if (rv != APR_SUCCESS) {
        print_line(&once, apr_strerror(rv, words, sizeof(words)), "");
    }
    if (storage) {
        storage_submit(storage, STORAGE_ONCE, give_up_leases, NULL, &once);
        storage_stop(storage, LAST_WRITES);
    }
    return once.status;
}

/* -- a message ------------------------------------------------------------ */

static void tried(const char *problem, void *data)
{
    once_t *once = data;

    once->status = *problem != '\0';
    if (*problem) {
        fprintf(stderr, "mailprobe: %s: %s\n", once->name,
                harmless(problem, once->pool));
    }
    else {
        printf("%s took the message\n", once->name);
    }
    loop_stop(once->loop);
}

int plugin_channel(const configuration_t *configuration, const char *name,
                 apr_pool_t *pool)
{
    once_t once = { NULL, pool, name, "", 1 };
    const channel_t *channel = NULL;
    apr_status_t rv;
    int i;

    for (i = 0; i < configuration->channels->nelts; i++) {
        const channel_t *one = APR_ARRAY_IDX(configuration->channels, i,
                                             const channel_t *);

        channel = strcmp(one->name, name) ? channel : one;
    }
    if (!channel) {
        fprintf(stderr, "mailprobe: %s: no channel of that name in %s\n",
                name, configuration->path);
        return 2;
    }
    rv = loop_create(&once.loop, pool);
    if (rv == APR_SUCCESS) {
        rv = deliver_try(once.loop, configuration, channel, tried, &once,
                         pool);
    }
    if (rv != APR_SUCCESS || loop_run(once.loop) != APR_SUCCESS) {
        fprintf(stderr, "mailprobe: %s cannot be tried\n", name);
    }
    return once.status;
}
