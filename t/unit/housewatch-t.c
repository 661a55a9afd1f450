/* SPDX-License-Identifier: MIT */
/*
 * What httpd's /health says, judged; Apple's relay list, converted: merges and
 * what is refused.
 */
#include <apr_general.h>
#include <apr_strings.h>

#include "housewatch.h"
#include "relay.h"
#include "tap.h"

static apr_pool_t *pool;

#define NOW (apr_time_from_sec(APR_INT64_C(1795200000)))        /* 2026-11-20 */
#define SPOOL(lag, lost_at) "{\"spool\": {\"lag_seconds\": " lag \
    ", \"lost\": 7, \"last_lost_at\": " lost_at "}"

/* "subject" of what is wrong, "-subject" of what is well, in order. */
static const char *judged(const char *problem, const char *body)
{
    housewatch_verdict_t v[HOUSEWATCH_SUBJECTS];
    int i, n = housewatch_judge(v, problem, body,
                                apr_time_from_sec(45 * 86400), NOW, pool);
    const char *out = "";

    for (i = 0; i < n; i++) {
        out = apr_pstrcat(pool, out, i ? " " : "", v[i].title ? "" : "-",
                          v[i].subject, NULL);
    }
    return out;
}

static void test_health(void)
{
    static const struct {
        const char *problem, *body, *verdict, *name;
    } table[] = {
        { "refused", "", "httpd", "no answer" },
        { "", "<html>", "httpd", "a page" },
        { "", "{}", "httpd", "somebody else's JSON" },
        { "", "[1]", "httpd", "no object" },
        { "", SPOOL("0.5", "null") "}", "-httpd -drain -spool", "well" },
        { "", SPOOL("60.5", "null") "}", "-httpd drain -spool", "it lags" },
        { "", SPOOL("0", "\"2026-11-20T18:20:00.000000Z\"") "}",
          "-httpd -drain spool", "lost just now" },
        { "", SPOOL("0", "\"2026-11-19T18:20:00.000000Z\"") "}",
          "-httpd -drain -spool", "lost yesterday" },
        { "", SPOOL("\"x\"", "5") "}", "-httpd -drain -spool", "odd types" },
        { "", SPOOL("0", "null") ", \"geoip\": {\"status\": \"off\"}}",
          "-httpd -drain -spool -places", "no places wanted" },
        { "", SPOOL("0", "null") ", \"geoip\": {\"status\": \"absent\"}}",
          "-httpd -drain -spool places", "none there" },
        { "", SPOOL("0", "null") ", \"geoip\": {\"status\": \"ok\", "
          "\"built_at\": \"2026-11-01T00:00:00.000000Z\"}}",
          "-httpd -drain -spool -places", "fresh places" },
        { "", SPOOL("0", "null") ", \"geoip\": {\"status\": \"ok\", "
          "\"built_at\": \"2026-09-01T00:00:00.000000Z\"}}",
          "-httpd -drain -spool places", "old places" },
        { NULL, NULL, NULL, NULL }
    };
    int i;

    for (i = 0; table[i].name; i++) {
        is_str(judged(table[i].problem, table[i].body), table[i].verdict,
               "%s", table[i].name);
    }
}

static const char *converted(const char *text, apr_size_t length)
{
    relay_lists_t lists;
    const char *problem = "";

    return relay_convert(&lists, &problem, text, length, pool) == APR_SUCCESS
           ? apr_pstrcat(pool, lists.ipv4, lists.ipv6, NULL) : problem;
}

static void test_relay(void)
{
    static const struct {
        const char *text, *result;
    } table[] = {
        { "10.0.1.0/24,x\n10.0.0.0/24,y\nfe80::/16\n",
          "10.0.0.0/23\nfe80::/16\n" },
        { "10.0.1.0/24\n10.0.2.0/24\nfe80::/16\n",
          "10.0.1.0/24\n10.0.2.0/24\nfe80::/16\n" },
        { "10.0.0.0/24\n10.0.0.128/25\n10.0.0.0/24\nfe80::/16\n",
          "10.0.0.0/24\nfe80::/16\n" },
        { "10.0.0.0/26\n10.0.0.64/26\n10.0.0.128/25\n10.0.1.0/24\n"
          "fe80::/16\r\n", "10.0.0.0/23\nfe80::/16\n" },
        { "fe80:0:0:1::/64\nfe80::/64\n1.2.3.4/32\n",
          "1.2.3.4/32\nfe80::/63\n" },
        { "10.0.0.0/24\nfe80::/16", "line 2 is cut off" },
        { "10.0.0.0\n", "line 1 is no network" },
        { "10.0.0.0/33\n", "line 1 is no network" },
        { "10.0.0.0/\n", "line 1 is no network" },
        { "10.0.0.0/-1\n", "line 1 is no network" },
        { "10.0.0.1/24\n", "line 1 is no network" },
        { "fe80::1/64\n", "line 1 is no network" },
        { "10.0.0.0/7\n", "line 1 is no network" },
        { "10.0.0.0/24\n\nfe80::/16\n", "line 2 is no network" },
        { "", "it has no networks of IPv4, or none of IPv6" },
        { NULL, NULL }
    };
    int i;

    for (i = 0; table[i].text; i++) {
        is_str(converted(table[i].text, strlen(table[i].text)),
               table[i].result, "relay list %d", i);
    }
    is_str(converted("10.0\0.0/24\n", 11), "line 1 is no network", "a NUL");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_health();
    test_relay();
    apr_pool_destroy(pool);
    return done_testing();
}
