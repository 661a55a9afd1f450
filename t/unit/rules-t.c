/* SPDX-License-Identifier: MIT */
/*
 * rules: what a good file gives, and the sentence for each way a file can be
 * wrong, line included.
 */
#include <stdlib.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "rules.h"
#include "tap.h"

#define HEAD "schema: 1\ndefault: {kind: human, counts: open}\n"
#define RULES HEAD "rules:\n"
#define GOOD "- {name: r, kind: bot, counts: none, match: {method: [HEAD]}}\n"
#define MATCH(m) RULES "- name: r\n  kind: bot\n  counts: none\n  match:\n" \
    "    " m "\n"

static apr_pool_t *pool;
static char dir[] = "/tmp/mailtrack-rules-XXXXXX";

static const char *parsed(rules_t **out, const char *text, apr_size_t len)
{
    rules_source_t source = { text, len, "f", NULL };
    const char *error = "not touched";
    apr_status_t rv = rules_parse(out, &error, &source, pool);

    if ((rv == APR_SUCCESS) != (*out != NULL)
        || (rv == APR_SUCCESS) != (error == NULL)
        || (rv != APR_SUCCESS && rv != APR_EINVAL)) {
        return "status, *out and *error do not fit";
    }
    return error ? error : "good";
}

static const struct {
    const char *what, *text, *error;
} cases[] = {
    { "nothing", "", "f:1: nothing in it; expected a mapping" },
    { "comment only", "# x\n", "f:1: nothing in it; expected a mapping" },
    { "a text", "hello", "f:1: the rules file is a single value; expected "
      "a mapping with the keys schema, default, networks, rules" },
    { "a tab", "schema: 1\n\tdefault: 2\n", "f:2: not YAML: " },
    { "an open bracket", HEAD "rules: [\n\n", "f:4: not YAML: " },
    { "not UTF-8", "schema: 1\n# \xff\n", "f:2: not YAML: " },
    { "an unknown alias", "schema: *x\n", "f:1: not YAML: " },
    { "two documents", RULES GOOD "---\na: 1\n", "f:6: a second document; "
      "expected one" },

    { "unknown key on top", HEAD "rule: []\n", "f:3: unknown key \"rule\" "
      "in the rules file; expected one of schema, default, networks, "
      "rules" },
    { "key twice on top", HEAD "schema: 1\nrules: []\n",
      "f:3: key \"schema\" stands twice in the rules file; expected it "
      "once" },
    { "no schema", "rules: []\n", "f:1: the rules file has no schema; "
      "expected the key \"schema\"" },
    { "no default", "schema: 1\nrules: []\n", "f:1: the rules file has no "
      "default; expected the key \"default\"" },
    { "no rules", HEAD, "f:1: the rules file has no rules; expected the "
      "key \"rules\"" },
    { "a list as key", "[a]: 1\n", "f:1: \"key\" is a list; expected a "
      "text" },
    { "wrong schema", "rules: []\ndefault: {}\nschema: 2\n",
      "f:3: schema is \"2\"; expected 1" },
    { "schema a list", "schema: [1]\ndefault: {}\nrules: []\n",
      "f:1: \"schema\" is a list; expected a text" },
    { "default without kind", "schema: 1\ndefault: {counts: open}\n"
      "rules: []\n", "f:2: default has no kind; expected the key "
      "\"kind\"" },
    { "default with a name", "schema: 1\ndefault:\n  kind: human\n"
      "  name: x\nrules: []\n", "f:4: unknown key \"name\" in default; "
      "expected one of kind, vendor, meaning, counts, confidence, "
      "verified, source" },
    { "empty rules", RULES "  []\n", "f:4: \"rules\" is an empty list; "
      "expected at least one item" },
    { "rules a mapping", RULES "  a: 1\n", "f:4: \"rules\" is a mapping; "
      "expected a list, such as [a, b]" },
    { "a rule a text", RULES GOOD "- x\n", "f:5: rule is a single value; "
      "expected a mapping with the keys name, kind, vendor, match, "
      "meaning, counts, confidence, verified, source" },

    { "no name", RULES GOOD "- kind: bot\n  counts: none\n  match: "
      "{method: [GET]}\n", "f:5: rule has no name; expected the key "
      "\"name\"" },
    { "no kind", RULES "- {name: r, counts: none, match: {method: [A]}}",
      "f:4: rule has no kind; expected the key \"kind\"" },
    { "no counts", RULES "- {name: r, kind: bot, match: {method: [A]}}",
      "f:4: rule has no counts; expected the key \"counts\"" },
    { "no match", RULES "- {name: r, kind: bot, counts: none}",
      "f:4: rule has no match; expected the key \"match\"" },
    { "name empty", RULES "- name: \"\"\n", "f:4: bad rule name \"\"; "
      "expected 1 to 64 of a-z, 0-9 and -" },
    { "name null", RULES "- name:\n", "f:4: \"name\" has no value; "
      "expected a text, \"\" for an empty one" },
    { "name in capitals", RULES "- name: Gmail\n", "f:4: bad rule name "
      "\"Gmail\"; expected 1 to 64 of a-z, 0-9 and -" },
    { "name too long", RULES "- name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "f:4: bad rule name \"" },
    { "name default", RULES "- name: default\n", "f:4: rule name "
      "\"default\" is reserved; " },
    { "name twice", RULES GOOD GOOD, "f:5: duplicate rule name \"r\"; "
      "expected a name that no earlier rule has" },
    { "bad kind", RULES "- name: r\n  kind: robot\n", "f:5: bad kind "
      "\"robot\"; expected human, proxy, prefetch, scanner, bot or "
      "self" },
    { "bad counts", RULES "- name: r\n\n  counts: \"yes\"\n", "f:6: bad "
      "counts \"yes\"; expected open, possible or none" },
    { "bad confidence", RULES "- name: r\n  confidence: sure\n", "f:5: "
      "bad confidence \"sure\"; expected high, medium or low" },
    { "bad verified", RULES "- name: r\n  verified: 1\n", "f:5: bad "
      "verified \"1\"; expected true or false" },
    { "vendor too long", RULES "- vendor: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "f:4: vendor is too long; "
      "expected at most 64 bytes" },
    { "meaning of two lines", RULES "- meaning: \"a\\nb\"\n", "f:4: "
      "\"meaning\" holds a control character; expected one line of "
      "text" },
    { "meaning with NUL", RULES "- meaning: \"a\\0b\"\n", "f:4: "
      "\"meaning\" holds a control character; " },
    { "source a list", RULES "- source: [a]\n", "f:4: \"source\" is a "
      "list; expected a text" },
    { "unknown key in a rule", RULES "- name: r\n  knd: bot\n",
      "f:5: unknown key \"knd\" in rule; expected one of name, kind" },

    { "match a list", RULES "- match: [a]\n", "f:4: \"match\" is a list; "
      "expected a mapping, such as {key: value}" },
    { "match empty", RULES "- match: {}\n", "f:4: \"match\" is an empty "
      "mapping; expected at least one key" },
    { "unknown condition", MATCH("ua_regex: [a]"), "f:8: unknown key "
      "\"ua_regex\" in match; expected one of net, not_net, ua_equals" },
    { "a text for a list", MATCH("ua_contains: bot"), "f:8: "
      "\"ua_contains\" is a single value; expected a list, such as "
      "[a, b]" },
    { "an empty list", MATCH("ua_prefix: []"), "f:8: \"ua_prefix\" is an "
      "empty list; expected at least one item" },
    { "a list in a list", MATCH("method: [[GET]]"), "f:8: \"method\" is "
      "a list; expected a text" },
    { "an empty text", MATCH("ua_contains:\n    - a\n    - \"\""),
      "f:10: empty text in \"ua_contains\"; expected at least one "
      "character, " },
    { "a null", MATCH("ua_equals: [~]"), "f:8: \"ua_equals\" has no "
      "value; expected a text, \"\" for an empty one" },
    { "unknown network", MATCH("net: [nowhere]"), "f:8: unknown network "
      "\"nowhere\"; expected one of those under networks ()" },
    { "unknown context", MATCH("context: [burst, sent]"), "f:8: unknown "
      "context \"sent\"; expected before_sent, sender_session or "
      "burst" },
    { "within zero", MATCH("within_seconds: 0"), "f:8: bad "
      "within_seconds \"0\"; expected a whole number from 1 to "
      "1000000000" },
    { "within a fraction", MATCH("within_seconds: 1.5"), "f:8: bad "
      "within_seconds \"1.5\"; " },
    { "within negative", MATCH("within_seconds: -1"), "f:8: bad "
      "within_seconds \"-1\"; " },
    { "within huge", MATCH("within_seconds: 99999999999999999999"),
      "f:8: bad within_seconds \"99999999999999999999\"; " },
    { "within over the limit", MATCH("within_seconds: 1000000001"),
      "f:8: bad within_seconds \"1000000001\"; " },
    { "headers a list", MATCH("header_contains: [purpose]"), "f:8: "
      "\"header_contains\" is a list; expected a mapping, such as "
      "{key: value}" },
    { "a header with a text", MATCH("header_contains: {purpose: x}"),
      "f:8: \"purpose\" is a single value; expected a list, such as "
      "[a, b]" },
    { "a header name with blanks", MATCH("header_contains: {a b: [x]}"),
      "f:8: bad header name \"a b\"; expected 1 to 64 of a-z, 0-9 "
      "and -" },
    { "a secret header", MATCH("header_contains: {Cookie: [x]}"),
      "f:8: header \"cookie\" carries secrets; expected another, " },

    { "networks a list", HEAD "networks: [a]\nrules:\n" GOOD,
      "f:3: \"networks\" is a list; expected a mapping, " },
    { "a network a list", HEAD "networks:\n  a: [10.0.0.0/8]\nrules:\n"
      GOOD, "f:4: network is a list; expected a mapping with the keys "
      "files, cidr" },
    { "a network without anything", HEAD "networks:\n  a: {}\nrules:\n"
      GOOD, "f:4: network \"a\" is empty; expected files or cidr" },
    { "unknown key in a network", HEAD "networks:\n  a: {cird: []}\n"
      "rules:\n" GOOD, "f:4: unknown key \"cird\" in network; expected "
      "one of files, cidr" },
    { "a network twice", HEAD "networks:\n  a: {cidr: [10.0.0.0/8]}\n"
      "  a: {cidr: [10.0.0.0/8]}\nrules:\n" GOOD, "f:5: duplicate "
      "network \"a\"; expected each name once" },
    { "a network name with a comma", HEAD "networks:\n  \"a,b\": "
      "{cidr: [10.0.0.0/8]}\nrules:\n" GOOD, "f:4: bad network name "
      "\"a,b\"; expected 1 to 64 of a-z, 0-9 and _" },
    { "a bad CIDR", HEAD "networks:\n  a:\n    cidr: [10.0.0.0/8,\n"
      "      10.0.0.0/33]\nrules:\n" GOOD, "f:6: bad CIDR "
      "\"10.0.0.0/33\": prefix length is not 0 to 32; expected a prefix "
      "such as 192.0.2.0/24 or 2001:db8::/32" },
    { "host bits", HEAD "networks:\n  a: {cidr: [10.1.2.3/8]}\nrules:\n"
      GOOD, "f:4: bad CIDR \"10.1.2.3/8\": bits are set past the "
      "prefix; expected 10.0.0.0/8" },
    { "a list file without a directory", HEAD "networks:\n  a: {files: "
      "[x.txt]}\nrules:\n" GOOD, "f:4: list file \"x.txt\" cannot be "
      "read here; expected prefixes under \"cidr\"" },
};

