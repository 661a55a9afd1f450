/* SPDX-License-Identifier: MIT */
/*
 * The store thread and its queue. What is named work_* or attempt runs in the
 * store thread, the rest in the loop thread; the mutex guards what both touch.
 * Everything here has pools of its own, so that a thread that hangs in a
 * statement at the end of the process finds its memory still there.
 */
#include "storage.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <apr_ring.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include "log.h"

/* After so many failures in a row "busy" is a trouble and no coincidence. */
#define PATIENCE 3

/* Waits between attempts: doubled from the first up to the last. */
#define WAIT_FIRST (50 * 1000)
#define WAIT_LAST  (2 * APR_USEC_PER_SEC)

/* What a thread that is told to drop everything may take. */
#define LAST_WORD (100 * 1000)

typedef struct job_t job_t;
struct job_t {
    APR_RING_ENTRY(job_t) link;
    apr_pool_t *pool;           /* of the job_t, too */
    apr_pool_t *results;        /* of the last attempt */
    storage_work_fn work;
    storage_done_fn done;
    void *data;
    int how;
    apr_status_t rv;
    char error[256];
};
APR_RING_HEAD(jobs_t, job_t);

struct storage_t {
    loop_t *loop;
    apr_pool_t *pool;
    config_store_t config;
    apr_thread_t *thread;       /* NULL: ended */

    /* with the mutex held */
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *work;    /* there is some, or the end has come */
    apr_thread_cond_t *idle;    /* the thread has left */
    struct jobs_t todo;
    struct jobs_t ready;        /* done, not told yet */
    int posted;                 /* the loop knows that some are ready */
    int stopping;               /* end when the queue is empty */
    int abandoned;              /* end now */
    int ended;                  /* the thread has nothing left to do */
    int left;
    char trouble[512];

    /* the store thread's */
    apr_pool_t *connection;     /* NULL: not open */
    store_t *store;
    int failures;               /* in a row */

    char shown[512];            /* the loop thread's copy of trouble */
};

/* -- the store thread ------------------------------------------------------ */

static void close_store(storage_t *storage)
{
    if (storage->connection) {
        apr_pool_destroy(storage->connection);
        storage->connection = NULL;
        storage->store = NULL;
    }
}

static apr_status_t open_store(storage_t *storage)
{
    apr_status_t rv;

    if (storage->connection) {
        return APR_SUCCESS;
    }
    rv = apr_pool_create_unmanaged_ex(&storage->connection, NULL, NULL);
    if (rv != APR_SUCCESS) {
        storage->connection = NULL;
        return rv;
    }
    return store_open(&storage->store, storage->config.driver,
                      storage->config.params, storage->connection);
}

/* What is wrong, or that all is well again, for people; said once. */
static void note_trouble(storage_t *storage, apr_status_t rv)
{
    const char *words = storage->store ? store_error(storage->store) : "";
    char before[sizeof(storage->trouble)];
    const char *remedy = "";

    apr_thread_mutex_lock(storage->mutex);
    apr_cpystrn(before, storage->trouble, sizeof(before));
    if (!store_transient(rv)) {
        storage->failures = 0;
        *storage->trouble = '\0';
    } else if (rv != STORE_EBUSY || ++storage->failures >= PATIENCE) {
        if (storage->store && storage->connection) {
            remedy = store_remedy(storage->store, rv, storage->connection);
        }
        apr_snprintf(storage->trouble, sizeof(storage->trouble), "%s%s%s",
                     *words ? words : "the store is locked",
                     *remedy ? "; " : "", remedy);
    }
    apr_thread_mutex_unlock(storage->mutex);
    if (*before && !*storage->trouble) {
        log_line(LOG_NOTICE, "store: works again");
    } else if (strcmp(before, storage->trouble)) {
        log_line(LOG_ERROR, "store: %s", storage->trouble);
    }
}

