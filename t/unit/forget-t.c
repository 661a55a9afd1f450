/* SPDX-License-Identifier: MIT */
/*
 * What time takes away: old hits emptied step by step, and the sums of probes
 * proved against what retention has left.
 */
#include "tap.h"

#include "fixture.h"
#include "forget.h"
#include "leases.h"
#include "monitors.h"
#include "probes.h"
#include "reports.h"

#define NOW APR_TIME_C(1700000000000000)
#define HOUR apr_time_from_sec(3600)
#define US "11111111-1111-4111-8111-111111111111"

static store_t *store;
static apr_pool_t *pool;

static void add_hit(apr_time_t recorded)
{
    must(store_exec(store, NULL, "INSERT INTO opens (track_id, opened_at,"
                    " recorded_at, method, ip_address, user_agent, referer,"
                    " headers, networks, country, verdict, counts, rule,"
                    " vendor, context, rules_version) VALUES (1, 1, ?, 'GET',"
                    " '192.0.2.1', 'agent', 'r', 'h', 'n', 'FR', 0, 2, '',"
                    " '', 0, 0)", "i", (apr_int64_t)recorded));
}

static apr_int64_t full(void)
{
    apr_int64_t n = -1;

    must(store_get_int(store, &n, "SELECT count(*) FROM opens WHERE"
                       " ip_address IS NOT NULL AND user_agent IS NOT NULL"
                       " AND referer IS NOT NULL AND headers IS NOT NULL",
                       NULL));
    return n;
}

static apr_int64_t forget(apr_time_t before, int limit)
{
    apr_int64_t gone = -1;

    must(forget_opens(&gone, store, before, limit, pool));
    return gone;
}

static void test_forget(void)
{
    apr_int64_t n = 0;
    int i;

    must(store_exec(store, NULL, "INSERT INTO tracked_emails (public_id,"
                    " created_at, updated_at, recipient, subject, notes)"
                    " VALUES ('x', 0, 0, '', '', '')", NULL));
    for (i = 0; i < 10; i++) {
        add_hit(NOW + i / 5);   /* five at the same time */
    }
    is_int(forget(NOW, 3), 0, "none is old enough");
    is_int(forget(NOW + 1, 3), 3, "a step");
    is_int(full(), 7, "and no more");
    is_int(forget(NOW + 1, 3), 2, "the others of that time: that was all");
    is_int(full(), 5, "emptied");
    is_int(forget(NOW + 1, 3), 0, "once");
    add_hit(NOW);
    is_int(forget(NOW + 9, 100), 6, "it goes on where it ended");
    is_int(full(), 0, "all");
    must(store_get_int(store, &n, "SELECT count(*) FROM opens WHERE networks"
                       " = 'n' AND country = 'FR' AND counts = 2", NULL));
    is_int(n, 11, "the rows stay, with what counters and charts say");
    is_int(forget(NOW - HOUR, 100), 0, "a longer retention brings none back");
}

/* -- verify ---------------------------------------------------------------- */

static const char *found;

static void note(void *context, const char *what, const char *counter,
                 apr_int64_t kept, apr_int64_t counted)
{
    if (!strncmp(what, "probes", 6)) {
        ++*(int *)context;
        found = apr_psprintf(pool, "%s %s %d %d", what, counter, (int)kept,
                             (int)counted);
    }
}

static int differences(void)
{
    apr_int64_t all = 0;
    int n = 0;

    must(reports_verify(&all, store, note, &n, pool));
    return n;
}

static void make_probes(void)
{
    static const char *const outcomes[] = {
        STATE_OK, STATE_SLOW, STATE_LATE, STATE_MISSING, STATE_SPAM,
        STATE_BOUNCED, STATE_SEND_FAILED, STATE_BLIND, OUTCOME_SENT
    };
    monitor_t m;
    probe_t p;
    int i;

    monitors_default(&m);
    m.name = "M";
    m.recipient = "p@example.org";
    m.send_account = m.watch_account = "main";
    m.declared = 1;
    m.public_id = NULL;
    must(monitors_add(store, &m, NOW, pool));
    must(leases_take(store, apr_psprintf(pool, LEASE_MONITOR "%"
                     APR_INT64_T_FMT, m.id), US, HOUR));
    memset(&p, 0, sizeof(p));
    p.monitor_id = m.id;
    for (i = 0; i < 900; i++) {
        int late = i % 9 < 3 || i % 9 == 4;

        p.token = apr_psprintf(pool, "%032x", i);
        p.due_at = NOW + i * HOUR / 7;
        must(store_begin(store));
        must(probes_begin(store, &p, US));
        p.outcome = outcomes[i % 9];
        p.decided_at = i % 9 == 8 ? STORE_NULL : p.due_at + 1;
        p.latency_us = late ? fixture_random(1000000000) : STORE_NULL;
        must(probes_write(store, &p));
        must(store_commit(store));
    }
}

static void test_verify(void)
{
    apr_int64_t gone = 0;

    make_probes();
    is_int(differences(), 0, "sums are what the probes say");
    must(probes_prune(&gone, store, NOW + 50 * HOUR, 250));
    ok(gone == 250 && differences() == 0, "also of those that are left");
    must(store_exec(store, NULL, "UPDATE probe_rollups SET spam = spam + 1"
                    " WHERE width = 0", NULL));
    is_int(differences(), 1, "one too many of all time");
    is_str(found, "probes of M spam 101 100", "is told");
    must(store_exec(store, NULL, "UPDATE probe_rollups SET spam = spam - 1"
                    " WHERE width = 0", NULL));
    must(store_exec(store, NULL, "UPDATE probe_rollups SET latency_us = 1 +"
                    " latency_us WHERE width = 3600 AND bucket > ?", "i",
                    (apr_int64_t)(NOW + 120 * HOUR)));
    ok(differences() > 2, "hours against probes, days against hours");
}

int main(void)
{
    store = fixture_start();
    pool = fixture_pool;
    test_forget();
    test_verify();
    return done_testing();
}
