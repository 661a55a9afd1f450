/* SPDX-License-Identifier: MIT */
/*
 * mailprobe.yaml: what it means, every way it can be wrong (with line and key,
 * and no value in the sentence), the environment, modes of the file; and that
 * the sample and the manual page know every key.
 */
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "configuration.h"
#include "monitors.h"
#include "tap.h"

static apr_pool_t *pool;

#define ACCOUNT \
    "accounts:\n" \
    "  a:\n" \
    "    from: probe@example.org\n" \
    "    smtp: {host: smtp.example.org}\n" \
    "    imap: {host: imap.example.org}\n"
#define MONITOR ACCOUNT \
    "monitors:\n" \
    "  m:\n" \
    "    recipient: x@example.org\n" \
    "    send: a\n"
#define CHANNEL ACCOUNT \
    "channels:\n" \
    "  c:\n"

static configuration_t *parsed(const char *text)
{
    configuration_t *c;
    const char *problem;

    if (configuration_parse(&c, &problem, text, strlen(text), pool)) {
        ok(0, "parses: %s", problem);
        exit(1);
    }
    return c;
}

static const char *refused(const char *text)
{
    configuration_t *c;
    const char *problem = NULL;
    apr_status_t rv = configuration_parse(&c, &problem, text, strlen(text),
                                          pool);

    return rv == APR_EINVAL && !c ? problem : "(accepted)";
}

/* -- what it means --------------------------------------------------------- */

static void test_defaults(void)
{
    configuration_t *c = parsed("{}");
    const account_t *a;
    const monitor_t *m;

    is_str(c->store.driver, "sqlite3", "SQLite by default");
    ok(strstr(c->store.params, "mailtrack.db") != NULL, "the usual path");
    is_str(c->time_zone, "UTC", "UTC");
    is_int(c->gather, 30000000, "gather 30 s");
    is_int(c->follow_up_after, APR_INT64_C(259200000000), "3 days");
    is_int(c->keep_probes, APR_INT64_C(604800000000), "7 days");
    is_int(c->keep_opens, 0, "opens stay");
    ok(!c->places && !c->relays && !c->heartbeat_url && !c->health_url,
       "nothing else");
    is_int(c->channels->nelts + c->monitors->nelts, 0, "no channel, monitor");
    parsed("accounts:\nmonitors:\nchannels: ~\nstore:\n");
    ok(1, "mappings left empty");

    c = parsed(MONITOR);
    a = apr_hash_get(c->accounts, "a", APR_HASH_KEY_STRING);
    is_int(a->smtp->port, 465, "smtps");
    is_int(a->imap->port, 993, "imaps");
    is_int(a->smtp->security, SECURITY_TLS, "TLS");
    is_int(a->smtp->timeout, 30000000, "time-out");
    is_str(a->inbox, "INBOX", "inbox");
    is_str(a->junk, "auto", "junk");
    is_int(a->authserv_ids->nelts, 0, "no authserv-id");
    is_str(a->smtp->username, NULL, "no authentication");
    m = &APR_ARRAY_IDX(c->monitors, 0, monitor_t);
    is_str(m->name, "m", "monitor's name");
    is_str(m->domain, "example.org", "its domain");
    is_str(m->watch_account, "a", "watched where it is sent");
    is_int(m->declared, 1, "declared");
    is_int(m->interval_us, 300000000, "5 min");
    is_int(m->enabled, 1, "enabled");
}

