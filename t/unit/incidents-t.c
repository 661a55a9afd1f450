/* SPDX-License-Identifier: MIT */
/*
 * Incidents on a store of their own: who joins whom, what is told once, again,
 * late and never, and to whom recovery is said.
 */
#include "tap.h"

#include "fixture.h"
#include "incidents.h"
#include "outbox.h"
#include "plans.h"

#define START APR_TIME_C(1700000000000000)
#define SEC(n) apr_time_from_sec(n)
#define HOUR SEC(3600)
#define GATHER SEC(30)

static store_t *store;
static apr_pool_t *pool;
static apr_time_t now = START;
static int names;

static monitor_t *monitor(const char *domain, const char *account)
{
    monitor_t *m = apr_palloc(pool, sizeof(*m));

    monitors_default(m);
    m->name = apr_psprintf(pool, "M%d", ++names);
    m->recipient = apr_pstrcat(pool, "p@", domain, NULL);
    m->send_account = m->watch_account = account;
    m->declared = 1;            /* its account is not looked up */
    m->public_id = NULL;
    must(monitors_add(store, m, START, pool));
    return m;
}

static void fail_on(const monitor_t *m, const char *hop, int quiet)
{
    incident_alarm_t a = { INCIDENT_DELIVERY, m, now, STATE_MISSING,
                           "accepted as 4X, then unseen", hop, GATHER, quiet };

    must(store_begin(store));
    must(incidents_raise(store, &a, now, pool));
    must(store_commit(store));
}

static void fail(const monitor_t *m)
{
    fail_on(m, "", 0);
}

static void recover(const monitor_t *m)
{
    must(store_begin(store));
    must(incidents_recover(store, INCIDENT_DELIVERY, m, GATHER, now, pool));
    must(store_commit(store));
}

static apr_array_header_t *page(int open)
{
    apr_array_header_t *list = NULL;

    must(incidents_page(&list, store, open, STORE_NULL, 10, pool));
    return list;
}

static incident_t *newest(void)
{
    return &APR_ARRAY_IDX(page(-1), 0, incident_t);
}

static apr_array_header_t *waiting(void)
{
    apr_array_header_t *list = NULL;

    must(outbox_undispatched(&list, store, now, 10, pool));
    return list;
}

/* Dispatch all that waits to a channel; its keys, separated by blanks. */
static const char *told(const char *channel)
{
    apr_array_header_t *to = apr_array_make(pool, 1, sizeof(char *));
    apr_array_header_t *at = apr_array_make(pool, 1, sizeof(apr_int64_t));
    apr_array_header_t *list = waiting();
    const char *events = "";
    int i;

    if (channel) {
        APR_ARRAY_PUSH(to, const char *) = channel;
        APR_ARRAY_PUSH(at, apr_int64_t) = now;
    }
    for (i = 0; i < list->nelts; i++) {
        outbox_row_t *row = &APR_ARRAY_IDX(list, i, outbox_row_t);

        must(outbox_dispatch(store, row->id, to, at, now));
        events = apr_pstrcat(pool, events, *events ? " " : "", row->event,
                             NULL);
    }
    return events;
}

static void pass(apr_interval_time_t time)
{
    now += time;
    must(incidents_repeat(store, now, pool));
}

/* -------------------------------------------------------------------------- */

static void test_one(void)
{
    monitor_t *m = monitor("one.example", "one");
    apr_array_header_t *list = NULL;
    incident_t *i = NULL;
    delivery_t *d = NULL;

    fail(m);
    is_int(page(1)->nelts, 1, "one incident");
    is_str(newest()->title, "M1: missing", "its title");
    is_int(waiting()->nelts, 0, "it waits for others");
    pass(SEC(10));
    fail(m);
    is_int(page(1)->nelts, 1, "it is one still");
    pass(SEC(20));
    is_str(told("mail"), "alarm", "told");
    must(outbox_told(&list, store, newest()->id, pool));
    is_int(list->nelts, 1, "to one channel");
    recover(m);
    is_int(page(1)->nelts, 0, "closed");
    ok(newest()->closed_at == now && newest()->repeat_at == STORE_NULL,
       "at that time");
    pass(GATHER);
    is_str(told("mail"), "recovered", "which is said");
    must(outbox_claim(&d, store, "mail", "us", HOUR, now, pool));
    is_str(d->row.event, EVENT_RECOVERED, "the alarm that waited still is not");
    must(incidents_get(&i, store, newest()->public_id, pool));
    must(incidents_members(&list, store, i->id, pool));
    is_int(list->nelts, 1, "its member");
    is_int(APR_ARRAY_IDX(list, 0, incident_member_t).recovered_at, now - GATHER,
           "recovered then");
    recover(m);
    is_int(waiting()->nelts, 0, "once");
    is_int(incidents_get(&i, store, "x", pool), APR_NOTFOUND, "no such");
}

