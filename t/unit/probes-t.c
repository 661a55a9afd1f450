/* SPDX-License-Identifier: MIT */
/*
 * Probes with their rollups, and routes, on a store of their own. Time is
 * passed in, but for leases, which run on the database's clock.
 */
#include "tap.h"

#include "fixture.h"
#include "leases.h"
#include "monitors.h"
#include "plans.h"
#include "probes.h"

#define NOW APR_TIME_C(1700000000000000)
#define SEC(n) apr_time_from_sec(n)
#define HOUR SEC(3600)
#define US "11111111-1111-4111-8111-111111111111"
#define THEM "22222222-2222-4222-8222-222222222222"

static store_t *store;
static apr_pool_t *pool;

static monitor_t fresh(const char *name, const char *recipient)
{
    monitor_t m;

    monitors_default(&m);
    m.name = name;
    m.recipient = recipient;
    m.send_account = m.watch_account = "main";
    m.declared = 1;             /* its account is not looked up */
    return m;
}

static void say(monitor_t *m, const char *state, apr_time_t since)
{
    m->state = state;
    m->state_since = since;
    m->detail = state;
    must(monitors_note(store, m, STORE_NULL, since));
}

/* -- probes ---------------------------------------------------------------- */

static const char *token(int n)
{
    return apr_psprintf(pool, "%032x", n);
}

static probe_t begin(apr_int64_t monitor, apr_time_t due, int n)
{
    probe_t p;

    memset(&p, 0, sizeof(p));
    p.monitor_id = monitor;
    p.token = token(n);
    p.due_at = due;
    p.started_at = p.sent_at = p.seen_at = p.decided_at = STORE_NULL;
    p.latency_us = p.resolution_us = p.delivered_at = STORE_NULL;
    p.send_code = p.cert_until = STORE_NULL;
    p.detail = p.send_state = p.send_phase = "";
    must(probes_begin(store, &p, US));
    return p;
}

static void decide(probe_t *p, const char *outcome, apr_int64_t latency)
{
    p->outcome = outcome;
    p->latency_us = latency;
    p->decided_at = p->due_at + SEC(1);
    must(probes_write(store, p));
}

static probe_rollup_t total(apr_int64_t monitor)
{
    apr_array_header_t *list = NULL;
    probe_rollup_t none;
    int i;

    memset(&none, 0, sizeof(none));
    must(probes_totals(&list, store, pool));
    for (i = 0; i < list->nelts; i++) {
        if (APR_ARRAY_IDX(list, i, probe_rollup_t).monitor_id == monitor) {
            return APR_ARRAY_IDX(list, i, probe_rollup_t);
        }
    }
    return none;
}

static void test_begin(apr_int64_t monitor, const char *lease)
{
    probe_t p, again;
    probe_t *back = NULL;

    memset(&p, 0, sizeof(p));
    p.monitor_id = monitor;
    p.token = token(1);
    p.due_at = NOW;
    p.started_at = STORE_NULL;
    is_int(probes_begin(store, &p, US), STORE_ECONFLICT, "without a lease");
    must(leases_take(store, lease, THEM, HOUR));
    is_int(probes_begin(store, &p, US), STORE_ECONFLICT, "another's lease");
    must(leases_drop_all(store, THEM));
    must(leases_take(store, lease, US, HOUR));
    is_int(probes_begin(store, &p, US), APR_SUCCESS, "with one's own");
    again = p;
    again.token = token(2);
    is_int(probes_begin(store, &again, US), STORE_ECONFLICT,
           "once for a time");
    again.due_at++;
    again.token = token(1);
    is_int(probes_begin(store, &again, US), STORE_ECONFLICT,
           "no token twice");
    must(probes_by_token(&back, store, token(1), pool));
    is_str(back->outcome, OUTCOME_SENDING, "sending");
    ok(back->sent_at == STORE_NULL && !back->folder && back->blind_us == 0,
       "nothing is known");
    is_int(probes_by_token(&back, store, token(2), pool), APR_NOTFOUND,
           "not ours");
}

static apr_status_t count_row(void *data, const probe_t *probe,
                              const char *name)
{
    ok(!strcmp(name, "Probes") && probe->token, "a row");
    ++*(int *)data;
    return *(int *)data == 3 ? APR_EOF : APR_SUCCESS;
}

