/* SPDX-License-Identifier: MIT */
/*
 * Leases, accounts, monitors with their windows and history, on a store of
 * their own. Time is passed in, but for leases, which run on the database's
 * clock.
 */
#include "tap.h"

#include "accounts.h"
#include "fixture.h"
#include "leases.h"
#include "monitors.h"
#include "plans.h"

#define NOW APR_TIME_C(1700000000000000)
#define SEC(n) apr_time_from_sec(n)
#define HOUR SEC(3600)
#define US "11111111-1111-4111-8111-111111111111"
#define THEM "22222222-2222-4222-8222-222222222222"

static store_t *store;
static apr_pool_t *pool;

/* -- leases ---------------------------------------------------------------- */

static void test_leases(void)
{
    apr_int64_t n = 0, until = 0, now = 0;

    is_int(leases_take(store, "monitor:1", US, HOUR), APR_SUCCESS, "taken");
    is_int(leases_take(store, "monitor:1", US, HOUR), APR_SUCCESS, "renewed");
    is_int(leases_take(store, "monitor:1", THEM, HOUR), STORE_ECONFLICT,
           "not by another");
    is_int(leases_held(store, "monitor:1", US), APR_SUCCESS, "held");
    is_int(leases_held(store, "monitor:1", THEM), STORE_ECONFLICT,
           "not by another");
    is_int(leases_held(store, "monitor:2", US), STORE_ECONFLICT, "no such");
    must(leases_drop(store, "monitor:1", THEM));
    is_int(leases_held(store, "monitor:1", US), APR_SUCCESS,
           "another's dropping is nothing");
    must(leases_take(store, "monitor:1", US, 0));
    is_int(leases_held(store, "monitor:1", US), STORE_ECONFLICT, "over");
    is_int(leases_take(store, "monitor:1", THEM, HOUR), APR_SUCCESS,
           "then another may");
    is_int(leases_renew(&n, store, THEM, 2 * HOUR), APR_SUCCESS,
           "all of an owner's are renewed at once");
    is_int(n, 1, "and counted");
    is_int(leases_held(store, "monitor:1", US), STORE_ECONFLICT,
           "those of others and those that ended are not");
    must(leases_take(store, "monitor:10", THEM, HOUR));
    must(leases_take(store, LEASE_PROCESS US, US, HOUR));
    must(leases_take(store, LEASE_PROCESS THEM, THEM, 0));
    must(leases_count(&n, store, LEASE_PROCESS));
    is_int(n, 1, "one process lives");
    must(leases_count(&n, store, LEASE_MONITOR));
    is_int(n, 2, "two monitors are held");
    must(leases_newest(&until, &now, store, LEASE_PROCESS));
    ok(until > now && until <= now + HOUR, "the latest end");
    must(leases_drop_all(store, US));
    must(leases_drop_all(store, THEM));
    must(leases_newest(&until, &now, store, LEASE_PROCESS));
    is_int(until, 0, "nobody lives");
    ok(now > NOW, "the clock goes");
}

/* -- accounts -------------------------------------------------------------- */

static account_row_t account(const char *name, int sends, int watches)
{
    account_row_t a = { name, "probe@example.org",
                        sends ? "smtps://localhost:465" : "",
                        watches ? "imaps://localhost:993" : "", "u", "u",
                        "unknown", "", 0, 0 };

    return a;
}

static void publish(int both)
{
    apr_array_header_t *rows = apr_array_make(pool, 3, sizeof(account_row_t));

    APR_ARRAY_PUSH(rows, account_row_t) = account("main", 1, 1);
    APR_ARRAY_PUSH(rows, account_row_t) = account("other", 1, 1);
    if (both) {
        APR_ARRAY_PUSH(rows, account_row_t) = account("out", 1, 0);
    }
    must(accounts_publish(store, rows, NOW + both));
}

