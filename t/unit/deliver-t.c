/* SPDX-License-Identifier: MIT */
/*
 * Who is told, when, and what is no longer worth telling: the store side of
 * delivering, on a real store and with a clock of the test's own.
 */
#include <apr_hash.h>

#include "accounts.h"
#include "deliver_plan.h"
#include "fixture.h"
#include "monitors.h"
#include "settings.h"
#include "tap.h"

#define SECOND ((apr_int64_t)APR_USEC_PER_SEC)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NOON   ((apr_int64_t)1795262400 * SECOND)   /* 2026-11-21 12:00 UTC */

static apr_pool_t *pool;
static store_t *store;
static configuration_t configuration;
static plan_t *plan;
static int number;

/* -- the world ------------------------------------------------------------- */

static void add_channel(const char *name, channel_kind_t kind,
                        const char *events)
{
    channel_t *channel = apr_pcalloc(pool, sizeof(*channel));
    apr_array_header_t *list = apr_array_make(pool, 3, sizeof(char *));
    char *rest = apr_pstrdup(pool, events), *word;

    while ((word = apr_strtok(rest, " ", &rest)))
        APR_ARRAY_PUSH(list, const char *) = word;
    channel->name = name;
    channel->kind = kind;
    channel->events = list;
    channel->target = name;
    APR_ARRAY_PUSH((apr_array_header_t *)configuration.channels,
                   channel_t *) = channel;
}

static void make_plan(apr_time_t now)
{
    plan = plan_make(&configuration, "11111111-1111-1111-1111-111111111111",
                     pool);
    must(plan_publish(store, plan, now, pool));
}

static void clear_outbox(void)
{
    must(store_exec(store, NULL, "DELETE FROM outbox_deliveries", NULL));
    must(store_exec(store, NULL, "DELETE FROM outbox", NULL));
}

static apr_int64_t add_user(void)
{
    apr_int64_t id = 0;

    must(store_insert(store, &id, "INSERT INTO users (name, role, password,"
                      " created_at) VALUES (?, 'user', '', 0)", "t",
                      apr_psprintf(pool, "user%d", ++number)));
    return id;
}

static apr_int64_t add_mail(const char *recipient, apr_int64_t created_at,
                            apr_int64_t owner)
{
    apr_int64_t id = 0;

    must(store_insert(store, &id, "INSERT INTO tracked_emails (public_id,"
                      " created_at, updated_at, recipient, subject, notes,"
                      " created_by) VALUES (?, ?, ?, ?, 'Offer', '', ?)",
                      "tiitN", apr_psprintf(pool, "00000000-0000-4000-8000-"
                      "%012d", ++number), created_at, created_at, recipient,
                      owner));
    return id;
}

static void add_recipient(apr_int64_t mail, const char *address,
                          const char *domain, int muted)
{
    apr_int64_t id = 0;

    must(store_insert(store, &id, "INSERT INTO recipients (address, domain,"
                      " muted, name, last_mail_at) VALUES (?, ?, ?, '', 0)",
                      "tti", address, domain, (apr_int64_t)muted));
    must(store_exec(store, NULL, "INSERT INTO email_recipients (track_id,"
                    " recipient_id, position, name) VALUES (?, ?, 0, '')",
                    "ii", mail, id));
}

static void put(const char *event, apr_int64_t track, apr_int64_t incident,
                const char *channel, apr_time_t now)
{
    outbox_row_t row = { 0, NULL, NULL, 0, STORE_NULL, 0, NULL, NULL, 0, 0,
                         0 };

    row.dedupe_key = apr_psprintf(pool, "%s:%d", event, ++number);
    row.event = event;
    row.track_id = track;
    row.incident_id = incident;
    row.channel = channel;
    row.created_at = row.not_before = now;
    row.expires_at = now + DAY;
    must(outbox_put(store, &row));
}

