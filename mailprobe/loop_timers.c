/* SPDX-License-Identifier: MIT */
/*
 * Timers: a binary heap by due time; each timer knows its place in it, so it
 * is moved or taken out without a search. Loop thread.
 */
#include "loop_inside.h"

#include <time.h>

struct loop_timer_t {
    loop_t *loop;
    loop_fn fn;
    void *data;
    apr_int64_t due;
    int place;                  /* in the heap; -1: not set */
};

/* A timer may be set further away than anybody waits, never past the end of
 * the clock. */
#define FAR_AWAY apr_time_from_sec(100LL * 365 * 24 * 3600)

apr_int64_t loop_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (apr_int64_t)t.tv_sec * APR_USEC_PER_SEC + t.tv_nsec / 1000;
}

static loop_timer_t *at(const loop_t *loop, int place)
{
    return APR_ARRAY_IDX(loop->heap, place, loop_timer_t *);
}

static void put(loop_t *loop, int place, loop_timer_t *timer)
{
    APR_ARRAY_IDX(loop->heap, place, loop_timer_t *) = timer;
    timer->place = place;
}

static void up(loop_t *loop, loop_timer_t *timer)
{
    int place = timer->place;

    while (place > 0 && at(loop, (place - 1) / 2)->due > timer->due) {
        put(loop, place, at(loop, (place - 1) / 2));
        place = (place - 1) / 2;
    }
    put(loop, place, timer);
}

static void down(loop_t *loop, loop_timer_t *timer)
{
    int place = timer->place, child;

    while ((child = 2 * place + 1) < loop->heap->nelts) {
        if (child + 1 < loop->heap->nelts
            && at(loop, child + 1)->due < at(loop, child)->due) {
            child++;
        }
        if (at(loop, child)->due >= timer->due) {
            break;
        }
        put(loop, place, at(loop, child));
        place = child;
    }
    put(loop, place, timer);
}

void loop_timer_clear(loop_timer_t *timer)
{
    loop_t *loop = timer->loop;
    loop_timer_t *last;
    int place = timer->place;

    if (place < 0) {
        return;
    }
    timer->place = -1;
    last = *(loop_timer_t **)apr_array_pop(loop->heap);
    if (last != timer) {
        put(loop, place, last);
        up(loop, last);
        down(loop, last);
    }
}

static apr_status_t clear(void *timer)
{
    loop_timer_clear(timer);
    return APR_SUCCESS;
}

loop_timer_t *loop_timer(loop_t *loop, loop_fn fn, void *data,
                         apr_pool_t *pool)
{
    loop_timer_t *timer = apr_pcalloc(pool, sizeof(*timer));

    timer->loop = loop;
    timer->fn = fn;
    timer->data = data;
    timer->place = -1;
    apr_pool_cleanup_register(pool, timer, clear, apr_pool_cleanup_null);
    return timer;
}

void loop_timer_set(loop_timer_t *timer, apr_interval_time_t in)
{
    loop_timer_clear(timer);
    in = in < 0 ? 0 : in > FAR_AWAY ? FAR_AWAY : in;
    timer->due = loop_clock() + in;
    APR_ARRAY_PUSH(timer->loop->heap, loop_timer_t *) = timer;
    timer->place = timer->loop->heap->nelts - 1;
    up(timer->loop, timer);
}

void loop_timers_run(loop_t *loop)
{
    apr_int64_t now = loop_clock();

    /* one that sets itself anew is due later than now, or in this very
     * microsecond: it cannot keep us here */
    while (loop->heap->nelts && !loop->stop) {
        loop_timer_t *timer = at(loop, 0);

        if (timer->due > now) {
            break;
        }
        loop_timer_clear(timer);
        timer->fn(timer->data);         /* and the timer may be gone */
    }
}

apr_interval_time_t loop_timers_wait(loop_t *loop)
{
    apr_int64_t wait;

    if (!loop->heap->nelts) {
        return -1;
    }
    wait = at(loop, 0)->due - loop_clock();
    return wait <= 0 ? 0 : (wait + 999) / 1000 * 1000;
}