static void test_accounts(void)
{
    apr_array_header_t *list = NULL;
    account_row_t *a;

    publish(1);
    must(accounts_list(&list, store, pool));
    is_int(list->nelts, 3, "three accounts");
    a = &APR_ARRAY_IDX(list, 0, account_row_t);
    is_str(a->name, "main", "by name");
    is_str(a->state, "unknown", "not looked at yet");
    must(accounts_state(store, "main", "blind", "login refused: \xff",
                        NOW + 5));
    must(accounts_state(store, "main", "blind", "still", NOW + 9));
    is_int(accounts_state(store, "none", "up", "", NOW), APR_NOTFOUND,
           "no such account");
    publish(0);
    must(accounts_list(&list, store, pool));
    is_int(list->nelts, 2, "one is no longer configured");
    a = &APR_ARRAY_IDX(list, 0, account_row_t);
    is_str(a->state, "blind", "its state is kept");
    is_str(a->detail, "still", "and why");
    is_int(a->since, NOW + 5, "since when");
    publish(1);
}

/* -- monitors -------------------------------------------------------------- */

static monitor_t fresh(const char *name, const char *recipient)
{
    monitor_t m;

    monitors_default(&m);
    m.name = name;
    m.recipient = recipient;
    m.send_account = m.watch_account = "main";
    return m;
}

static void refused(monitor_t m, const char *field)
{
    apr_size_t len = strlen(field);

    ok(monitors_add(store, &m, NOW, pool) == APR_EINVAL
       && !strncmp(store_error(store), field, len)
       && store_error(store)[len] == ':', "refused: %s", store_error(store));
}

static void test_checks(void)
{
    monitor_t m = fresh("x", "a@example.org");

#define WITH(field, value, name) \
    m = fresh("x", "a@example.org"); m.field = value; refused(m, name)
    WITH(name, "", "name");
    WITH(name, "a\nb", "name");
    WITH(name, "\xff", "name");
    WITH(recipient, "nobody", "recipient");
    WITH(recipient, "a@example.org, b@example.org", "recipient");
    WITH(recipient, NULL, "recipient");
    WITH(send_account, "none", "send_account");
    WITH(watch_account, "out", "watch_account");
    WITH(interval_us, SEC(9), "interval");
    WITH(retry_us, SEC(86401), "retry");
    WITH(missing_us, SEC(29), "missing");
    WITH(late_us, SEC(900), "late");
    WITH(late_us, -1, "late");
    WITH(failures_needed, 0, "failures_needed");
    WITH(successes_needed, 101, "successes_needed");
    WITH(alert_on, "missing,wrong", "alert_on");
    WITH(alert_on, ",missing", "alert_on");
    m = fresh("quiet", "a@example.org");
    m.alert_on = "";
    is_int(monitors_add(store, &m, NOW, pool), APR_SUCCESS,
           "it need not alert on anything");
    must(monitors_remove(store, m.id));
}

static monitor_t *got(apr_int64_t id)
{
    monitor_t *m = NULL;

    must(monitors_by_id(&m, store, id, pool));
    return m;
}

static apr_int64_t edition(void)
{
    apr_int64_t n = 0;

    must(monitors_edition(&n, store));
    return n;
}

static void test_monitors(void)
{
    monitor_t m = fresh("Berlin", "Probe <P@Example.ORG>"), *back = NULL;
    monitor_t twice = fresh("Berlin", "b@example.org");
    apr_array_header_t *list = NULL;
    apr_int64_t before = edition();

    is_int(monitors_add(store, &m, NOW, pool), APR_SUCCESS, "added");
    ok(edition() != before, "mailprobe can see that");
    is_str(m.recipient, "P@example.org", "the address alone");
    is_str(m.domain, "example.org", "its domain");
    is_int(strlen(m.public_id), 36, "an id");
    is_int(monitors_add(store, &twice, NOW, pool), STORE_ECONFLICT,
           "a name is taken once");
    must(monitors_get(&back, store, m.public_id, pool));
    is_int(back->id, m.id, "found by its public id");
    is_str(back->state, STATE_NEW, "new");
    is_int(back->next_at, NOW, "due at once");
    ok(back->last_ok_at == STORE_NULL && back->usual_us == STORE_NULL
       && back->muted_until == STORE_NULL, "nothing is known yet");
    is_int(monitors_get(&back, store, "x", pool), APR_NOTFOUND, "no such id");
    must(monitors_list(&list, store, pool));
    is_int(list->nelts, 1, "one monitor");

    before = edition();
    must(monitors_ask(store, m.id, NOW + 1));
    must(monitors_asked(&list, store, pool));
    is_int(list->nelts, 1, "it was asked for");
    is_int(edition(), before, "which changes nothing that people set");
    m.updated_at = NOW;
    m.state = STATE_OK;
    m.state_since = NOW + 2;
    m.detail = "fine \xfe";
    m.failures = 1;
    must(monitors_note(store, &m, NOW, NOW + 2));
    must(monitors_asked(&list, store, pool));
    is_int(list->nelts, 1, "asked for after the probe began: not yet noted");
    must(monitors_note(store, &m, NOW + 1, NOW + 3));
    must(monitors_asked(&list, store, pool));
    is_int(list->nelts, 0, "noted");
    is_str(got(m.id)->detail, "fine \xef\xbf\xbd", "words are made UTF-8");
    is_int(edition(), before, "nor does a note");
    must(monitors_remove(store, m.id));
    is_int(monitors_remove(store, m.id), APR_NOTFOUND, "removed once");
    is_int(monitors_note(store, &m, STORE_NULL, NOW), APR_NOTFOUND,
           "nothing to note any more");
}

