/* SPDX-License-Identifier: MIT */
/*
 * Headers of arrived probes: the Received lines of seven kinds of servers,
 * dates with every zone, clocks that are wrong, Authentication-Results by the
 * RFC's own examples and by those who would deceive, folded, 8-bit, NUL and a
 * mebibyte of anything.
 */
#include "tap.h"

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <jansson.h>

#include "headers.h"
#include "maildate.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define SENT APR_INT64_C(1795168800000000)      /* 2026-11-20 10:00:00 UTC */

static apr_pool_t *pool;

static const apr_array_header_t *ids(const char *list)
{
    apr_array_header_t *array = apr_array_make(pool, 2, sizeof(char *));
    char *copy = apr_pstrdup(pool, list);
    char *state = NULL;
    char *id;

    if (!*list) {
        APR_ARRAY_PUSH(array, const char *) = "";
    }
    for (id = apr_strtok(copy, " ", &state); id;
         id = apr_strtok(NULL, " ", &state)) {
        APR_ARRAY_PUSH(array, const char *) = id;
    }
    return array;
}

static headers_t *parse(const char *text, const char *believed)
{
    return headers_parse(text, strlen(text), ids(believed), SENT,
                         SENT + apr_time_from_sec(10), pool);
}

static headers_t *parse_file(const char *name, const char *believed)
{
    const char *path = source_file(apr_pstrcat(pool, "t/data/mail/", name,
                                               NULL));
    char *text = apr_pcalloc(pool, 65536);
    apr_size_t len = 65535;
    apr_file_t *file;

    if (apr_file_open(&file, path, APR_READ, 0, pool) != APR_SUCCESS
        || apr_file_read_full(file, text, len, &len) != APR_EOF) {
        printf("Bail out! %s cannot be read\n", path);
        exit(1);
    }
    return parse(text, believed);
}

static const hop_t *hop(const headers_t *h, int i)
{
    static const hop_t none = { "-", "-", "-", "-", 0, 0, 0, 0 };

    return i < h->hops->nelts ? &APR_ARRAY_IDX(h->hops, i, hop_t) : &none;
}

static const auth_method_t *auth(const headers_t *h, int i)
{
    static const auth_method_t none = { "-", "-", "-", "-", "-" };

    return i < h->auth->nelts ? &APR_ARRAY_IDX(h->auth, i, auth_method_t)
                              : &none;
}

static const char *auth_line(const headers_t *h)
{
    const char *line = "";
    int i;

    for (i = 0; i < h->auth->nelts; i++) {
        const auth_method_t *m = auth(h, i);

        line = apr_pstrcat(pool, line, i ? " " : "", m->method, "=",
                           m->result, ":", m->domain, NULL);
    }
    return line;
}

/* -- Received ------------------------------------------------------------ */

static void hop_is(const headers_t *h, int i, const char *want, int tls,
                   int second)
{
    const hop_t *p = hop(h, i);
    const char *got = apr_psprintf(pool, "%s|%s|%s|%s", p->from, p->by,
                                   p->protocol, p->id);

    is_str(got, want, "hop %d", i);
    is_int(p->tls, tls, "hop %d: TLS", i);
    is_int((p->at - SENT) / APR_USEC_PER_SEC, second, "hop %d: its time", i);
}

static void test_gmail(void)
{
    headers_t *h = parse_file("gmail.eml", "mx.google.com");

    is_str(h->token, TOKEN, "the token");
    is_int(h->date, SENT, "Date");
    is_int(h->hops->nelts, 3, "hops of Gmail, the sender's first");
    hop_is(h, 0, "client.example.org|mail.example.org|ESMTPSA|4XyZ12abc", 1,
           1);
    hop_is(h, 1, "mail.example.org|mx.google.com|ESMTPS|"
           "4fb4d7f45d1cf-5d0.10.2026.11.20.02.00.02", 1, 2);
    hop_is(h, 2, "|2002:a05:6402:1234:b0:5a1:2345:6789|SMTP|"
           "x12csp1234567edb", 0, 3);
    is_int(hop(h, 0)->delay_us, apr_time_from_sec(1), "delay of the first");
    is_int(hop(h, 2)->delay_us, apr_time_from_sec(1), "delay of the last");
    is_str(auth_line(h), "dkim=pass:example.org spf=pass:example.org "
           "dmarc=pass:example.org", "results of the topmost run alone");
    is_str(auth(h, 0)->selector, "sel2026", "DKIM's selector");
    is_str(auth(h, 2)->reason, "p=REJECT sp=REJECT dis=NONE",
           "the comment beside a result");
    is_str(headers_verdict(h), "pass", "the verdict");
    h = parse_file("gmail.eml", "mx.example.com");
    is_int(h->auth->nelts, 0, "of a server we did not name: nothing");
    is_str(headers_verdict(h), "", "and no verdict");
}

