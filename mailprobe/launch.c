/* SPDX-License-Identifier: MIT */
/*
 * The beginning of a flight: its row, and only then its mail. Loop thread, but
 * for begin_work.
 */
#include "probing_inside.h"

#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <jansson.h>

#include "log.h"
#include "message.h"

/* Where the store takes no row there is no probe: the next try. */
#define AGAIN apr_time_from_sec(2)

/* A time the wall clock showed a moment ago. */
static apr_time_t own_time(const flight_t *flight, apr_time_t wall)
{
    apr_int64_t ago = apr_time_now() - wall;

    return flight_now(flight) - (ago > 0 && ago < apr_time_from_sec(300)
                                 ? ago : 0);
}

static void token_of(char *token)
{
    unsigned char bytes[PROBE_TOKEN_LENGTH / 2];
    int i;

    if (apr_generate_random_bytes(bytes, sizeof(bytes)) != APR_SUCCESS) {
        log_line(LOG_ERROR, "no random bytes");
        abort();
    }
    for (i = 0; i < (int)sizeof(bytes); i++) {
        apr_snprintf(token + 2 * i, 3, "%02x", bytes[i]);
    }
}

/* -- sending -------------------------------------------------------------- */

static const char *phases_json(const smtp_result_t *result, apr_pool_t *pool)
{
    json_t *list = json_array();
    const char *copy;
    char *text;
    int i;

    for (i = 0; i < result->phases; i++) {
        json_array_append_new(list, json_pack("{s:s, s:I}", "name",
                              result->timing[i].name, "us",
                              (json_int_t)result->timing[i].us));
    }
    text = json_dumps(list, JSON_COMPACT);
    copy = apr_pstrdup(pool, text ? text : "[]");
    free(text);
    json_decref(list);
    return copy;
}

static void take_result(flight_t *flight, const smtp_result_t *result)
{
    apr_pool_t *pool = flight->pool;
    probe_t *p = &flight->p;

    p->send_state = smtp_states[result->state];
    p->send_phase = apr_pstrdup(pool, result->phase);
    p->send_code = result->code ? result->code : STORE_NULL;
    p->send_reply = apr_pstrdup(pool, result->reply);
    p->queue_id = apr_pstrdup(pool, result->queue_id);
    p->tls = apr_pstrdup(pool, result->tls);
    p->cert_until = result->cert_until > 0 ? result->cert_until : STORE_NULL;
    p->phases = phases_json(result, pool);
    if (result->started_at) {
        p->started_at = own_time(flight, result->started_at);
    }
    if (result->state == SMTP_ACCEPTED) {
        p->sent_at = own_time(flight, result->accepted_at);
    } else if (result->state == SMTP_UNKNOWN) {
        p->sent_at = own_time(flight, result->data_at);
    }
}

static void on_sent(const smtp_result_t *result, void *data)
{
    flight_t *flight = data;

    flight->sending = 0;
    if (flight->lost) {         /* not from within its own callback */
        loop_timer_set(flight->timer, 0);
        return;
    }
    take_result(flight, result);
    flight->attempts++;
    if (result->state == SMTP_TEMPORARY) {
        flight->retry_at = loop_clock()
                           + decide_retry(flight->attempts,
                                          schedule_random());
    } else if (flight->p.sent_at != STORE_NULL) {
        decide_sent(&flight->p);
        if (flight->box && flight->p.seen_at == STORE_NULL) {
            box_expect(flight->box, 0);
        }
    }
    flight_write(flight);
}

/* It could not even be tried. */
static void not_sent(flight_t *flight, const char *words)
{
    flight->p.send_state = "unset";
    flight->p.send_phase = "";
    flight->p.send_reply = words;
    flight_write(flight);
}

static const char *compose(apr_size_t *length, const flight_t *flight,
                           const account_t *account)
{
    message_t message;

    memset(&message, 0, sizeof(message));
    message.from = account->from;
    message.to = flight->seat->m->recipient;
    message.subject = apr_pstrcat(flight->mail_pool, "Mailtrack probe ",
                                  flight->p.token, NULL);
    message.text = "A mail that Mailtrack sent to itself, to see whether and "
                   "how fast mail arrives.\nIt is removed when it was seen; "
                   "nobody needs to read it.\n";
    message.id = flight->p.token;
    message.token = flight->p.token;
    message.date = apr_time_now();
    return message_make(length, &message, flight->mail_pool);
}

