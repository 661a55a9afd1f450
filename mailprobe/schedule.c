/* SPDX-License-Identifier: MIT */
/*
 * Whose turn it is: a small look at the store each second (was a monitor
 * changed, is a probe asked for), every ten seconds the leases, and a timer for
 * each monitor we hold. Loop thread; the look itself is in round.c.
 */
#include "probing_inside.h"

#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "log.h"
#include "round.h"

#define LOOK apr_time_from_sec(1)

/* Within this who was blind probes again. */
#define SOON apr_time_from_sec(10)

unsigned int schedule_random(void)
{
    unsigned int value = 0;

    if (apr_generate_random_bytes((unsigned char *)&value, sizeof(value))
        != APR_SUCCESS) {
        value = (unsigned int)loop_clock();
    }
    return value;
}

static const char *words(const char *text, apr_pool_t *pool)
{
    return text ? apr_pstrdup(pool, text) : NULL;
}

monitor_t *schedule_copy(const monitor_t *m, apr_pool_t *pool)
{
    monitor_t *copy = apr_pmemdup(pool, m, sizeof(*m));

    copy->public_id = words(m->public_id, pool);
    copy->name = words(m->name, pool);
    copy->recipient = words(m->recipient, pool);
    copy->domain = words(m->domain, pool);
    copy->send_account = words(m->send_account, pool);
    copy->watch_account = words(m->watch_account, pool);
    copy->alert_on = words(m->alert_on, pool);
    copy->state = words(m->state, pool);
    copy->detail = words(m->detail, pool);
    copy->auth_state = words(m->auth_state, pool);
    return copy;
}

/* -- seats ---------------------------------------------------------------- */

static void on_due(void *data);

static void take_monitor(seat_t *seat, const monitor_t *m)
{
    apr_pool_t *old = seat->m_pool;

    if (apr_pool_create(&seat->m_pool, seat->pool) != APR_SUCCESS) {
        seat->m_pool = old;
        return;
    }
    seat->m = schedule_copy(m, seat->m_pool);
    if (old) {
        apr_pool_destroy(old);
    }
}

static void find_boxes(seat_t *seat)
{
    seat->box = box_get(seat->probing, seat->m->watch_account);
    seat->reports = box_get(seat->probing, seat->m->send_account);
}

seat_t *schedule_seat(probing_t *probing, const monitor_t *m)
{
    apr_pool_t *pool;
    seat_t *seat;

    if (apr_pool_create(&pool, probing->pool) != APR_SUCCESS) {
        return NULL;
    }
    seat = apr_pcalloc(pool, sizeof(*seat));
    seat->probing = probing;
    seat->pool = pool;
    seat->id = m->id;
    seat->due = loop_timer(probing->loop, on_due, seat, pool);
    take_monitor(seat, m);
    find_boxes(seat);
    apr_hash_set(probing->seats, &seat->id, sizeof(seat->id), seat);
    return seat;
}

void schedule_landed(seat_t *seat)
{
    if (seat->left && seat->flights <= 0) {
        apr_pool_destroy(seat->pool);
    }
}

/* Not ours any more. Its flights end by themselves where the store refuses
 * what they write. */
static void leave(seat_t *seat)
{
    apr_hash_set(seat->probing->seats, &seat->id, sizeof(seat->id), NULL);
    loop_timer_clear(seat->due);
    seat->left = 1;
    schedule_landed(seat);
}

static void each_flight(seat_t *seat, void (*fn)(flight_t *flight))
{
    apr_hash_index_t *hi;
    apr_pool_t *scratch;

    if (apr_pool_create(&scratch, seat->probing->pool) != APR_SUCCESS) {
        return;
    }
    for (hi = apr_hash_first(scratch, seat->probing->flights); hi;
         hi = apr_hash_next(hi)) {
        flight_t *flight = apr_hash_this_val(hi);

        if (flight->seat == seat) {
            fn(flight);
        }
    }
    apr_pool_destroy(scratch);
}

static void lose(seat_t *seat)
{
    log_line(LOG_WARNING, "%s: another mailprobe has it now", seat->m->name);
    each_flight(seat, flight_lose);
    leave(seat);
}

/* -- when ----------------------------------------------------------------- */

static int may_probe(const seat_t *seat)
{
    return !seat->left && !seat->beginning && !seat->probing->quiet;
}

