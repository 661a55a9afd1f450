/* SPDX-License-Identifier: MIT */
/*
 * What SMTP servers say: replies of every shape, hostile ones too; where the
 * login stands; what an end means; queue ids as the servers of the world write
 * them; secrets that are repeated; and the mail as DATA wants it.
 */
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#include "talk.h"

static apr_pool_t *pool;
static talk_t talk;

static int feed(const char *line)
{
    return (int)talk_line(&talk, line, strlen(line));
}

static void fresh(talk_phase_t phase)
{
    memset(&talk, 0, sizeof(talk));
    talk.phase = phase;
}

static void test_replies(void)
{
    char big[3000];
    int i, more = 0;

    fresh(TALK_GREETING);
    is_int(feed("220 mx.example ESMTP\r\n"), TALK_REPLY, "a reply");
    is_str(talk.words, "220 mx.example ESMTP", "its words");
    is_int(feed("250-one\r\n"), TALK_MORE, "a reply of three lines");
    is_int(feed("250-two  \t three\r\n"), TALK_MORE, "goes on");
    is_int(feed("250 four\n"), TALK_REPLY, "and ends");
    is_str(talk.words, "250 one two three four", "its words on one line");
    is_int(feed("250\r\n"), TALK_REPLY, "a code alone");
    is_str(talk.words, "250", "has no words");
    is_int(feed("421"), TALK_REPLY, "cut off by the end of the connection");
    is_int((int)talk_line(&talk, "550 a\0b\x01" "c\xff\xc3\xa4\r\n", 13),
           TALK_REPLY, "NUL, control and 8-bit bytes");
    is_str(talk.words, "550 a b c?\xc3\xa4", "become harmless");
    is_int(feed("HTTP/1.1 400 Bad Request\r\n"), TALK_NONSENSE, "HTTP");
    fresh(TALK_GREETING);
    is_int(feed("1234 x\r\n"), TALK_NONSENSE, "no code of SMTP");
    fresh(TALK_GREETING);
    is_int(feed("2x0 x\r\n"), TALK_NONSENSE, "no number");
    fresh(TALK_GREETING);
    is_int(feed("\r\n"), TALK_NONSENSE, "an empty line");
    fresh(TALK_GREETING);
    memset(big, 'w', sizeof(big));
    memcpy(big, "250-", 4);
    is_int((int)talk_line(&talk, big, sizeof(big)), TALK_MORE, "a long line");
    is_int((long long)strlen(talk.words), TALK_WORDS - 1, "is cut");
    fresh(TALK_GREETING);
    for (i = 0; i < 10000 && feed("250-again\r\n") == TALK_MORE; i++) {
        more++;
    }
    ok(more > 1000 && more < 10000, "a reply without end has one: %d", more);
}

static void login(const char *name, const char *replies, int starttls,
                  int auth, const char *phase)
{
    char *line, *rest = NULL, *copy = apr_pstrdup(pool, replies);

    fresh(TALK_CONNECT);
    talk.starttls = starttls;
    talk.wants_auth = auth;
    for (line = apr_strtok(copy, "|", &rest); line;
         line = apr_strtok(NULL, "|", &rest)) {
        if (feed(line) == TALK_REPLY) {
            talk_login(&talk);
        }
    }
    is_str(smtp_phases[talk.phase], phase, "%s", name);
}