static void test_values(void)
{
    configuration_t *c = parsed(
        "accounts:\n"
        "  a:\n"
        "    from: Probe@EXAMPLE.org\n"
        "    rate: 60\n"
        "    smtp: {host: 127.0.0.1, port: 2525, security: none,\n"
        "           username: u, password: 'p#1', hello: me, timeout: 5s}\n"
        "    imap: {host: \"::1\", security: starttls, username: u,\n"
        "           password: p, inbox: In, junk: none,\n"
        "           authserv_id: [mx1, mx2], ca_file: /x}\n"
        "monitors:\n"
        "  Büro, außen:\n"
        "    {recipient: x@Y.example, send: a, interval: 1h30m,\n"
        "     retry_interval: 90s, late_after: 1m, missing_after: 10m,\n"
        "     failures: 3, successes: 2, alert_on: [missing, slow],\n"
        "     keep_mail: true, enabled: false, channels_off: c}\n"
        "channels:\n"
        "  c: {type: email, account: a, to: [a@b.example, c@d.example],\n"
        "      events: opens}\n"
        "  d: {type: discord, url: 'https://u:p@discord.example/api/K'}\n"
        "  n: {type: ntfy, url: 'http://[::1]:80/t', token: T}\n"
        "follow_ups: {after: 0}\n"
        "refresh: {apple_relay: {}, places: {url: 'https://e.example/x'}}\n");
    const account_t *a = apr_hash_get(c->accounts, "a", APR_HASH_KEY_STRING);
    const monitor_t *m = &APR_ARRAY_IDX(c->monitors, 0, monitor_t);
    const channel_t *const *channels =
        (const channel_t *const *)(const void *)c->channels->elts;

    is_str(a->from, "Probe@example.org", "from");
    is_int(a->rate, 60, "rate");
    is_int(a->smtp->port, 2525, "port");
    is_int(a->smtp->security, SECURITY_NONE, "none");
    is_str(a->smtp->password, "p#1", "password");
    is_int(a->imap->port, 143, "port of STARTTLS");
    is_str(a->imap->ca_file, "/x", "ca_file");
    is_int(a->authserv_ids->nelts, 2, "authserv-ids");
    is_str(m->name, "Büro, außen", "a name as people write it");
    is_int(m->interval_us, APR_INT64_C(5400000000), "1h30m");
    is_str(m->alert_on, "missing,slow", "alert_on");
    ok(m->keep_mail && !m->enabled, "flags");
    ok(apr_hash_get(c->monitor_channels_off, m->name, APR_HASH_KEY_STRING)
       != NULL, "channels_off");
    is_str(channels[0]->account->name, "a", "a channel's account");
    is_str(channels[0]->target, "a@b.example c@d.example", "its target");
    is_int(channels[0]->events->nelts, 1, "its events");
    is_str(channels[1]->target, "discord.example", "a target has no secret");
    is_int(channels[1]->events->nelts, 3, "all events");
    is_int(c->follow_up_after, 0, "never");
    is_str(c->places->edition, "GeoLite2-City", "edition");
    is_int(c->relays->every, APR_INT64_C(86400000000), "daily");
}

static void test_environment(void)
{
    configuration_t *c;

    setenv("MT_A", "one", 1);
    setenv("MT_EMPTY", "", 1);
    unsetenv("MT_NOT");
    c = parsed("store: {params: '/${MT_A}/x${MT_A}'}");
    is_str(c->store.params, "/one/xone", "put in, more than once");
    c = parsed("store: {params: '${MT_NOT:-/d}${MT_EMPTY:-/e}'}");
    is_str(c->store.params, "/d/e", "defaults");
    c = parsed("store: {params: '$${MT_A}$'}");
    is_str(c->store.params, "${MT_A}$", "$${");
    c = parsed("heartbeat: {url: '${MT_EMPTY}'}");
    is_str(c->heartbeat_url, NULL, "an empty value is none");
    setenv("MT_A", "7d", 1);
    c = parsed("retention: {probes: '${MT_A}', opens: '${MT_A}'}");
    is_int(c->keep_opens, APR_INT64_C(604800000000), "in durations too");
}

/* -- what is refused ------------------------------------------------------- */