static void attempt(storage_t *storage, job_t *job)
{
    const char *words;
    apr_status_t rv;
    int opened;

    if (job->results) {
        apr_pool_clear(job->results);
    } else {
        apr_pool_create(&job->results, job->pool);
    }
    rv = open_store(storage);
    opened = rv == APR_SUCCESS;
    if (opened) {
        rv = store_ready(storage->store);
    }
    if (rv == APR_SUCCESS) {
        rv = job->work(storage->store, job->data, job->results);
        store_rollback(storage->store);         /* what it left open, if so */
    } else if (!store_transient(rv)) {
        rv = STORE_ELOST;       /* no job was refused: the store is not there */
    }
    words = rv != APR_SUCCESS && storage->store ? store_error(storage->store)
            : "";
    apr_cpystrn(job->error, words, sizeof(job->error));
    job->rv = rv;
    note_trouble(storage, rv);
    if (!opened || rv == STORE_ELOST) {
        close_store(storage);
    }
}

static void tell_ready(void *data);

/* With the mutex held. */
static void put_ready(storage_t *storage, job_t *job)
{
    APR_RING_REMOVE(job, link);
    APR_RING_INSERT_TAIL(&storage->ready, job, job_t, link);
    storage->left--;
    if (!storage->posted) {
        storage->posted = loop_post(storage->loop, tell_ready, storage)
                          == APR_SUCCESS;
    }
}

/* With the mutex held: the first in line cannot be done for now, and those who
 * do not want to wait are told so. */
static void fail_behind(storage_t *storage, const job_t *first)
{
    job_t *job = APR_RING_NEXT(first, link), *next;

    for (; job != APR_RING_SENTINEL(&storage->todo, job_t, link); job = next) {
        next = APR_RING_NEXT(job, link);
        if (job->how == STORAGE_ONCE) {
            job->rv = first->rv;
            memcpy(job->error, first->error, sizeof(job->error));
            put_ready(storage, job);
        }
    }
}

/* With the mutex held, which it gives away while it waits. New jobs end a wait
 * early only to be told that nothing works. */
static void wait_with(storage_t *storage, const job_t *first, int tries)
{
    apr_int64_t until = loop_clock() + (tries > 5 ? WAIT_LAST
                        : (apr_interval_time_t)WAIT_FIRST << tries);
    apr_int64_t now;

    while ((now = loop_clock()) < until && !storage->abandoned) {
        if (first->rv != STORE_EBUSY || tries >= PATIENCE) {
            fail_behind(storage, first);
        }
        (void)apr_thread_cond_timedwait(storage->work, storage->mutex,
                                        until - now);
    }
}

static void *APR_THREAD_FUNC work_queue(apr_thread_t *thread, void *data)
{
    storage_t *storage = data;
    int tries = 0;
    job_t *job;

    sigset_t all;

    (void)thread;
    sigfillset(&all);           /* signals are the main thread's */
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    apr_thread_mutex_lock(storage->mutex);
    while (!storage->abandoned) {
        if (APR_RING_EMPTY(&storage->todo, job_t, link)) {
            if (storage->stopping) {
                break;
            }
            apr_thread_cond_wait(storage->work, storage->mutex);
            continue;
        }
        job = APR_RING_FIRST(&storage->todo);
        apr_thread_mutex_unlock(storage->mutex);
        attempt(storage, job);
        apr_thread_mutex_lock(storage->mutex);
        if (job->how == STORAGE_UNTIL && store_transient(job->rv)) {
            wait_with(storage, job, tries++);
        } else {
            tries = 0;
            put_ready(storage, job);
        }
    }
    apr_thread_mutex_unlock(storage->mutex);
    close_store(storage);
    apr_thread_mutex_lock(storage->mutex);
    storage->ended = 1;
    apr_thread_cond_signal(storage->idle);
    apr_thread_mutex_unlock(storage->mutex);
    return NULL;
}

/* -- the loop thread ------------------------------------------------------- */

static void tell_ready(void *data)
{
    storage_t *storage = data;
    struct jobs_t ready;
    job_t *job;

    APR_RING_INIT(&ready, job_t, link);
    apr_thread_mutex_lock(storage->mutex);
    APR_RING_CONCAT(&ready, &storage->ready, job_t, link);
    storage->posted = 0;
    apr_thread_mutex_unlock(storage->mutex);
    while (!APR_RING_EMPTY(&ready, job_t, link)) {
        job = APR_RING_FIRST(&ready);
        APR_RING_REMOVE(job, link);
        if (job->done) {
            job->done(job->rv, job->error, job->data);
        }
        apr_pool_destroy(job->pool);
    }
}