void launch_mail(flight_t *flight)
{
    probing_t *probing = flight->probing;
    const account_t *account = apr_hash_get(probing->configuration->accounts,
                                            flight->seat->m->send_account,
                                            APR_HASH_KEY_STRING);
    smtp_mail_t mail;

    if (!account || !account->smtp || !account->from) {
        not_sent(flight, "the configuration has no such account to send by");
        return;
    }
    /* the one of the attempt before; a callback may still stand in this one */
    if (flight->mail_pool) {
        apr_pool_destroy(flight->mail_pool);
    }
    if (apr_pool_create(&flight->mail_pool, flight->pool) != APR_SUCCESS) {
        not_sent(flight, "out of memory");
        return;
    }
    memset(&mail, 0, sizeof(mail));
    mail.recipient = flight->seat->m->recipient;
    mail.text = compose(&mail.length, flight, account);
    mail.fresh = 1;
    flight->sending = 1;
    if (flight->box) {
        box_expect(flight->box, 0);
    }
    if (smtp_send(probing->loop, account, &mail, on_sent, flight,
                  flight->mail_pool) != APR_SUCCESS) {
        flight->sending = 0;
        not_sent(flight, "an address that cannot be said in SMTP");
    }
}

/* -- the beginning -------------------------------------------------------- */

typedef struct begin_t {
    apr_pool_t *pool;
    flight_t *flight;
    const char *owner;
    probe_t p;
    apr_int64_t asked;
    int paused_too;
    unsigned int spread;
    monitor_t *m;
} begin_t;

static apr_status_t begin(store_t *store, begin_t *job, apr_pool_t *pool)
{
    apr_status_t rv = probes_begin(store, &job->p, job->owner);

    if (rv == APR_SUCCESS) {
        rv = monitors_by_id(&job->m, store, job->p.monitor_id, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!job->m->enabled && !job->paused_too) {
        return STORE_ECONFLICT;
    }
    decide_clock(job->m, job->p.due_at - 1);
    job->m->next_at = decide_next(job->m, job->p.due_at, job->p.due_at,
                                  job->spread);
    job->m->last_probe_at = job->p.due_at;
    return monitors_note(store, job->m, job->asked, job->p.due_at);
}

static apr_status_t begin_work(store_t *store, void *data, apr_pool_t *pool)
{
    apr_status_t rv = store_begin(store);

    return rv != APR_SUCCESS ? rv : store_end(store, begin(store, data,
                                                           pool));
}

static void begun(apr_status_t rv, const char *error, void *data)
{
    begin_t *job = data;
    flight_t *flight = job->flight;
    seat_t *seat = flight->seat;

    seat->beginning = 0;
    if (rv == APR_SUCCESS) {
        flight->p = job->p;
        apr_hash_set(flight->probing->flights, flight->p.token,
                     APR_HASH_KEY_STRING, flight);
        if (!seat->left) {
            schedule_update(seat, job->m);
            schedule_due(seat);
        }
        launch_mail(flight);
    } else {
        if (rv != STORE_ECONFLICT && rv != APR_NOTFOUND
            && !store_transient(rv)) {  /* of that storage.c speaks */
            log_line(LOG_WARNING, "%s: no probe: %s", seat->m->name, error);
        }
        /* paused, deleted or another's: the next round knows; or the lease has
         * ended, and it takes it anew */
        seat->probing->renewed_at = 0;
        loop_timer_set(seat->due, AGAIN);
        flight_told(flight, NULL, rv == STORE_ECONFLICT
                  ? "another mailprobe has the monitor" : error);
        flight_end(flight);
    }
    apr_pool_destroy(job->pool);
}

flight_t *launch_begin(seat_t *seat, apr_int64_t asked)
{
    flight_t *flight = flight_make(seat);
    apr_pool_t *pool;
    begin_t *job;
    char *token;

    if (!flight) {
        return NULL;
    }
    if (apr_pool_create(&pool, seat->probing->pool) != APR_SUCCESS) {
        flight->p.token = "";
        flight_end(flight);
        return NULL;
    }
    token = apr_palloc(flight->pool, PROBE_TOKEN_LENGTH + 1);
    token_of(token);
    flight->p.token = token;
    flight->p.monitor_id = seat->id;
    flight->p.due_at = flight->base_wall;
    flight->p.outcome = OUTCOME_SENDING;
    flight->p.detail = flight->p.send_state = "";
    flight->p.started_at = flight->p.sent_at = flight->p.seen_at
        = flight->p.decided_at = flight->p.latency_us
        = flight->p.resolution_us = flight->p.delivered_at
        = flight->p.send_code = flight->p.cert_until = STORE_NULL;
    job = apr_pcalloc(pool, sizeof(*job));
    job->pool = pool;
    job->flight = flight;
    job->owner = seat->probing->owner;
    job->p = flight->p;
    job->asked = asked;
    job->paused_too = !seat->probing->scheduled;
    job->spread = schedule_random();
    seat->beginning = 1;
    storage_submit(seat->probing->storage, STORAGE_ONCE, begin_work, begun,
                   job);
    return flight;
}
