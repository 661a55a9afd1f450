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

/* What the vectors cannot say: context, method, headers, edges of time. A
 * reader with a browser, ten minutes after sending, is where each begins. */
static const classify_facts_t reader = {
    .method = "GET", .address = "192.0.2.44", .user_agent = SAFARI,
    .sent_known = 1, .seconds_since_sent = 600
};

static void shipped_context(void)
{
    classify_facts_t g;
    const verdict_t *v = judged(shipped, &reader);

    ok(strcmp(v->rule, "default") == 0 && v->verdict == VERDICT_HUMAN
       && v->counts == COUNTS_OPEN && strcmp(v->confidence, "medium") == 0
       && strcmp(v->vendor, "") == 0 && *v->meaning,
       "a person by default, an open");

    g = reader; g.context = CLASSIFY_BEFORE_SENT;
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

}

static void shipped_request(void)
{
    classify_header_t header = { "sec-purpose", "Prefetch;anonymous" };
    classify_facts_t g = reader;

    g.method = "HEAD";
    rule_is(shipped, &g, "head-request", "HEAD");
    g.method = "head";
    rule_is(shipped, &g, "head-request", "head");
    g.method = "HEADER";
    rule_is(shipped, &g, "default", "HEADER is another method");
    g.method = NULL;
    rule_is(shipped, &g, "default", "no method");

    g = reader; g.headers = &header; g.header_count = 1;
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

}

static void shipped_times(void)
{
    classify_facts_t g = reader;

    g.address = "66.249.93.84"; g.user_agent = GMAIL;
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

    g = reader; g.seconds_since_sent = 1;
    rule_is(shipped, &g, "instant", "after 1 s");
    g.seconds_since_sent = 2;
    rule_is(shipped, &g, "default", "after 2 s");

    g = reader; g.address = "20.72.100.79"; g.seconds_since_sent = 59;
    rule_is(shipped, &g, "microsoft-azure-at-delivery", "Azure, no referer");
    g.referer = "https://Outlook.office.com/";
    rule_is(shipped, &g, "microsoft-azure-at-delivery", "Azure from Outlook");
    g.referer = " ";
    rule_is(shipped, &g, "microsoft-azure-at-delivery", "a blank referer");
    g.referer = "https://app.example.org/";
    rule_is(shipped, &g, "default", "Azure from another page");
    g.referer = NULL; g.seconds_since_sent = 60;
    rule_is(shipped, &g, "default", "Azure after a minute");

    g = reader; g.address = "205.220.165.9"; g.seconds_since_sent = 3599;
    rule_is(shipped, &g, "proofpoint-net", "Proofpoint within the hour");
    g.seconds_since_sent = 3600;
    rule_is(shipped, &g, "proofpoint-net-late", "Proofpoint after it");

}