static void faults(void)
{
    rules_t *rules;
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text, *want = cases[i].error;
        const char *got = parsed(&rules, text, strlen(text));

        if (!ok(strncmp(got, want, strlen(want)) == 0 && strchr(got, ';'),
                "fault: %s", cases[i].what)) {
            printf("#   got      %s\n#   expected %s\n", got, want);
        }
    }
}

static void limits(void)
{
    const char *many = RULES;
    apr_size_t len;
    rules_t *rules;
    char *text;
    int i;

    for (i = 0; i <= RULES_MAX; i++) {
        many = apr_psprintf(pool, "%s- {name: r%d, kind: bot, counts: none, "
                            "match: {method: [A]}}\n", many, i);
    }
    is_str(parsed(&rules, many, strlen(many)), "f:260: one rule too many; "
           "expected at most 256", "257 rules");
    many = HEAD "networks:\n";
    for (i = 0; i <= CIDR_NETWORKS_MAX; i++) {
        many = apr_psprintf(pool, "%s  n%d: {cidr: [10.0.0.0/8]}\n", many, i);
    }
    many = apr_pstrcat(pool, many, "rules:\n", GOOD, NULL);
    is_str(parsed(&rules, many, strlen(many)), "f:132: no room for network "
           "\"n128\"; expected at most 128 networks", "129 networks");
    len = 100000;
    text = apr_palloc(pool, len);
    memset(text, '[', len);
    is_str(parsed(&rules, text, len), "f:1: lists and mappings nest too "
           "deeply; expected at most 16 levels", "100,000 open brackets");
    is_str(parsed(&rules, "a: &a\n  b: *a\n", 13), "f:1: unknown key \"a\" "
           "in the rules file; expected one of schema, default, networks, "
           "rules", "a mapping inside itself");
    ok(strncmp(parsed(&rules, HEAD "rules: &a [*a]\n",
                      strlen(HEAD "rules: &a [*a]\n")), "f:3: rule is a list",
               19) == 0, "a list inside itself");
}

