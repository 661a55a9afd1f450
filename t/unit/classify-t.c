/* SPDX-License-Identifier: MIT */
/*
 * classify: the shipped rules against t/data/vectors.csv (hits seen or
 * published, with the verdict expected), and every condition by itself.
 */
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "classify.h"
#include "tap.h"

#define SAFARI "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " \
    "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15"
#define GMAIL "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 " \
    "(via ggpht.com GoogleImageProxy)"

static apr_pool_t *pool;
static rules_t *shipped;
static classify_memo_t *memo;

static const char *in_source(const char *path)
{
    const char *dir = getenv("srcdir");

    return apr_pstrcat(pool, dir ? dir : ".", "/", path, NULL);
}

/* One field of a CSV line (RFC 4180), cut off in place. */
static char *field(char **line)
{
    char *start = *line, *to = start, *from = start;
    int quoted = *from == '"';

    from += quoted;
    while (*from && *from != '\n' && (quoted || *from != ',')) {
        if (quoted && *from == '"') {
            if (from[1] != '"') {
                quoted = 0;
                from++;
                continue;
            }
            from++;
        }
        *to++ = *from++;
    }
    *line = *from ? from + 1 : from;
    *to = '\0';
    return start;
}

/* The verdict without memo; it must be the same with one, twice, and with
 * the networks by name in place of the address. */
static const verdict_t *judged(const rules_t *rules,
                               const classify_facts_t *facts)
{
    const verdict_t *plain = classify(rules, facts, NULL);
    classify_facts_t named = *facts;
    int i;

    for (i = 0; i < 2; i++) {
        if (classify(rules, facts, memo) != plain) {
            ok(0, "the memo changes nothing (rule %s)", plain->rule);
        }
    }
    if (!named.networks) {
        rules_networks(&named.networks, rules, facts->address, pool);
        named.address = "0.0.0.0";
        for (i = 0; i < 2; i++) {
            if (classify(rules, &named, i ? memo : NULL) != plain) {
                ok(0, "names of networks say as much as the address "
                   "(rule %s)", plain->rule);
            }
        }
    }
    return plain;
}

static void vectors(void)
{
    FILE *file = fopen(in_source("t/data/vectors.csv"), "r");
    char text[4096], *line;
    int n = 0;

    if (!ok(file != NULL, "t/data/vectors.csv is there")) {
        return;
    }
    while (fgets(text, sizeof text, file)) {
        classify_facts_t facts = { .method = "GET", .sent_known = 1 };
        const verdict_t *verdict;
        const char *kind, *vendor;
        verdict_e wanted;

        if (n++ == 0) {
            continue;
        }
        line = text;
        facts.address = field(&line);
        facts.user_agent = field(&line);
        facts.referer = field(&line);
        facts.seconds_since_sent = apr_atoi64(field(&line));
        kind = field(&line);
        vendor = field(&line);
        verdict = judged(shipped, &facts);
        ok(verdict_of(&wanted, kind) == APR_SUCCESS
           && verdict->verdict == wanted
           && strcmp(verdict->vendor, vendor) == 0,
           "line %d: %s %s (%s; got %s %s)", n, kind, vendor, verdict->rule,
           verdict_name(verdict->verdict), verdict->vendor);
    }
    fclose(file);
    is_int(n, 89, "88 vectors and a head");
}

static void rule_is(const rules_t *rules, const classify_facts_t *facts,
                    const char *rule, const char *what)
{
    is_str(judged(rules, facts)->rule, rule, "%s", what);
}