static void test_exchange(void)
{
    headers_t *h = parse_file("exchange.eml", "");

    is_int(h->hops->nelts, 3, "hops of Exchange");
    hop_is(h, 0, "mail.example.org|"
           "AMS0EPF00000001.mail.protection.exchange.example|"
           "Microsoft SMTP Server|15.20.8158.9", 1, 7);
    hop_is(h, 1, "AS4P190CA0001.EURP190.PROD.EXCHANGE.EXAMPLE|"
           "AM0PR01MB0001.eurprd01.prod.exchange.example|"
           "Microsoft SMTP Server|15.20.8158.24", 1, 8);
    hop_is(h, 2, "AM0PR01MB0001.eurprd01.prod.exchange.example|"
           "AM9PR01MB0002.eurprd01.prod.exchange.example|HTTPS|", 1, 9);
    is_str(auth_line(h), "spf=pass:example.org dkim=pass:example.org "
           "dmarc=pass:example.org compauth=pass:",
           "a server without an id, believed because \"\" was configured");
    is_str(auth(h, 3)->reason, "100", "its reason");
    is_int(h->spam->nelts, 2, "two spam headers");
    is_int(parse_file("exchange.eml", "spf dmarc")->auth->nelts, 0,
           "and not believed otherwise");
}

static void test_dialects(void)
{
    headers_t *h = parse_file("dialects.eml", "x");

    is_int(h->hops->nelts, 6, "Dovecot, Exim, qmail, Sendmail, Postfix");
    hop_is(h, 0, "localhost|send.example.net|ESMTP|4XyZ00def", 0, 4);
    hop_is(h, 1, "send.example.net|relay.example.net|ESMTPS|2AKA05xx012345",
           1, 5);
    hop_is(h, 2, "unknown|0|SMTP|", 0, 6);
    hop_is(h, 3, "||qmail|", 0, 7);
    hop_is(h, 4, "[192.0.2.30]|mx.example.com|esmtps|1sAbCd-0000001-2B", 1,
           8);
    hop_is(h, 5, "mx.example.com|box.example.com|LMTP|AbCdEf+123", 0, 9);
    is_str(headers_spam_json(h, pool),
           "{\"X-Spam-Status\":\"No, score=-1.2 required=5.0 "
           "tests=DKIM_SIGNED, DKIM_VALID autolearn=ham\","
           "\"x-spam-flag\":\"NO\"}", "the spam filter's words");
}

static void test_received_odd(void)
{
    headers_t *h = parse(
        "Received: from by with id ; nonsense\r\n"
        "Received: from a (((((((\r\n"
        "\tby b; Fri, 20 Nov 2026 10:00:01 +0000\r\n"
        "Received: from \"a; b\" (HELO tls1.example) by c with SMTP id 1;"
        " Fri, 20 Nov 2026 10:00:01 +0000\r\n"
        "Received: from x (using TLSa) by d with ESMTP from y by z;\n"
        "Received:\r\n\r\nReceived: from body by body; x\r\n", "x");

    is_int(h->hops->nelts, 5, "lines that say little are hops too");
    is_str(hop(h, 0)->by, "", "an empty one");
    is_str(hop(h, 1)->from, "x", "a second from is not the sender");
    is_str(hop(h, 1)->by, "d", "nor a second by");
    is_int(hop(h, 1)->tls, 0, "TLS in a comment must look like a version");
    is_int(hop(h, 1)->at, 0, "no date, no time");
    is_int(hop(h, 1)->delay_us, HEADERS_UNKNOWN, "and no delay");
    is_str(hop(h, 2)->from, "a; b", "a quoted semicolon is no end");
    is_int(hop(h, 2)->tls, 0, "a host's name does not make it TLS");
    is_int(hop(h, 3)->at, SENT + APR_USEC_PER_SEC,
           "the date behind a comment left open");
}

