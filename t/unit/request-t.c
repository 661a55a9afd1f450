/* SPDX-License-Identifier: MIT */
/*
 * What a client may ask: query strings, JSON bodies, times, CSV cells. Each
 * rule of request.h has its lines here, and bytes nobody should send.
 */
#include <apr_general.h>
#include <apr_strings.h>

#include "address.h"
#include "csv.h"
#include "request.h"
#include "tap.h"
#include "when.h"

static apr_pool_t *pool;

static request_t *args(const char *query)
{
    request_t *in = request_create(pool);

    request_args(in, query);
    return in;
}

static request_t *body(const char *json)
{
    request_t *in = request_create(pool);
    const char *error = NULL;

    if (request_json(in, &error, json, strlen(json)))
        printf("# %s: %s\n", json, error);
    return in;
}

/* The fault's field, or NULL. */
static const char *fault(request_t *in, int i)
{
    const apr_array_header_t *faults = request_faults(in);

    return i < faults->nelts ? APR_ARRAY_IDX(faults, i,
                                             request_fault_t).field : NULL;
}

/* -- query strings ------------------------------------------------------- */

static void test_args(void)
{
    static const char *const broken[] = {
        "a=%", "a=%4", "a=%4g", "a=%g4", "a=%00", "a=%ff", "a=%c0%af",
        "a=%ed%a0%80", "a=\x80", "%=1", "a=1&a=2", "%zz"
    };
    static const char *const choices[] = { "one", "two", NULL };
    request_t *in = args("a=b+c%20%C3%A9&empty=&&x");
    apr_size_t i;

    is_str(request_arg_text(in, "a", 9), "b c \xc3\xa9", "decoded");
    is_str(request_arg_text(in, "empty", 9), NULL, "empty is absent");
    is_str(request_arg_text(in, "none", 9), NULL, "absent");
    is_int(request_end(in), 1, "a parameter that nobody knows");
    is_str(fault(in, 0), "x", "is named");
    for (i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        in = args(broken[i]);
        (void)request_arg_text(in, "a", 9);
        ok(request_end(in) > 0, "refused: %s", broken[i]);
    }
    in = args("t=%C3%A9%C3%A9%C3%A9");
    is_str(request_arg_text(in, "t", 3), "\xc3\xa9\xc3\xa9\xc3\xa9",
           "characters are counted, not octets");
    is_str(request_arg_text(in, "t", 2), NULL, "one too many");
    is_str(fault(in, 0), "t", "is named");
    in = args("c=two&d=Two");
    is_int(request_arg_choice(in, "c", choices, -1), 1, "a choice");
    is_int(request_arg_choice(in, "e", choices, -1), -1, "none made");
    is_int(request_end(in), 1, "d is not known");
    is_int(request_arg_choice(in, "d", choices, -1), -1, "none of them");
    is_int(request_faults(in)->nelts, 2, "noted");
}

static void test_many_args(void)
{
    const char *query = "a=1";
    request_t *in;
    int i;

    for (i = 0; i < 40; i++)
        query = apr_psprintf(pool, "%s&p%d=1", query, i);
    in = args(query);
    ok(request_end(in) <= REQUEST_FAULTS_MAX, "faults are bounded");
    ok(request_faults(in)->nelts > 0, "too many parameters are refused");
}

static void test_numbers(void)
{
    static const char *const wrong[] = { "0", "201", "-1", "1.5", "1e2", "x",
        "99999999999999999999", "+5", " 5", "5 ", "0x10" };
    static const char *const flags[] = { "yes", "TRUE", "2", "on" };
    request_t *in;
    apr_size_t i;

    in = args("n=200&m=1");
    is_int(request_arg_int(in, "n", 1, 200, 50), 200, "the largest");
    is_int(request_arg_int(in, "m", 1, 200, 50), 1, "the smallest");
    is_int(request_arg_int(in, "o", 1, 200, 50), 50, "not given");
    is_int(request_end(in), 0, "no fault");
    for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        in = args(apr_pstrcat(pool, "n=", wrong[i], NULL));
        is_int(request_arg_int(in, "n", 1, 200, 50), 50, "n=%s", wrong[i]);
        is_str(fault(in, 0), "n", "is refused");
    }
    in = args("a=true&b=0&c=1&d=false");
    is_int(request_arg_bool(in, "a"), 1, "true");
    is_int(request_arg_bool(in, "b"), 0, "0");
    is_int(request_arg_bool(in, "c"), 1, "1");
    is_int(request_arg_bool(in, "d"), 0, "false");
    is_int(request_arg_bool(in, "e"), -1, "absent");
    for (i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
        in = args(apr_pstrcat(pool, "f=", flags[i], NULL));
        is_int(request_arg_bool(in, "f"), -1, "f=%s", flags[i]);
        is_str(fault(in, 0), "f", "is refused");
    }
}

/* -- times --------------------------------------------------------------- */