static const struct {
    const char *text, *problem;
} wrong[] = {
    { "", "mailprobe.yaml:1: nothing in it" },
    { "a: [", "mailprobe.yaml:1: not YAML" },
    { "\n- a\n", "mailprobe.yaml:2: expected a mapping" },
    { "{}\n---\n{}\n", "mailprobe.yaml:3: a second document" },
    { "store: &x {}\nalerts: *x\n", "mailprobe.yaml:2: an alias" },
    { "[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]",
      "mailprobe.yaml:1: nests too deeply" },
    { "stor: {}\n", "mailprobe.yaml:1: stor: unknown key; expected one of "
      "store, " },
    { "store:\n  drivr: x\n", "mailprobe.yaml:2: store.drivr: unknown key" },
    { "store: {}\nstore: {}\n", "mailprobe.yaml:2: store: given twice" },
    { "store: 5\n", "mailprobe.yaml:1: store: expected a mapping" },
    { "store: {driver: oracle}\n", "mailprobe.yaml:1: store.driver: expected "
      "one of sqlite3, pgsql, mysql" },
    { "store: {driver: pgsql}\n", "mailprobe.yaml:1: store: \"params\" is" },
    { "store: {params: [a]}\n", "mailprobe.yaml:1: store.params: expected a "
      "single" },
    { "base_url: mail.example.org\n", "mailprobe.yaml:1: base_url: expected "
      "a URL" },
    { "base_url: 'https://a b/'\n", "mailprobe.yaml:1: base_url: expected" },
    { "time_zone: Europe/Atlantis\n", "mailprobe.yaml:1: time_zone: no" },
    { "time_zone: ../../etc/passwd\n", "mailprobe.yaml:1: time_zone: no" },
    { "retention: {probes: 7}\n", "mailprobe.yaml:1: retention.probes: "
      "expected a duration such as 30s, 5m, 12h or 7d, from 1d to 3650d" },
    { "retention: {probes: 5m}\n", "mailprobe.yaml:1: retention.probes: " },
    { "retention: {probes: -5d}\n", "mailprobe.yaml:1: retention.probes: " },
    { "retention: {probes: 9999999d}\n", "mailprobe.yaml:1: retention.pro" },
    { "retention: {probes: 5days}\n", "mailprobe.yaml:1: retention.probes" },
    { "heartbeat: {url: '${MT_NOT}'}\n", "mailprobe.yaml:1: heartbeat.url: "
      "${MT_NOT} is not in the environment" },
    { "heartbeat: {url: '${MT_NOT'}\n", "mailprobe.yaml:1: heartbeat.url: "
      "\"${\" without \"}\"" },
    { "heartbeat: {url: '${MT:x}'}\n", "mailprobe.yaml:1: heartbeat.url: not "
      "the name" },
    { "heartbeat: {url: '${}'}\n", "mailprobe.yaml:1: heartbeat.url: not" },
    { "store: {params: \"a\\nb\"}\n", "mailprobe.yaml:1: store.params: a "
      "control" },
    { "accounts:\n  a b: {}\n", "mailprobe.yaml:2: accounts.a b: not a name" },
    { "accounts:\n  a: {}\n", "mailprobe.yaml:2: accounts.a: neither" },
    { "accounts:\n  a:\n    smtp: {host: h}\n", "mailprobe.yaml:3: "
      "accounts.a: \"from\" is missing" },
    { ACCOUNT "  a: {}\n", "mailprobe.yaml:6: accounts.a: given twice" },
    { "accounts: {a: {imap: {}}}\n", "mailprobe.yaml:1: accounts.a.imap: "
      "\"host\" is missing" },
    { "accounts: {a: {imap: {host: ''}}}\n", "mailprobe.yaml:1: "
      "accounts.a.imap.host: empty" },
    { "accounts: {a: {imap: {host: 'imaps://h'}}}\n", "mailprobe.yaml:1: "
      "accounts.a.imap: \"host\" is no host" },
    { "accounts: {a: {imap: {host: h, port: 0}}}\n", "mailprobe.yaml:1: "
      "accounts.a.imap.port: expected a whole number from 1 to 65535" },
    { "accounts: {a: {imap: {host: h, port: 65536}}}\n", "mailprobe.yaml:1: "
      "accounts.a.imap.port: expected" },
    { "accounts: {a: {imap: {host: h, security: ssl}}}\n", "mailprobe.yaml:1:"
      " accounts.a.imap.security: expected one of none, starttls, " },
    { "accounts: {a: {imap: {host: h, security: none}}}\n",
      "mailprobe.yaml:1: accounts.a.imap: \"security: none\"" },
    { "accounts: {a: {imap: {host: 127.evil.example, security: none}}}\n",
      "mailprobe.yaml:1: accounts.a.imap: \"security: none\"" },
    { "accounts: {a: {imap: {host: h, username: u}}}\n", "mailprobe.yaml:1: "
      "accounts.a.imap: \"password\" is missing" },
    { "accounts: {a: {imap: {host: h, hello: x}}}\n", "mailprobe.yaml:1: "
      "accounts.a.imap.hello: unknown key" },
    { "accounts: {a: {from: nobody}}\n", "mailprobe.yaml:1: accounts.a.from: "
      "expected one mail address" },
    { MONITOR "    watch: b\n", "mailprobe.yaml:8: monitors.m: the account to "
      "watch is not there" },
    { "accounts:\n  a: {imap: {host: h}}\nmonitors:\n  m: {recipient: x@y.de,"
      " send: a}\n", "mailprobe.yaml:4: monitors.m: the account to send by "
      "has no \"smtp\"" },
    { "monitors:\n  m:\n    recipient: x@y.de\n", "mailprobe.yaml:3: "
      "monitors.m: \"send\" is missing" },
    { MONITOR "    interval: 5s\n", "mailprobe.yaml:10: monitors.m.interval: "
      "expected a duration" },
    { MONITOR "    late_after: 20m\n", "mailprobe.yaml:8: monitors.m: "
      "\"late_after\" is not shorter" },
    { MONITOR "    alert_on: [missing, doom]\n", "mailprobe.yaml:10: "
      "monitors.m.alert_on: expected one of missing, " },
    { MONITOR "    enabled: yes\n", "mailprobe.yaml:10: monitors.m.enabled: "
      "expected true or false" },
    { MONITOR "    channels_off: [c]\n", "mailprobe.yaml:8: monitors.m: "
      "\"channels_off\" names no channel" },
    { CHANNEL "    type: fax\n", "mailprobe.yaml:8: channels.c.type: "
      "expected one of email, discord, webhook, ntfy" },
    { CHANNEL "    type: email\n", "mailprobe.yaml:8: channels.c: \"account\" "
      "is missing" },
    { CHANNEL "    {type: email, account: a, to: []}\n", NULL },
    { CHANNEL "    {type: email, account: b, to: x@y.de}\n",
      "mailprobe.yaml:8: channels.c: the account to send by is not there" },
    { CHANNEL "    {type: ntfy, url: 'https://h/', to: x@y.de}\n",
      "mailprobe.yaml:8: channels.c: \"to\" is nothing for type ntfy" },
    { CHANNEL "    {type: discord, url: 'http://h.example/'}\n",
      "mailprobe.yaml:8: channels.c: \"url\" would show a secret" },
    { CHANNEL "    {type: ntfy, token: t, url: 'http://h.example/'}\n",
      "mailprobe.yaml:8: channels.c: \"url\" would show a secret" },
    { CHANNEL "    {type: webhook, url: 'h'}\n", "mailprobe.yaml:8: "
      "channels.c.url: expected a URL" },
    { "refresh: {places: {}}\n", "mailprobe.yaml:1: refresh.places: expected "
      "account_id" },
    { "refresh: {places: {account_id: 1}}\n", "mailprobe.yaml:1: "
      "refresh.places: \"license_key\" is missing" },
    { "refresh: {places: {url: 'http://h.example/', account_id: 1, "
      "license_key: k}}\n", "mailprobe.yaml:1: refresh.places: \"url\" would" },
    { "refresh: {places: {url: 'https://h/', edition: ../x}}\n",
      "mailprobe.yaml:1: refresh.places: \"edition\" is no name" },
    { NULL, NULL }
};