static void good(void)
{
    const char *text = RULES
        "- name: one\n  kind: proxy\n  vendor: v\n  counts: possible\n"
        "  meaning: Somebody's proxy\n  confidence: low\n  verified: false\n"
        "  source: x\n  match: {header_contains: {X-Moz: [A], purpose: [b]}}\n"
        "- name: two\n  kind: proxied\n  counts: open\n"
        "  match: {header_contains: {x-moz: [c]}}\n";
    const apr_array_header_t *headers;
    const verdict_t *v;
    rules_t *rules, *again;

    if (!ok(strcmp(parsed(&rules, text, strlen(text)), "good") == 0,
            "a good file")) {
        return;
    }
    is_int(rules_count(rules), 2, "two rules");
    v = rules_at(rules, 0);
    ok(v->verdict == VERDICT_PROXIED && v->counts == COUNTS_POSSIBLE
       && strcmp(v->rule, "one") == 0 && strcmp(v->vendor, "v") == 0
       && strcmp(v->meaning, "Somebody's proxy") == 0
       && strcmp(v->confidence, "low") == 0 && !v->verified,
       "every key of a rule");
    v = rules_at(rules, 1);
    ok(v->verdict == VERDICT_PROXIED && v->counts == COUNTS_OPEN
       && strcmp(v->rule, "two") == 0 && strcmp(v->vendor, "") == 0
       && strcmp(v->meaning, "") == 0 && strcmp(v->confidence, "medium") == 0
       && v->verified, "what is left out has its default");
    is_str(rules_at(rules, 2)->rule, "default", "the default comes last");
    ok(rules_at(rules, 3) == NULL, "and nothing after it");
    headers = rules_headers(rules);
    ok(headers->nelts == 2
       && strcmp(APR_ARRAY_IDX(headers, 0, const char *), "x-moz") == 0
       && strcmp(APR_ARRAY_IDX(headers, 1, const char *), "purpose") == 0,
       "headers in lower case, each once");
    parsed(&again, text, strlen(text));
    ok(rules_version(rules) > 0
       && rules_version(rules) == rules_version(again),
       "the same text has the same version");
    parsed(&again, apr_pstrcat(pool, text, "\n", NULL), strlen(text) + 1);
    ok(rules_version(rules) != rules_version(again),
       "a byte more has another");
    parsed(&rules, RULES GOOD, strlen(RULES GOOD));
    ok(rules_version(rules) == APR_INT64_C(2674334272665650498),
       "the version is the same on every machine (%" APR_INT64_T_FMT ")",
       rules_version(rules));
}