/* What the vectors cannot say: context, method, headers, edges of time. */
static void shipped_conditions(void)
{
    classify_facts_t f = { .method = "GET", .address = "192.0.2.44",
                           .user_agent = SAFARI, .sent_known = 1,
                           .seconds_since_sent = 600 };
    classify_facts_t g;
    classify_header_t header = { "sec-purpose", "Prefetch;anonymous" };
    const verdict_t *v = judged(shipped, &f);

    ok(strcmp(v->rule, "default") == 0 && v->verdict == VERDICT_HUMAN
       && v->counts == COUNTS_OPEN && strcmp(v->confidence, "medium") == 0
       && strcmp(v->vendor, "") == 0 && *v->meaning,
       "a person by default, an open");

    g = f; g.context = CLASSIFY_BEFORE_SENT;
    rule_is(shipped, &g, "before-sent-or-sender", "before it was sent");
    g.context = CLASSIFY_SENDER_SESSION;
    rule_is(shipped, &g, "before-sent-or-sender", "with a session");
    is_int(judged(shipped, &g)->verdict, VERDICT_SELF, "which is the sender");
    g.context = CLASSIFY_SENDER_SESSION | CLASSIFY_BURST;
    rule_is(shipped, &g, "before-sent-or-sender", "a session before a burst");
    g.context = CLASSIFY_BURST;
    rule_is(shipped, &g, "burst", "a burst");
    is_int(judged(shipped, &g)->counts, COUNTS_NONE, "which does not count");
    g.address = "66.249.93.84"; g.user_agent = GMAIL;
    rule_is(shipped, &g, "gmail-proxy-open", "a burst of Gmail is Gmail");

    g = f; g.method = "HEAD";
    rule_is(shipped, &g, "head-request", "HEAD");
    g.method = "head";
    rule_is(shipped, &g, "head-request", "head");
    g.method = "HEADER";
    rule_is(shipped, &g, "default", "HEADER is another method");
    g.method = NULL;
    rule_is(shipped, &g, "default", "no method");

    g = f; g.headers = &header; g.header_count = 1;
    rule_is(shipped, &g, "prefetch-header", "Sec-Purpose: prefetch");
    header.value = "PREVIEW";
    rule_is(shipped, &g, "prefetch-header", "Sec-Purpose: preview");
    header.value = "navigate";
    rule_is(shipped, &g, "default", "Sec-Purpose: another");
    header.value = NULL;
    rule_is(shipped, &g, "default", "Sec-Purpose without a value");
    header.name = "purpose"; header.value = "prerender";
    rule_is(shipped, &g, "prefetch-header", "Purpose: prerender");
    header.name = "x-purpose"; header.value = "preview";
    rule_is(shipped, &g, "prefetch-header", "X-Purpose: preview");
    header.value = "prerender";
    rule_is(shipped, &g, "default", "X-Purpose has no prerender");
    header.name = "x-moz"; header.value = "prefetch";
    rule_is(shipped, &g, "prefetch-header", "X-Moz: prefetch");
    header.name = "accept"; header.value = "prefetch";
    rule_is(shipped, &g, "default", "another header");

    g = f; g.address = "66.249.93.84"; g.user_agent = GMAIL;
    g.seconds_since_sent = 9;
    rule_is(shipped, &g, "gmail-proxy-at-delivery", "Gmail after 9 s");
    g.seconds_since_sent = 10;
    rule_is(shipped, &g, "gmail-proxy-open", "Gmail after 10 s");
    is_int(judged(shipped, &g)->verdict, VERDICT_PROXIED, "kind proxy");
    is_int(judged(shipped, &g)->counts, COUNTS_OPEN, "which is an open");
    g.seconds_since_sent = 0;
    rule_is(shipped, &g, "gmail-proxy-at-delivery", "Gmail at once");
    g.seconds_since_sent = -1;
    rule_is(shipped, &g, "gmail-proxy-open", "before zero is no window");
    g.seconds_since_sent = 5; g.sent_known = 0;
    rule_is(shipped, &g, "gmail-proxy-open", "unknown time is no window");
    g.address = "203.0.113.1";
    rule_is(shipped, &g, "gmail-proxy-ua-spoofed", "not from Google");

    g = f; g.seconds_since_sent = 1;
    rule_is(shipped, &g, "instant", "after 1 s");
    g.seconds_since_sent = 2;
    rule_is(shipped, &g, "default", "after 2 s");

    g = f; g.address = "20.72.100.79"; g.seconds_since_sent = 59;
    rule_is(shipped, &g, "microsoft-azure-at-delivery", "Azure, no referer");
    g.referer = "https://Outlook.office.com/";
    rule_is(shipped, &g, "microsoft-azure-at-delivery", "Azure from Outlook");
    g.referer = " ";
    rule_is(shipped, &g, "microsoft-azure-at-delivery", "a blank referer");
    g.referer = "https://app.example.org/";
    rule_is(shipped, &g, "default", "Azure from another page");
    g.referer = NULL; g.seconds_since_sent = 60;
    rule_is(shipped, &g, "default", "Azure after a minute");

    g = f; g.address = "205.220.165.9"; g.seconds_since_sent = 3599;
    rule_is(shipped, &g, "proofpoint-net", "Proofpoint within the hour");
    g.seconds_since_sent = 3600;
    rule_is(shipped, &g, "proofpoint-net-late", "Proofpoint after it");

    g = f; g.user_agent = "  mozilla/5.0\t";
    rule_is(shipped, &g, "bare-mozilla-elsewhere", "equals is trimmed");
    g.address = "::ffff:172.226.110.22";
    rule_is(shipped, &g, "apple-mpp", "a mapped address of the relay");
    g.address = "2A04:4E41:1A00::5";
    rule_is(shipped, &g, "apple-mpp", "an address in capitals");
    g.user_agent = " \t ";
    rule_is(shipped, &g, "apple-relay-no-ua", "blanks are no user agent");
    g.address = "not an address";
    rule_is(shipped, &g, "empty-ua", "no address, no network");
    g.user_agent = NULL;
    rule_is(shipped, &g, "empty-ua", "NULL is an empty user agent");
    memset(&g, 0, sizeof g);
    rule_is(shipped, &g, "empty-ua", "nothing known at all");

    g = f; g.address = NULL; g.user_agent = "Mozilla/5.0";
    g.networks = "apple_relay_coarse";
    rule_is(shipped, &g, "apple-mpp", "networks by name");
    g.networks = "gone,apple_relay_coarse,,";
    rule_is(shipped, &g, "apple-mpp", "names no longer known are skipped");
    g.networks = "apple_relay";
    rule_is(shipped, &g, "bare-mozilla-elsewhere", "half a name is none");
    g.networks = ""; g.address = "172.226.110.22";
    rule_is(shipped, &g, "bare-mozilla-elsewhere", "names win over address");
}