static void test_skew(void)
{
    headers_t *h = parse(
        "Received: by f; Fri, 20 Nov 2026 10:00:06 +0000\n"
        "Received: by e; Fri, 20 Nov 2026 10:00:05 +0000\n"
        "Received: by d; Fri, 20 Nov 2026 11:00:00 +0000\n"
        "Received: by c; Fri, 20 Nov 2026 09:00:00 +0000\n"
        "Received: by b; Fri, 20 Nov 2026 10:00:00 +0000\n"
        "Received: by a; Fri, 20 Nov 2026 10:00:02 +0000\n", "x");

    is_int(hop(h, 0)->delay_us, 2000000, "the first counts from the sending");
    is_int(hop(h, 1)->delay_us, -2000000, "whole seconds may go backwards");
    is_int(hop(h, 1)->skewed, 0, "which is no skew yet");
    is_int(hop(h, 2)->skewed, 1, "before it was sent: skewed");
    is_int(hop(h, 3)->skewed, 1, "after it was seen: skewed");
    is_int(hop(h, 4)->skewed, 0, "the next is not");
    is_int(hop(h, 4)->delay_us, 5000000,
           "and counts from the last good clock");
    is_int(hop(h, 5)->delay_us, 1000000, "and so on");
}

static void test_many_hops(void)
{
    const char *line = "Received: from a by b; "
                       "Fri, 20 Nov 2026 10:00:01 +0000\n";
    char *text = apr_pcalloc(pool, strlen(line) * 200 + 1);
    headers_t *h;
    int i;

    for (i = 0; i < 200; i++) {
        strcat(text, line);
    }
    h = parse(text, "x");
    is_int(h->hops->nelts, HEADERS_HOPS_MAX, "no more hops than fit");
    is_int(h->cut, 1, "which is said");
}

/* -- dates --------------------------------------------------------------- */

static void test_dates(void)
{
    static const struct {
        const char *text;
        apr_int64_t offset;     /* from SENT, seconds; -1: not readable */
    } dates[] = {
        { "Fri, 20 Nov 2026 10:00:00 +0000", 0 },
        { "20 Nov 2026 10:00:00 -0000", 0 },
        { "Fri, 20 Nov 2026 15:30:00 +0530 (IST)", 0 },
        { "Fri , 20 (the (20th)) Nov 2026 05:00 (x) EST", 0 },
        { "Fri, 20 Nov 26 06:00:00 EDT", 0 },
        { "Fri, 20 NOV 126 04:00:00 CST", 0 },
        { "Fri, 20 Nov 2026 05:00:00 CDT", 0 },
        { "Fri, 20 Nov 2026 03:00:00 MST", 0 },
        { "Fri, 20 Nov 2026 04:00:00 mdt", 0 },
        { "Fri, 20 Nov 2026 02:00:00 PST", 0 },
        { "Fri, 20 Nov 2026 03:00:00 PDT", 0 },
        { "Fri, 20 Nov 2026 10:00:00 GMT", 0 },
        { "Fri, 20 Nov 2026 10:00:00 UT", 0 },
        { "Fri, 20 Nov 2026 10:00:00 Z", 0 },
        { "Fri, 20 Nov 2026 10:00:00 A", 0 },
        { "Fri, 20 Nov 2026 10:00:00.123 XYZT", 0 },
        { "Fri, 20 Nov 2026 10:00:60 +0000", 60 },
        { "Sun, 29 Feb 2028 10:00:00 +0000", 40262400 },
        { "Mon, 29 Feb 2027 10:00:00 +0000", -1 },
        { "Fri, 31 Nov 2026 10:00:00 +0000", -1 },
        { "Fri, 00 Nov 2026 10:00:00 +0000", -1 },
        { "Fri, 20 Foo 2026 10:00:00 +0000", -1 },
        { "Fri, 20 Nov 20266 10:00:00 +0000", -1 },
        { "Fri, 20 Nov 1969 10:00:00 +0000", -1 },
        { "Fri, 20 Nov 2026 24:00:00 +0000", -1 },
        { "Fri, 20 Nov 2026 10:61:00 +0000", -1 },
        { "Fri, 20 Nov 2026 10 +0000", -1 },
        { "Fri, 20 Nov 2026 10:00:00 +000", -1 },
        { "Fri, 20 Nov 2026 10:00:00 +0060", -1 },
        { "Fri, 20 Nov 2026 10:00:00 ?", -1 },
        { "Fri, 20 Nov 2026 10:00:00", -1 },
        { "Fri, -20 Nov 2026 10:00:00 +0000", -1 },
        { "Fri, 20 Nov 2026 -1:00:00 +0000", -1 },
        { "99999999999999999999 Nov 2026 10:00:00 +0000", -1 },
        { "", -1 },
        { NULL, 0 }
    };
    int i;

    for (i = 0; dates[i].text; i++) {
        apr_time_t want = dates[i].offset < 0 ? 0
                          : SENT + apr_time_from_sec(dates[i].offset);

        is_int(maildate_parse(dates[i].text, pool), want, "date \"%s\"",
               dates[i].text);
    }
}

