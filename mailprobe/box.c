/* SPDX-License-Identifier: MIT */
/*
 * Mailboxes: one watch for each account that somebody we hold waits at, how
 * long it could not be seen, and what the dashboard is told of it. Loop thread.
 */
#include "probing_inside.h"

#include <string.h>

#include <apr_strings.h>

#include "accounts.h"
#include "leases.h"
#include "log.h"

/* Blind for so long is a state of the monitors there. */
#define PATIENCE apr_time_from_sec(60)

/* How far back mails are looked for when a mailbox is opened: what came while
 * nobody was there. */
#define REVIEW apr_time_from_sec(2 * 86400)

/* -- what the store is told ----------------------------------------------- */

typedef struct note_t {
    apr_pool_t *pool;
    const char *account;
    const char *state;
    const char *words;
    apr_time_t at;
} note_t;

static apr_status_t note_work(store_t *store, void *job, apr_pool_t *pool)
{
    const note_t *note = job;

    (void)pool;
    return accounts_state(store, note->account, note->state, note->words,
                          note->at);
}

static void note_done(apr_status_t rv, const char *error, void *job)
{
    note_t *note = job;

    if (rv != APR_SUCCESS) {
        log_line(LOG_WARNING, "state of account %s is not noted: %s",
                 note->account, error);
    }
    apr_pool_destroy(note->pool);
}

static void note_state(box_t *box)
{
    apr_pool_t *pool;
    note_t *note;

    if (!box->probing->scheduled
        || apr_pool_create(&pool, box->probing->pool) != APR_SUCCESS) {
        return;
    }
    note = apr_pcalloc(pool, sizeof(*note));
    note->pool = pool;
    note->account = box->name;
    note->state = box->up ? "up" : "blind";
    note->words = apr_pstrdup(pool, box->words);
    note->at = apr_time_now();
    storage_submit(box->probing->storage, STORAGE_UNTIL, note_work, note_done,
                   note);
}

/* -- blindness ------------------------------------------------------------ */

typedef struct tell_t {
    apr_pool_t *pool;
    const char *owner;
    const char *words;
    apr_array_header_t *ids;
} tell_t;