static rules_t *made(const char *rules)
{
    rules_source_t source = { NULL, 0, "test", NULL };
    const char *error;
    rules_t *out;

    source.text = apr_pstrcat(pool,
        "schema: 1\ndefault: {kind: human, counts: open}\n"
        "networks:\n  ten: {cidr: [10.0.0.0/8]}\n"
        "  small: {cidr: [10.1.0.0/16, \"2001:db8::/32\"]}\nrules:\n",
        rules, NULL);
    source.len = strlen(source.text);
    if (rules_parse(&out, &error, &source, pool) != APR_SUCCESS) {
        ok(0, "rules of a test: %s", error);
        exit(done_testing());
    }
    return out;
}

#define RULE(name, match) "- {name: " name ", kind: bot, counts: none, " \
    "match: {" match "}}\n"

static void own_conditions(void)
{
    classify_facts_t f = { .method = "GET", .address = "10.2.0.1" };
    classify_header_t headers[2] = { { "a", "x" }, { "b", "two" } };
    rules_t *r = made(RULE("r", "net: [ten], not_net: [small]"));
    char *big;

    rule_is(r, &f, "r", "in net and not in not_net");
    f.address = "10.1.0.1";
    rule_is(r, &f, "default", "in net and in not_net");
    f.address = "192.0.2.1";
    rule_is(r, &f, "default", "not in net");
    r = made(RULE("r", "not_net: [ten, small]"));
    rule_is(r, &f, "r", "not_net alone, outside");
    f.address = NULL;
    rule_is(r, &f, "r", "not_net alone, no address");
    f.address = "2001:db8::1";
    rule_is(r, &f, "default", "not_net alone, in its second network");
    r = made(RULE("r", "net: [ten, small]"));
    rule_is(r, &f, "r", "net is a list of which any is enough");

    r = made(RULE("r", "ua_contains: [Bot, crawl], ua_not_contains: "
                  "[cuBot, phone]"));
    f.user_agent = "GoodBOT/1";
    rule_is(r, &f, "r", "ua_contains without what must not be there");
    f.user_agent = "Cubot Note";
    rule_is(r, &f, "default", "ua_not_contains, first item");
    f.user_agent = "phone crawler";
    rule_is(r, &f, "default", "ua_not_contains, second item");
    f.user_agent = NULL;
    rule_is(r, &f, "default", "ua_contains, no user agent");
    r = made(RULE("r", "ua_not_contains: [x]"));
    rule_is(r, &f, "r", "ua_not_contains alone, no user agent");
    r = made(RULE("r", "ua_contains_all: [one, two]"));
    f.user_agent = "TWO and One";
    rule_is(r, &f, "r", "ua_contains_all: both");
    f.user_agent = "two and three";
    rule_is(r, &f, "default", "ua_contains_all: one of two");
    r = made(RULE("r", "ua_prefix: [Curl, wget/]"));
    f.user_agent = " cURL/8";
    rule_is(r, &f, "r", "ua_prefix after blanks, any case");
    f.user_agent = "libcurl";
    rule_is(r, &f, "default", "ua_prefix is not contains");
    f.user_agent = "wge";
    rule_is(r, &f, "default", "ua_prefix longer than the user agent");
    r = made(RULE("r", "ua_equals: [Exact, \"\"]"));
    f.user_agent = "eXACT";
    rule_is(r, &f, "r", "ua_equals");
    f.user_agent = "exact.";
    rule_is(r, &f, "default", "ua_equals is the whole");
    f.user_agent = "";
    rule_is(r, &f, "r", "ua_equals \"\"");

    r = made(RULE("r", "header_contains: {A: [one], b: [two, three]}, "
                  "method: [POST, get]"));
    f.headers = headers; f.header_count = 2;
    rule_is(r, &f, "r", "any header is enough");
    f.method = "PUT";
    rule_is(r, &f, "default", "keys are joined by and");
    f.method = "POST"; f.header_count = 1;
    rule_is(r, &f, "default", "no header holds its text");
    r = made(RULE("r", "context: [before_sent, burst]"));
    f.context = CLASSIFY_SENDER_SESSION;
    rule_is(r, &f, "default", "another context");
    f.context = CLASSIFY_SENDER_SESSION | CLASSIFY_BURST;
    rule_is(r, &f, "r", "one of the contexts");

    r = made(RULE("first", "ua_contains: [a]")
             RULE("second", "ua_contains: [a, b]"));
    f.user_agent = "ab";
    rule_is(r, &f, "first", "the first that holds decides");
    f.user_agent = "b";
    rule_is(r, &f, "second", "else the next");

    big = apr_palloc(pool, CLASSIFY_TEXT_MAX + 100);
    memset(big, 'z', CLASSIFY_TEXT_MAX + 99);
    big[CLASSIFY_TEXT_MAX + 99] = '\0';
    f.user_agent = big;
    rule_is(r, &f, "default", "a very long user agent");
    memcpy(big + CLASSIFY_TEXT_MAX - 1, "b", 1);
    rule_is(r, &f, "second", "found at the last byte looked at");
    memcpy(big + CLASSIFY_TEXT_MAX - 1, "zb", 2);
    rule_is(r, &f, "default", "not found past it");
}