/* "name@minutes name@minutes" of what waits, by name. */
static const char *waiting(apr_time_t now)
{
    const char *text = "";
    store_rows_t *rows;

    must(store_query(&rows, store, "SELECT channel, next_at FROM"
                     " outbox_deliveries WHERE state = 'pending'"
                     " ORDER BY channel", NULL));
    while (store_next(rows) == APR_SUCCESS)
        text = apr_psprintf(pool, "%s%s%s@%d", text, *text ? " " : "",
                            store_peek(rows, 0),
                            (int)((store_int(rows, 1) - now) / MINUTE));
    store_done(rows);
    return text;
}

static const char *told(const char *event, apr_int64_t track,
                        apr_int64_t incident, const char *channel,
                        apr_time_t now)
{
    int more;

    clear_outbox();
    put(event, track, incident, channel, now);
    must(plan_dispatch(&more, store, plan, now, pool));
    return waiting(now);
}

/* -- quiet hours ----------------------------------------------------------- */

static apr_int64_t quiet_end(const char *zone_name, int from, int to,
                             apr_int64_t at)
{
    notify_prefs_t prefs;
    zone_t *zone = NULL;

    notifications_default(&prefs);
    prefs.quiet_from = from;
    prefs.quiet_to = to;
    prefs.quiet_tz = zone_name;
    if (zone_load(&zone, zone_name, ZONE_DIR, pool))
        fixture_die("no zone %s", zone_name);
    return (plan_quiet(&prefs, zone, at) - at) / MINUTE;
}

static void test_quiet(void)
{
    /* 2026-03-29 01:30 UTC: clocks have just gone from 2 to 3 in Berlin */
    apr_int64_t spring = (apr_int64_t)1774747800 * SECOND;
    notify_prefs_t prefs;

    is_int(quiet_end("UTC", 600, 780, NOON), 60, "within a day");
    is_int(quiet_end("UTC", 720, 780, NOON), 60, "its first minute");
    is_int(quiet_end("UTC", 600, 720, NOON), 0, "its end is no quiet");
    is_int(quiet_end("UTC", 22 * 60, 7 * 60, NOON), 0, "not at noon");
    is_int(quiet_end("UTC", 22 * 60, 7 * 60, NOON + 11 * HOUR), 8 * 60,
           "over midnight, before it");
    is_int(quiet_end("UTC", 22 * 60, 7 * 60, NOON - 11 * HOUR), 6 * 60,
           "after it");
    is_int(quiet_end("Europe/Berlin", 12 * 60, 13 * 60, NOON), 0,
           "noon is 13 h in Berlin");
    is_int(quiet_end("Europe/Berlin", 13 * 60, 14 * 60, NOON), 60,
           "that is quiet");
    is_int(quiet_end("Europe/Berlin", 22 * 60, 7 * 60, spring - 3 * HOUR),
           6 * 60 + 30, "a night that is an hour shorter");
    is_int(quiet_end("Europe/Berlin", 1 * 60, 2 * 60 + 30,
                     spring - 45 * MINUTE), 45,
           "an end that the clock jumps over");
    is_int(quiet_end("UTC", 600, 600, NOON), 0, "nothing");
    notifications_default(&prefs);
    is_int(plan_quiet(&prefs, NULL, NOON), NOON, "none");
}

static void test_backoff(void)
{
    int tries;

    is_int(plan_backoff(0, 32768), 15 * SECOND, "the first wait");
    is_int(plan_backoff(3, 32768), 2 * MINUTE, "doubled each time");
    is_int(plan_backoff(1000, 32768), HOUR, "to an hour");
    for (tries = 0; tries < 9; tries++)
        if (plan_backoff(tries, 0) >= plan_backoff(tries, 65535)
            || plan_backoff(tries, 65535) > 5 * plan_backoff(tries, 0) / 3)
            break;
    is_int(tries, 9, "with jitter");
}

/* -- mails ----------------------------------------------------------------- */