static int no_memory(int rv)
{
    log_line(LOG_ERROR, "out of memory");
    abort();
    return rv;
}

void storage_submit(storage_t *storage, int how, storage_work_fn work,
                    storage_done_fn done, void *data)
{
    apr_pool_t *pool;
    job_t *job;

    if (!storage->thread) {
        return;
    }
    if (apr_pool_create_unmanaged_ex(&pool, no_memory, NULL) != APR_SUCCESS) {
        no_memory(APR_ENOMEM);
    }
    job = apr_pcalloc(pool, sizeof(*job));
    job->pool = pool;
    job->how = how;
    job->work = work;
    job->done = done;
    job->data = data;
    apr_thread_mutex_lock(storage->mutex);
    APR_RING_INSERT_TAIL(&storage->todo, job, job_t, link);
    storage->left++;
    apr_thread_cond_signal(storage->work);
    apr_thread_mutex_unlock(storage->mutex);
}

const char *storage_trouble(storage_t *storage)
{
    apr_thread_mutex_lock(storage->mutex);
    apr_cpystrn(storage->shown, storage->trouble, sizeof(storage->shown));
    apr_thread_mutex_unlock(storage->mutex);
    return *storage->shown ? storage->shown : NULL;
}

/* With the mutex held: 1 when the thread has left. */
static int wait_end(storage_t *storage, apr_interval_time_t within)
{
    apr_int64_t until = loop_clock() + within, now;

    while (!storage->ended && (now = loop_clock()) < until) {
        (void)apr_thread_cond_timedwait(storage->idle, storage->mutex,
                                        until - now);
    }
    return storage->ended;
}

static void drop_undone(storage_t *storage)
{
    while (!APR_RING_EMPTY(&storage->todo, job_t, link)) {
        job_t *job = APR_RING_FIRST(&storage->todo);

        APR_RING_REMOVE(job, link);
        apr_pool_destroy(job->pool);
    }
}

int storage_stop(storage_t *storage, apr_interval_time_t within)
{
    apr_thread_t *thread = storage->thread;
    apr_status_t rv;
    int left, ended;

    if (!thread) {
        return 0;
    }
    apr_thread_mutex_lock(storage->mutex);
    storage->stopping = 1;
    apr_thread_cond_signal(storage->work);
    if (!wait_end(storage, within)) {
        storage->abandoned = 1;
        apr_thread_cond_signal(storage->work);
        wait_end(storage, LAST_WORD);
    }
    left = storage->left;
    ended = storage->ended;
    apr_thread_mutex_unlock(storage->mutex);
    storage->thread = NULL;
    if (ended) {
        apr_thread_join(&rv, thread);
        drop_undone(storage);
    }
    tell_ready(storage);
    return left;
}

/* A thread that hangs in a statement still has what it needs: then the memory
 * stays. */
static apr_status_t forget(void *data)
{
    storage_t *storage = data;

    storage_stop(storage, 0);
    if (storage->ended) {
        apr_pool_destroy(storage->pool);
    }
    return APR_SUCCESS;
}

static apr_status_t make_locks(storage_t *storage)
{
    apr_status_t rv;

    rv = apr_thread_mutex_create(&storage->mutex, APR_THREAD_MUTEX_DEFAULT,
                                 storage->pool);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&storage->work, storage->pool);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&storage->idle, storage->pool);
    }
    return rv;
}

apr_status_t storage_start(storage_t **out, loop_t *loop,
                           const config_store_t *store, apr_pool_t *pool)
{
    apr_pool_t *own;
    storage_t *storage;
    apr_status_t rv;

    rv = apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    storage = apr_pcalloc(own, sizeof(*storage));
    storage->pool = own;
    storage->loop = loop;
    storage->config.driver = apr_pstrdup(own, store->driver);
    storage->config.params = apr_pstrdup(own, store->params);
    APR_RING_INIT(&storage->todo, job_t, link);
    APR_RING_INIT(&storage->ready, job_t, link);
    rv = make_locks(storage);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_create(&storage->thread, NULL, work_queue, storage,
                               own);
    }
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(own);
        return rv;
    }
    apr_pool_pre_cleanup_register(pool, storage, forget);
    *out = storage;
    return APR_SUCCESS;
}