static void test_wrong(void)
{
    int i;

    for (i = 0; wrong[i].text; i++) {
        const char *want = wrong[i].problem ? wrong[i].problem
            : "mailprobe.yaml:8: channels.c: \"to\" is missing";
        const char *got = refused(wrong[i].text);

        if (!ok(!strncmp(got, want, strlen(want)), "%s", want)) {
            printf("#   got '%s'\n", got);
        }
    }
}

/* A password as value of every key: whatever is wrong, it is not repeated. */
static void test_silence(void)
{
    apr_array_header_t *keys = configuration_keys(pool);
    int i, leaks = 0;

    for (i = 0; i < keys->nelts; i++) {
        char *key = apr_pstrdup(pool, APR_ARRAY_IDX(keys, i, const char *));
        const char *text = "", *indent = "", *part;
        char *state;

        for (part = apr_strtok(key, ".", &state); part;
             part = apr_strtok(NULL, ".", &state)) {
            text = apr_pstrcat(pool, text, "\n", indent, part, ":", NULL);
            indent = apr_pstrcat(pool, indent, " ", NULL);
        }
        text = apr_pstrcat(pool, text, " 'geheim ${X:-geheim}'\n", NULL);
        leaks += strstr(refused(text), "geheim") != NULL;
    }
    is_int(leaks, 0, "no value in any error of %d keys", keys->nelts);
}