static void words(void)
{
    verdict_e verdict;
    counts_e counts;
    int i, right = 0;

    for (i = VERDICT_HUMAN; i <= VERDICT_SELF; i++) {
        right += verdict_of(&verdict, verdict_name((verdict_e)i))
                 == APR_SUCCESS && (int)verdict == i;
    }
    for (i = COUNTS_NONE; i <= COUNTS_OPEN; i++) {
        right += counts_of(&counts, counts_name((counts_e)i)) == APR_SUCCESS
                 && (int)counts == i;
    }
    is_int(right, 9, "names of verdicts and counts lead back");
    is_str(verdict_name(VERDICT_PROXIED), "proxied", "proxied");
    is_str(counts_name(COUNTS_POSSIBLE), "possible", "possible");
    ok(verdict_name((verdict_e)6) == NULL && counts_name((counts_e)3) == NULL,
       "no name outside");
    ok(verdict_of(&verdict, "Human") == APR_EINVAL
       && counts_of(&counts, "") == APR_EINVAL, "no value for other words");
}

/* ---- Files ---- */

static void put_file(const char *name, const char *text)
{
    FILE *file = fopen(apr_pstrcat(pool, dir, "/", name, NULL), "w");

    if (!file || fputs(text, file) < 0 || fclose(file)) {
        ok(0, "writing %s", name);
    }
}