static void test_opens(void)
{
    apr_int64_t user = add_user(), mail, orphan;
    notify_prefs_t prefs;

    orphan = add_mail("ann@example.org", NOON - DAY, STORE_NULL);
    is_str(told(EVENT_FIRST_OPEN, orphan, STORE_NULL, NULL, NOON),
           "all@0 opens@0", "who wants opens, by default");
    is_str(told(EVENT_HOT, orphan, STORE_NULL, NULL, NOON), "",
           "hot is off by default");
    mail = add_mail("ann@example.org", NOON - DAY, user);
    notifications_default(&prefs);
    prefs.on[0][CHANNEL_WEBHOOK] = 0;
    prefs.on[1][CHANNEL_NTFY] = 1;
    prefs.quiet_from = 11 * 60;
    prefs.quiet_to = 14 * 60;
    prefs.quiet_tz = "UTC";
    must(notifications_set(store, user, &prefs));
    is_str(told(EVENT_FIRST_OPEN, mail, STORE_NULL, NULL, NOON), "opens@120",
           "the owner's own wishes and quiet hours");
    is_str(told(EVENT_HOT, mail, STORE_NULL, NULL, NOON), "opens@120",
           "each event by itself");
    is_str(told(EVENT_FIRST_OPEN, orphan, STORE_NULL, NULL, NOON - 3 * DAY),
           "", "nothing from before the channels were there");
    is_str(told("surprise", orphan, STORE_NULL, NULL, NOON), "",
           "an event nobody knows");
    is_str(told(EVENT_TEST, STORE_NULL, STORE_NULL, "alerts", NOON),
           "alerts@0", "a test goes to its channel alone");
    is_str(told(EVENT_TEST, STORE_NULL, STORE_NULL, "nobody", NOON), "",
           "and to none that is not there");
}

static plan_item_t item;

static apr_status_t claim(const char *name, apr_time_t now)
{
    plan_channel_t channel = { name, CHANNEL_WEBHOOK, name, 7 };

    memset(&item, 0, sizeof(item));
    return plan_claim(&item, store, plan, &channel, MINUTE, now, pool);
}

static const char *state_of(void)
{
    const char *text = "(none)";

    (void)store_get_text(store, &text, pool, "SELECT state || ': ' || detail"
                         " FROM outbox_deliveries ORDER BY id DESC LIMIT 1",
                         NULL);
    return text;
}

static void test_claims(void)
{
    apr_int64_t user = add_user();
    apr_int64_t mail = add_mail("ann@example.org", NOON - DAY, user);
    delivery_t *first;
    notify_prefs_t prefs;

    must(settings_set(store, "base_url", "https://t.example", pool));
    told(EVENT_FIRST_OPEN, mail, STORE_NULL, "all", NOON);
    is_int(claim("all", NOON), APR_SUCCESS, "claimed");
    is_str(item.wording->title, "Opened: Offer", "and worded");
    ok(item.wording->link && strstr(item.wording->link, "https://t.example/"),
       "with a link");
    first = item.delivery;
    is_int(claim("all", NOON), APR_NOTFOUND, "by one alone");
    must(outbox_sent(store, first, plan->owner, NOON));

    notifications_default(&prefs);
    prefs.quiet_from = 12 * 60;
    prefs.quiet_to = 14 * 60;
    prefs.quiet_tz = "UTC";
    told(EVENT_FIRST_OPEN, mail, STORE_NULL, "all", NOON - HOUR);
    must(notifications_set(store, user, &prefs));
    is_int(claim("all", NOON), APR_NOTFOUND, "tried again in quiet hours");
    is_str(waiting(NOON), "all@120", "it waits");
    is_int(claim("all", NOON + 2 * HOUR), APR_SUCCESS, "and is sent then");

    prefs.on[0][CHANNEL_WEBHOOK] = 0;
    must(notifications_set(store, user, &prefs));
    told(EVENT_FIRST_OPEN, mail, STORE_NULL, "all", NOON);
    is_int(claim("all", NOON), APR_NOTFOUND, "switched off meanwhile");
    is_str(state_of(), "expired: no longer wanted", "and that is kept");
    must(notifications_set(store, user, &prefs));
    told(EVENT_TEST, STORE_NULL, STORE_NULL, "all", NOON);
    is_int(claim("all", NOON + 2 * DAY), APR_NOTFOUND, "expired");
}

/* -- incidents ------------------------------------------------------------- */