/* -- Authentication-Results ---------------------------------------------- */

static const char *results(const char *value)
{
    return auth_line(parse(apr_pstrcat(pool, "Authentication-Results: ",
                                       value, "\n\n", NULL),
                           "example.com Foo.Example.net"));
}

static void test_grammar(void)
{
    headers_t *h;

    is_str(results("example.com 1; none"), "", "RFC 8601 B.2: none");
    is_str(results("example.com; none"), "", "none, without a version");
    is_str(results("example.com"), "", "an id alone");
    is_str(results("example.com; spf=pass smtp.mailfrom=example.net"),
           "spf=pass:example.net", "RFC 8601 B.3");
    is_str(results("example.com; auth=pass (cram-md5) "
                   "smtp.auth=sender@example.net; spf=fail "
                   "smtp.mailfrom=a@b.example"),
           "auth=pass: spf=fail:b.example", "RFC 8601 B.4: two methods");
    is_str(results("example.com; dkim=pass reason=\"good signature\" "
                   "header.i=@mail-router.example.net; dkim=fail "
                   "reason=\"bad; signature\" header.i=@newyork.example"),
           "dkim=pass:mail-router.example.net dkim=fail:newyork.example",
           "RFC 8601 B.6: reasons with semicolons");
    is_str(results("foo.example.net (foobar) 1 (baz); dkim (Because I like "
                   "it) / 1 (One yay) = (wait for it) fail policy (A dot "
                   "can go here) . (like that) expired (this surprised me) "
                   "= (as I wasn't expecting it) 1362471462"),
           "dkim=fail:", "RFC 8601 B.7: comments everywhere");
    is_str(results("EXAMPLE.com; SPF=Pass SMTP.MailFrom=\"x y\"@e.example"),
           "spf=pass:x y", "case does not matter");
    is_str(results("\"example.com\"; dmarc=pass header.from=\"e.example\""),
           "dmarc=pass:e.example", "quoted strings");
    is_str(results("example.com; dkim=pass header . d = d.example "
                   "header. i=@i.example header .b=\"a;b=\""),
           "dkim=pass:d.example", "blanks around the dot; d before i");
    h = parse("Authentication-Results: example.com; dkim=pass\r\n"
              "  header.s=s1 header.d=d.example (1024-bit key);\r\n"
              "\tspf=softfail (no) smtp.helo=helo.example\r\n\r\n",
              "example.com");
    is_str(auth_line(h), "dkim=pass:d.example spf=softfail:helo.example",
           "folded");
    is_str(auth(h, 0)->selector, "s1", "selector");
    is_str(auth(h, 1)->reason, "no", "its comment");
}