static void test_login(void)
{
    login("no TLS, no password", "220 x|250-x|250 AUTH PLAIN", 0, 0, "mail");
    login("a password", "220 x|250-x|250 AUTH PLAIN", 0, 1, "auth");
    login("is taken", "220 x|250-x|250-AUTH PLAIN|250 X|334 |334 |235 ok", 0,
          1, "mail");
    ok(talk.authenticated, "and that is known");
    login("is refused", "220 x|250-x|250 AUTH=LOGIN|535 no", 0, 1, "auth");
    login("AUTH is not offered", "220 x|250-x|250 AUTHOR", 0, 1, "mail");
    ok(!talk.authenticated, "so nobody is logged in");
    login("STARTTLS", "220 x|250-x|250 starttls", 1, 1, "tls");
    login("is not offered", "220 x|250-x|250 STARTTLSX", 1, 0, "mail");
    login("is refused", "220 x|250-x|250 STARTTLS|454 no", 1, 0, "tls");
    login("what is offered before TLS does not count",
          "220 x|250-AUTH PLAIN|250-STARTTLS|250 SMTPUTF8|220 go|250 x", 1, 1,
          "mail");
    ok(!talk.offers_auth && !talk.offers_utf8, "after it");
    login("what is offered after TLS does",
          "220 x|250 STARTTLS|220 go|250-AUTH LOGIN|250 SMTPUTF8", 1, 1,
          "auth");
    ok(talk.offers_utf8, "SMTPUTF8, too");
    login("no service", "554 no", 0, 0, "greeting");
    login("HELO after a refused EHLO", "220 x|502 what|250 x", 0, 0, "mail");
}

static void state(const char *what, talk_phase_t phase, const char *reply,
                  CURLcode rc, int over, smtp_state_t want)
{
    fresh(phase);
    if (reply) {
        feed(reply);
    }
    is_str(smtp_states[talk_state(&talk, rc, over)], smtp_states[want], "%s",
           what);
}

static void test_states(void)
{
    state("greylisted", TALK_RCPT, "450 x", CURLE_OK, 0, SMTP_TEMPORARY);
    state("refused", TALK_RCPT, "550 x", CURLE_OK, 0, SMTP_PERMANENT);
    state("refused after the data", TALK_QUEUED, "554 x", CURLE_OK, 1,
          SMTP_PERMANENT);
    state("busy", TALK_GREETING, "421 x", CURLE_WEIRD_SERVER_REPLY, 0,
          SMTP_TEMPORARY);
    state("wrong password", TALK_AUTH, "535 x", CURLE_LOGIN_DENIED, 0,
          SMTP_AUTH);
    state("passwords cannot be checked now", TALK_AUTH, "454 x",
          CURLE_LOGIN_DENIED, 0, SMTP_TEMPORARY);
    state("no AUTH", TALK_AUTH, "250 x", CURLE_LOGIN_DENIED, 0, SMTP_AUTH);
    state("certificate", TALK_TLS, NULL, CURLE_PEER_FAILED_VERIFICATION, 0,
          SMTP_TLS);
    state("no STARTTLS", TALK_MAIL, "250 x", CURLE_USE_SSL_FAILED, 0,
          SMTP_TLS);
    state("STARTTLS refused", TALK_TLS, "502 x", CURLE_USE_SSL_FAILED, 0,
          SMTP_TLS);
    state("no host", TALK_CONNECT, NULL, CURLE_COULDNT_RESOLVE_HOST, 0,
          SMTP_UNREACHABLE);
    state("silence", TALK_MAIL, "250 x", CURLE_OPERATION_TIMEDOUT, 0,
          SMTP_TIMEOUT);
    state("silence in the midst of the mail", TALK_QUEUED, "354 x",
          CURLE_OPERATION_TIMEDOUT, 0, SMTP_TIMEOUT);
    state("silence after the mail", TALK_QUEUED, "354 x",
          CURLE_OPERATION_TIMEDOUT, 1, SMTP_UNKNOWN);
    state("gone after the mail", TALK_QUEUED, "354 x", CURLE_RECV_ERROR, 1,
          SMTP_UNKNOWN);
    state("gone in the midst of a verdict", TALK_QUEUED, "550-x",
          CURLE_RECV_ERROR, 1, SMTP_UNKNOWN);
    state("a verdict that is none", TALK_QUEUED, "354 x",
          CURLE_WEIRD_SERVER_REPLY, 1, SMTP_UNKNOWN);
}

static void test_mail(void)
{
    fresh(TALK_MAIL);
    feed("250 x");
    ok(talk_mail(&talk) && talk.phase == TALK_RCPT, "sender taken");
    feed("251 x");
    ok(talk_mail(&talk) && talk.phase == TALK_DATA, "recipient taken");
    feed("250 x");
    ok(!talk_mail(&talk) && talk.phase == TALK_DATA, "DATA wants 354");
    feed("354 x");
    ok(talk_mail(&talk) && talk.phase == TALK_QUEUED, "354");
    feed("250 x");
    ok(talk_mail(&talk) && talk.phase == TALK_DONE, "queued");
}