static void test_changes(void)
{
    monitor_t m = fresh("Oslo", "p@example.net"), *is;
    monitor_t other = fresh("Rome", "p@example.net");
    apr_int64_t before;

    must(monitors_add(store, &m, NOW, pool));
    must(monitors_add(store, &other, NOW, pool));
    m.state = STATE_MISSING;
    m.state_since = NOW + 1;
    m.failures = 3;
    m.alarmed = 1;
    m.usual_us = 5;
    m.next_at = NOW + HOUR;
    must(monitors_note(store, &m, STORE_NULL, NOW + 1));

    m.name = "Rome";
    is_int(monitors_update(store, &m, NOW + 2, pool), STORE_ECONFLICT,
           "another's name");
    m.name = "Oslo 2";
    m.interval_us = SEC(60);
    before = edition();
    must(monitors_update(store, &m, NOW + 2, pool));
    ok(edition() != before, "a change is seen");
    is = got(m.id);
    is_str(is->name, "Oslo 2", "renamed");
    is_int(is->failures, 3, "its failures still count");
    is_int(is->next_at, NOW + 2 + SEC(60), "the next is not later than that");
    is_int(monitors_note(store, &m, STORE_NULL, NOW + 3), STORE_ECONFLICT,
           "what was read before is not written over it");

    m = *is;
    m.failures_needed = 5;
    must(monitors_update(store, &m, NOW + 4, pool));
    is = got(m.id);
    is_int(is->failures, 0, "a threshold: counted anew");
    is_int(is->usual_us, 5, "its usual latency stays");
    m = *is;
    m.watch_account = "other";
    must(monitors_update(store, &m, NOW + 5, pool));
    is = got(m.id);
    ok(is->usual_us == STORE_NULL && is->next_at == NOW + 5,
       "another route: nothing is usual, and it is tried at once");
    m = *is;
    m.enabled = 0;
    must(monitors_update(store, &m, NOW + 6, pool));
    is = got(m.id);
    is_str(is->state, STATE_PAUSED, "switched off");
    is_int(is->alarmed, 0, "and no alarm");
    is_int(monitors_ask(store, m.id, NOW + 6), APR_NOTFOUND,
           "nothing to ask of it");
    m = *is;
    m.enabled = 1;
    must(monitors_update(store, &m, NOW + 7, pool));
    is_str(got(m.id)->state, STATE_NEW, "and on");
    m.id = 4711;
    is_int(monitors_update(store, &m, NOW, pool), APR_NOTFOUND, "no such");
}

static void test_declared(void)
{
    apr_array_header_t *declared = apr_array_make(pool, 2, sizeof(monitor_t));
    apr_array_header_t *list = NULL;
    monitor_t *back = NULL;
    apr_int64_t before;

    APR_ARRAY_PUSH(declared, monitor_t) = fresh("Rome", "r@example.com");
    APR_ARRAY_PUSH(declared, monitor_t) = fresh("Bern", "b@example.com");
    APR_ARRAY_IDX(declared, 1, monitor_t).send_account = "not yet there";
    must(monitors_declare(store, declared, NOW + 10, pool));
    must(monitors_list(&list, store, pool));
    is_int(list->nelts, 3, "one was there, one is new, one is people's");
    back = &APR_ARRAY_IDX(list, 2, monitor_t);
    ok(back->declared && !strcmp(back->recipient, "r@example.com"),
       "as the configuration has it");
    is_int(APR_ARRAY_IDX(list, 1, monitor_t).declared, 0, "people's own");
    before = edition();
    must(monitors_declare(store, declared, NOW + 20, pool));
    is_int(edition(), before, "once more: nothing is written");
    apr_array_pop(declared);
    must(monitors_declare(store, declared, NOW + 30, pool));
    must(monitors_by_id(&back, store, APR_ARRAY_IDX(list, 0, monitor_t).id,
                        pool));
    ok(!back->declared && !back->enabled
       && !strcmp(back->state, STATE_PAUSED), "given over to people, off");
    APR_ARRAY_IDX(declared, 0, monitor_t).retry_us = 1;
    is_int(monitors_declare(store, declared, NOW + 40, pool), APR_EINVAL,
           "a wrong one");
}

