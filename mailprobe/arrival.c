/* SPDX-License-Identifier: MIT */
/*
 * Mails that were seen: which probe they are of, what they say, and their
 * removal once the store has it. A mail is ours only if its token is in the
 * store, of a monitor that watches (of a bounce: sends by) that account. Loop
 * thread, but for find_work.
 */
#include "probing_inside.h"

#include <string.h>

#include <apr_strings.h>

#include "leases.h"
#include "log.h"

void arrival_remove(box_t *box, const flight_copy_t *copy, const char *token)
{
    if (box->watch) {
        watch_remove(box->watch, copy->folder, copy->uidvalidity, copy->uid,
                     token);
    }
}

/* What the headers say, into a probe. */
static const char *read_headers(probe_t *p, const char **last_hop,
                                const char *bytes, apr_size_t length,
                                const account_t *account, apr_pool_t *pool)
{
    headers_t *headers;
    int hops;

    headers = headers_parse(bytes, length,
                            account ? account->authserv_ids : NULL,
                            p->started_at == STORE_NULL ? 0 : p->started_at,
                            p->seen_at, pool);
    hops = headers->hops->nelts;
    p->hops = headers_hops_json(headers, pool);
    p->auth = headers_auth_json(headers, pool);
    p->spam = headers_spam_json(headers, pool);
    *last_hop = hops ? APR_ARRAY_IDX(headers->hops, hops - 1, hop_t).by : "";
    return headers_verdict(headers);
}

/* "remote_mta" of a bounce is where the mail got to. */
static void take_bounce(probe_t *p, const char **last_hop, const dsn_t *dsn,
                        apr_pool_t *pool)
{
    p->bounce = dsn_json(dsn, pool);
    *last_hop = apr_pstrdup(pool, *dsn->remote_mta ? dsn->remote_mta
                                                   : dsn->reporting_mta);
}

/* -- probes that we have in hand ------------------------------------------ */

static void note_copy(flight_t *flight, const watch_mail_t *mail)
{
    flight_copy_t *copy = apr_array_push(flight->copies);

    copy->folder = apr_pstrdup(flight->pool, mail->folder);
    copy->uid = mail->uid;
    copy->uidvalidity = mail->uidvalidity;
}

static void flight_seen(flight_t *flight, const watch_mail_t *mail)
{
    apr_int64_t ago = apr_time_now() - mail->seen_at;
    decide_arrival_t arrival;

    note_copy(flight, mail);
    arrival.seen_at = flight_now(flight)
                      - (ago > 0 && ago < APR_USEC_PER_SEC ? ago : 0);
    arrival.resolution = mail->resolution;
    arrival.delivered_at = mail->delivered_at;
    arrival.junk = mail->junk;
    arrival.folder = apr_pstrdup(flight->pool, mail->folder);
    if (decide_arrived(&flight->p, &arrival)) {
        flight->verdict = read_headers(&flight->p, &flight->last_hop,
                                       mail->bytes, mail->length,
                                       flight->box->account, flight->pool);
    }
    flight_news(flight);
}

/* -- probes of the past --------------------------------------------------- */

typedef struct find_t {
    apr_pool_t *pool;
    probing_t *probing;
    box_t *box;
    const char *owner;
    const char *token;
    const char *account;
    account_t *believed;        /* authserv_ids alone are read */
    const dsn_t *dsn;           /* NULL: an arrival */
    decide_arrival_t arrival;
    const char *bytes;
    apr_size_t length;
    flight_copy_t copy;
    judge_t judge;
    int keep;
    int news;                   /* something was written */
} find_t;

static apr_status_t find_apply(store_t *store, find_t *find, apr_pool_t *pool)
{
    probe_t *p = &find->judge.p;

    if (find->dsn) {
        if (p->bounce || p->seen_at != STORE_NULL) {
            return APR_SUCCESS;
        }
        take_bounce(p, &find->judge.last_hop, find->dsn, pool);
    } else if (!decide_arrived(p, &find->arrival)) {
        return APR_SUCCESS;     /* another copy: counted already */
    } else {
        find->judge.verdict = read_headers(p, &find->judge.last_hop,
                                           find->bytes, find->length,
                                           find->believed, pool);
    }
    find->news = 1;
    return judge_apply(store, &find->judge, pool);
}