/* -- files ---------------------------------------------------------------- */

static const char *file_of(const char *text, unsigned int mode)
{
    static char path[64];
    int fd;

    strcpy(path, "/tmp/mailtrack-conf-XXXXXX");
    fd = mkstemp(path);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)
        || fchmod(fd, mode)) {
        exit(1);
    }
    close(fd);
    return path;
}

static const char *read_file(const char *text, unsigned int mode)
{
    configuration_t *c;
    const char *problem, *path = file_of(text, mode);
    apr_status_t rv = configuration_read(&c, &problem, path, pool);

    unlink(path);
    return rv == APR_SUCCESS && c && !strcmp(c->path, path) ? ""
           : problem ? strchr(problem, ':') : "?";
}

static void test_files(void)
{
    static const char secret[] =
        "accounts:\n  a: {imap: {host: h, username: u,\n    password: p}}\n";
    static const char variable[] =
        "accounts:\n  a: {imap: {host: h, username: u,\n"
        "    password: '${MT_A}'}}\n";
    configuration_t *c;
    const char *problem;

    setenv("MT_A", "one", 1);
    is_str(read_file(secret, 0640), "", "a secret, 0640");
    is_str(read_file(secret, 0600), "", "a secret, 0600");
    ok(!strncmp(read_file(secret, 0644), ":3: accounts.a.imap.password: a "
                "secret in a file", 30), "a secret, 0644: line and key");
    is_str(read_file(variable, 0644), "", "from the environment: 0644");
    is_str(read_file("store: {params: /x}\n", 0644), "", "no secret: 0644");
    ok(!strncmp(read_file("store: {driver: pgsql, params: x}\n", 0644),
                ":1: store.params", 16), "parameters of a server");
    is_int(configuration_read(&c, &problem, "/nowhere/x.yaml", pool),
           APR_ENOENT, "no file");
    ok(!strncmp(problem, "/nowhere/x.yaml:0: ", 19), "its sentence");
    ok(configuration_read(&c, &problem, "/tmp", pool) != APR_SUCCESS && !c,
       "a directory");
}

static char *slurp(const char *name)
{
    apr_file_t *file;
    apr_size_t length = 200000;
    char *text = apr_pcalloc(pool, length + 1);

    if (apr_file_open(&file, source_file(name), APR_FOPEN_READ, 0, pool)) {
        ok(0, "%s is there", name);
        exit(1);
    }
    apr_file_read_full(file, text, length, &length);
    apr_file_close(file);
    return text;
}

/* Lines "#key: ..." lose their "#". */
static char *uncommented(const char *text)
{
    char *out = apr_pcalloc(pool, strlen(text) + 1), *to = out;
    int start = 1;

    for (; *text; text++) {
        int setting = start && *text == '#'
                      && (text[1] != ' ' || text[2] == ' ');

        start = *text == '\n';
        if (!setting) {
            *to++ = *text;
        }
    }
    return out;
}