static void test_times(void)
{
    static const struct {
        const char *text;
        apr_int64_t time;
    } good[] = {
        { "0", 0 },
        { "1700000000", APR_INT64_C(1700000000000000) },
        { "1700000000.5", APR_INT64_C(1700000000500000) },
        { "1700000000.1234567", APR_INT64_C(1700000000123456) },
        { "253402300799", APR_INT64_C(253402300799000000) },
        { "1970-01-01T00:00:00Z", 0 },
        { "2023-11-14T22:13:20Z", APR_INT64_C(1700000000000000) },
        { "2023-11-14t22:13:20z", APR_INT64_C(1700000000000000) },
        { "2023-11-14T23:13:20+01:00", APR_INT64_C(1700000000000000) },
        { "2023-11-14T23:13:20 01:00", APR_INT64_C(1700000000000000) },
        { "2023-11-14T17:13:20-0500", APR_INT64_C(1700000000000000) },
        { "2023-11-14T22:13:20.25Z", APR_INT64_C(1700000000250000) },
        { "2023-11-14 22:13:20Z", APR_INT64_C(1700000000000000) },
        { "2024-02-29T00:00Z", APR_INT64_C(1709164800000000) }
    };
    static const char *const bad[] = {
        "2023-11-14T22:13:20", "2023-11-14", "2023-02-29T00:00:00Z",
        "2023-13-01T00:00:00Z", "2023-00-01T00:00:00Z", "1e20", "-1", "1.",
        "2023-11-14T24:00:00Z", "2023-11-14T22:60:00Z", "now", "2023-11",
        "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20+25:00",
        "1969-12-31T23:59:59Z", "2023-11-14T22:13:20Zx", "2023-11-14T22Z",
        "1700000000 ", "9999999999999", "253402300800", "2023-", "2023-1",
        "2023-11-", "    -", ".5", "2023-11-14T22:13:20+1:00"
    };
    apr_int64_t day;
    apr_size_t i;

    for (i = 0; i < sizeof(good) / sizeof(*good); i++)
        is_int(when_parse(good[i].text), good[i].time, "%s", good[i].text);
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        ok(when_parse(bad[i]) == WHEN_NONE, "refused: '%s'", bad[i]);
    is_str(when_format(APR_INT64_C(1700000000000001), pool),
           "2023-11-14T22:13:20.000001Z", "written");
    is_str(when_format(WHEN_NONE, pool), NULL, "no time");
    ok(!when_date(&day, "2024-02-29") && day == 19782, "a date");
    is_str(when_format_date(19782, pool), "2024-02-29", "and back");
    ok(when_date(&day, "2023-02-29") == APR_EINVAL, "no such day");
    ok(when_date(&day, "2023-2-28") == APR_EINVAL, "malformed");
}

/* -- bodies -------------------------------------------------------------- */

static apr_status_t parse(const char *text, apr_size_t len)
{
    request_t *in = request_create(pool);
    const char *error = NULL;
    apr_status_t rv = request_json(in, &error, text, len);

    if (rv && (!error || !*error))
        return APR_SUCCESS;     /* a refusal needs words */
    return rv;
}

static void test_json(void)
{
    static const char *const broken[] = {
        "", " ", "{", "{}x", "{\"a\":1,}", "{'a':1}", "{\"a\":1,\"a\":2}",
        "{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\xc0\x80\"}",
        "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\n\"}", "{\"a\":01}", "{\"a\":1e999}", "{\"a\":NaN}",
        "{\"a\":99999999999999999999999}", "\xef\xbb\xbf{}", "{\"\\u0000\":1}",
        "nul", "{\"a\":tru}", "{}{}", "// x\n{}"
    };
    static const char *const others[] = { "[]", "1", "\"x\"", "null", "true",
                                          "[{}]" };
    char deep[4096];
    apr_size_t i;

    for (i = 0; i < sizeof(broken) / sizeof(*broken); i++)
        ok(parse(broken[i], strlen(broken[i])) == APR_EGENERAL,
           "no JSON: %d", (int)i);
    for (i = 0; i < sizeof(others) / sizeof(*others); i++)
        ok(parse(others[i], strlen(others[i])) == APR_EINVAL,
           "no object: %s", others[i]);
    ok(parse("{\"a\":1\0}", 8) == APR_EGENERAL, "NUL among the bytes");
    ok(!parse(" {\"a\" : [1, 2.5, {\"b\":null}]}\n", 30), "JSON");
    memset(deep, '[', sizeof(deep));
    ok(parse(deep, sizeof(deep)) == APR_EGENERAL, "too deep");
    memcpy(deep, "{\"a\":\"", 6);
    memcpy(deep + sizeof(deep) - 2, "\"}", 2);
    ok(!parse(deep, sizeof(deep)), "brackets in a string are none");
}

