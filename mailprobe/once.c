/* SPDX-License-Identifier: MIT */
/*
 * One probe for somebody who waits (mailprobe --once). Made here where nobody
 * holds the monitor; else its holder is asked, and the store watched for what
 * comes of it. Loop thread, but for what is named *_work.
 */
#include "probing_inside.h"

#include <string.h>

#include <apr_strings.h>

#include "leases.h"
#include "log.h"

#define POLL apr_time_from_msec(300)

/* Within this the holder has seen that it is asked, or there is none. */
#define ANSWER apr_time_from_sec(45)
/* What a probe may take beyond its own time. */
#define BEYOND apr_time_from_sec(240)

typedef struct once_t {
    apr_pool_t *pool;
    probing_t *probing;
    const char *owner;
    const char *name;
    probing_once_fn done;
    void *data;
    loop_timer_t *timer;
    apr_int64_t asked_at;       /* loop_clock() */
    /* of the store */
    int asked;
    apr_int64_t newest;         /* id of the newest probe before ours */
    monitor_t *m;               /* in pool, once it is found */
    monitor_t *fresh;           /* as the store has it now; */
    const probe_t *p;           /* ours, as far as it is; until done */
} once_t;

static void finish(once_t *once, const probe_t *p, const monitor_t *m,
                   const char *problem)
{
    once->done(p, m, problem, once->data);
    apr_pool_destroy(once->pool);
}

/* -- by ourselves --------------------------------------------------------- */

typedef struct drop_t {
    apr_pool_t *pool;
    const char *owner;
} drop_t;

static apr_status_t drop_work(store_t *store, void *job, apr_pool_t *pool)
{
    (void)pool;
    return leases_drop_all(store, ((drop_t *)job)->owner);
}

static void dropped(apr_status_t rv, const char *error, void *job)
{
    (void)rv;                   /* it ends by itself, later */
    (void)error;
    apr_pool_destroy(((drop_t *)job)->pool);
}

/* Whoever comes next need not wait for the lease to end. */
static void drop_leases(probing_t *probing)
{
    apr_pool_t *pool;
    drop_t *job;

    if (apr_pool_create(&pool, probing->pool) == APR_SUCCESS) {
        job = apr_pcalloc(pool, sizeof(*job));
        job->pool = pool;
        job->owner = probing->owner;
        storage_submit(probing->storage, STORAGE_ONCE, drop_work, dropped,
                       job);
    }
}

static void flown(const probe_t *p, const monitor_t *m, const char *problem,
                  void *data)
{
    once_t *once = data;

    if (!once->probing->scheduled) {
        drop_leases(once->probing);
    }
    finish(once, p, m, problem);
}

static void fly(once_t *once)
{
    seat_t *seat = apr_hash_get(once->probing->seats, &once->m->id,
                                sizeof(once->m->id));
    flight_t *flight;

    if (!seat) {
        seat = schedule_seat(once->probing, once->m);
    }
    flight = seat ? launch_begin(seat, STORE_NULL) : NULL;
    if (!flight) {
        finish(once, NULL, NULL, "out of memory");
        return;
    }
    flight->once = flown;
    flight->once_data = once;
}

/* -- by who holds it ------------------------------------------------------ */

static apr_status_t poll_work(store_t *store, void *job, apr_pool_t *pool)
{
    once_t *once = job;
    apr_array_header_t *list;
    apr_status_t rv = monitors_by_id(&once->fresh, store, once->m->id, pool);
    int i;

    once->p = NULL;
    if (rv == APR_SUCCESS) {
        rv = probes_page(&list, store, once->m->id, NULL, STORE_NULL, 20,
                         pool);
    }
    for (i = 0; rv == APR_SUCCESS && i < list->nelts; i++) {
        const probe_t *p = &APR_ARRAY_IDX(list, i, probe_t);

        if (p->id > once->newest) {
            once->p = p;        /* the oldest of the newer ones */
        }
    }
    return rv;
}

static void polled(apr_status_t rv, const char *error, void *job)
{
    once_t *once = job;
    apr_int64_t took = loop_clock() - once->asked_at;

    if (rv != APR_SUCCESS && !store_transient(rv)) {
        finish(once, NULL, NULL, *error ? error : "the monitor is gone");
    } else if (rv == APR_SUCCESS && once->p
               && decide_final(once->p->outcome)) {
        finish(once, once->p, once->fresh, NULL);
    } else if (rv == APR_SUCCESS && !once->p && took > ANSWER) {
        finish(once, NULL, NULL, "the mailprobe that has this monitor does"
               " not answer");
    } else if (took > ANSWER + 2 * once->m->missing_us + BEYOND) {
        finish(once, NULL, NULL, "the probe was never decided");
    } else {
        loop_timer_set(once->timer, POLL);
    }
}

static void on_poll(void *data)
{
    once_t *once = data;

    storage_submit(once->probing->storage, STORAGE_ONCE, poll_work, polled,
                   once);
}

/* -- who? ----------------------------------------------------------------- */

static apr_status_t ask(store_t *store, once_t *once, apr_pool_t *pool)
{
    apr_array_header_t *list;
    apr_status_t rv = probes_page(&list, store, once->m->id, NULL,
                                  STORE_NULL, 1, pool);

    if (rv == APR_SUCCESS) {
        once->newest = list->nelts ? APR_ARRAY_IDX(list, 0, probe_t).id : 0;
        rv = monitors_ask(store, once->m->id, apr_time_now());
        once->asked = 1;
    }
    return rv;
}

static apr_status_t find_work(store_t *store, void *job, apr_pool_t *pool)
{
    once_t *once = job;
    apr_array_header_t *list;
    apr_status_t rv = monitors_list(&list, store, pool);
    int i;

    once->m = NULL;
    once->asked = 0;
    for (i = 0; rv == APR_SUCCESS && i < list->nelts; i++) {
        monitor_t *m = &APR_ARRAY_IDX(list, i, monitor_t);

        if (!strcmp(m->name, once->name)) {
            once->m = m;
        }
    }
    if (rv != APR_SUCCESS || !once->m) {
        return rv;
    }
    rv = leases_take(store, judge_lease(once->m->id, pool), once->owner,
                     PROBING_LEASE);
    return rv == STORE_ECONFLICT ? ask(store, once, pool) : rv;
}

static void found(apr_status_t rv, const char *error, void *job)
{
    once_t *once = job;

    if (rv != APR_SUCCESS) {
        finish(once, NULL, NULL, *error ? error : "the store is not there");
    } else if (!once->m) {
        finish(once, NULL, NULL, "no such monitor");
    } else {
        once->m = schedule_copy(once->m, once->pool);
        if (once->asked) {
            once->asked_at = loop_clock();
            loop_timer_set(once->timer, POLL);
        } else {
            fly(once);
        }
    }
}

apr_status_t probing_once(probing_t *probing, const char *monitor,
                          probing_once_fn done, void *data)
{
    once_t *once;
    apr_pool_t *pool;
    apr_status_t rv = apr_pool_create(&pool, probing->pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    once = apr_pcalloc(pool, sizeof(*once));
    once->pool = pool;
    once->probing = probing;
    once->owner = probing->owner;
    once->name = apr_pstrdup(pool, monitor);
    once->done = done;
    once->data = data;
    once->timer = loop_timer(probing->loop, on_poll, once, pool);
    storage_submit(probing->storage, STORAGE_ONCE, find_work, found, once);
    return APR_SUCCESS;
}
