/* SPDX-License-Identifier: MIT */
/*
 * Events in words: each kind, with friendly facts and with hostile ones; times
 * and spans; strangers' text made plain.
 */
#include <apr_general.h>
#include <apr_strings.h>

#include "plain.h"
#include "tap.h"
#include "utf8.h"
#include "wording.h"

#define MINUTE ((apr_int64_t)60 * APR_USEC_PER_SEC)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
/* 2026-11-21T04:12:51Z, a Saturday */
#define NOW    ((apr_int64_t)1795234371 * APR_USEC_PER_SEC)

static apr_pool_t *pool;
static wording_facts_t facts;
static outbox_mail_t mail;
static incident_t incident;
static apr_array_header_t *members;

static void has(const char *text, const char *part, const char *name)
{
    if (!ok(strstr(text, part) != NULL, "%s", name))
        printf("#   '%s' is not in:\n#   %s\n", part, text);
}

static void lacks(const char *text, const char *part, const char *name)
{
    if (!ok(strstr(text, part) == NULL, "%s", name))
        printf("#   '%s' is in:\n#   %s\n", part, text);
}

static void start(const char *event)
{
    memset(&facts, 0, sizeof(facts));
    memset(&mail, 0, sizeof(mail));
    memset(&incident, 0, sizeof(incident));
    facts.event = event;
    facts.key = apr_pstrcat(pool, event, ":1", NULL);
    facts.now = NOW;
    facts.created_at = NOW;
    facts.zone.name = "UTC";
    facts.base_url = "https://mail.example.org/mt";
    facts.channel = "phone";
    facts.held_since = STORE_NULL;
}

static wording_t *of_mail(const char *event)
{
    start(event);
    mail.public_id = "11111111-2222-3333-4444-555555555555";
    mail.recipient = "ann@example.org";
    mail.subject = "Offer";
    mail.created_at = NOW - 2 * HOUR - 5 * MINUTE;
    mail.created_by = STORE_NULL;
    mail.owner_name = "Bea";
    mail.real_open_count = 3;
    mail.opened_at = NOW - MINUTE;
    mail.country = "DE";
    mail.city = "Berlin";
    mail.verdict = "human";
    facts.mail = &mail;
    return wording_make(&facts, pool);
}

static incident_member_t *add(const char *name, const char *state)
{
    incident_member_t *m = apr_array_push(members);

    memset(m, 0, sizeof(*m));
    m->monitor_public_id = "m";
    m->monitor_name = name;
    m->recipient = "probe@example.org";
    m->failing_since = NOW - 16 * MINUTE;
    m->state = state;
    m->detail = "accepted as 4F2B1, then unseen";
    m->last_hop = "mx.example.org";
    m->last_ok_at = NOW - HOUR;
    m->recovered_at = STORE_NULL;
    return m;
}

static void incident_of(const char *event, const char *kind)
{
    start(event);
    incident.public_id = "99999999-2222-3333-4444-555555555555";
    incident.kind = kind;
    incident.subject = "";
    incident.title = "Drain stalled";
    incident.detail = "nothing was drained for 5 min";
    incident.opened_at = NOW - 16 * MINUTE;
    incident.closed_at = STORE_NULL;
    incident.acked_at = STORE_NULL;
    facts.incident = &incident;
    members = apr_array_make(pool, 2, sizeof(incident_member_t));
    facts.members = members;
}

/* -- times ----------------------------------------------------------------- */

static void test_moment(void)
{
    moment_zone_t zone = { NULL, "Europe/Berlin" };
    zone_t *berlin = NULL;
    moment_zone_t utc = { NULL, "UTC" };
    static const struct { apr_int64_t us; const char *words; } spans[] = {
        { -5, "under a minute" }, { 59999999, "under a minute" },
        { MINUTE, "1 min" }, { 59 * MINUTE, "59 min" }, { HOUR, "1 h" },
        { HOUR + 5 * MINUTE, "1 h 5 min" }, { 47 * HOUR, "47 h" },
        { 2 * DAY, "2 d" }, { 3 * DAY + 4 * HOUR, "3 d 4 h" }
    };
    apr_size_t i;

    for (i = 0; i < sizeof(spans) / sizeof(*spans); i++)
        is_str(moment_span(spans[i].us, pool), spans[i].words, "%s",
               spans[i].words);
    is_str(moment_iso(NOW, pool), "2026-11-21T04:12:51Z", "ISO");
    is_str(moment_iso(0, pool), "1970-01-01T00:00:00Z", "the epoch");
    is_str(moment_iso(-1, pool), "1969-12-31T23:59:59Z", "before it");
    is_str(moment_iso(apr_time_from_sec(951827696), pool),
           "2000-02-29T12:34:56Z", "a leap day");
    is_str(moment_iso(apr_time_from_sec(4107542399), pool),
           "2100-02-28T23:59:59Z", "no leap day in 2100");
    is_str(moment_local(NOW, NOW, &utc, pool), "Sat 21 Nov, 04:12 UTC",
           "a time of this year");
    ok(!zone_load(&berlin, "Europe/Berlin", ZONE_DIR, pool), "a zone");
    zone.zone = berlin;
    is_str(moment_local(NOW, NOW, &zone, pool),
           "Sat 21 Nov, 05:12 Europe/Berlin", "winter");
    is_str(moment_local(NOW - 150 * DAY, NOW, &zone, pool),
           "Wed 24 Jun, 06:12 Europe/Berlin", "summer");
    is_str(moment_local(NOW - 365 * DAY, NOW, &zone, pool),
           "Fri 21 Nov 2025, 05:12 Europe/Berlin", "last year");
}