static int has_key(const char *text, const char *key)
{
    const char *last = strrchr(key, '.');
    const char *at, *name = last ? last + 1 : key;

    for (at = strstr(text, name); at; at = strstr(at + 1, name)) {
        if (at > text && (at[-1] == ' ' || at[-1] == '\n')
            && at[strlen(name)] == ':') {
            return 1;
        }
    }
    return 0;
}

static void test_sample(void)
{
    apr_array_header_t *keys = configuration_keys(pool);
    const char *sample = slurp("conf/mailprobe.yaml");
    const char *all = uncommented(sample);
    const char *variables[] = { "OFFICE_PASSWORD", "ALERTS_PASSWORD",
        "DISCORD_WEBHOOK", "HOOK_SECRET", "NTFY_TOKEN", "HEARTBEAT_URL",
        "MAXMIND_KEY", "DB_PASSWORD" };
    const monitor_t *m;
    monitor_t standard;
    configuration_t *c;
    int i;

    for (i = 0; i < 8; i++) {
        setenv(variables[i], "https://secret.example/", 1);
    }
    c = parsed(sample);
    is_int(apr_hash_count(c->accounts) + (unsigned)c->channels->nelts, 0,
           "as it comes it says where the store is");
    c = parsed(all);
    for (i = 0; i < keys->nelts; i++) {
        const char *key = APR_ARRAY_IDX(keys, i, const char *);

        if (!has_key(all, key)) {
            ok(0, "the sample has %s", key);
        }
    }
    monitors_default(&standard);
    m = &APR_ARRAY_IDX(c->monitors, 0, monitor_t);
    ok(m->interval_us == standard.interval_us
       && m->retry_us == standard.retry_us && m->late_us == standard.late_us
       && m->missing_us == standard.missing_us
       && m->failures_needed == standard.failures_needed
       && m->successes_needed == standard.successes_needed
       && !strcmp(m->alert_on, standard.alert_on),
       "what the sample says are defaults of a monitor are");
    is_int(c->channels->nelts, 4, "and it has a channel of each kind");
}

/* -- the manual page ------------------------------------------------------- */

static int is_key(const apr_array_header_t *keys, const char *word)
{
    int i;

    for (i = 0; i < keys->nelts; i++) {
        const char *key = APR_ARRAY_IDX(keys, i, const char *);
        const char *last = strrchr(key, '.');

        if (!strcmp(last ? last + 1 : key, word)) {
            return 1;
        }
    }
    return 0;
}

/* Every ".It Cm" is a key, and every key has one. */
static void test_manual(void)
{
    apr_array_header_t *keys = configuration_keys(pool);
    apr_hash_t *told = apr_hash_make(pool);
    char *line, *state, *word, *words;
    int i, strange = 0, untold = 0;

    for (line = apr_strtok(slurp("mailprobe/mailprobe.yaml.5"), "\n", &state);
         line; line = apr_strtok(NULL, "\n", &state)) {
        if (strncmp(line, ".It Cm ", 7)) {
            continue;
        }
        for (word = apr_strtok(line + 7, " ,", &words); word;
             word = apr_strtok(NULL, " ,", &words)) {
            apr_hash_set(told, word, APR_HASH_KEY_STRING, word);
            if (!is_key(keys, word)) {
                printf("# the manual tells of %s\n", word);
                strange++;
            }
        }
    }
    for (i = 0; i < keys->nelts; i++) {
        const char *key = APR_ARRAY_IDX(keys, i, const char *);
        const char *last = strrchr(key, '.');

        if (!apr_hash_get(told, last ? last + 1 : key, APR_HASH_KEY_STRING)) {
            printf("# the manual does not tell of %s\n", key);
            untold++;
        }
    }
    is_int(strange, 0, "the manual tells of nothing that is not there");
    is_int(untold, 0, "and of each of %d keys", keys->nelts);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_defaults();
    test_values();
    test_environment();
    test_wrong();
    test_silence();
    test_files();
    test_sample();
    test_manual();
    apr_pool_destroy(pool);
    return done_testing();
}