static void test_short(void)
{
    monitor_t *m = monitor("short.example", "short");

    fail(m);
    pass(SEC(5));
    recover(m);
    pass(HOUR);
    is_str(told("mail"), "", "over before anybody was told: nothing is said");
}

static void test_company(void)
{
    monitor_t *a = monitor("a.example", "shared");
    monitor_t *b = monitor("b.example", "shared");
    monitor_t *c = monitor("a.example", "c"), *d = monitor("d.example", "d");
    monitor_t *e = monitor("e.example", "e"), *f = monitor("f.example", "d");
    apr_array_header_t *list = NULL;

    fail_on(a, "mx.example", 0);
    fail(b);
    fail(c);
    fail_on(d, "mx.example", 0);
    is_int(page(1)->nelts, 1, "an account, a domain, a hop: one incident");
    is_str(strchr(newest()->title, ' '), " and 3 more: missing", "so many");
    fail_on(e, "mx2.example", 0);
    is_int(page(1)->nelts, 2, "nothing shared: another");
    pass(GATHER);
    is_str(told("mail"), "alarm alarm", "one message each");
    pass(SEC(60));
    fail(f);
    is_int(page(1)->nelts, 2, "joins a minute later");
    pass(GATHER);
    is_str(told(NULL), "alarm", "for channels that told nothing yet");
    recover(a);
    pass(SEC(1));
    recover(b);
    pass(GATHER);
    is_str(told("mail"), "recovered", "two are well: one message");
    is_int(page(1)->nelts, 2, "others fail still");
    pass(SEC(300));
    fail(a);
    is_int(page(1)->nelts, 3, "again, later: another incident");
    pass(GATHER);
    is_str(told("mail"), "alarm", "told");
    recover(a);
    recover(c);
    recover(d);
    recover(e);
    recover(f);
    pass(GATHER);
    is_str(told("mail"), "recovered recovered recovered", "all is well");
    is_int(page(1)->nelts, 0, "all closed");
    is_int(page(0)->nelts, 5, "in history");
    must(incidents_page(&list, store, -1, newest()->id, 2, pool));
    is_int(list->nelts, 2, "page by page");
}

static void test_repeats(void)
{
    monitor_t *m = monitor("repeat.example", "repeat");
    apr_int64_t id;

    fail(m);
    pass(GATHER);
    is_str(told("mail"), "alarm", "at once");
    id = newest()->id;
    pass(HOUR - GATHER - 1);
    is_str(told("mail"), "", "not within the hour");
    pass(1);
    pass(0);
    is_str(told("mail"), "repeat", "after an hour, once");
    pass(4 * HOUR);
    is_str(told("mail"), "repeat", "after four");
    pass(24 * HOUR);
    is_str(told("mail"), "repeat", "daily");
    pass(24 * HOUR);
    is_str(told("mail"), "repeat", "daily");
    must(incidents_acknowledge(store, id, "ann", now));
    must(incidents_acknowledge(store, id, "bob", now + 1));
    pass(99 * HOUR);
    is_str(told("mail"), "", "until somebody acknowledges it");
    is_str(newest()->acked_by, "ann", "who was first");
    recover(m);
    pass(GATHER);
    is_str(told("mail"), "recovered", "recovery is said");
    is_int(incidents_acknowledge(store, 4711, "ann", now), APR_NOTFOUND,
           "no such");
}

static void test_muted(void)
{
    monitor_t *m = monitor("muted.example", "muted");
    apr_int64_t id;

    fail(m);
    id = newest()->id;
    must(incidents_mute(store, id, 1, now));
    pass(2 * HOUR);
    is_str(told("mail"), "", "muted at once: nobody is told");
    must(incidents_mute(store, id, 0, now));
    pass(0);
    is_str(told("mail"), "repeat", "no longer: somebody is");
    must(incidents_mute(store, id, 1, now));
    pass(9 * HOUR);
    is_str(told("mail"), "", "muted: no message");
    recover(m);
    pass(GATHER);
    is_str(told("mail"), "recovered", "but recovery");
}