static void test_fields(void)
{
    request_t *in = body("{\"s\":\"\xc3\xa9t\xc3\xa9\",\"n\":null,\"i\":5,"
                         "\"b\":true,\"l\":\"a\\nb\",\"x\":1,\"y\":2}");

    is_str(request_text(in, "s", 3, REQUEST_LINE), "\xc3\xa9t\xc3\xa9",
           "a text");
    is_str(request_text(in, "n", 3, 0), NULL, "null is absent");
    ok(request_has(in, "n") && !request_has(in, "m"), "but there");
    is_int(request_bool(in, "b"), 1, "a boolean");
    is_int(request_bool(in, "m"), -1, "an absent one");
    is_str(request_text(in, "l", 9, 0), "a\nb", "two lines");
    is_int(request_faults(in)->nelts, 0, "no fault so far");
    is_str(request_text(in, "l", 9, REQUEST_LINE), NULL, "one is asked for");
    is_str(fault(in, 0), "l", "is said");
    is_str(request_text(in, "s", 2, 0), NULL, "too long");
    is_str(request_text(in, "i", 9, 0), NULL, "a number is no string");
    is_int(request_bool(in, "i"), -1, "nor a boolean");
    is_int(request_bool(in, "n"), -1, "nor is null");
    is_str(fault(in, 4), "n", "all of them are told");
    is_int(request_end(in), 7, "unknown fields too");
    is_str(fault(in, 5), "x", "by name");
    is_str(fault(in, 6), "y", "each");
}

static void people(const char *json, int count, const char *wrong)
{
    request_t *in = body(json);
    apr_array_header_t *list = request_recipients(in);

    is_int(list ? list->nelts : 0, count, "addresses of %s", json);
    is_str(fault(in, 0), wrong, "fault of %s", json);
}

static void test_recipients(void)
{
    people("{\"recipient\":\"a@x.org, B <b@y.org>\"}", 2, NULL);
    people("{\"recipient\":\"\\\"Doe, Jane\\\" <jane@x.org>\"}", 1, NULL);
    people("{\"recipient\":\"a@x.org, A@X.ORG\"}", 1, NULL);
    people("{\"recipients\":[\"a@x.org\",\"B <b@y.org>\",\"a@X.org\"]}", 2,
           NULL);
    people("{\"recipients\":\"a@x.org,b@y.org\"}", 2, NULL);
    people("{}", 0, NULL);
    people("{\"recipient\":\"\"}", 0, "recipient");
    people("{\"recipient\":\"nobody\"}", 0, "recipient");
    people("{\"recipient\":null}", 0, "recipient");
    people("{\"recipient\":[\"a@x.org\"]}", 0, "recipient");
    people("{\"recipient\":5}", 0, "recipient");
    people("{\"recipients\":[]}", 0, "recipients");
    people("{\"recipients\":{}}", 0, "recipients");
    people("{\"recipients\":null}", 0, "recipients");
    people("{\"recipients\":[\"a@x.org\",\"x\"]}", 0, "recipients[1]");
    people("{\"recipients\":[\"a@x.org\",7]}", 0, "recipients[1]");
    people("{\"recipient\":\"a@x.org\",\"recipients\":[\"b@x.org\"]}", 0,
           "recipients");
}

/* -- CSV ----------------------------------------------------------------- */

static void cell(const char *text, const char *written)
{
    csv_t *csv = csv_make(pool);
    const char *row;
    apr_size_t len;

    csv_row(csv);
    csv_text(csv, text);
    row = csv_end(csv, &len);
    ok(len == strlen(written) + 2 && !memcmp(row, written, len - 2) &&
       !memcmp(row + len - 2, "\r\n", 2), "written: %s",
       strchr(written, '\n') || strchr(written, '\r') ? "a line break"
                                                       : written);
}

static void test_csv(void)
{
    static const char formula[] = "=+-@\t\r";
    csv_t *csv = csv_make(pool);
    char *big = apr_palloc(pool, 20001);
    const char *row;
    apr_size_t len, i;

    cell("plain", "plain");
    cell(NULL, "");
    cell("", "");
    cell("a,b", "\"a,b\"");
    cell("say \"x\"", "\"say \"\"x\"\"\"");
    cell("\"", "\"\"\"\"");
    cell("a\nb", "\"a\nb\"");
    cell("=1+1", "'=1+1");
    cell("=\"x\"", "\"'=\"\"x\"\"\"");
    cell("\rx", "\"'\rx\"");
    cell("a=b", "a=b");
    for (i = 0; formula[i]; i++) {
        char text[3] = { formula[i], 'x', 0 };

        csv_row(csv);
        csv_text(csv, text);
        row = csv_end(csv, &len);
        ok(row[0] == '\'' || row[1] == '\'', "defused: %d", formula[i]);
    }
    csv_row(csv);
    csv_int(csv, -5);
    csv_text(csv, NULL);
    csv_int(csv, APR_INT64_MAX);
    row = csv_end(csv, &len);
    is_str(apr_pstrmemdup(pool, row, len), "-5,,9223372036854775807\r\n",
           "numbers");
    memset(big, 'x', 20000);
    big[20000] = '\0';
    csv_row(csv);
    csv_text(csv, big);
    (void)csv_end(csv, &len);
    is_int(len, 20002, "a long row");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_args();
    test_many_args();
    test_numbers();
    test_times();
    test_json();
    test_fields();
    test_recipients();
    test_csv();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
