/* SPDX-License-Identifier: MIT */
/*
 * When to download what (contract in refresh.h). Loop thread; work_download is
 * the thread of one download, which owns its download_t and its pool until it
 * posts it back. A reload leaves such a thread to end by itself.
 */
#include "refresh.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "download.h"
#include "log.h"
#include "settings.h"

#define FIRST       apr_time_from_sec(3)
#define AFTER_FAULT apr_time_from_sec(3600)
#define NO_PLACE    apr_time_from_sec(600)

typedef struct keeper_t keeper_t;

typedef struct task_t {
    keeper_t *keeper;           /* NULL: it is gone. Loop thread's */
    loop_t *loop;
    apr_pool_t *pool;
    download_t download;
} task_t;

struct keeper_t {
    house_t *house;
    download_kind_t kind;
    const refresh_t *what;
    const char *label;          /* for the log */
    loop_timer_t *timer;
    apr_pool_t *pool;
    const char *file;           /* where; NULL: not known */
    task_t *task;               /* under way */
    const char *said;           /* the last problem */
};

static int busy;                /* downloads under way; loop thread's */

int refresh_busy(void)
{
    return busy;
}

/* -- one download --------------------------------------------------------- */

static void tell(keeper_t *keeper, const download_t *download)
{
    const char *problem = download->problem;

    if (problem && (!keeper->said || strcmp(keeper->said, problem))) {
        log_line(LOG_WARNING, "%s: %s; what is there stays", keeper->label,
                 problem);
    }
    else if (!problem && download->changed) {
        log_line(LOG_NOTICE, "%s: %s is new%s", keeper->label, keeper->file,
                 keeper->kind == DOWNLOAD_RELAYS
                 ? "; httpd takes it up within seconds" : "");
    }
    keeper->said = problem ? apr_pstrdup(keeper->pool, problem) : NULL;
    loop_timer_set(keeper->timer, problem ? AFTER_FAULT : keeper->what->every);
}

static void take_back(void *data)
{
    task_t *task = data;

    busy--;
    if (task->keeper) {
        task->keeper->task = NULL;
        tell(task->keeper, &task->download);
    }
    apr_pool_destroy(task->pool);
}

static void *work_download(void *data)
{
    task_t *task = data;
    sigset_t all;

    sigfillset(&all);           /* signals are the main thread's */
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    download_run(&task->download);
    loop_post(task->loop, take_back, task);
    return NULL;
}

static const char *copied(const char *text, apr_pool_t *pool)
{
    return text ? apr_pstrdup(pool, text) : NULL;
}

static apr_status_t new_task(task_t **out, const keeper_t *keeper)
{
    const refresh_t *what = keeper->what;
    apr_pool_t *pool;
    task_t *task;
    apr_status_t rv = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    task = apr_pcalloc(pool, sizeof(*task));
    task->pool = pool;
    task->loop = keeper->house->loop;
    task->download.pool = pool;
    task->download.kind = keeper->kind;
    task->download.what.file = apr_pstrdup(pool, keeper->file);
    task->download.what.url = copied(what->url, pool);
    task->download.what.account_id = copied(what->account_id, pool);
    task->download.what.license_key = copied(what->license_key, pool);
    task->download.what.edition = copied(what->edition, pool);
    task->download.what.ca_file = copied(what->ca_file, pool);
    *out = task;
    return APR_SUCCESS;
}

/* Not APR's thread: that frees memory of the task's pool at its own end, when
 * the loop may be doing so. */
static int run(task_t *task)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int failed = pthread_attr_init(&attributes);

    if (!failed) {
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        failed = pthread_create(&thread, &attributes, work_download, task);
        pthread_attr_destroy(&attributes);
    }
    return failed;
}

static void download_now(keeper_t *keeper)
{
    task_t *task;
    apr_interval_time_t left;

    if (new_task(&task, keeper) != APR_SUCCESS) {
        loop_timer_set(keeper->timer, AFTER_FAULT);
        return;
    }
    left = download_asked(&task->download) + keeper->what->every
           - apr_time_now();
    if (left > 0 && left <= keeper->what->every) {
        apr_pool_destroy(task->pool);
        loop_timer_set(keeper->timer, left);
        return;
    }
    task->keeper = keeper;
    if (run(task)) {
        apr_pool_destroy(task->pool);
        loop_timer_set(keeper->timer, AFTER_FAULT);
        return;
    }
    keeper->task = task;
    busy++;
}

/* -- where ---------------------------------------------------------------- */

/* Store thread: what httpd wrote of its configuration. */
static apr_status_t find_file(store_t *store, void *job, apr_pool_t *pool)
{
    keeper_t *keeper = job;
    const char *value = NULL, *slash;
    apr_status_t rv = settings_get(&value, store,
                                   keeper->kind == DOWNLOAD_PLACES
                                   ? "geoip_file" : "rules_file", pool);

    if (rv == APR_SUCCESS && *value && keeper->kind == DOWNLOAD_PLACES) {
        keeper->file = apr_pstrdup(keeper->pool, value);
    }
    else if (rv == APR_SUCCESS && (slash = strrchr(value, '/')) != NULL) {
        keeper->file = apr_pstrcat(keeper->pool, apr_pstrmemdup(pool, value,
                                   (apr_size_t)(slash - value)), "/lists",
                                   NULL);
    }
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

static void found(apr_status_t rv, const char *error, void *job)
{
    keeper_t *keeper = job;

    (void)error;
    if (keeper->file) {
        download_now(keeper);
        return;
    }
    if (rv == APR_SUCCESS && !keeper->said) {
        keeper->said = "no place";
        log_line(LOG_WARNING, "%s: httpd has not said where it is read; "
                 "expected \"%s\" in mailprobe.yaml, or a running httpd with "
                 "%s", keeper->label, keeper->kind == DOWNLOAD_PLACES
                 ? "file" : "directory", keeper->kind == DOWNLOAD_PLACES
                 ? "MailtrackGeoIP" : "MailtrackRules");
    }
    loop_timer_set(keeper->timer, NO_PLACE);
}

static void tick(void *data)
{
    keeper_t *keeper = data;

    if (keeper->what->file) {
        keeper->file = keeper->what->file;
        download_now(keeper);
        return;
    }
    house_submit(keeper->house, find_file, found,
                   keeper);
}

/* -- start and end -------------------------------------------------------- */

static apr_status_t end(void *data)
{
    keeper_t *keeper = data;

    if (keeper->task) {
        keeper->task->keeper = NULL;
        apr_atomic_set32(&keeper->task->download.stop, 1);
    }
    return APR_SUCCESS;
}

static void keep(house_t *house, download_kind_t kind,
                 const refresh_t *what, apr_pool_t *pool)
{
    keeper_t *keeper;

    if (!what) {
        return;
    }
    keeper = apr_pcalloc(pool, sizeof(*keeper));
    keeper->house = house;
    keeper->kind = kind;
    keeper->what = what;
    keeper->pool = pool;
    keeper->label = kind == DOWNLOAD_PLACES ? "place database"
                    : "Apple's relay lists";
    keeper->timer = loop_timer(house->loop, tick, keeper, pool);
    loop_timer_set(keeper->timer, FIRST);
    apr_pool_pre_cleanup_register(pool, keeper, end);
}

apr_status_t refresh_start(house_t *house, apr_pool_t *pool)
{
    keep(house, DOWNLOAD_PLACES, house->configuration->places, pool);
    keep(house, DOWNLOAD_RELAYS, house->configuration->relays, pool);
    return APR_SUCCESS;
}
