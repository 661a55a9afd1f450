/* SPDX-License-Identifier: MIT */
/*
 * One probe in flight: the wait, its fate, and what is written of it, one job
 * at a time; launch.c has its beginning. Every attempt after a refusal is noted
 * before it is made, so that whoever takes over from us knows whether a mail
 * may be under way. Loop thread, but for write_work.
 */
#include "probing_inside.h"

#include <string.h>

#include <apr_strings.h>

#include "log.h"

/* A mailbox that was down is given time to be there again, and one that is
 * back time to be looked through, before a mail is called missing. */
#define SETTLE_DOWN apr_time_from_sec(60)
#define SETTLE_UP apr_time_from_sec(15)
#define SETTLE_MOST apr_time_from_sec(180)

apr_time_t flight_now(const flight_t *flight)
{
    return flight->base_wall + (loop_clock() - flight->base_clock);
}

static void on_timer(void *data);

flight_t *flight_make(seat_t *seat)
{
    probing_t *probing = seat->probing;
    apr_pool_t *pool;
    flight_t *flight;

    if (apr_pool_create(&pool, probing->pool) != APR_SUCCESS) {
        return NULL;
    }
    flight = apr_pcalloc(pool, sizeof(*flight));
    flight->pool = pool;
    flight->probing = probing;
    flight->seat = seat;
    flight->box = seat->box;
    flight->base_wall = apr_time_now();
    flight->base_clock = loop_clock();
    flight->blind_base = seat->box ? box_blind(seat->box) : 0;
    flight->asked = STORE_NULL;
    flight->copies = apr_array_make(pool, 1, sizeof(flight_copy_t));
    flight->timer = loop_timer(probing->loop, on_timer, flight, pool);
    seat->flights++;
    if (flight->box) {
        box_expect(flight->box, 1);
    }
    return flight;
}

void flight_end(flight_t *flight)
{
    seat_t *seat = flight->seat;

    if (apr_hash_get(flight->probing->flights, flight->p.token,
                     APR_HASH_KEY_STRING) == flight) {
        apr_hash_set(flight->probing->flights, flight->p.token,
                     APR_HASH_KEY_STRING, NULL);
    }
    if (flight->box) {
        box_expect(flight->box, -1);
    }
    seat->flights--;
    apr_pool_destroy(flight->pool);
    schedule_landed(seat);
}

void flight_lose(flight_t *flight)
{
    flight->lost = 1;
    flight->again = 0;
    if (!flight->sending && !flight->writing && *flight->p.token) {
        loop_timer_set(flight->timer, 0);
    }
}

/* -- writing -------------------------------------------------------------- */

typedef struct write_t {
    judge_t judge;
    flight_t *flight;
} write_t;

static void written(apr_status_t rv, const char *error, void *job);

static apr_int64_t blind_time(const flight_t *flight)
{
    apr_int64_t blind = flight->blind_before;
    apr_int64_t life = flight_now(flight)
                       - (flight->p.sent_at == STORE_NULL
                          ? flight->p.due_at : flight->p.sent_at);

    blind += flight->box ? box_blind(flight->box) - flight->blind_base : life;
    return blind < 0 ? 0 : blind > life ? life : blind;
}

static apr_status_t write_work(store_t *store, void *job, apr_pool_t *pool)
{
    return judge_work(store, &((write_t *)job)->judge, pool);
}

void flight_write(flight_t *flight)
{
    apr_pool_t *pool;
    write_t *job;

    if (flight->writing) {
        flight->dirty = 1;
        return;
    }
    if (apr_pool_create(&pool, flight->probing->pool) != APR_SUCCESS) {
        return;
    }
    job = apr_pcalloc(pool, sizeof(*job));
    job->flight = flight;
    job->judge.pool = pool;
    job->judge.owner = flight->probing->owner;
    job->judge.gather = flight->probing->configuration->gather;
    flight->p.blind_us = blind_time(flight);
    job->judge.p = flight->p;
    job->judge.blind = !flight->box || !flight->box->up || flight->unwatched;
    job->judge.now = flight_now(flight);
    job->judge.old = flight->old || (flight->unwatched
                                     && flight->p.seen_at == STORE_NULL);
    job->judge.verdict = flight->verdict;
    job->judge.last_hop = flight->last_hop;
    job->judge.spread = schedule_random();
    flight->writing = 1;
    flight->dirty = 0;
    storage_submit(flight->probing->storage, STORAGE_UNTIL, write_work,
                   written, job);
}

static void remove_copies(flight_t *flight)
{
    int i;

    for (i = 0; flight->box && i < flight->copies->nelts; i++) {
        arrival_remove(flight->box,
                       &APR_ARRAY_IDX(flight->copies, i, flight_copy_t),
                       flight->p.token);
    }
    flight->copies->nelts = 0;
}

void flight_told(flight_t *flight, const monitor_t *m, const char *problem)
{
    probing_once_fn once = flight->once;

    flight->once = NULL;
    if (once) {
        once(problem ? NULL : &flight->p, m, problem, flight->once_data);
    }
}

/* The store has it. */
static void take(flight_t *flight, const judge_t *judge)
{
    flight->p.outcome = judge->p.outcome;
    flight->p.detail = apr_pstrdup(flight->pool, judge->p.detail);
    flight->p.decided_at = judge->p.decided_at;
    judge_log(judge);
    if (judge->told && flight->probing->deliver) {
        deliver_hurry(flight->probing->deliver);
    }
    if (decide_final(judge->p.outcome)) {
        flight->verdict = NULL; /* counted */
    }
    if (!flight->seat->left) {
        schedule_update(flight->seat, judge->m);
    }
    if (!judge->m->keep_mail && flight->p.seen_at != STORE_NULL) {
        remove_copies(flight);
    }
}