static void test_toggles(void)
{
    monitor_t m = fresh("Toggles", "t@example.org");
    apr_array_header_t *names = NULL;
    apr_int64_t before;

    must(monitors_add(store, &m, NOW, pool));
    must(monitors_channel_set(store, m.id, "ntfy", 0));
    must(monitors_channel_set(store, m.id, "mail", 0));
    before = edition();
    must(monitors_channel_set(store, m.id, "mail", 0));
    is_int(edition(), before, "off is off");
    must(monitors_channels_off(&names, store, m.id, pool));
    is_int(names->nelts, 2, "two are off");
    must(monitors_channel_set(store, m.id, "ntfy", 1));
    must(monitors_channels_off(&names, store, m.id, pool));
    ok(names->nelts == 1
       && !strcmp(APR_ARRAY_IDX(names, 0, const char *), "mail"),
       "one is on again");
    is_int(monitors_channel_set(store, 4711, "mail", 0), APR_NOTFOUND,
           "of no monitor");
    is_int(monitors_channel_set(store, m.id, "", 0), APR_EINVAL, "no name");
    must(monitors_remove(store, m.id));
}

/* -- windows --------------------------------------------------------------- */

static void test_windows(void)
{
    /* Thursday 2026-01-01 00:00 UTC */
    const apr_time_t day = APR_TIME_C(1767225600000000);
    window_t once = { 0, 1, "move", day, day + HOUR, 0, 0, 0, "" };
    window_t night = { 0, STORE_NULL, "", STORE_NULL, STORE_NULL, 1 << 3,
                       22 * 60, 2 * 60, "Europe/Berlin" };
    window_t noon = { 0, 2, "", STORE_NULL, STORE_NULL, 127, 720, 721, "UTC" };
    window_t wrong;
    apr_array_header_t *list = NULL;

    must(windows_list(&list, store, day, pool));
    is_int(list->nelts, 0, "no windows");
    wrong = once;
    wrong.monitor_id = 4711;
    ok(windows_add(store, &wrong, day) != APR_SUCCESS, "of no monitor");
    once.monitor_id = noon.monitor_id = STORE_NULL;
    wrong = once;
    wrong.ends_at = wrong.starts_at;
    is_int(windows_add(store, &wrong, day), APR_EINVAL,
           "ends before it begins");
    wrong = night;
    wrong.tz = "Mars/Base";
    is_int(windows_add(store, &wrong, day), APR_EINVAL, "no such zone");
    wrong = night;
    wrong.weekdays = 0;
    is_int(windows_add(store, &wrong, day), APR_EINVAL, "never");
    must(windows_add(store, &once, day));
    must(windows_add(store, &night, day));
    must(windows_list(&list, store, day, pool));
    is_int(list->nelts, 2, "two windows");
    must(windows_list(&list, store, day + HOUR, pool));
    is_int(list->nelts, 1, "one has ended");
    must(windows_list(&list, store, day, pool));
    is_int(windows_cover(list, 1, day, pool), 1, "once: begins");
    is_int(windows_cover(list, 1, day + HOUR, pool), 0, "and ends");
    is_int(windows_cover(list, 1, day + 21 * HOUR, pool), 1,
           "22:00 in Berlin");
    is_int(windows_cover(list, 1, day + 21 * HOUR - 1, pool), 0, "just before");
    is_int(windows_cover(list, 7, day + 25 * HOUR - 1, pool), 1,
           "until two on Friday");
    is_int(windows_cover(list, 7, day + 25 * HOUR, pool), 0, "then no more");
    is_int(windows_cover(list, 7, day - 3 * HOUR, pool), 0, "not on Wednesday");
    must(windows_remove(store, night.id));
    is_int(windows_remove(store, night.id), APR_NOTFOUND, "removed once");
    list = apr_array_make(pool, 1, sizeof(window_t));
    noon.monitor_id = 2;
    APR_ARRAY_PUSH(list, window_t) = noon;
    is_int(windows_cover(list, 2, day + 12 * HOUR, pool), 1, "its own");
    is_int(windows_cover(list, 3, day + 12 * HOUR, pool), 0, "not another's");
    must(windows_remove(store, once.id));
}