/* A place in the account's row of sendings. @return how long until it comes */
static apr_interval_time_t take_place(seat_t *seat)
{
    probing_t *probing = seat->probing;
    const char *name = seat->m->send_account;
    const account_t *account = apr_hash_get(probing->configuration->accounts,
                                            name, APR_HASH_KEY_STRING);
    gate_t *gate = apr_hash_get(probing->gates, name, APR_HASH_KEY_STRING);
    apr_int64_t now = loop_clock();
    apr_int64_t place;

    if (!account || account->rate <= 0) {
        return 0;
    }
    if (!gate) {
        gate = apr_pcalloc(probing->pool, sizeof(*gate));
        apr_hash_set(probing->gates, apr_pstrdup(probing->pool, name),
                     APR_HASH_KEY_STRING, gate);
    }
    place = gate->next > now ? gate->next : now;
    /* the rate is the account's, whoever sends */
    gate->next = place + apr_time_from_sec(60) / account->rate
                         * (probing->live > 1 ? probing->live : 1);
    return place - now;
}

static void on_due(void *data)
{
    seat_t *seat = data;
    apr_interval_time_t wait;

    if (!may_probe(seat) || !seat->m->enabled || !seat->probing->scheduled) {
        return;
    }
    if (!seat->has_place) {
        wait = take_place(seat);
        if (wait > 0) {
            seat->has_place = 1;
            loop_timer_set(seat->due, wait);
            return;
        }
    }
    seat->has_place = 0;
    launch_begin(seat, STORE_NULL);
}

void schedule_due(seat_t *seat)
{
    monitor_t now = *seat->m;
    apr_interval_time_t wait;

    if (seat->left || !seat->m->enabled || !seat->probing->scheduled) {
        loop_timer_clear(seat->due);
        return;
    }
    decide_clock(&now, apr_time_now());
    wait = now.next_at - apr_time_now();
    seat->has_place = 0;
    loop_timer_set(seat->due, wait > 0 ? wait : 0);
}

void schedule_soon(const box_t *box)
{
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(NULL, box->probing->seats); hi;
         hi = apr_hash_next(hi)) {
        seat_t *seat = apr_hash_this_val(hi);
        apr_interval_time_t wait = SOON * (schedule_random() & 0xffff)
                                   / 65536;

        if (seat->box == box && may_probe(seat) && seat->m->enabled
            && box->probing->scheduled && !seat->has_place
            && seat->m->next_at - apr_time_now() > SOON) {
            loop_timer_set(seat->due, wait);
        }
    }
}

static int same_route(const monitor_t *a, const monitor_t *b)
{
    return !strcmp(a->recipient, b->recipient)
           && !strcmp(a->send_account, b->send_account)
           && !strcmp(a->watch_account, b->watch_account);
}

static void grow_old(flight_t *flight)
{
    flight->old = 1;
}

void schedule_update(seat_t *seat, const monitor_t *m)
{
    int rerouted = !same_route(seat->m, m);
    int edited = seat->m->updated_at != m->updated_at;
    int sooner = m->next_at < seat->m->next_at
                 || seat->m->enabled != m->enabled;

    take_monitor(seat, m);
    if (rerouted) {             /* what is on its way went another way */
        each_flight(seat, grow_old);
        find_boxes(seat);
    }
    if (edited) {
        each_flight(seat, flight_plan);
    }
    if ((sooner || edited) && !seat->beginning && !seat->has_place) {
        schedule_due(seat);
    }
}

/* -- rounds --------------------------------------------------------------- */

/* What we hold; and of what a mail goes out at this moment, which is not handed
 * over. A mail that is waited for may be. */
static void hold_all(probing_t *probing, round_t *round)
{
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(round->pool, probing->seats); hi;
         hi = apr_hash_next(hi)) {
        seat_t *seat = apr_hash_this_val(hi);

        seat->busy = seat->beginning;
    }
    for (hi = apr_hash_first(round->pool, probing->flights); hi;
         hi = apr_hash_next(hi)) {
        const flight_t *flight = apr_hash_this_val(hi);

        flight->seat->busy |= flight->sending || flight->writing
                              || flight->again || flight->once;
    }
    for (hi = apr_hash_first(round->pool, probing->seats); hi;
         hi = apr_hash_next(hi)) {
        const seat_t *seat = apr_hash_this_val(hi);
        round_seat_t *entry = apr_array_push(round->seats);

        entry->id = seat->id;
        entry->empty = !seat->flights && !seat->beginning;
        entry->busy = seat->busy;
    }
}

/* Given up: who takes it finds in the store what is in flight. */
static void give_up(seat_t *seat)
{
    each_flight(seat, flight_lose);
    leave(seat);
}

static void adopt(probing_t *probing, const round_taken_t *taken)
{
    seat_t *seat = schedule_seat(probing, taken->monitor);
    apr_time_t oldest = 0;
    int i;

    if (!seat) {
        return;
    }
    for (i = 0; i < taken->flights->nelts; i++) {
        const probe_t *p = &APR_ARRAY_IDX(taken->flights, i, probe_t);

        oldest = oldest && oldest < p->due_at ? oldest : p->due_at;
        flight_adopt(seat, p);
    }
    /* its mail may have been seen, and left to who had it then */
    if (oldest && seat->box && seat->box->watch) {
        watch_review(seat->box->watch, oldest - apr_time_from_sec(3600));
    }
    schedule_due(seat);
}