static void test_quiet(void)
{
    monitor_t *m = monitor("quiet.example", "quiet");
    monitor_t *n = monitor("quiet.example", "quiet");
    window_t w = { 0, m->id, "", now - 1, now + HOUR, 0, 0, 0, "UTC" };

    must(windows_add(store, &w, now));
    fail_on(m, "", 1);
    is_int(page(1)->nelts, 1, "an incident");
    pass(HOUR - 1);
    is_str(told("mail"), "", "of which nobody is told in the window");
    pass(1);
    is_str(told("mail"), "alarm", "and somebody is after it");
    pass(HOUR);
    is_str(told("mail"), "repeat", "and again");
    m->muted_until = now + 10 * HOUR;
    must(monitors_update(store, m, now, pool));
    pass(5 * HOUR);
    is_str(told("mail"), "", "muted meanwhile: no repeat");
    recover(m);
    pass(GATHER);
    is_str(told("mail"), "recovered", "recovery is said to whom it was told");

    m->muted_until = STORE_NULL;
    n->muted_until = now + HOUR;
    must(monitors_update(store, m, now, pool));
    must(monitors_update(store, n, now, pool));
    fail_on(n, "", 1);
    fail(m);
    pass(GATHER);
    is_str(told("mail"), "alarm", "one is quiet, one is not");
    recover(n);
    pass(GATHER);
    is_str(told("mail"), "", "nobody knew: nobody is told");
    recover(m);
    pass(GATHER);
    is_str(told("mail"), "recovered", "all is well");

    fail_on(n, "", 1);
    pass(GATHER);
    is_str(told("mail"), "", "muted");
    fail_on(n, "", 0);
    pass(GATHER);
    is_str(told("mail"), "alarm", "raised as no longer quiet: told, once");
    recover(n);
    pass(GATHER);
    told("mail");
}

static void test_left(void)
{
    monitor_t *m = monitor("left.example", "left");
    monitor_t *n = monitor("left.example", "left");
    apr_array_header_t *list = NULL;
    apr_int64_t gone = 0;

    fail(m);
    fail(n);
    pass(GATHER);
    is_str(told("mail"), "alarm", "both fail");
    m->enabled = 0;
    must(monitors_update(store, m, now, pool));
    must(incidents_members(&list, store, newest()->id, pool));
    is_str(APR_ARRAY_IDX(list, 0, incident_member_t).state, INCIDENT_LEFT,
           "one is paused");
    is_str(told("mail"), "recovered", "which is said");
    must(monitors_remove(store, n->id));
    is_int(page(1)->nelts, 0, "one is deleted: closed");
    now = apr_time_now();       /* when that was */
    is_str(told("mail"), "recovered", "which is said");
    must(store_exec(store, NULL, "update outbox_deliveries SET"
                    " state = 'sent', done_at = 1", NULL));
    must(outbox_prune(&gone, store, now, 1000));
    ok(gone > 0, "closed ones go");
}

static void test_house(void)
{
    apr_array_header_t *list = NULL;
    apr_int64_t gone = 0;
    delivery_t *d = NULL;

    must(incidents_house(store, "drain", "The drain stalls", "60 s", now,
                         pool));
    must(incidents_house(store, "drain", "The drain stalls", "90 s", now,
                         pool));
    must(incidents_house(store, "spool", "The spool is full", "", now, pool));
    is_int(page(1)->nelts, 2, "one each");
    is_str(APR_ARRAY_IDX(page(1), 1, incident_t).detail, "90 s", "refreshed");
    is_str(told("mail"), "alarm alarm", "told at once");
    pass(HOUR);
    is_str(told("mail"), "repeat repeat", "and again");
    must(incidents_house_over(store, "drain", now, pool));
    must(incidents_house_over(store, "places", now, pool));
    is_str(told("mail"), "recovered", "over, the one");
    while (outbox_claim(&d, store, "mail", "us", HOUR, now, pool)
           == APR_SUCCESS) {
        must(outbox_sent(store, d, "us", now));
    }
    must(outbox_prune(&gone, store, now + 1, 1000));
    ok(gone > 0, "what was told of the one goes");
    must(outbox_told(&list, store, APR_ARRAY_IDX(page(1), 0, incident_t).id,
                     pool));
    is_int(list->nelts, 1, "who knows of the open one is kept");
}

int main(void)
{
    store = fixture_start();
    pool = fixture_pool;
    test_one();
    test_short();
    test_company();
    test_repeats();
    test_muted();
    test_quiet();
    test_left();
    test_house();
    test_plans(store);
    return done_testing();
}
