/* SPDX-License-Identifier: MIT */
/*
 * The drain's life in a child: its callback, its lock, its end. Runs in the
 * watchdog's thread; the child's main thread only stops it. What a round does
 * is in round.c.
 */
#include "drain.h"

#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <httpd.h>
#include <ap_mpm.h>
#include <http_log.h>
#include <mod_watchdog.h>
#include <scoreboard.h>

#include "relist.h"
#include "round.h"

APLOG_USE_MODULE(mailtrack);

#define TICK       apr_time_from_msec(100)
#define LOCK_EVERY apr_time_from_sec(1)
#define SYNC_EVERY apr_time_from_sec(1)
/* How long a stored hit stays in the spool at most: `restore` can have it
 * again, and `erase` has not reached it. */
#define SEGMENT_AGE apr_time_from_sec(3600)

/* How long the end of a child waits for a round under way. */
#define STOP_WITHIN apr_time_from_sec(5)

struct drain_t {
    instance_t *in;
    round_t round;
    relist_t *relist;
    int lock_fd;                /* -1: another child drains */
    apr_time_t lock_at;         /* next try */
    apr_time_t sync_at;
    apr_thread_mutex_t *mutex;  /* guards the two below */
    apr_thread_cond_t *cond;
    int running;
    int stopping;               /* also read without the mutex */
};

static void release_lock(drain_t *d)
{
    if (d->lock_fd >= 0) {
        round_end(&d->round);
        spool_unlock(d->lock_fd);
        d->lock_fd = -1;
    }
}

/* After a graceful restart a child may live on for a slow client: the new
 * children, whose board /health reads, take the drain over. */
static int outdated(void)
{
    int mine = 0;

    return ap_mpm_query(AP_MPMQ_GENERATION, &mine) == APR_SUCCESS
           && mine != ap_get_scoreboard_global()->running_generation;
}

/* Offsets are kept by the spool's name: nothing is drained without it. */
static apr_status_t learn_node(drain_t *d)
{
    char node[sizeof(d->in->node)];
    apr_status_t rv = spool_node(node, d->in->conf->spool_dir);

    if (rv == APR_SUCCESS && strcmp(node, d->in->node)) {
        apr_cpystrn(d->in->node, node, sizeof(node));
    }
    return rv;
}

static int have_lock(drain_t *d)
{
    apr_time_t now = apr_time_now();
    apr_status_t rv;

    if (outdated()) {
        release_lock(d);
        return 0;
    }
    if (d->lock_fd >= 0) {
        return 1;
    }
    if (!round_due(d->lock_at, now)) {
        return 0;
    }
    d->lock_at = now + LOCK_EVERY;
    rv = spool_lock(&d->lock_fd, d->in->conf->spool_dir, d->round.round);
    if (rv == APR_EAGAIN) {
        return 0;
    }
    if (rv == APR_SUCCESS) {
        rv = learn_node(d);
    }
    if (rv != APR_SUCCESS) {
        spool_unlock(d->lock_fd);
        d->lock_fd = -1;
        round_tell(&d->round, rv, "drain.lock or node cannot be opened there",
                   "see that there is room on the disk and that httpd's user "
                   "may write in the directory");
        return 0;
    }
    round_begin(&d->round);
    board_set(d->in->board, BOARD_DRAIN_PID, (apr_int64_t)getpid());
    return 1;
}

/* -- the callback ------------------------------------------------------- */

static int enter(drain_t *d)
{
    int go;

    apr_thread_mutex_lock(d->mutex);
    go = !d->stopping;
    d->running = go;
    apr_thread_mutex_unlock(d->mutex);
    return go;
}

static void leave(drain_t *d)
{
    apr_thread_mutex_lock(d->mutex);
    if (d->stopping) {
        release_lock(d);
    }
    d->running = 0;
    apr_thread_cond_signal(d->cond);
    apr_thread_mutex_unlock(d->mutex);
}

static void sync_spool(drain_t *d)
{
    apr_time_t now = apr_time_now();
    apr_status_t rv;

    if (!round_due(d->sync_at, now)) {
        return;
    }
    d->sync_at = now + SYNC_EVERY;
    rv = spool_sync(d->in->spool, SEGMENT_AGE);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, d->in->server,
                     "mailtrack: %s cannot be synced to disk",
                     d->in->conf->spool_dir);
    }
}

/* No tick comes any more, but a slow client may keep the child for hours. */
static void retire(drain_t *d)
{
    apr_thread_mutex_lock(d->mutex);
    release_lock(d);
    apr_thread_mutex_unlock(d->mutex);
}

/* Whatever it returns but success, mod_watchdog would never call it again. */
static apr_status_t tick(int state, void *data, apr_pool_t *pool)
{
    instance_t *in = data;
    drain_t *d = __atomic_load_n(&in->drain, __ATOMIC_ACQUIRE);

    (void)pool;
    if (state == AP_WATCHDOG_STATE_STOPPING && d) {
        retire(d);
    }
    if (state != AP_WATCHDOG_STATE_RUNNING || !d || !enter(d)) {
        return APR_SUCCESS;
    }
    apr_pool_clear(d->round.round);
    sync_spool(d);
    relist_look(d->relist, apr_time_now());
    if (have_lock(d)) {
        round_run(&d->round);
        if (round_full(&d->round)) {
            release_lock(d);
        }
    }
    leave(d);
    return APR_SUCCESS;
}

/* The child ends: no new round, and the one under way gets time to end. */
static apr_status_t stop(void *data)
{
    drain_t *d = data;
    apr_time_t until = apr_time_now() + STOP_WITHIN;

    apr_thread_mutex_lock(d->mutex);
    d->stopping = 1;
    while (d->running && apr_time_now() < until) {
        apr_thread_cond_timedwait(d->cond, d->mutex, apr_time_from_msec(100));
    }
    if (!d->running) {
        release_lock(d);
    }
    apr_thread_mutex_unlock(d->mutex);
    return APR_SUCCESS;
}

apr_status_t drain_child(instance_t *in, apr_pool_t *pchild)
{
    drain_t *d;
    apr_pool_t *pool;
    apr_status_t rv;

    /* no child of pchild: it must not go while the thread still runs */
    rv = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    d = apr_pcalloc(pool, sizeof(*d));
    d->in = in;
    d->lock_fd = -1;
    d->relist = relist_make(in, pool);
    rv = round_make(&d->round, in, &d->stopping, pool);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_mutex_create(&d->mutex, APR_THREAD_MUTEX_DEFAULT,
                                     pool);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&d->cond, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_pre_cleanup_register(pchild, d, stop);
    __atomic_store_n(&in->drain, d, __ATOMIC_RELEASE);
    return APR_SUCCESS;
}

apr_status_t drain_register(instance_t *in, apr_pool_t *pconf)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get_instance;
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *register_callback;
    ap_watchdog_t *watchdog;
    apr_status_t rv;

    get_instance = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    register_callback = APR_RETRIEVE_OPTIONAL_FN(
        ap_watchdog_register_callback);
    if (!get_instance || !register_callback) {
        return APR_ENOTIMPL;
    }
    rv = get_instance(&watchdog, apr_pstrcat(pconf, "mailtrack:",
                                             in->conf->spool_dir, NULL),
                      0, 0, pconf);
    return rv != APR_SUCCESS ? rv
           : register_callback(watchdog, TICK, in, tick);
}