static void test_ids(void)
{
    static const char *const ids[][2] = {
        { "250 2.0.0 Ok: queued as 4XyZ1b2k3Mz9", "4XyZ1b2k3Mz9" },
        { "250 OK id=1rAbCd-000123-4E", "1rAbCd-000123-4E" },
        { "250 2.0.0 39L4abcd012345 Message accepted for delivery",
          "39L4abcd012345" },
        { "250 2.0.0 e6f1a2b3 Message accepted for delivery", "e6f1a2b3" },
        { "250 2.0.0 OK  1699999999 ab12-20020a05.45 - gsmtp",
          "ab12-20020a05.45" },
        { "250 2.6.0 <x@y> [InternalId=123456, Hostname=a.b] 1 bytes Queued"
          " mail for delivery", "123456" },
        { "250 ok 1699999999 qp 12345", "12345" },
        { "250 Ok 0100018c-aaaa-bbbb-cccc-000000", "0100018c-aaaa-bbbb-cccc-"
          "000000" },
        { "250 2.0.0 Ok: queued as ABC.", "ABC" },
        { "250 2.0.0 Ok: queued as ", "" },
        { "250 Ok", "" }, { "250", "" }, { "", "" },
        { " Message accepted", "" }
    };
    size_t i;

    for (i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        is_str(talk_queue_id(ids[i][0], pool), ids[i][1], "id in: %s",
               ids[i][0]);
    }
}

static void hide(const char *said, const char *want)
{
    char *words = apr_pstrdup(pool, said);

    talk_hide(words, "user", "s3cretpw", pool);
    is_str(words, want, "hidden in: %s", said);
}

static void test_hide(void)
{
    hide("535 no: s3cretpw, s3cretpw", "535 no: ********, ********");
    hide("535 AHVzZXIAczNjcmV0cHc= is wrong", "535 ******************** is "
         "wrong");
    hide("535 czNjcmV0cHc=", "535 ************");
    hide("535 cut: s3cre", "535 cut: *****");
    hide("535 nothing of it", "535 nothing of it");
    talk_hide(apr_pstrdup(pool, "x"), NULL, NULL, pool);
}

static void data(const char *text, const char *want)
{
    apr_size_t length;
    const char *got = talk_data(&length, text, strlen(text), pool);

    got = apr_pstrmemdup(pool, got, length);
    is_str(got, want, "data of %d bytes", (int)strlen(text));
}

static void test_data(void)
{
    data("a\r\nb\r\n", "a\r\nb\r\n.\r\n");
    data("a\nb", "a\r\nb\r\n.\r\n");
    data(".\r\n..\r\n.a\r\n", "..\r\n...\r\n..a\r\n.\r\n");
    data("a\r\n.\r\nMAIL FROM:<x>\r\n", "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n");
    data("a\n.\nQUIT\n", "a\r\n..\r\nQUIT\r\n.\r\n");
    data("a\r.\rb", "a.b\r\n.\r\n");
    data("a\r\r\n\r.\r\r\nb", "a\r\n..\r\nb\r\n.\r\n");
    data("", ".\r\n");
}

static void test_addresses(void)
{
    is_int(talk_address("a@b.example"), 1, "an address");
    is_int(talk_address("\xc3\xa4@b.example"), 2, "of more than ASCII");
    is_int(talk_address("\xc3@b.example"), 0, "of bytes");
    is_int(talk_address("a@b> SIZE=1"), 0, "with a way out");
    is_int(talk_address("a@b\r\nDATA"), 0, "with a line of its own");
    is_int(talk_address("a\n@b"), 0, "with a newline");
    is_int(talk_address(""), 0, "of nothing");
    is_int(talk_address("here"), 0, "without a domain");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_replies();
    test_login();
    test_states();
    test_mail();
    test_ids();
    test_hide();
    test_data();
    test_addresses();
    apr_pool_destroy(pool);
    return done_testing();
}