static void take_list(probing_t *probing, const round_t *round)
{
    apr_hash_index_t *hi;
    int i;

    for (i = 0; i < round->monitors->nelts; i++) {
        const monitor_t *m = &APR_ARRAY_IDX(round->monitors, i, monitor_t);
        seat_t *seat = apr_hash_get(probing->seats, &m->id, sizeof(m->id));

        if (seat && !seat->beginning) {
            schedule_update(seat, m);
        }
    }
    for (hi = apr_hash_first(round->pool, probing->seats); hi;
         hi = apr_hash_next(hi)) {
        seat_t *seat = apr_hash_this_val(hi);

        if (!round_lists(round, seat->id)) {
            log_line(LOG_NOTICE, "%s: deleted", seat->m->name);
            leave(seat);
        }
    }
}

static void take_ids(probing_t *probing, const apr_array_header_t *ids,
                     void (*fn)(seat_t *seat))
{
    int i;

    for (i = 0; i < ids->nelts; i++) {
        seat_t *seat = apr_hash_get(probing->seats,
                                    &APR_ARRAY_IDX(ids, i, apr_int64_t),
                                    sizeof(apr_int64_t));

        if (seat) {
            fn(seat);
        }
    }
}

static void probe_asked(seat_t *seat)
{
    if (may_probe(seat)) {
        launch_begin(seat, apr_time_now());
    }
}

/* Boxes that nobody needs any more are closed, some time. */
static void close_boxes(probing_t *probing, apr_pool_t *pool)
{
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(pool, probing->boxes); hi;
         hi = apr_hash_next(hi)) {
        ((box_t *)apr_hash_this_val(hi))->used = 0;
    }
    for (hi = apr_hash_first(pool, probing->seats); hi;
         hi = apr_hash_next(hi)) {
        seat_t *seat = apr_hash_this_val(hi);

        if (seat->box) {
            seat->box->used = 1;
        }
        if (seat->reports) {
            seat->reports->used = 1;
        }
    }
    for (hi = apr_hash_first(pool, probing->boxes); hi;
         hi = apr_hash_next(hi)) {
        box_t *box = apr_hash_this_val(hi);

        if (!box->used && box->pool && !box->waiting) {
            box_close(box);
        }
    }
}

static void rounded(apr_status_t rv, const char *error, void *job)
{
    round_t *round = job;
    probing_t *probing = round->probing;
    int i;

    probing->rounding = 0;
    if (rv != APR_SUCCESS && !store_transient(rv)) {
        /* of the others storage.h says what is wrong */
        log_line(LOG_ERROR, "monitors: %s", error);
    }
    if (rv == APR_SUCCESS) {
        probing->live = round->live;
        probing->enabled = round->enabled;
        if (round->renew) {
            probing->renewed_at = loop_clock();
            take_ids(probing, round->lost, lose);
            take_ids(probing, round->dropped, give_up);
        }
        if (round->monitors) {
            probing->edition = round->edition;
            take_list(probing, round);
        }
        for (i = 0; i < round->taken->nelts; i++) {
            adopt(probing, &APR_ARRAY_IDX(round->taken, i, round_taken_t));
        }
        take_ids(probing, round->asked, probe_asked);
        if (round->renew) {
            close_boxes(probing, round->pool);
        }
    }
    loop_timer_set(probing->round, LOOK);
    apr_pool_destroy(round->pool);
}

static void on_round(void *data)
{
    probing_t *probing = data;
    apr_pool_t *pool;
    round_t *round;

    if (probing->rounding || probing->quiet) {
        return;
    }
    if (apr_pool_create(&pool, probing->pool) != APR_SUCCESS) {
        loop_timer_set(probing->round, LOOK);
        return;
    }
    round = round_make(probing, pool);
    round->renew = !probing->renewed_at
                   || loop_clock() - probing->renewed_at >= PROBING_RENEW;
    hold_all(probing, round);
    probing->rounding = 1;
    storage_submit(probing->storage, STORAGE_ONCE, round_work, rounded, round);
}

void schedule_boxes(probing_t *probing)
{
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(NULL, probing->seats); hi;
         hi = apr_hash_next(hi)) {
        find_boxes(apr_hash_this_val(hi));
    }
}

void schedule_hurry(probing_t *probing)
{
    loop_timer_set(probing->round, 0);
}

void schedule_start(probing_t *probing)
{
    probing->round = loop_timer(probing->loop, on_round, probing,
                                probing->pool);
    probing->edition = -1;
    loop_timer_set(probing->round, 0);
}