/* What it could not write is not its own any more. */
static void refused(flight_t *flight, apr_status_t rv, const char *error)
{
    if (rv == APR_NOTFOUND) {   /* the monitor was deleted */
        remove_copies(flight);
    } else if (rv != STORE_ECONFLICT) {
        log_line(LOG_ERROR, "probe of %s is lost: %s", flight->seat->m->name,
                 error);
    }
    flight_told(flight, NULL, rv == STORE_ECONFLICT
              ? "another mailprobe has taken the monitor over"
              : "the store refused it");
    flight_end(flight);
}

static void written(apr_status_t rv, const char *error, void *data)
{
    write_t *job = data;
    flight_t *flight = job->flight;

    flight->writing = 0;
    if (rv != APR_SUCCESS) {
        refused(flight, rv, error);
        apr_pool_destroy(job->judge.pool);
        return;
    }
    take(flight, &job->judge);
    if (flight->lost) {
        flight_end(flight);
    } else if (flight->again) {
        flight->again = 0;
        launch_mail(flight);
    } else if (flight->dirty) {
        flight_write(flight);
    } else if (decide_final(flight->p.outcome)) {
        flight_told(flight, job->judge.m, NULL);
        flight_end(flight);
    } else {
        flight_plan(flight);
    }
    apr_pool_destroy(job->judge.pool);
}

void flight_news(flight_t *flight)
{
    if (!flight->sending && !flight->again) {
        flight_write(flight);      /* else the end of sending does */
    }
}

/* -- waiting -------------------------------------------------------------- */

/* How long to wait until the mailbox is to be believed. */
static apr_interval_time_t unsettled(const flight_t *flight,
                                     apr_int64_t overdue)
{
    const box_t *box = flight->box;
    apr_interval_time_t most = flight->seat->m->missing_us / 2;
    apr_interval_time_t settle;

    if (!box || overdue >= SETTLE_MOST
        || !strcmp(flight->p.send_state, "temporary")) {
        return 0;
    }
    settle = box->up ? SETTLE_UP : SETTLE_DOWN;
    settle = (settle < most ? settle : most) - (loop_clock()
                                                - box->turned_at);
    return settle > 0 ? settle : 0;
}

void flight_plan(flight_t *flight)
{
    apr_time_t again = decide_again_at(&flight->p, flight->seat->m);
    apr_interval_time_t wait = again - flight_now(flight);
    apr_interval_time_t retry = flight->retry_at - loop_clock();

    if (flight->sending || flight->writing || !again) {
        return;
    }
    if (flight->retry_at && retry < wait) {
        wait = retry;
    }
    loop_timer_set(flight->timer, wait > 0 ? wait : 0);
}

static void on_timer(void *data)
{
    flight_t *flight = data;
    apr_time_t again = decide_again_at(&flight->p, flight->seat->m);
    apr_int64_t overdue = flight_now(flight) - again;
    apr_interval_time_t wait;

    if (flight->sending || flight->writing) {
        return;
    }
    if (flight->lost) {
        flight_end(flight);
        return;
    }
    if (overdue < 0 && flight->retry_at && flight->retry_at <= loop_clock()
        && !flight->probing->quiet) {
        /* who finds the row now must think that a mail is under way */
        flight->retry_at = 0;
        flight->p.send_state = "";
        flight->p.started_at = flight_now(flight);
        flight->again = 1;
        flight_write(flight);
        return;
    }
    wait = overdue < 0 ? -overdue : unsettled(flight, overdue);
    if (wait > 0) {
        loop_timer_set(flight->timer, wait);
    } else {
        flight_write(flight);
    }
}

/* -- taken over ------------------------------------------------------------ */

static const char *copy(const char *text, apr_pool_t *pool)
{
    return text ? apr_pstrdup(pool, text) : NULL;
}

static void copy_words(probe_t *p, apr_pool_t *pool)
{
    p->token = copy(p->token, pool);
    p->outcome = copy(p->outcome, pool);
    p->detail = copy(p->detail, pool);
    p->folder = copy(p->folder, pool);
    p->send_state = p->send_state ? copy(p->send_state, pool) : "";
    p->send_phase = copy(p->send_phase, pool);
    p->send_reply = copy(p->send_reply, pool);
    p->queue_id = copy(p->queue_id, pool);
    p->tls = copy(p->tls, pool);
    p->phases = copy(p->phases, pool);
    p->hops = copy(p->hops, pool);
    p->auth = copy(p->auth, pool);
    p->spam = copy(p->spam, pool);
    p->bounce = copy(p->bounce, pool);
}

void flight_adopt(seat_t *seat, const probe_t *probe)
{
    flight_t *flight;
    apr_time_t again;

    if (apr_hash_get(seat->probing->flights, probe->token,
                     APR_HASH_KEY_STRING)) {
        return;
    }
    flight = flight_make(seat);
    if (!flight) {
        return;
    }
    flight->p = *probe;
    copy_words(&flight->p, flight->pool);
    flight->blind_before = probe->blind_us;
    again = decide_again_at(probe, seat->m);
    /* nobody was there when it would have been called missing: what the review
     * does not find says nothing of the route */
    flight->unwatched = again && again < flight->base_wall;
    if (!strcmp(flight->p.send_state, "temporary")) {
        flight->attempts = 1;
        flight->retry_at = loop_clock() + decide_retry(1, schedule_random());
    }
    apr_hash_set(seat->probing->flights, flight->p.token,
                 APR_HASH_KEY_STRING, flight);
    flight_plan(flight);
}