static void shipped_networks(void)
{
    classify_facts_t g = reader;

    g.user_agent = "  mozilla/5.0\t";
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

    g = reader; g.address = NULL; g.user_agent = "Mozilla/5.0";
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

static void own_networks(void)
{
    classify_facts_t g = { .address = "10.2.0.1" };
    rules_t *r = made(RULE("r", "net: [ten], not_net: [small]"));

    rule_is(r, &g, "r", "in net and not in not_net");
    g.address = "10.1.0.1";
    rule_is(r, &g, "default", "in net and in not_net");
    g.address = "192.0.2.1";
    rule_is(r, &g, "default", "not in net");
    r = made(RULE("r", "not_net: [ten, small]"));
    rule_is(r, &g, "r", "not_net alone, outside");
    g.address = NULL;
    rule_is(r, &g, "r", "not_net alone, no address");
    g.address = "2001:db8::1";
    rule_is(r, &g, "default", "not_net alone, in its second network");
    r = made(RULE("r", "net: [ten, small]"));
    rule_is(r, &g, "r", "net is a list of which any is enough");

}

static void own_user_agents(void)
{
    classify_facts_t g = { 0 };
    rules_t *r;

    r = made(RULE("r", "ua_contains: [Bot, crawl], ua_not_contains: "
                  "[cuBot, phone]"));
    g.user_agent = "GoodBOT/1";
    rule_is(r, &g, "r", "ua_contains without what must not be there");
    g.user_agent = "Cubot Note";
    rule_is(r, &g, "default", "ua_not_contains, first item");
    g.user_agent = "phone crawler";
    rule_is(r, &g, "default", "ua_not_contains, second item");
    g.user_agent = NULL;
    rule_is(r, &g, "default", "ua_contains, no user agent");
    r = made(RULE("r", "ua_not_contains: [x]"));
    rule_is(r, &g, "r", "ua_not_contains alone, no user agent");
    r = made(RULE("r", "ua_contains_all: [one, two]"));
    g.user_agent = "TWO and One";
    rule_is(r, &g, "r", "ua_contains_all: both");
    g.user_agent = "two and three";
    rule_is(r, &g, "default", "ua_contains_all: one of two");
    r = made(RULE("r", "ua_prefix: [Curl, wget/]"));
    g.user_agent = " cURL/8";
    rule_is(r, &g, "r", "ua_prefix after blanks, any case");
    g.user_agent = "libcurl";
    rule_is(r, &g, "default", "ua_prefix is not contains");
    g.user_agent = "wge";
    rule_is(r, &g, "default", "ua_prefix longer than the user agent");
    r = made(RULE("r", "ua_equals: [Exact, \"\"]"));
    g.user_agent = "eXACT";
    rule_is(r, &g, "r", "ua_equals");
    g.user_agent = "exact.";
    rule_is(r, &g, "default", "ua_equals is the whole");
    g.user_agent = "";
    rule_is(r, &g, "r", "ua_equals \"\"");

}

static void own_rest(void)
{
    classify_facts_t g = { .method = "GET" };
    classify_header_t headers[2] = { { "a", "x" }, { "b", "two" } };
    rules_t *r;

    r = made(RULE("r", "header_contains: {A: [one], b: [two, three]}, "
                  "method: [POST, get]"));
    g.headers = headers; g.header_count = 2;
    rule_is(r, &g, "r", "any header is enough");
    g.method = "PUT";
    rule_is(r, &g, "default", "keys are joined by and");
    g.method = "POST"; g.header_count = 1;
    rule_is(r, &g, "default", "no header holds its text");
    r = made(RULE("r", "context: [before_sent, burst]"));
    g.context = CLASSIFY_SENDER_SESSION;
    rule_is(r, &g, "default", "another context");
    g.context = CLASSIFY_SENDER_SESSION | CLASSIFY_BURST;
    rule_is(r, &g, "r", "one of the contexts");

}

static void own_long_text(void)
{
    classify_facts_t g = { 0 };
    rules_t *r;
    char *big;

    r = made(RULE("first", "ua_contains: [a]")
             RULE("second", "ua_contains: [a, b]"));
    g.user_agent = "ab";
    rule_is(r, &g, "first", "the first that holds decides");
    g.user_agent = "b";
    rule_is(r, &g, "second", "else the next");

    big = apr_palloc(pool, CLASSIFY_TEXT_MAX + 100);
    memset(big, 'z', CLASSIFY_TEXT_MAX + 99);
    big[CLASSIFY_TEXT_MAX + 99] = '\0';
    g.user_agent = big;
    rule_is(r, &g, "default", "a very long user agent");
    memcpy(big + CLASSIFY_TEXT_MAX - 1, "b", 1);
    rule_is(r, &g, "second", "found at the last byte looked at");
    memcpy(big + CLASSIFY_TEXT_MAX - 1, "zb", 2);
    rule_is(r, &g, "default", "not found past it");
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
    shipped_context();
    shipped_request();
    shipped_times();
    shipped_networks();
    own_networks();
    own_user_agents();
    own_rest();
    own_long_text();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