static void add_account(void)
{
    apr_array_header_t *rows = apr_array_make(pool, 1, sizeof(account_row_t));
    account_row_t row = { "acc", "probe@example.org", "smtps://localhost:465",
                          "imaps://localhost:993", "", "", "up", "", 0, 0 };

    APR_ARRAY_PUSH(rows, account_row_t) = row;
    must(accounts_publish(store, rows, NOON - 2 * DAY));
}

static monitor_t *add_monitor(const char *name)
{
    monitor_t *m = apr_pcalloc(pool, sizeof(*m));

    monitors_default(m);
    m->name = name;
    m->recipient = apr_pstrcat(pool, name, "@example.org", NULL);
    m->send_account = m->watch_account = "acc";
    must(monitors_add(store, m, NOON - DAY, pool));
    return m;
}

static apr_int64_t alarm_of(const monitor_t *m, apr_time_t now, int quiet)
{
    incident_alarm_t alarm = { INCIDENT_DELIVERY, m, now - MINUTE,
                               STATE_MISSING, "unseen", "", 0, quiet };
    apr_int64_t id = 0;

    must(store_begin(store));
    must(store_end(store, incidents_raise(store, &alarm, now, pool)));
    must(store_get_int(store, &id, "SELECT max(id) FROM incidents", NULL));
    return id;
}

static void recover(const monitor_t *m, apr_time_t now)
{
    must(store_begin(store));
    must(store_end(store, incidents_recover(store, INCIDENT_DELIVERY, m, 0,
                                            now, pool)));
}

static const char *dispatched(apr_time_t now)
{
    int more;

    must(plan_dispatch(&more, store, plan, now, pool));
    return waiting(now);
}

static void test_incidents(void)
{
    monitor_t *one = add_monitor("one"), *two = add_monitor("two");
    apr_int64_t id;
    const char *text;

    clear_outbox();
    must(monitors_channel_set(store, one->id, "alerts", 0));
    alarm_of(one, NOON, 0);
    is_str(dispatched(NOON), "all@0", "a monitor's toggle");
    is_int(claim("all", NOON), APR_SUCCESS, "claimed");
    is_str(item.wording->title, "Mail is missing: one", "worded");
    must(outbox_sent(store, item.delivery, plan->owner, NOON));
    alarm_of(two, NOON + MINUTE, 0);
    text = dispatched(NOON + MINUTE);
    is_str(text, "alerts@0", "one that joins is told to who heard nothing");
    recover(one, NOON + 2 * MINUTE);
    recover(two, NOON + 2 * MINUTE);
    text = dispatched(NOON + 2 * MINUTE);
    is_str(text, "alerts@-1 alerts@0 all@0", "recovery to who was told");
    is_int(claim("alerts", NOON + 2 * MINUTE), APR_SUCCESS, "claimed");
    is_str(item.facts.event, EVENT_RECOVERED, "the alarm is superseded");
    is_int(claim("all", NOON + 2 * MINUTE), APR_SUCCESS, "claimed");
    is_str(item.facts.event, EVENT_RECOVERED, "recovery");
    must(outbox_sent(store, item.delivery, plan->owner, NOON));

    clear_outbox();
    id = alarm_of(one, NOON + HOUR, 0);
    is_str(dispatched(NOON + HOUR), "all@0", "again");
    must(store_exec(store, NULL, "UPDATE incidents SET closed_at = 1"
                    " WHERE id = ?", "i", id));
    is_int(claim("all", NOON + HOUR), APR_NOTFOUND, "over meanwhile");
    is_str(state_of(), "expired: over before it could be said", "and kept");

    clear_outbox();
    must(store_exec(store, NULL, "UPDATE incidents SET closed_at = NULL,"
                    " muted = 1 WHERE id = ?", "i", id));
    put(EVENT_REPEAT, STORE_NULL, id, NULL, NOON + HOUR);
    is_str(dispatched(NOON + HOUR), "all@0", "a repeat");
    is_int(claim("all", NOON + HOUR), APR_NOTFOUND, "muted meanwhile");
    is_str(state_of(), "expired: muted", "and kept");
    must(store_exec(store, NULL, "DELETE FROM incident_monitors", NULL));
    clear_outbox();
    must(store_exec(store, NULL, "DELETE FROM incidents", NULL));
    alarm_of(one, NOON + 2 * HOUR, 1);
    is_str(dispatched(NOON + 2 * HOUR), "", "quiet: nobody is told");
}