static void test_not_read(void)
{
    is_str(results("example.com 2; spf=pass"), "", "a version to come");
    is_str(results("example.com; spf/2=pass; dkim/1=pass"), "dkim=pass:",
           "a method of another version is left out");
    is_str(results("other.example; spf=pass"), "", "somebody else's");
    is_str(results("example.com.evil.example; spf=pass"), "",
           "an id that begins as ours");
    is_str(results("evil.example (example.com); spf=pass"), "",
           "ours in a comment");
    is_str(results("x; example.com; spf=pass"), "", "ours in second place");
    is_str(results("spf=pass; example.com"), "", "no id");
    is_str(results("example.com spf=pass"), "",
           "a result where the version belongs");
    is_str(results("example.com; x=1 (dmarc=pass); reason=\"spf=pass\" "
                   "x.dmarc=pass"), "x=1:",
           "results in comments, reasons and properties are none");
    is_str(results("example.com; spf==pass; =; spf; spf=; /; dkim/=pass;; "
                   "dmarc=fail header.from="), "dmarc=fail:",
           "what cannot be read spoils nothing beside it");
    is_str(results("example.com; spf=pass (open ; dkim=pass"), "spf=pass:",
           "a comment left open");
    is_str(results("example.com; spf=pass reason=\"open ; dkim=pass"),
           "spf=pass:", "a quote left open");
}

static void test_run(void)
{
    const char *top =
        "Received: from a by b; x\n"
        "Authentication-Results: example.com; spf=pass\n"
        "X-Filter: yes\n"
        "Authentication-Results: example.com; dkim=pass\n";
    const char *forged = "Authentication-Results: example.com; dmarc=pass\n";

    is_str(auth_line(parse(apr_pstrcat(pool, top, "Received: from c by a; x\n",
                                       forged, NULL), "example.com")),
           "spf=pass: dkim=pass:", "below the next hop nothing is believed");
    is_str(auth_line(parse(apr_pstrcat(pool, top,
        "Authentication-Results: mx.evil.example; spf=pass\n", forged, NULL),
        "example.com")),
           "spf=pass: dkim=pass:", "nor below another server's results");
    is_str(auth_line(parse(apr_pstrcat(pool,
        "Authentication-Results: inner.example; spf=fail\n",
        "Received: from a by b; x\n", top, NULL), "example.com")),
           "spf=pass: dkim=pass:", "results of inner servers above are passed");
}

static const char *verdict(const char *text)
{
    return headers_verdict(parse(apr_pstrcat(pool,
        "Authentication-Results: a; ", text, "\n", NULL), "a"));
}

static void test_verdict(void)
{
    is_str(verdict("spf=fail; dkim=fail; dmarc=pass"), "pass", "DMARC says");
    is_str(verdict("spf=pass; dkim=pass; dmarc=fail"), "fail", "DMARC says");
    is_str(verdict("spf=pass; dkim=pass; dmarc=none"), "pass",
           "SPF and DKIM, where DMARC has no word");
    is_str(verdict("spf=pass; dkim=pass"), "pass", "the same without it");
    is_str(verdict("spf=softfail; dkim=pass"), "fail", "SPF fails");
    is_str(verdict("spf=pass; dkim=fail"), "fail", "DKIM fails");
    is_str(verdict("spf=pass; dkim=fail; dkim=pass"), "pass",
           "one good signature is enough");
    is_str(verdict("spf=pass; dkim=none"), "", "not signed: not known");
    is_str(verdict("spf=temperror; dkim=temperror; dmarc=temperror"), "",
           "an error of the moment is not a failure");
    is_str(verdict("none"), "", "nothing is known");
}

/* -- hostile bytes -------------------------------------------------------- */