#define WITH_LIST HEAD "networks:\n  a:\n    files: [lists.txt]\n" \
    "    cidr: [192.0.2.0/24]\n  b: {cidr: [10.0.0.0/9]}\nrules:\n" GOOD

static const char *loaded(rules_t **rules, const char *list)
{
    const char *path = apr_pstrcat(pool, dir, "/rules.yaml", NULL), *error;
    apr_size_t len = strlen(dir);
    apr_status_t rv;

    put_file("rules.yaml", WITH_LIST);
    if (list) {
        put_file("lists.txt", list);
    }
    rv = rules_load(rules, &error, path, pool);
    if (rv == APR_SUCCESS) {
        return "good";
    }
    return strncmp(error, dir, len) == 0 ? error + len : error;
}

/* Loaded with an empty list; the rules file itself changes, too. */
static void renewed(const rules_t *rules)
{
    rules_t *fresh = NULL, *again = NULL;
    const char *error, *names;

    put_file("rules.yaml", "what: its administrator has not finished\n");
    is_int(rules_renew(&fresh, &error, rules, pool), APR_SUCCESS, "lists");
    ok(fresh == NULL, "as they were: nothing new, whatever the rules file");
    put_file("lists.txt", "192.0.2.0/24\n");
    is_int(rules_renew(&fresh, &error, rules, pool), APR_SUCCESS, "renewed");
    if (ok(fresh != NULL, "when a list has changed")) {
        rules_networks(&names, fresh, "192.0.2.1", pool);
        is_str(names, "a", "with what it has now");
        ok(rules_version(fresh) != rules_version(rules), "another version");
        rules_renew(&again, &error, fresh, pool);
        ok(again == NULL, "once");
    }
    put_file("lists.txt", "half a li");
    ok(rules_renew(&again, &error, rules, pool) == APR_EINVAL && !again
       && strstr(error, "bad CIDR"), "a bad list is refused with a reason");
}