/* A channel that is dead is told by the others, never by itself. */
static void test_dead_channel(void)
{
    clear_outbox();
    must(store_exec(store, NULL, "DELETE FROM incident_monitors", NULL));
    must(store_exec(store, NULL, "DELETE FROM incidents", NULL));
    must(store_exec(store, NULL, "UPDATE channels SET failing_since = ?,"
                    " last_error = 'HTTP 500' WHERE name = 'all'", "i",
                    NOON - 2 * HOUR));
    must(plan_chores(store, plan, NOON, pool));
    is_str(dispatched(NOON + MINUTE), "alerts@0", "the other is told");
    is_int(claim("alerts", NOON + MINUTE), APR_SUCCESS, "claimed");
    is_str(item.wording->title, "Channel all does not deliver", "title");
    is_str(item.wording->lead, "HTTP 500", "reason");
    must(outbox_sent(store, item.delivery, plan->owner, NOON));
    must(store_exec(store, NULL, "UPDATE channels SET failing_since = NULL",
                    NULL));
    must(plan_chores(store, plan, NOON + HOUR, pool));
    ok(strstr(dispatched(NOON + HOUR + MINUTE), "alerts@") != NULL,
       "and that it is over");
}

/* -- follow-ups ------------------------------------------------------------ */

static int follow(apr_time_t now)
{
    const char *domain;
    int held;

    must(follow_up_run(&held, &domain, store, plan, now, pool));
    return held;
}

static apr_int64_t asked(apr_int64_t mail)
{
    apr_int64_t count = 0;

    must(store_get_int(store, &count, "SELECT count(*) FROM outbox WHERE"
                       " event = 'follow_up' AND track_id = ?", "i", mail));
    return count;
}

static void route_is(const char *state, apr_time_t at)
{
    static monitor_t *m;

    if (!m)
        m = add_monitor("route");
    m->state = state;
    m->state_since = m->decided_to = m->last_probe_at = at;
    m->detail = "";
    must(store_begin(store));
    must(store_end(store, monitors_note(store, m, STORE_NULL, at)));
    must(store_exec(store, NULL, "INSERT INTO probes (monitor_id, token,"
                    " due_at, decided_at, outcome) VALUES (?, ?, ?, ?, ?)",
                    "itiit", m->id, apr_psprintf(pool, "%032d", ++number), at,
                    at, state));
}