/* -- plain ----------------------------------------------------------------- */

static void test_plain(void)
{
    char *long_text = apr_palloc(pool, 3001);
    const char *out;

    is_str(plain_line(NULL, 10, pool), "", "nothing");
    is_str(plain_line(" a\r\n\tb\0" , 10, pool), "a b", "one line");
    is_str(plain_line("a\x7f\xc2\x85""b\xe2\x80\xa8""c", 10, pool), "a b c",
           "every kind of line end");
    is_str(plain_line("x\xe2\x80\xaegpj.exe", 20, pool), "xgpj.exe",
           "nothing is turned around");
    is_str(plain_line("e\xe2\x80\x8bv\xef\xbb\xbfil", 20, pool), "evil",
           "nothing is hidden");
    is_str(plain_line("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xa7", 9, pool),
           "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xa7", "emoji stay whole");
    is_str(plain_line("a\xff\xc3", 9, pool), "a\xef\xbf\xbd\xef\xbf\xbd",
           "no UTF-8");
    is_str(plain_line("abcdef", 6, pool), "abcdef", "as long as may be");
    is_str(plain_line("abcdefg", 6, pool), "abcde\xe2\x80\xa6", "cut");
    is_str(plain_cut("\xc3\xa4\xc3\xa4\xc3\xa4", 2, pool),
           "\xc3\xa4\xe2\x80\xa6", "cut at a character");
    is_str(plain_cut("ab", 0, pool), "", "cut to nothing");
    is_str(plain_cut_bytes("\xc3\xa4\xc3\xa4\xc3\xa4", 5, pool),
           "\xc3\xa4\xe2\x80\xa6", "cut by bytes");
    is_str(plain_cut_bytes("\xc3\xa4\xc3\xa4", 4, pool), "\xc3\xa4\xc3\xa4",
           "not cut");
    is_str(plain_html("<a href=\"x\">'&", pool),
           "&lt;a href=&quot;x&quot;&gt;&#39;&amp;", "HTML");
    is_str(plain_header("Opened: plain text", pool), "Opened: plain text",
           "ASCII is a header");
    is_str(plain_header("a =?UTF-8?B?eA==?=", pool),
           "=?UTF-8?B?YSA9P1VURi04P0I/ZUE9PT89?=",
           "what looks encoded is encoded");
    is_str(plain_header("\xc3\xa4\r\nX: y", pool),
           "=?UTF-8?B?w6QNClg6IHk=?=", "no second header");
    memset(long_text, 'a', 3000);
    memcpy(long_text + 43, "\xc3\xa4\xc3\xa4", 4);
    long_text[3000] = '\0';
    out = plain_header(long_text, pool);
    ok(strcspn(out, " ") <= 75, "an encoded word has 75 characters at most");
    ok(!strchr(out, '\n'), "and stays in its line");
}

/* -- mails ----------------------------------------------------------------- */

static void test_opens(void)
{
    wording_t *w = of_mail(EVENT_FIRST_OPEN);

    is_str(w->title, "Opened: Offer", "title of a first open");
    is_str(w->lead, "ann@example.org opened this for the first time.",
           "lead");
    is_str(w->text, "ann@example.org opened this for the first time.\n\n"
           "Opened: Sat 21 Nov, 04:11 UTC\nWhere: Berlin, DE\n"
           "Opens so far: 3\nTo: ann@example.org\nSubject: Offer\n"
           "Sent: Sat 21 Nov, 02:07 UTC (2 h 5 min ago)\nBy: Bea\n\n"
           "https://mail.example.org/mt/mail?id=11111111-2222-3333-4444-"
           "555555555555\n", "text");
    is_str(w->thread, "mail-11111111-2222-3333-4444-555555555555", "thread");
    is_str(of_mail(EVENT_HOT)->title, "Hot: Offer", "hot");
    is_str(of_mail(EVENT_REVIVED)->title, "Opened again: Offer", "revived");
    of_mail(EVENT_FIRST_OPEN);
    mail.recipient = "a@x.example, b@x.example";
    mail.verdict = "proxied";
    mail.subject = "";
    facts.base_url = NULL;
    w = wording_make(&facts, pool);
    has(w->lead, "Someone of a@x.example, b@x.example opened", "a group");
    has(w->text, "image proxy", "a proxy is named");
    lacks(w->text, "Berlin", "its place is not the reader's");
    is_str(w->title, "Opened: (no subject)", "no subject");
    ok(w->link == NULL, "no link without a base URL");
}