static void files(void)
{
    const char *names, *error;
    apr_int64_t version;
    rules_t *rules;

    if (!ok(mkdtemp(dir) != NULL, "a directory of its own")) {
        return;
    }
    is_str(loaded(&rules, NULL), apr_pstrcat(pool, "/rules.yaml:5: ", dir,
           "/lists.txt: cannot be opened (No such file or directory); "
           "expected a readable file", NULL), "a list file that is missing");
    is_str(loaded(&rules, "# x\n10.0.0.0/8\n\n10.0.0.0/8 x\n"),
           apr_pstrcat(pool, "/rules.yaml:5: ", dir, "/lists.txt:4: bad CIDR "
           "\"10.0.0.0/8 x\": prefix length is not 0 to 32; expected a "
           "prefix such as 192.0.2.0/24 or 2001:db8::/32", NULL),
           "a bad line in a list file");
    is_str(loaded(&rules, "10.0.0.1/8"),
           apr_pstrcat(pool, "/rules.yaml:5: ", dir, "/lists.txt:1: bad CIDR "
           "\"10.0.0.1/8\": bits are set past the prefix; expected "
           "10.0.0.0/8", NULL), "host bits in its last line");
    ok(strstr(loaded(&rules, "\x01\xff"), "bad CIDR \"\?\?\": not an address")
       != NULL, "bytes that cannot be shown are not");
    is_str(loaded(&rules, "  10.0.0.0/8 # ten\r\n\t\r\n::1\n198.51.100.7"),
           "good", "blanks, comments, CRLF, no last newline");
    rules_networks(&names, rules, "10.1.1.1", pool);
    is_str(names, "a,b", "an address in two networks");
    rules_networks(&names, rules, "198.51.100.7", pool);
    is_str(names, "a", "an address without a slash is that address");
    rules_networks(&names, rules, "198.51.100.8", pool);
    is_str(names, "", "and not its neighbour");
    rules_networks(&names, rules, "192.0.2.99", pool);
    is_str(names, "a", "files and cidr together");
    rules_networks(&names, rules, NULL, pool);
    is_str(names, "", "no address");
    version = rules_version(rules);
    is_str(loaded(&rules, "10.0.0.0/8\n"), "good", "another list");
    ok(rules_version(rules) != version, "gives another version");
    is_str(loaded(&rules, ""), "good", "an empty list file is no fault");

    renewed(rules);

    is_int(rules_load(&rules, &error, "/nonexistent/x.yaml", pool),
           APR_ENOENT, "no rules file: the system's status");
    is_str(error, "/nonexistent/x.yaml: cannot be opened (No such file or "
           "directory); expected a readable file", "and a sentence");
    ok(rules == NULL, "and no rules");
    ok(rules_load(&rules, &error, dir, pool) != APR_SUCCESS
       && strstr(error, "expected"), "a directory is no rules file");
    unlink(apr_pstrcat(pool, dir, "/rules.yaml", NULL));
    unlink(apr_pstrcat(pool, dir, "/lists.txt", NULL));
    rmdir(dir);
}

static void shipped(void)
{
    const char *source = getenv("srcdir"), *error, *names;
    apr_time_t start = apr_time_now(), took;
    rules_t *rules;
    apr_size_t i;
    int right = 0;

    if (!ok(rules_load(&rules, &error,
                       apr_pstrcat(pool, source ? source : ".",
                                   "/conf/classify.yaml", NULL), pool)
            == APR_SUCCESS, "conf/classify.yaml loads")) {
        printf("# %s\n", error);
        return;
    }
    took = apr_time_now() - start;
    ok(took < apr_time_from_sec(2), "with 14,000 prefixes in %d ms",
       (int)apr_time_as_msec(took));
    is_int(rules_count(rules), 48, "it has 48 rules");
    is_int(rules_headers(rules)->nelts, 4, "which read 4 headers");
    for (i = 0; i <= rules_count(rules); i++) {
        right += *rules_at(rules, i)->meaning != '\0';
    }
    is_int(right, 49, "every one has a meaning to show");
    rules_networks(&names, rules, "172.226.110.22", pool);
    is_str(names, "apple_relay_exact,apple_relay_coarse", "Apple's relay");
    rules_networks(&names, rules, "2606:54c0:55a0::5", pool);
    is_str(names, "apple_relay_exact,apple_relay_coarse", "and in IPv6");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    faults();
    limits();
    good();
    words();
    files();
    shipped();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