static void test_hostile(void)
{
    static const char nul[] = "X-Mailtrack-Probe: " TOKEN "\0\r\n"
        "Received: from a\0b by caf\xe9.example with \xff\xfe;\r\n"
        "X-Spam-Status: \xf0\x9f\x92\xa9\x01\x7f\xed\xa0\x80\r\n\r\n";
    headers_t *h = headers_parse(nul, sizeof(nul) - 1, ids("x"), SENT, SENT,
                                 pool);

    is_str(h->token, TOKEN, "a NUL ends nothing");
    is_str(hop(h, 0)->by, "caf\xef\xbf\xbd.example", "8-bit becomes UTF-8");
    is_str(headers_spam_json(h, pool), "{\"X-Spam-Status\":\"\xf0\x9f\x92\xa9"
           " \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}",
           "and so does what JSON gets");
    h = parse("From nobody Fri Nov 20 10:00:00 2026\n X-Mailtrack-Probe: "
              TOKEN "\nno colon\n: empty\nSub ject: x\n"
              "X-Mailtrack-Probe : 0123\nX-Mailtrack-Probe: "
              "0123456789ABCDEF0123456789ABCDEF\nx-mailtrack-probe:\n\t"
              TOKEN "\n", "x");
    is_str(h->token, TOKEN, "lines that are no fields are passed over, "
           "a folded token is read");
    h = parse("Subject: x\r\n\r\nX-Mailtrack-Probe: " TOKEN "\r\n", "x");
    is_str(h->token, NULL, "the body is no header");
    h = parse("", "x");
    ok(!h->token && !h->hops->nelts && !h->cut, "nothing at all");
    is_str(headers_hops_json(h, pool), "[]", "as JSON");
    is_str(headers_auth_json(h, pool), "[]", "as JSON");
}

/* Every cut of a real header is survived, and a mebibyte of each byte. */
static void test_big(void)
{
    static const char *const starts[] = { "Received: ", "Received: from ",
        "Authentication-Results: a; ", "X-Mailtrack-Probe: ", "", "Date: ",
        "X-Spam-", NULL };
    static const char fill[] = "(\")\\;=/.[ \n\t:a0\xff";
    apr_size_t size = 1 << 20;
    char *text = apr_palloc(pool, size + 1);
    apr_pool_t *scratch;
    int good = 0;
    int wanted = 0;
    int i, j;

    apr_pool_create(&scratch, pool);
    text[size] = '\0';
    for (i = 0; starts[i]; i++) {
        for (j = 0; fill[j]; j++) {
            headers_t *h;
            json_t *json;

            memset(text, fill[j], size);
            memcpy(text, starts[i], strlen(starts[i]));
            h = headers_parse(text, size, ids("a"), SENT, SENT, scratch);
            json = json_loads(headers_hops_json(h, scratch), 0, NULL);
            good += json_is_array(json);
            json_decref(json);
            json = json_loads(headers_auth_json(h, scratch), 0, NULL);
            good += json_is_array(json);
            json_decref(json);
            json = json_loads(headers_spam_json(h, scratch), 0, NULL);
            good += json_is_object(json);
            json_decref(json);
            wanted += 3;
            apr_pool_clear(scratch);
        }
    }
    is_int(good, wanted, "a mebibyte of one byte, behind each beginning");
}

static void test_json(void)
{
    headers_t *h = parse(
        "Received: from \"q\\\"\" by b with ESMTPS id 7;\n"
        "  Fri, 20 Nov 2026 10:00:01 +0000\n"
        "Received: from x by y;\n"
        "Authentication-Results: a; dkim=pass header.d=d.example "
        "header.s=s reason=\"\xc3\xa9\"\n", "a");

    is_str(headers_hops_json(h, pool),
           "[{\"from\":\"x\",\"by\":\"y\",\"protocol\":\"\",\"id\":\"\","
           "\"tls\":false,\"at\":null,\"delay_us\":null,\"skewed\":false},"
           "{\"from\":\"q\\\"\",\"by\":\"b\",\"protocol\":\"ESMTPS\","
           "\"id\":\"7\",\"tls\":true,\"at\":1795168801000000,"
           "\"delay_us\":1000000,\"skewed\":false}]", "hops as JSON");
    is_str(headers_auth_json(h, pool),
           "[{\"method\":\"dkim\",\"result\":\"pass\",\"domain\":"
           "\"d.example\",\"selector\":\"s\",\"reason\":\"\xc3\xa9\"}]",
           "results as JSON");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_gmail();
    test_exchange();
    test_dialects();
    test_received_odd();
    test_skew();
    test_many_hops();
    test_dates();
    test_grammar();
    test_not_read();
    test_run();
    test_verdict();
    test_hostile();
    test_big();
    test_json();
    apr_terminate();
    return done_testing();
}