static void test_follow_up(void)
{
    route_state_t now = { "ok", "m", "", 0, NOW - 2 * MINUTE };
    route_state_t then = { STATE_MISSING, "m", "", 0, NOW - 3 * DAY };
    wording_t *w;

    of_mail(EVENT_FOLLOW_UP);
    mail.created_at = NOW - 3 * DAY - 4 * HOUR;
    mail.opened_at = STORE_NULL;
    mail.real_open_count = 0;
    facts.domain = "example.org";
    w = wording_make(&facts, pool);
    is_str(w->title, "No open seen: Offer", "title of a follow-up");
    has(w->lead, "in the 3 d 4 h since", "how long");
    has(w->text, "Route: example.org: unknown", "route unknown");
    lacks(w->text, "Held back", "not held");
    facts.route = &now;
    facts.route_then = &then;
    facts.held_since = NOW - HOUR;
    w = wording_make(&facts, pool);
    has(w->text, "Route: example.org: ok, last looked at 2 min ago",
        "the route now");
    has(w->text, "When it was sent: the route was failing (missing)",
        "the route then");
    has(w->text, "Held back: since Sat 21 Nov, 03:12 UTC", "it was held");
    lacks(w->text, "unread", "nothing is called unread");
}

/* Nothing a stranger wrote gets out of its place. */
static void test_hostile(void)
{
    char *huge = apr_palloc(pool, 200001);
    wording_t *w;

    of_mail(EVENT_FIRST_OPEN);
    mail.subject = "<script>alert(1)</script>\r\nBcc: evil@x\n\n@everyone";
    mail.recipient = "\"<img src=x onerror=y>\"@x.example\r\nX: y";
    mail.city = "a\nRoute: fine";
    mail.country = NULL;
    mail.owner_name = "</p>";
    w = wording_make(&facts, pool);
    lacks(w->html, "<script", "no script");
    lacks(w->html, "<img", "no image");
    has(w->html, "&lt;script&gt;alert(1)", "but its text");
    has(w->html, "<p style=\"margin:2px 0\"><span style=\"opacity:.7\">By:"
        "</span> &lt;/p&gt;</p>", "a name that would end the paragraph");
    lacks(w->title, "\n", "the title is one line");
    lacks(w->text, "\nRoute: fine", "no line of its own");
    lacks(w->text, "\nBcc", "no header");
    memset(huge, 'x', 200000);
    huge[200000] = '\0';
    mail.subject = mail.recipient = mail.city = mail.owner_name = huge;
    w = wording_make(&facts, pool);
    ok(utf8_length(w->title) <= WORDING_TITLE, "a bounded title");
    ok(strlen(w->text) < 2000, "a bounded text");
    ok(utf8_valid(w->html, strlen(w->html)), "valid UTF-8");
}

/* -- incidents ------------------------------------------------------------- */

static void test_alarm(void)
{
    wording_t *w;

    incident_of(EVENT_ALARM, INCIDENT_DELIVERY);
    add("Gmail", STATE_MISSING);
    w = wording_make(&facts, pool);
    is_str(w->title, "Mail is missing: Gmail", "one monitor");
    is_str(w->text, "Mail to probe@example.org does not arrive. Since Sat 21"
           " Nov, 03:56 UTC (16 min).\n\nGmail: missing\n"
           "To: probe@example.org\n"
           "Stopped: accepted as 4F2B1, then unseen\n"
           "Last seen at: mx.example.org\n"
           "Since: Sat 21 Nov, 03:56 UTC (16 min)\n"
           "Last good: Sat 21 Nov, 03:12 UTC\n\n"
           "https://mail.example.org/mt/alerts?id=99999999-2222-3333-4444-"
           "555555555555\n", "where it stopped, since when, last good, link");
    is_int(w->tone, TONE_BAD, "bad");
    facts.event = EVENT_REPEAT;
    is_str(wording_make(&facts, pool)->title, "Still: Mail is missing: Gmail",
           "again");
    has(wording_make(&facts, pool)->note, "Acknowledge", "how to end it");
    facts.event = EVENT_ALARM;
    add("Posteo", STATE_MISSING)->last_ok_at = STORE_NULL;
    w = wording_make(&facts, pool);
    is_str(w->title, "Mail is missing: 2 monitors", "two of one state");
    has(w->text, "Last good: never", "never seen");
    add("Fastmail", STATE_BOUNCED);
    is_str(wording_make(&facts, pool)->title, "Mail is failing: 3 monitors",
           "of several states");
}