static void test_written(apr_int64_t monitor)
{
    apr_array_header_t *list = NULL;
    probe_t *p = NULL;
    char *long_json = apr_pcalloc(pool, 70001);

    must(probes_by_token(&p, store, token(1), pool));
    must(probes_undecided(&list, store, monitor, pool));
    is_int(list->nelts, 1, "one is under way");
    p->outcome = OUTCOME_SENT;
    p->sent_at = NOW + 10;
    p->send_reply = "250 2.0.0 Ok: queued as \xff";
    p->queue_id = "4XyZ";
    p->hops = "[]";
    memset(long_json, '1', 70000);
    p->spam = long_json;
    must(probes_write(store, p));
    is_int(total(monitor).ok, 0, "sent is not decided");
    decide(p, STATE_MISSING, STORE_NULL);
    is_int(total(monitor).missing, 1, "missing is");
    decide(p, STATE_LATE, SEC(90));
    is_int(total(monitor).missing, 0, "late, after all");
    is_int(total(monitor).late, 1, "it has moved");
    is_int(total(monitor).latency_us, SEC(90), "with its latency");
    is_int(total(monitor).le[9], 1, "over one minute, up to two");
    decide(p, STATE_LATE, SEC(91));
    is_int(total(monitor).latency_us, SEC(91), "corrected");
    is_int(total(monitor).late, 1, "once");
    must(probes_get(&p, store, monitor, p->id, pool));
    is_str(p->send_reply, "250 2.0.0 Ok: queued as \xef\xbf\xbd", "the words");
    ok(!p->spam && !strcmp(p->hops, "[]"), "JSON whole or not at all");
    is_int(probes_get(&p, store, monitor + 1, p->id, pool), APR_NOTFOUND,
           "not another monitor's");

}

static void test_history(apr_int64_t monitor)
{
    apr_array_header_t *list = NULL;
    probe_t next = begin(monitor, NOW + HOUR, 3);
    int rows = 0;

    decide(&next, STATE_OK, SEC(1));
    next = begin(monitor, NOW + 26 * HOUR, 4);
    decide(&next, STATE_OK, SEC(2));
    next = begin(monitor, NOW + 27 * HOUR, 5);
    must(probes_page(&list, store, monitor, NULL, STORE_NULL, 10, pool));
    is_int(list->nelts, 4, "history");
    is_str(APR_ARRAY_IDX(list, 0, probe_t).token, token(5), "newest first");
    must(probes_page(&list, store, monitor, STATE_OK, NOW + 26 * HOUR, 10,
                     pool));
    is_int(list->nelts, 1, "by outcome, before a time");
    is_str(APR_ARRAY_IDX(list, 0, probe_t).token, token(3), "that one");
    must(probes_points(&list, store, monitor, NOW, NOW + 27 * HOUR, 2, pool));
    is_int(list->nelts, 2, "two points");
    is_int(APR_ARRAY_IDX(list, 0, probe_t).due_at, NOW, "oldest first");
    must(probes_rollups(&list, store, monitor, 86400, NOW, NOW + 48 * HOUR,
                        pool));
    is_int(list->nelts, 2, "two days");
    is_int(APR_ARRAY_IDX(list, 0, probe_rollup_t).ok
           + APR_ARRAY_IDX(list, 0, probe_rollup_t).late, 2, "the first");
    must(probes_rollups(&list, store, monitor, 3600, NOW, NOW + 48 * HOUR,
                        pool));
    is_int(list->nelts, 3, "three hours in which something was");
    must(probes_export(store, 0, NOW, NOW + 48 * HOUR, count_row, &rows)
         == APR_EOF ? APR_SUCCESS : APR_EGENERAL);
    is_int(rows, 3, "whoever reads may stop");
    rows = 3;
    must(probes_export(store, monitor, NOW + 1, NOW + 27 * HOUR, count_row,
                       &rows));
    is_int(rows, 5, "of one monitor, in a time");
}

static void test_usual(apr_int64_t monitor)
{
    apr_int64_t usual = 0;
    probe_t p;
    int i;

    must(probes_usual(&usual, store, monitor));
    ok(usual == STORE_NULL, "two are not enough");
    for (i = 0; i < 60; i++) {
        p = begin(monitor, NOW + 30 * HOUR + i, 100 + i);
        decide(&p, i % 3 ? STATE_OK : i % 2 ? STATE_SLOW : STATE_MISSING,
               i % 3 ? 1000 + i : i % 2 ? SEC(60) : STORE_NULL);
    }
    must(probes_usual(&usual, store, monitor));
    ok(usual > 1000 && usual < 1060, "the median of what came: %d",
       (int)usual);
}