/* -- states ---------------------------------------------------------------- */

static void say(monitor_t *m, const char *state, apr_time_t since)
{
    m->state = state;
    m->state_since = since;
    m->detail = state;
    must(monitors_note(store, m, STORE_NULL, since));
}

/* ok since NOW + 6 h, next due at + 10 h */
static void test_gap(monitor_t *m)
{
    apr_array_header_t *list = NULL;
    int up = 0;

    m->next_at = NOW + 10 * HOUR;
    must(monitors_note(store, m, STORE_NULL, NOW + 6 * HOUR));
    must(monitors_unwatched(store, m, NOW + 10 * HOUR + SEC(300)));
    must(monitors_states(&list, store, m->id, NOW + 7 * HOUR, NOW + 99 * HOUR,
                         pool));
    is_int(list->nelts, 1, "a short restart is no gap");
    must(monitors_unwatched(store, m, NOW + 20 * HOUR));
    must(monitors_states(&list, store, m->id, NOW + 7 * HOUR, NOW + 99 * HOUR,
                         pool));
    is_int(list->nelts, 3, "a long one is");
    is_str(APR_ARRAY_IDX(list, 1, monitor_state_t).state, STATE_BLIND,
           "nobody looked");
    must(monitors_uptime(&up, store, m->id, NOW + 9 * HOUR, NOW + 21 * HOUR,
                         pool));
    is_int(up, 1000, "which is not in its uptime");
    say(m, STATE_MISSING, NOW + 21 * HOUR);
    must(monitors_uptime(&up, store, m->id, NOW + 9 * HOUR, NOW + 23 * HOUR,
                         pool));
    is_int(up, 500, "two hours of four that are known");
}

static void test_states(void)
{
    monitor_t m = fresh("States", "s@example.org");
    apr_array_header_t *list = NULL;
    int up = 0;

    must(monitors_add(store, &m, NOW, pool));
    say(&m, STATE_OK, NOW + 1 * HOUR);
    say(&m, STATE_OK, NOW + 2 * HOUR);
    say(&m, STATE_MISSING, NOW + 4 * HOUR);
    say(&m, STATE_BLIND, NOW + 5 * HOUR);
    say(&m, STATE_SPAM, NOW + 8 * HOUR);
    must(monitors_states(&list, store, m.id, NOW + 2 * HOUR, NOW + 8 * HOUR,
                         pool));
    is_int(list->nelts, 3, "the one before, and two");
    is_str(APR_ARRAY_IDX(list, 0, monitor_state_t).state, STATE_OK, "ok");
    is_int(APR_ARRAY_IDX(list, 0, monitor_state_t).since, NOW + HOUR,
           "since it began, not since it was confirmed");
    must(monitors_uptime(&up, store, m.id, NOW, NOW + 9 * HOUR, pool));
    is_int(up, 800, "4 of 5 hours that are known");
    must(monitors_uptime(&up, store, m.id, NOW + 6 * HOUR, NOW + 7 * HOUR,
                         pool));
    is_int(up, -1, "blind: nothing is known");
    must(monitors_uptime(&up, store, m.id, NOW - 9 * HOUR, NOW, pool));
    is_int(up, -1, "nor before it was there");
    say(&m, STATE_OK, NOW + 6 * HOUR);
    must(monitors_states(&list, store, m.id, NOW, NOW + 99 * HOUR, pool));
    is_int(list->nelts, 5, "a clock set back: what was to come is gone");
    test_gap(&m);
    must(monitors_remove(store, m.id));
}

int main(void)
{
    store = fixture_start();
    pool = fixture_pool;
    test_leases();
    test_accounts();
    test_checks();
    test_monitors();
    test_changes();
    test_declared();
    test_toggles();
    test_windows();
    test_states();
    test_plans(store);
    return done_testing();
}