static apr_status_t tell_one(store_t *store, const tell_t *tell,
                             apr_int64_t id, apr_pool_t *pool)
{
    decide_news_t news;
    monitor_t *m = NULL;
    apr_status_t rv = leases_held(store, judge_lease(id, pool), tell->owner);

    if (rv == APR_SUCCESS) {
        rv = monitors_by_id(&m, store, id, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv == STORE_ECONFLICT || rv == APR_NOTFOUND ? APR_SUCCESS : rv;
    }
    decide_blind(&news, m, tell->words, apr_time_now());
    return !news.state_changed ? APR_SUCCESS
           : monitors_note(store, m, STORE_NULL, apr_time_now());
}

static apr_status_t tell_work(store_t *store, void *job, apr_pool_t *pool)
{
    const tell_t *tell = job;
    apr_status_t rv = store_begin(store);
    int i;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (i = 0; rv == APR_SUCCESS && i < tell->ids->nelts; i++) {
        rv = tell_one(store, tell, APR_ARRAY_IDX(tell->ids, i, apr_int64_t),
                      pool);
    }
    return store_end(store, rv);
}

static void tell_done(apr_status_t rv, const char *error, void *job)
{
    tell_t *tell = job;

    if (rv != APR_SUCCESS) {
        log_line(LOG_WARNING, "blind monitors are not noted: %s", error);
    }
    apr_pool_destroy(tell->pool);
}

/* Seats are at a box that is blind: their states say so. */
static void tell_blind(box_t *box)
{
    apr_hash_index_t *hi;
    apr_pool_t *pool;
    tell_t *tell;

    if (apr_pool_create(&pool, box->probing->pool) != APR_SUCCESS) {
        return;
    }
    tell = apr_pcalloc(pool, sizeof(*tell));
    tell->pool = pool;
    tell->owner = box->probing->owner;
    tell->words = apr_pstrcat(pool, "the mailbox cannot be seen: ",
                              box->words, NULL);
    tell->ids = apr_array_make(pool, 8, sizeof(apr_int64_t));
    for (hi = apr_hash_first(pool, box->probing->seats); hi;
         hi = apr_hash_next(hi)) {
        const seat_t *seat = apr_hash_this_val(hi);

        if (seat->box == box && !seat->left) {
            APR_ARRAY_PUSH(tell->ids, apr_int64_t) = seat->id;
        }
    }
    storage_submit(box->probing->storage, STORAGE_UNTIL, tell_work, tell_done,
                   tell);
}

static void on_patience(void *data)
{
    box_t *box = data;

    if (!box->up && box->pool) {
        box->told = 1;
        tell_blind(box);
    }
}

apr_int64_t box_blind(const box_t *box)
{
    return box->blind_us + (box->up ? 0 : loop_clock() - box->turned_at);
}

static void turn(box_t *box, int up, const char *words)
{
    if (up != box->up) {
        box->blind_us = box_blind(box);
        box->turned_at = loop_clock();
        box->up = up;
    }
    apr_cpystrn(box->words, words, sizeof(box->words));
    if (up) {
        loop_timer_clear(box->patience);
    }
}

static void on_state(void *data, int up, const char *words)
{
    box_t *box = data;
    int was = box->up;

    turn(box, up, words);
    if (up) {
        log_line(LOG_NOTICE, "account %s: mailbox is watched", box->name);
        if (box->told) {        /* blind is their state until they probe */
            box->told = 0;
            schedule_soon(box);
        }
    } else {
        log_line(LOG_WARNING, "account %s: mailbox cannot be seen: %s",
                 box->name, words);
        if (was) {
            loop_timer_set(box->patience, PATIENCE);
        }
    }
    note_state(box);
}

/* -- life ----------------------------------------------------------------- */

static void open_watch(box_t *box)
{
    watch_events_t events = { arrival_mail, on_state, box };
    apr_status_t rv;

    if (!box->account || !box->account->imap) {
        turn(box, 0, "the account is not configured");
        return;
    }
    rv = apr_pool_create(&box->pool, box->probing->pool);
    if (rv == APR_SUCCESS) {
        rv = watch_start(&box->watch, box->probing->loop, box->account,
                         &events, box->pool);
    }
    if (rv != APR_SUCCESS) {
        turn(box, 0, "out of memory");
        return;
    }
    loop_timer_set(box->patience, PATIENCE);
    watch_review(box->watch, apr_time_now() - REVIEW);
    if (box->waiting > 0) {
        watch_expect(box->watch, box->waiting);
    }
}

box_t *box_get(probing_t *probing, const char *account)
{
    box_t *box = apr_hash_get(probing->boxes, account, APR_HASH_KEY_STRING);
    account_t *found = apr_hash_get(probing->configuration->accounts,
                                    account, APR_HASH_KEY_STRING);

    if (!box) {
        if (!found || !found->imap) {
            return NULL;
        }
        box = apr_pcalloc(probing->pool, sizeof(*box));
        box->probing = probing;
        box->name = apr_pstrdup(probing->pool, account);
        box->patience = loop_timer(probing->loop, on_patience, box,
                                   probing->pool);
        box->turned_at = loop_clock();
        apr_hash_set(probing->boxes, box->name, APR_HASH_KEY_STRING, box);
    }
    if (!box->pool) {
        box->account = found;
        open_watch(box);
    }
    return box;
}

void box_close(box_t *box)
{
    if (box->pool) {
        apr_pool_t *pool = box->pool;

        box->pool = NULL;
        box->watch = NULL;
        loop_timer_clear(box->patience);
        turn(box, 0, "not watched");
        apr_pool_destroy(pool);
    }
}

void box_reopen(box_t *box)
{
    int was = box->pool != NULL;

    box_close(box);
    box->account = apr_hash_get(box->probing->configuration->accounts,
                                box->name, APR_HASH_KEY_STRING);
    if (was) {
        open_watch(box);
    }
}

void box_expect(box_t *box, int change)
{
    box->waiting += change;
    if (box->watch) {
        watch_expect(box->watch, box->waiting);
    }
}
