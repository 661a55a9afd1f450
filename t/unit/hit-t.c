/* SPDX-License-Identifier: MIT */
/*
 * Spool lines there and back: every byte value in every field, fields at and
 * beyond their bounds, lines cut at every length, bytes changed one by one,
 * garbage; ids; addresses cut to their network.
 */
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#include "hit.h"

#define ID "0123abcd-4567-89ef-cdef-0123456789ab"

static apr_pool_t *pool;

static hit_t sample(void)
{
    hit_t hit = { 0 };

    hit.at = APR_INT64_C(1700000000123456);
    hit.id = ID;
    hit.address = "192.0.2.7";
    hit.method = "GET";
    hit.user_agent = "Mozilla/5.0 (\ttab\nnewline% caf\xc3\xa9)";
    hit.referer = "https://mail.example.org/?a=b%20c";
    hit.headers = "accept=image%2F%2A&dnt=1";
    return hit;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* @return 1 when the line of it gives it back */
static int there_and_back(const hit_t *hit)
{
    char line[HIT_LINE_MAX];
    apr_size_t len = hit_format(line, hit);
    hit_t got;

    if (len > HIT_LINE_MAX || line[len - 1] != '\n'
        || memchr(line, '\n', len - 1)
        || hit_parse(&got, line, len - 1, pool) != APR_SUCCESS) {
        return 0;
    }
    return got.at == hit->at && !strcmp(got.id, hit->id)
           && !strcmp(got.address, hit->address)
           && !strcmp(got.method, hit->method)
           && !strcmp(got.user_agent, or_empty(hit->user_agent))
           && !strcmp(got.referer, or_empty(hit->referer))
           && !strcmp(got.headers, or_empty(hit->headers))
           && got.anonymized == hit->anonymized
           && !strcmp(got.networks, or_empty(hit->networks))
           && !strcmp(got.country, or_empty(hit->country))
           && !strcmp(got.city, or_empty(hit->city));
}

static void test_bytes(void)
{
    int wrong = 0;
    int c;

    for (c = 1; c < 256; c++) {
        const char text[] = { 'a', (char)c, (char)c, 'b', '\0' };
        hit_t hit = sample();

        hit.user_agent = hit.referer = hit.headers = text;
        hit.anonymized = 1;
        hit.networks = hit.country = hit.city = text;
        wrong += !there_and_back(&hit);
    }
    is_int(wrong, 0, "every byte value, in every field that a client or a "
           "file fills");
}

static void test_bounds(void)
{
    hit_t hit = sample();
    char *long_text = apr_palloc(pool, 100001);
    char line[HIT_LINE_MAX];
    hit_t got;

    memset(long_text, '%', 100000);     /* three bytes each in the line */
    long_text[100000] = '\0';
    hit.address = long_text;
    hit.method = long_text;
    hit.user_agent = hit.referer = hit.headers = long_text;
    hit.anonymized = 1;
    hit.networks = hit.country = hit.city = long_text;
    ok(hit_format(line, &hit) <= HIT_LINE_MAX, "the longest line has room");
    is_int(hit_parse(&got, line, hit_format(line, &hit) - 1, pool),
           APR_SUCCESS, "and is read");
    is_int(strlen(got.user_agent), HIT_AGENT_MAX, "user agent is cut");
    is_int(strlen(got.referer), HIT_REFERER_MAX, "referer is cut");
    is_int(strlen(got.headers), HIT_HEADERS_MAX, "headers are cut");
    is_int(strlen(got.networks), HIT_NAMES_MAX, "networks are cut");
    hit = sample();
    hit.user_agent = hit.referer = hit.headers = NULL;
    ok(there_and_back(&hit), "what was not sent is empty");
}

static void test_torn(void)
{
    hit_t hit = sample();
    char line[HIT_LINE_MAX];
    apr_size_t len = hit_format(line, &hit) - 1;
    apr_size_t cut;
    hit_t got;
    int taken = 0;

    for (cut = 0; cut < len; cut++) {
        taken += hit_parse(&got, line, cut, pool) == APR_SUCCESS;
        /* and followed by the next one without a newline between */
        taken += hit_parse(&got, apr_pstrcat(pool, apr_pstrmemdup(
                               pool, line, cut), line, NULL),
                           cut + len, pool) == APR_SUCCESS && cut > 0;
    }
    is_int(taken, 0, "a line cut short at any length is refused");
    line[3] = '\0';
    is_int(hit_parse(&got, line, len, pool), APR_EINVAL, "a NUL is refused");
}

static void test_garbage(void)
{
    apr_uint64_t seed = 88172645463325252u;
    hit_t hit = sample();
    char good[HIT_LINE_MAX];
    char *line = apr_palloc(pool, HIT_LINE_MAX + 2);
    apr_size_t len = hit_format(good, &hit) - 1;
    hit_t got;
    int i, c, wrong = 0;

    for (i = 0; i < (int)len; i++) {
        for (c = 0; c < 256; c++) {
            memcpy(line, good, len);
            line[i] = (char)c;
            if (hit_parse(&got, line, len, pool) == APR_SUCCESS) {
                wrong += strlen(got.id) != HIT_ID_LEN
                         || strlen(got.user_agent) > HIT_LINE_MAX;
            }
        }
        apr_pool_clear(pool);
        line = apr_palloc(pool, HIT_LINE_MAX + 2);
    }
    is_int(wrong, 0, "one byte changed: refused or well-formed");
    for (i = 0; i < 20000; i++) {
        for (c = 0; c < 300; c++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            line[c] = seed % 5 ? (char)seed : '\t';
        }
        wrong += hit_parse(&got, line, 300, pool) == APR_SUCCESS;
    }
    is_int(wrong, 0, "noise is refused");
    memset(line, 'a', HIT_LINE_MAX + 1);
    is_int(hit_parse(&got, line, HIT_LINE_MAX + 1, pool), APR_EINVAL,
           "too long a line is refused");
}

static void refused(const char *line, const char *why)
{
    hit_t got;

    is_int(hit_parse(&got, line, strlen(line), pool), APR_EINVAL, "%s", why);
}

#define REST "\t" ID "\t1.2.3.4\tGET\t-\t\t\t\t\t\t\t."

static void test_fields(void)
{
    hit_t got;
    const char *line = "1\t1700000000000000" REST;

    is_int(hit_parse(&got, line, strlen(line), pool), APR_SUCCESS,
           "the plainest line");
    refused("2\t1700000000000000" REST, "a later version");
    refused("1\t-1700000000000000" REST, "a time before 1970");
    refused("1\t+1700000000000000" REST, "a time with a sign");
    refused("1\t 1700000000000000" REST, "a time with a blank");
    refused("1\t1700000000000000x" REST, "a time with more behind it");
    refused("1\t99999999999999999999999" REST, "a time beyond all numbers");
    refused("1\t4102444800000001" REST, "a time beyond 2100");
    refused("1\t0" REST, "no time");
    refused("1\t" REST, "an empty time");
    refused("1\t1700000000000000\t" ID "\t1.2.3.4\tGET\tz\t\t\t\t\t\t\t.",
            "an unknown flag");
    refused("1\t1700000000000000\t" ID "\t1.2.3.4\tGET\t-\t%4\t\t\t\t\t\t.",
            "half an escape");
    refused("1\t1700000000000000\t" ID "\t1.2.3.4\tGET\t-\t%zz\t\t\t\t\t\t.",
            "an escape that is none");
    line = "1\t1700000000000000\t" ID "\t1.2.3.4\tGET\t-\ta%00b\t\t\t\t\t\t.";
    is_int(hit_parse(&got, line, strlen(line), pool), APR_SUCCESS,
           "an escaped NUL");
    is_str(got.user_agent, "a?b", "is none in the text");
}

static void test_headers(void)
{
    char headers[HIT_HEADERS_MAX + 1];
    char value[256];
    apr_size_t len = 0;
    int c, i;

    for (c = 1; c < 256; c++) {
        value[c - 1] = (char)c;
    }
    value[255] = '\0';
    memset(headers, 'X', sizeof(headers));
    for (i = 0; i < 40; i++) {
        len = hit_header(headers, len, "accept-language", value);
        if (len > HIT_HEADERS_MAX - 1 || headers[len] != '\0') {
            break;
        }
    }
    is_int(i, 40, "headers stay in their room");
    is_int(headers[HIT_HEADERS_MAX], 'X', "and not a byte beyond");
    headers[0] = '\0';
    len = hit_header(headers, 0, "accept", "image/*,a&b=c%d\n\xff");
    len = hit_header(headers, len, "dnt", "1");
    is_str(headers, "accept=image/*,a%26b%3Dc%25d%0A%FF&dnt=1",
           "separators and control bytes are escaped");
    is_int(len, strlen(headers), "and the length is known");
}

static void test_ids(void)
{
    static const char *const bad[] = {
        "", "x", "0123abcd-4567-89ef-cdef-0123456789a",
        "0123abcd-4567-89ef-cdef-0123456789abc",
        "0123abcd04567-89ef-cdef-0123456789ab",
        "0123abcd-4567-89ef-cdef-0123456789ag",
        "0123abcd-4567-89ef-cdef-0123456789a\xe9",
        "{123abcd-4567-89ef-cdef-0123456789a}",
        "0123abcd-4567-89ef-cdef-01234567%39ab",
        "0123abcd4-567-89ef-cdef-0123456789ab", NULL
    };
    char id[HIT_ID_LEN + 1];
    int i;

    ok(hit_id(id, "0123ABCD-4567-89EF-cdef-0123456789AB", 36),
       "an id in upper case is one");
    is_str(id, ID, "and is lower-cased");
    for (i = 0; bad[i]; i++) {
        ok(!hit_id(id, bad[i], strlen(bad[i])), "no id: '%s'", bad[i]);
    }
}

static void cut(const char *address, const char *want)
{
    char out[46];

    memset(out, 'X', sizeof(out));
    hit_anonymize(out, address);
    is_str(out, want, "%s", address);
}

static void test_addresses(void)
{
    cut("192.0.2.129", "192.0.2.0");
    cut("255.255.255.255", "255.255.255.0");
    cut("2001:db8:1234:5678:9abc:def0:1234:5678", "2001:db8:1234::");
    cut("2001:DB8:1234::1", "2001:db8:1234::");
    cut("::ffff:192.0.2.129", "192.0.2.0");
    cut("::ffff:c000:281", "192.0.2.0");
    cut("::1", "::");
    cut("fe80::1%eth0", "");
    cut("", "");
    cut("not an address", "");
    cut("192.0.2.129:8080", "");
    cut("192.0.2", "");
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    test_bytes();
    test_bounds();
    test_torn();
    test_garbage();
    test_fields();
    test_headers();
    test_ids();
    test_addresses();
    return done_testing();
}