static void test_follow_ups(void)
{
    apr_int64_t old, fresh, muted, held, late;
    int more;

    clear_outbox();
    must(store_exec(store, NULL, "DELETE FROM tracked_emails WHERE id > 0"
                    " AND NOT EXISTS (SELECT 1 FROM email_recipients e WHERE"
                    " e.track_id = tracked_emails.id)", NULL));
    old = add_mail("old@quiet.example", NOON - 10 * DAY, STORE_NULL);
    follow(NOON);
    follow(NOON + 5 * DAY);
    is_int(asked(old), 0, "a mail from before they were switched on");
    fresh = add_mail("new@quiet.example", NOON + HOUR, STORE_NULL);
    muted = add_mail("shy@quiet.example", NOON + HOUR, STORE_NULL);
    add_recipient(muted, "shy@quiet.example", "quiet.example", 1);
    held = add_mail("box@example.org", NOON + HOUR, STORE_NULL);
    add_recipient(held, "box@example.org", "example.org", 0);
    late = add_mail("late@example.org", NOON + HOUR, STORE_NULL);
    add_recipient(late, "late@example.org", "example.org", 0);
    follow(NOON + 2 * DAY);
    is_int(asked(fresh), 0, "too early");
    route_is(STATE_MISSING, NOON + 3 * DAY);
    is_int(follow(NOON + 3 * DAY + 61 * MINUTE), 2, "two are held");
    is_int(asked(fresh), 1, "due");
    is_int(asked(muted), 0, "muted");
    is_int(asked(held), 0, "held while the route fails");
    follow(NOON + 3 * DAY + 62 * MINUTE);
    is_int(asked(fresh), 1, "once");
    must(store_exec(store, NULL, "UPDATE tracked_emails SET seen = 2"
                    " WHERE id = ?", "i", late));
    route_is(STATE_OK, NOON + 3 * DAY + 2 * HOUR);
    is_int(follow(NOON + 3 * DAY + 2 * HOUR + MINUTE), 0, "nothing is held");
    is_int(asked(held), 1, "sent when the route works again");
    is_int(asked(late), 0, "not of one that was opened meanwhile");

    put(EVENT_TEST, STORE_NULL, STORE_NULL, "opens", NOON + 4 * DAY);
    must(store_exec(store, NULL, "UPDATE outbox SET channel = 'all' WHERE"
                    " track_id = ?", "i", held));
    must(plan_dispatch(&more, store, plan, NOON + 3 * DAY + 3 * HOUR, pool));
    clear_outbox();
    told(EVENT_FOLLOW_UP, held, STORE_NULL, "all",
         NOON + 3 * DAY + 2 * HOUR + MINUTE);
    is_int(claim("all", NOON + 3 * DAY + 2 * HOUR + MINUTE), APR_NOTFOUND,
           "follow-ups are off by default");
}

static void test_follow_up_words(void)
{
    apr_int64_t user = add_user(), mail;
    apr_time_t now = NOON + 3 * DAY + 2 * HOUR + MINUTE;
    notify_prefs_t prefs;

    notifications_default(&prefs);
    prefs.on[3][CHANNEL_WEBHOOK] = 1;
    must(notifications_set(store, user, &prefs));
    mail = add_mail("box@example.org", NOON + HOUR, user);
    is_str(told(EVENT_FOLLOW_UP, mail, STORE_NULL, NULL, now), "all@0",
           "who wants follow-ups");
    is_int(claim("all", now), APR_SUCCESS, "claimed");
    is_str(item.facts.domain, "example.org", "its domain");
    ok(strstr(item.wording->text, "Route: example.org: ok") != NULL,
       "the route as it is now");
    ok(strstr(item.wording->text, "Held back: since Tue 24 Nov, 13:00 UTC")
       != NULL, "and that it was held: %s", item.wording->text);
}

static void test_given_up(void)
{
    apr_time_t now = NOON + 40 * DAY;
    apr_int64_t mail = add_mail("x@y.example", now - 20 * DAY, STORE_NULL);
    apr_int64_t mark = 0, off;

    follow(now);
    is_int(asked(mail), 0, "14 days after it was due nobody is asked");
    must(store_get_int(store, &mark, "SELECT count(*) FROM tracked_emails"
                       " WHERE id = ? AND followed_up_at IS NOT NULL", "i",
                       mail));
    is_int(mark, 1, "and it is marked");
    plan->follow_up_after = 0;
    follow(now);
    off = add_mail("x@y.example", now + DAY, STORE_NULL);
    plan->follow_up_after = 3 * DAY;
    follow(now + 5 * DAY);
    is_int(asked(off), 0, "nor of a mail made while they were off");
}

int main(void)
{
    store = fixture_start();
    pool = fixture_pool;
    configuration.time_zone = "UTC";
    configuration.follow_up_after = 3 * DAY;
    configuration.channels = apr_array_make(pool, 3, sizeof(channel_t *));
    add_channel("all", CHANNEL_WEBHOOK, "opens follow_ups alerts");
    add_channel("opens", CHANNEL_NTFY, "opens");
    add_channel("alerts", CHANNEL_WEBHOOK, "alerts");
    make_plan(NOON - 2 * DAY);
    add_account();
    test_quiet();
    test_backoff();
    test_opens();
    test_claims();
    test_incidents();
    test_dead_channel();
    test_follow_ups();
    test_follow_up_words();
    test_given_up();
    return done_testing();
}