/* Inside a transaction: whose is it, and may we? */
static apr_status_t find(store_t *store, find_t *find, apr_pool_t *pool)
{
    const char *lease;
    probe_t *p = NULL;
    monitor_t *m = NULL;
    int held;
    apr_status_t rv = probes_by_token(&p, store, find->token, pool);

    if (rv == APR_SUCCESS) {
        rv = monitors_by_id(&m, store, p->monitor_id, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (strcmp(find->account, find->dsn ? m->send_account
                                        : m->watch_account)) {
        return APR_NOTFOUND;
    }
    lease = judge_lease(m->id, pool);
    rv = leases_held(store, lease, find->owner);
    held = rv == APR_SUCCESS;
    if (rv == STORE_ECONFLICT) {        /* nobody's: of a paused one, say */
        rv = leases_take(store, lease, find->owner, PROBING_LEASE);
    }
    if (rv == APR_SUCCESS) {
        find->judge.p = *p;
        find->keep = m->keep_mail;
        rv = find_apply(store, find, pool);
    }
    if (rv == APR_SUCCESS && !held) {
        rv = leases_drop(store, lease, find->owner);
    }
    return rv;
}

static apr_status_t find_work(store_t *store, void *job, apr_pool_t *pool)
{
    find_t *f = job;
    apr_status_t rv;

    f->news = 0;
    rv = store_begin(store);
    return rv != APR_SUCCESS ? rv : store_end(store, find(store, f, pool));
}

static void found(apr_status_t rv, const char *error, void *job)
{
    find_t *f = job;

    if (rv == APR_SUCCESS) {
        if (f->news) {
            seat_t *seat = apr_hash_get(f->probing->seats,
                                        &f->judge.p.monitor_id,
                                        sizeof(apr_int64_t));

            flight_t *stale = apr_hash_get(f->probing->flights, f->token,
                                           APR_HASH_KEY_STRING);

            judge_log(&f->judge);
            if (stale) {        /* taken up from a row read before this */
                flight_lose(stale);
            }
            if (seat && !seat->left) {
                schedule_update(seat, f->judge.m);
            }
            if (f->judge.told && f->probing->deliver) {
                deliver_hurry(f->probing->deliver);
            }
        }
        if (!f->dsn && !f->keep) {
            arrival_remove(f->box, &f->copy, f->token);
        }
    } else if (rv != APR_NOTFOUND && rv != STORE_ECONFLICT) {
        log_line(LOG_WARNING, "a mail in %s is not noted: %s", f->account,
                 error);
    }
    apr_pool_destroy(f->pool);
}

static const char *ids_copy(account_t *to, const account_t *from,
                            apr_pool_t *pool)
{
    apr_array_header_t *ids = apr_array_make(pool, 2, sizeof(char *));
    int i;

    for (i = 0; from && from->authserv_ids
         && i < from->authserv_ids->nelts; i++) {
        APR_ARRAY_PUSH(ids, const char *) = apr_pstrdup(pool,
            APR_ARRAY_IDX(from->authserv_ids, i, const char *));
    }
    to->authserv_ids = ids;
    return from ? from->name : "";
}

static void find_past(box_t *box, const watch_mail_t *mail,
                      const char *token, const dsn_t *dsn, apr_pool_t *pool)
{
    find_t *f = apr_pcalloc(pool, sizeof(*f));

    f->pool = pool;
    f->probing = box->probing;
    f->box = box;
    f->owner = box->probing->owner;
    f->token = apr_pstrdup(pool, token);
    f->account = box->name;
    f->believed = apr_pcalloc(pool, sizeof(*f->believed));
    ids_copy(f->believed, box->account, pool);
    f->dsn = dsn;
    f->arrival.seen_at = mail->seen_at;
    f->arrival.resolution = mail->resolution;
    f->arrival.delivered_at = mail->delivered_at;
    f->arrival.junk = mail->junk;
    f->arrival.folder = apr_pstrdup(pool, mail->folder);
    f->copy.folder = f->arrival.folder;
    f->copy.uid = mail->uid;
    f->copy.uidvalidity = mail->uidvalidity;
    if (!dsn) {
        f->bytes = apr_pmemdup(pool, mail->bytes, mail->length);
        f->length = mail->length;
    }
    f->judge.owner = f->owner;
    f->judge.gather = box->probing->configuration->gather;
    f->judge.now = apr_time_now();
    f->judge.spread = schedule_random();
    storage_submit(box->probing->storage, STORAGE_UNTIL, find_work, found, f);
}

/* -- what watch tells ----------------------------------------------------- */

/* @return 1: it is of one we have in hand, and noted there */
static int in_hand(box_t *box, const watch_mail_t *mail, const char *token,
                   const dsn_t *dsn)
{
    flight_t *flight = apr_hash_get(box->probing->flights, token,
                                    APR_HASH_KEY_STRING);

    if (!flight || flight->lost) {
        return 0;
    }
    if (!dsn) {
        if (flight->box == box) {
            flight_seen(flight, mail);
        }
        return flight->box == box;
    }
    if (!strcmp(flight->seat->m->send_account, box->name)
        && !flight->p.bounce) {
        take_bounce(&flight->p, &flight->last_hop, dsn, flight->pool);
        flight_news(flight);
    }
    return 1;
}

void arrival_mail(void *data, const watch_mail_t *mail)
{
    box_t *box = data;
    const char *token = mail->token;
    dsn_t *dsn = NULL;
    apr_pool_t *pool;

    if (apr_pool_create(&pool, box->probing->pool) != APR_SUCCESS) {
        return;
    }
    if (!token && dsn_parse(&dsn, mail->bytes, mail->length, pool)
        == APR_SUCCESS) {
        token = strcmp(dsn->action, "failed") ? NULL : dsn->token;
    }
    if (token && strlen(token) == PROBE_TOKEN_LENGTH
        && !in_hand(box, mail, token, dsn)) {
        find_past(box, mail, token, dsn, pool);
        return;                 /* the job has the pool */
    }
    apr_pool_destroy(pool);
}