static void test_prune(apr_int64_t monitor)
{
    apr_int64_t gone = 0, all = total(monitor).ok;
    apr_array_header_t *list = NULL;

    must(probes_prune(&gone, store, NOW + 28 * HOUR, 2));
    is_int(gone, 2, "so many at most");
    must(probes_prune(&gone, store, NOW + 28 * HOUR, 2));
    is_int(gone, 1, "the one under way stays");
    must(probes_undecided(&list, store, monitor, pool));
    is_int(list->nelts, 1, "it does");
    is_int(total(monitor).ok, all, "what is summed stays");
}

static void test_probes(void)
{
    monitor_t m = fresh("Probes", "p@example.org");
    apr_int64_t n = -1;
    const char *lease;

    must(monitors_add(store, &m, NOW, pool));
    lease = apr_psprintf(pool, LEASE_MONITOR "%" APR_INT64_T_FMT, m.id);
    test_begin(m.id, lease);
    test_written(m.id);
    test_history(m.id);
    test_usual(m.id);
    test_prune(m.id);
    must(monitors_remove(store, m.id));
    must(store_get_int(store, &n, "SELECT count(*) FROM probes WHERE"
                       " monitor_id = ?", "i", m.id));
    is_int(n, 0, "probes go with their monitor");
}

/* -- routes ---------------------------------------------------------------- */

static void test_routes(void)
{
    monitor_t a = fresh("A", "a@route.example");
    monitor_t b = fresh("B", "b@Route.example");
    route_state_t r;
    apr_int64_t gone = 0;
    probe_t p;

    must(monitors_add(store, &a, NOW, pool));
    must(monitors_add(store, &b, NOW, pool));
    must(leases_take(store, apr_psprintf(pool, LEASE_MONITOR
                     "%" APR_INT64_T_FMT, a.id), US, HOUR));
    must(leases_take(store, apr_psprintf(pool, LEASE_MONITOR
                     "%" APR_INT64_T_FMT, b.id), US, HOUR));
    must(monitors_route(&r, store, "route.example", NOW, pool));
    ok(!r.state, "nothing is known");
    say(&a, STATE_OK, NOW + 1);
    must(monitors_route(&r, store, "route.example", NOW + 2, pool));
    ok(!r.state, "a state without evidence is none");
    p = begin(a.id, NOW + 2, 900);
    decide(&p, STATE_OK, 5);
    must(monitors_route(&r, store, "ROUTE.example", NOW + HOUR, pool));
    is_str(r.state, STATE_OK, "it works");
    is_int(r.evidence_at, NOW + 2, "as a probe has shown");
    is_str(r.monitor, a.public_id, "of that monitor");
    p = begin(b.id, NOW + 3, 901);
    decide(&p, STATE_BLIND, STORE_NULL);
    say(&b, STATE_BLIND, NOW + 3);
    p = begin(b.id, NOW + 4, 902);
    decide(&p, STATE_MISSING, STORE_NULL);
    must(monitors_route(&r, store, "route.example", NOW + HOUR, pool));
    is_str(r.state, STATE_OK, "what one sees is more than that another cannot");
    say(&b, STATE_MISSING, NOW + 5);
    must(monitors_route(&r, store, "route.example", NOW + HOUR, pool));
    is_str(r.state, STATE_MISSING, "the worst");
    must(monitors_route(&r, store, "route.example", NOW + 4, pool));
    is_str(r.state, STATE_OK, "as it was then");
    must(monitors_route(&r, store, "route.example", NOW + 5 * HOUR, pool));
    ok(!r.state, "old evidence is none");
    must(monitors_route(&r, store, "other.example", NOW + 4, pool));
    ok(!r.state, "of another domain nothing is known");
    must(probes_prune(&gone, store, NOW + 99 * HOUR, 1000));
    must(monitors_route(&r, store, "route.example", NOW + HOUR, pool));
    is_str(r.state, STATE_MISSING, "known still when the probes are gone");
}

int main(void)
{
    store = fixture_start();
    pool = fixture_pool;
    test_probes();
    test_routes();
    test_plans(store);
    return done_testing();
}