/* 150 rules: more than two words of a set. */
static void many_rules(void)
{
    const char *text = "";
    classify_facts_t f = { 0 };
    rules_t *r;
    int i, wrong = 0;

    for (i = 0; i < RULES_MAX; i++) {
        text = apr_psprintf(pool, "%s- {name: r%d, kind: bot, counts: none, "
                            "match: {ua_equals: [u%d]}}\n", text, i, i);
    }
    r = made(text);
    for (i = 0; i < RULES_MAX; i++) {
        f.user_agent = apr_psprintf(pool, "u%d", i);
        wrong += strcmp(judged(r, &f)->rule,
                        apr_psprintf(pool, "r%d", i)) != 0;
    }
    is_int(wrong, 0, "each of %d rules is found", RULES_MAX);
}

/* Many more texts than the memo holds, of which some come back, and rules
 * changing under it. */
static void memo_bounds(void)
{
    rules_t *one = made(RULE("one", "ua_contains: [\"7\"]"));
    rules_t *two = made(RULE("two", "ua_contains: [\"8\"]"));
    classify_facts_t f = { 0 };
    char text[32], address[32];
    int i, wrong = 0;

    f.user_agent = text;
    f.address = address;
    for (i = 0; i < 30000; i++) {
        const rules_t *r = i / 5000 % 2 ? one : two;

        sprintf(text, "agent %d", i % 4 ? i : i % 64);
        sprintf(address, "10.%d.%d.1", i / 256 % 256, i % 256);
        wrong += classify(r, &f, memo) != classify(r, &f, NULL);
    }
    is_int(wrong, 0, "the memo changes no answer in 30,000 hits");
    f.user_agent = "7";
    f.address = "7";
    is_str(classify(one, &f, memo)->rule, "one", "the same text as user "
           "agent and as address is not confused");
    is_str(classify(one, &f, memo)->rule, "one", "nor the second time");
    f.networks = "7";
    is_str(classify(one, &f, memo)->rule, "one", "nor as names");
    is_str(classify(two, &f, memo)->rule, "default", "other rules start "
           "anew");
}

int main(void)
{
    const char *error;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (!ok(rules_load(&shipped, &error, in_source("conf/classify.yaml"),
                       pool) == APR_SUCCESS, "conf/classify.yaml loads")) {
        printf("# %s\n", error);
        return done_testing();
    }
    classify_memo_create(&memo, pool);
    vectors();
    shipped_conditions();
    own_conditions();
    many_rules();
    memo_bounds();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