static void test_recovery(void)
{
    incident_member_t *m;
    wording_t *w;

    incident_of(EVENT_RECOVERED, INCIDENT_DELIVERY);
    m = add("Gmail", STATE_MISSING);
    m->recovered_at = NOW - MINUTE;
    add("Posteo", STATE_BOUNCED);
    w = wording_make(&facts, pool);
    is_str(w->title, "Arrives again: Gmail (1 still failing)", "one of two");
    is_int(w->tone, TONE_WARN, "not over");
    has(w->text, "Gmail: works again\nFailed: Sat 21 Nov, 03:56 UTC, for "
        "15 min", "who recovered");
    ok(strstr(w->text, "Posteo: bounced") < strstr(w->text, "Gmail: works"),
       "who fails comes first");
    m = &APR_ARRAY_IDX(members, 1, incident_member_t);
    m->recovered_at = NOW;
    incident.closed_at = NOW;
    w = wording_make(&facts, pool);
    is_str(w->title, "Arrives again: 2 monitors", "all");
    is_str(w->lead, "It is over. It took 16 min.", "how long");
    is_int(w->tone, TONE_GOOD, "good");
}

/* Paused or deleted is not mended; muted is not spoken of. */
static void test_left_and_quiet(void)
{
    incident_member_t *m;
    wording_t *w;

    incident_of(EVENT_RECOVERED, INCIDENT_DELIVERY);
    m = add("Gmail", INCIDENT_LEFT);
    m->recovered_at = NOW;
    w = wording_make(&facts, pool);
    is_str(w->title, "No longer watched: Gmail", "paused");
    has(w->text, "\nGmail: no longer watched\n", "in its line, too");
    is_int(w->tone, TONE_NEWS, "neither good nor bad");
    add("Posteo", STATE_MISSING)->recovered_at = NOW;
    is_str(wording_make(&facts, pool)->title, "Arrives again: 2 monitors",
           "one of two was mended");
    incident_of(EVENT_ALARM, INCIDENT_DELIVERY);
    add("Gmail", STATE_MISSING);
    add("Secret", STATE_BOUNCED)->quiet = 1;
    w = wording_make(&facts, pool);
    is_str(w->title, "Mail is missing: Gmail", "one is to be told of");
    lacks(w->text, "Secret", "the muted one is not");
}

static void test_other_kinds(void)
{
    wording_t *w;
    int i;

    incident_of(EVENT_ALARM, INCIDENT_AUTH);
    add("Gmail", STATE_OK);
    is_str(wording_make(&facts, pool)->title, "Authentication fails: Gmail",
           "authentication");
    incident_of(EVENT_ALARM, INCIDENT_CERTIFICATE);
    add("Gmail", STATE_OK);
    w = wording_make(&facts, pool);
    is_str(w->title, "Certificate ends soon: Gmail", "certificate");
    is_int(w->tone, TONE_WARN, "a warning");
    incident_of(EVENT_ALARM, INCIDENT_HOUSE);
    w = wording_make(&facts, pool);
    is_str(w->title, "Drain stalled", "the house");
    is_str(w->lead, "nothing was drained for 5 min", "in its words");
    facts.event = EVENT_RECOVERED;
    incident.closed_at = NOW;
    is_str(wording_make(&facts, pool)->title, "Over: Drain stalled", "over");
    start(EVENT_TEST);
    w = wording_make(&facts, pool);
    is_str(w->title, "Mailtrack: a test", "a test");
    has(w->text, "Channel: phone", "says of which channel");
    is_str(w->thread, "test-test-1", "an identifier for a header");
    incident_of(EVENT_ALARM, INCIDENT_DELIVERY);
    for (i = 0; i < 500; i++)
        add(apr_psprintf(pool, "m%d", i), STATE_MISSING);
    w = wording_make(&facts, pool);
    is_str(w->title, "Mail is missing: 500 monitors", "many");
    has(w->text, "\nand 480 more\n", "are counted, not listed");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_moment();
    test_plain();
    test_opens();
    test_follow_up();
    test_hostile();
    test_alarm();
    test_recovery();
    test_left_and_quiet();
    test_other_kinds();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
