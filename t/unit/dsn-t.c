/* SPDX-License-Identifier: MIT */
/*
 * Bounces: Postfix's and Exchange's, delays, several recipients, encodings,
 * mails that are none, and reports cut or broken anywhere.
 */
#include "tap.h"

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "dsn.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

static apr_pool_t *pool;

static char *text_of(const char *name)
{
    const char *path = source_file(apr_pstrcat(pool, "t/data/mail/", name,
                                               NULL));
    char *text = apr_pcalloc(pool, 16384);
    apr_size_t len = 16383;
    apr_file_t *file;

    if (apr_file_open(&file, path, APR_READ, 0, pool) != APR_SUCCESS
        || apr_file_read_full(file, text, len, &len) != APR_EOF) {
        printf("Bail out! %s cannot be read\n", path);
        exit(1);
    }
    return text;
}

static const dsn_t *parse(const char *text)
{
    static const dsn_t none = { "-", "-", "-", "-", "-", "-", "-" };
    dsn_t *dsn;

    return dsn_parse(&dsn, text, strlen(text), pool) == APR_SUCCESS ? dsn
                                                                    : &none;
}

static void test_postfix(void)
{
    const dsn_t *dsn = parse(text_of("dsn-postfix.eml"));

    is_str(dsn->token, TOKEN, "Postfix: the token");
    is_str(dsn->action, "failed", "action");
    is_str(dsn->status, "5.1.1", "status");
    is_str(dsn->remote_mta, "mx.example.com", "remote MTA, without its type");
    is_str(dsn->reporting_mta, "mail.example.org", "reporting MTA");
    is_str(dsn->recipient, "nobody@example.com", "recipient");
    is_str(dsn->diagnostic, "550 5.1.1 <nobody@example.com>: Recipient "
           "address rejected: User unknown", "the words in one line");
    is_str(dsn_json(dsn, pool),
           "{\"action\":\"failed\",\"status\":\"5.1.1\",\"remote_mta\":"
           "\"mx.example.com\",\"reporting_mta\":\"mail.example.org\","
           "\"diagnostic\":\"550 5.1.1 <nobody@example.com>: Recipient "
           "address rejected: User unknown\",\"recipient\":"
           "\"nobody@example.com\"}", "as JSON");
}

static void test_others(void)
{
    const dsn_t *dsn = parse(text_of("dsn-exchange.eml"));

    is_str(dsn->token, TOKEN, "wrapped, quoted-printable: the token");
    is_str(dsn->status, "5.1.10", "the status in base64");
    is_str(dsn->diagnostic, "550 5.1.10 Resolver not found", "its words");
    is_str(dsn->remote_mta, "", "what is not said is empty");
    dsn = parse(text_of("dsn-delayed.eml"));
    is_str(dsn->action, "delayed", "a delay is told apart, comment left out");
    is_str(dsn->status, "4.4.1", "and so is the status");
}

static const char *report(const char *status, const char *returned)
{
    return apr_pstrcat(pool,
        "Content-Type: Multipart/Report; boundary=B (x)\n\n--B\n"
        "content-type: Message/Delivery-Status; name=x\n\n", status,
        "\n--B\nContent-Type: text/rfc822-headers\n\n", returned,
        "\n--B--\n", NULL);
}

static void test_several(void)
{
    const char *ours = "X-Mailtrack-Probe: " TOKEN "\n";
    const dsn_t *dsn = parse(report(
        "Reporting-MTA: dns; r\n\n\n"
        "Final-Recipient: rfc822; a@e.example\nAction: relayed\n\n"
        "Final-Recipient: rfc822; b@e.example\nAction: FAILED\n"
        "Status: 5.0.0\n\n"
        "Final-Recipient: rfc822; c@e.example\nAction: failed\n", ours));

    is_str(dsn->recipient, "b@e.example", "of several the first that failed");
    is_str(dsn->status, "5.0.0", "with its status");
    dsn = parse(report("Reporting-MTA: dns; r\n\nOriginal-Recipient: x;o\n"
                       "Action: failed\nDiagnostic-Code: \xff\x01(\n",
                       ours));
    is_str(dsn->recipient, "o", "the original recipient, failing a final one");
    is_str(dsn->diagnostic, "\xef\xbf\xbd (", "words that are no text");
    is_str(parse(report("Reporting-MTA: dns; r\n\nStatus: 5.0.0\n", ours))
               ->action, "-", "no action, no report");
    is_str(parse(report("Reporting-MTA: dns; r\n\nAction: failed\n",
                        "Subject: Mailtrack probe " TOKEN "\n"))->action,
           "-", "no header of ours: not about a probe");
    is_str(parse(report("Reporting-MTA: dns; r\n\nAction: failed\n",
                        "X-Mailtrack-Probe: 1234\n"))->action,
           "-", "no token, not about a probe");
}

static void test_none(void)
{
    is_str(parse("")->token, "-", "nothing");
    is_str(parse("Subject: x\n\nX-Mailtrack-Probe: " TOKEN "\n")->token, "-",
           "a plain mail");
    is_str(parse("Content-Type: multipart/report\n\n--\nContent-Type: "
                 "message/delivery-status\n\n\n\nAction: failed\n")->token,
           "-", "no boundary");
    is_str(parse("Content-Type: multipart/mixed; boundary=a\n\n--a\n\n"
                 "X-Mailtrack-Probe: " TOKEN "\nAction: failed\n--a--\n")
               ->token, "-", "somebody quotes us");
}

/* Boundaries in boundaries, a thousand deep, with the report at the bottom. */
static void test_deep(void)
{
    char *text = apr_pcalloc(pool, 200000);
    char *at = text;
    int i;

    for (i = 0; i < 1000; i++) {
        at += sprintf(at, "Content-Type: multipart/mixed; boundary=b%d\n\n"
                      "--b%d\n", i, i);
    }
    strcpy(at, report("\nAction: failed\n",
                      "X-Mailtrack-Probe: " TOKEN "\n"));
    is_str(parse(text)->token, "-", "too deep is not read");
}

/* No cut and no changed byte of a report does harm. */
static void test_broken(void)
{
    static const char *const names[] = { "dsn-postfix.eml",
        "dsn-exchange.eml", "dsn-delayed.eml", NULL };
    int wrong = 0;
    int i;

    for (i = 0; names[i]; i++) {
        char *text = text_of(names[i]);
        apr_size_t len = strlen(text);
        apr_pool_t *scratch;
        apr_size_t cut;
        dsn_t *dsn;

        apr_pool_create(&scratch, pool);
        for (cut = 0; cut < len; cut++) {
            char *exact = apr_pmemdup(scratch, text, cut + 1);
            char was = text[cut];

            wrong += dsn_parse(&dsn, exact, cut, scratch) == APR_SUCCESS
                     && strcmp(dsn->token, TOKEN);
            text[cut] = (char)(was ^ 0x20);
            wrong += dsn_parse(&dsn, text, len, scratch) == APR_SUCCESS
                     && strlen(dsn->token) != 32;
            text[cut] = was;
            apr_pool_clear(scratch);
        }
    }
    is_int(wrong, 0, "cut at every place, changed at every place");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_postfix();
    test_others();
    test_several();
    test_none();
    test_deep();
    test_broken();
    apr_terminate();
    return done_testing();
}
