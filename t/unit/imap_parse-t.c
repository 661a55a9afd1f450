/* SPDX-License-Identifier: MIT */
/*
 * What IMAP servers say, also those that do not mean well: where a response
 * ends, what is in it, names of mailboxes, and whose mail it is.
 */
#include <apr_general.h>
#include <apr_strings.h>

#include "imap_fetch.h"
#include "imap_name.h"
#include "tap.h"

static apr_pool_t *pool;

/* -- where it ends --------------------------------------------------------- */

/* The length of the first response, the text handed over octet by octet; -1:
 * more is needed, -2: too long. */
static long ends(const char *text, apr_size_t length)
{
    imap_frame_t frame = { 0, 0 };
    apr_size_t found = 0, have;
    apr_status_t rv = APR_INCOMPLETE;

    for (have = 1; have <= length && rv == APR_INCOMPLETE; have++) {
        rv = imap_frame_end(&found, &frame, text, have);
    }
    return rv == APR_SUCCESS ? (long)found : rv == APR_ENOSPC ? -2 : -1;
}

static long first(const char *text)
{
    return ends(text, strlen(text));
}

static void test_frames(void)
{
    static const char mail[] =
        "* 1 FETCH (BODY[] {19}\r\nM5 OK done\r\n* BYE\r\n UID 7)\r\n";
    char *big = apr_palloc(pool, 1048576);

    is_int(first("* 5 EXISTS\r\n* 1 RECENT\r\n"), 12, "a line");
    is_int(first("* 5 EXISTS\n"), 11, "LF alone");
    is_int(first("* 5 EXISTS\r"), -1, "not yet");
    is_int(first(mail), (long)strlen(mail),
           "a mail that looks like a tagged answer ends nothing");
    is_int(first("* LIST () \"/\" {4+}\r\nJunk\r\n"), 26,
           "a name in a literal");
    is_int(first("* 1 FETCH (A {2}\r\nab B ~{0}\r\n C {1}\r\nx)\r\n"), 41,
           "three literals");
    is_int(first("* 1 FETCH (A {2}\r\nab"), -1, "a literal without the rest");
    is_int(first("* OK see section {5}\r\n"), 22, "words are no literal");
    is_int(first("* OKAY {2}\r\nab\r\n"), 16, "OKAY is no status");
    is_int(first("M3 NO see {5}\r\n"), 15, "nor are a tagged answer's");
    is_int(first("+ go on {5}\r\n"), 13, "nor a continuation's");
    is_int(first("* X {}\r\n"), 8, "{} is none");
    is_int(first("* X {1x}\r\n"), 10, "{1x} is none");
    is_int(first("* X {999999999}\r\n"), -2, "a literal too long");
    is_int(first("* X {99999999999999999999999}\r\n"), -2, "beyond numbers");
    memset(big, 'a', 1048576);
    is_int(ends(big, 1048576), -2, "a line of 1 MiB");
    memcpy(big, "* X ", 4);
    big[1000000] = '\n';
    is_int(ends(big, 1048576), -2, "a line of 1 MB, ended");
}

/* -- what is in it --------------------------------------------------------- */

/* A value as text again: strings in <>, NIL as -. */
static const char *show(const imap_value_t *value)
{
    const char *text = "";

    for (; value; value = value->next) {
        const char *one = value->kind == IMAP_NIL ? "-"
            : value->kind == IMAP_LIST
            ? apr_psprintf(pool, "(%s)", show(value->first))
            : apr_psprintf(pool, value->kind == IMAP_STRING ? "<%.*s>"
                                                             : "%.*s",
                           (int)value->length, value->bytes);

        text = apr_pstrcat(pool, text, *text ? " " : "", one, NULL);
    }
    return text;
}

/* All of a response in one line. */
static const char *read_of(const char *bytes, apr_size_t length)
{
    static const char *const statuses[] = { "DATA", "OK", "NO", "BAD", "BYE",
                                            "PREAUTH" };
    imap_response_t in;

    if (imap_parse(&in, bytes, length, pool) != APR_SUCCESS) {
        return "refused";
    }
    if (in.place == IMAP_CONTINUE) {
        return apr_psprintf(pool, "+ %s", in.text);
    }
    if (in.status == IMAP_DATA) {
        return apr_psprintf(pool, "%s %" APR_UINT64_T_FMT " %s", in.name,
                            in.number, show(in.values));
    }
    return apr_psprintf(pool, "%s%s%s [%s %" APR_UINT64_T_FMT "] %s", in.tag,
                        *in.tag ? " " : "", statuses[in.status], in.code,
                        in.code_number, in.text);
}

static void reads(const char *text, const char *want, const char *what)
{
    char *exact = malloc(strlen(text));     /* a read beyond it is found */

    memcpy(exact, text, strlen(text));
    is_str(read_of(exact, strlen(text)), want, "%s", what);
    free(exact);
}

static void test_responses(void)
{
    reads("* 23 EXISTS\r\n", "EXISTS 23 ", "a number");
    reads("* search 2 84 882\r\n", "SEARCH 0 2 84 882", "a list of numbers");
    reads("* SEARCH\r\n", "SEARCH 0 ", "an empty one");
    reads("* LIST (\\HasNoChildren \\Junk) \"/\" Junk\r\n",
          "LIST 0 (\\HasNoChildren \\Junk) </> Junk", "LIST");
    reads("* LIST () NIL \"a \\\"b\\\\\"\r\n", "LIST 0 () - <a \"b\\>",
          "escapes");
    reads("* LIST () \"/\" {3}\r\na\"b\r\n", "LIST 0 () </> <a\"b>",
          "a literal");
    reads("* STATUS \"Junk\" (MESSAGES 0 UIDNEXT 5)\r\n",
          "STATUS 0 <Junk> (MESSAGES 0 UIDNEXT 5)", "STATUS");
    reads("* 7 FETCH (UID 9 BODY[HEADER.FIELDS (A B \"]\")]<0> {2}\r\nx) A ())"
          "\r\n",
          "FETCH 7 (UID 9 BODY[HEADER.FIELDS (A B \"]\")]<0> <x)> A ())",
          "a section is one atom");
    reads("* 7 FETCH (BODY[ 1 2)\r\n", "FETCH 7 (BODY[ 1 2)",
          "a section without end");
    reads("* OK [UIDVALIDITY 3857529045] UIDs valid\r\n",
          "OK [UIDVALIDITY 3857529045] [UIDVALIDITY 3857529045] UIDs valid",
          "a code with a number");
    reads("* ok [uidnext 5]\r\n", "OK [UIDNEXT 5] [uidnext 5]", "lower case");
    reads("* BYE\r\n", "BYE [ 0] ", "BYE alone");
    reads("M12 NO [ALERT] \x01 no\tmore \xff \r\n",
          "M12 NO [ALERT 0] [ALERT]   no more \xef\xbf\xbd",
          "words are made fit for people");
    reads("M12 OK\r\n", "M12 OK [ 0] ", "no words");
    reads("+\r\n", "+ ", "a bare continuation");
    reads("+ idling\r\n", "+ idling", "a continuation");
}

static void test_garbage(void)
{
    char *deep = apr_palloc(pool, 200001);
    const char nul[] = "* LIST () \"/\" \"a\0b\"\r\n";
    imap_response_t in;

    reads("\r\n", "refused", "an empty line");
    reads("HTTP/1.1 400 Bad Request\r\n", "refused", "another protocol");
    reads("M1 BYE\r\n", "refused", "a tag with BYE");
    reads("*\r\n", "refused", "a star");
    reads("* 5\r\n", "refused", "a number alone");
    reads("* X (a (b\r\n", "refused", "parentheses left open");
    reads("* X \"abc\r\n", "refused", "a quote left open");
    reads("* X a) b\r\n", "X 0 a", "a parenthesis too many");
    reads("* X {5}\r\nab\r\n", "X 0 {5}", "a literal cut off");
    ok(imap_parse(&in, nul, sizeof(nul) - 1, pool) == APR_SUCCESS
       && in.values->next->next->length == 3
       && !imap_value_text(in.values->next->next, pool), "NUL in a name");
    memcpy(deep, "* X ", 4);
    memset(deep + 4, '(', 199994);
    memcpy(deep + 199998, "\r\n", 2);
    is_str(read_of(deep, 200000), "refused", "200,000 parentheses");
    memset(deep + 4, '[', 199994);
    ok(imap_parse(&in, deep, 200000, pool) == APR_SUCCESS,
       "200,000 brackets, in time");
    memset(deep + 4, '{', 199994);
    ok(imap_parse(&in, deep, 200000, pool) == APR_SUCCESS,
       "200,000 braces, in time");
}

/* -- names ----------------------------------------------------------------- */

static void named(const char *name, const char *wire)
{
    is_str(imap_name_encode(name, pool), wire, "to the wire: %s", wire);
    is_str(imap_name_decode(wire, pool), name, "and back: %s", wire);
}

static void test_names(void)
{
    named("INBOX", "INBOX");
    named("R&D", "R&-D");
    named("Entw\xc3\xbcrfe", "Entw&APw-rfe");
    named("~peter/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac",
          "~peter/&U,BTFw-/&ZeVnLA-");
    named("\xf0\x9f\x93\xac", "&2D3c7A-");
    named("\xc3\xa9\xc3\xa9\xc3\xa9", "&AOkA6QDp-");
    is_str(imap_name_encode("\xff", pool), NULL, "no UTF-8");
    is_str(imap_name_decode("a&", pool), "a&", "left open");
    is_str(imap_name_decode("&AAA-", pool), "&AAA-", "a NUL");
    is_str(imap_name_decode("&2D0-", pool), "&2D0-", "half a pair");
    is_str(imap_name_decode("&!!-", pool), "&!!-", "no base64");
    is_str(imap_name_quote("a \"b\\", pool), "\"a \\\"b\\\\\"", "quoted");
    is_str(imap_name_quote("a\r\nM1 LOGOUT", pool), NULL, "no line end");
    is_str(imap_name_quote("\xe9", pool), NULL, "nothing above 127");
    ok(imap_name_is_junk("INBOX.Spam", '.'), "INBOX.Spam");
    ok(imap_name_is_junk("Junk E-mail", '/'), "Junk E-mail");
    ok(!imap_name_is_junk("INBOX.Spam", '/'), "another delimiter");
    ok(!imap_name_is_junk("no spam", 0), "no spam");
}

/* -- whose mail it is ------------------------------------------------------ */

#define TOKEN "0123456789abcdef0123456789abcdef"

static const char *token(const char *headers)
{
    return imap_fetch_token(headers, strlen(headers), pool);
}

static int report(const char *headers)
{
    return imap_fetch_is_report(headers, strlen(headers), pool);
}

static void test_fields(void)
{
    is_str(token("X-Mailtrack-Probe: " TOKEN "\r\n\r\n"), TOKEN, "a token");
    is_str(token("A: b\r\nx-mailtrack-probe:\r\n " TOKEN " \r\n"), TOKEN,
           "folded, in lower case");
    is_str(token("Subject: x\r\n X-Mailtrack-Probe: " TOKEN "\r\n"), NULL,
           "within another field");
    is_str(token("X-Mailtrack-Probe: " TOKEN "0\r\n"), NULL, "too long");
    is_str(token("X-Mailtrack-Probe: " TOKEN), TOKEN, "without an end");
    is_str(token("X-Mailtrack-Probe: 0123456789ABCDEF0123456789abcdef\r\n"),
           NULL, "upper case is not ours");
    is_str(token("X-Mailtrack-Probe: " TOKEN "\r\nX-Mailtrack-Probe: " TOKEN),
           NULL, "twice");
    is_str(token(""), NULL, "nothing");
    ok(report("Content-Type: multipart/report; boundary=x;\r\n"
              "\treport-type=\"delivery-status\"\r\n"), "a report");
    ok(report("content-type: Multipart/Report\r\n"), "of no kind");
    ok(!report("Content-Type: multipart/report; report-type="
               "disposition-notification\r\n"), "a read receipt");
    ok(!report("Content-Type: multipart/mixed\r\n"), "another mail");
    ok(!report("Content-Type: multipart/report; report-type=del"), "cut");
}

static void test_dates(void)
{
    is_int(imap_fetch_date("17-Jul-1996 02:44:25 -0700", 26),
           837596665000000LL, "a date");
    is_int(imap_fetch_date(" 1-jan-2026 00:00:00 +0530", 26),
           1767205800000000LL, "a day of one digit, east");
    is_int(imap_fetch_date("17-Jul-1996 02:44:25 -070", 25), 0, "cut");
    is_int(imap_fetch_date("17-Xxx-1996 02:44:25 -0700", 26), 0, "a month");
    is_int(imap_fetch_date("99-Jul-1996 02:44:25 -0700", 26), 0, "a day");
    is_int(imap_fetch_date("17-Jul-1896 02:44:25 -0700", 26), 0, "too old");
    is_str(imap_fetch_day(837596665000000LL, pool), "17-Jul-1996", "a day");
}

static void test_fetch(void)
{
    static const char text[] = "* 3 FETCH (FLAGS (\\Seen) UID 12 INTERNALDATE "
        "\"17-Jul-1996 02:44:25 -0700\" BODY[HEADER.FIELDS (A)]<0> {4}\r\n"
        "abcd)\r\n";
    static const char odd[] = "* 3 FETCH (UID (1) INTERNALDATE NIL BODY[] NIL "
        "UID)\r\n";
    imap_response_t in;
    imap_fetch_t mail;

    imap_parse(&in, text, sizeof(text) - 1, pool);
    ok(imap_fetch_read(&mail, &in), "a FETCH");
    ok(mail.sequence == 3 && mail.uid == 12, "its numbers");
    is_int(mail.date, 837596665000000LL, "its date");
    ok(mail.length == 4 && !memcmp(mail.body, "abcd", 4), "its bytes");
    imap_parse(&in, odd, sizeof(odd) - 1, pool);
    ok(imap_fetch_read(&mail, &in) && !mail.uid && !mail.date
       && mail.length == 0, "an odd one");
    imap_parse(&in, "* 3 EXISTS\r\n", 12, pool);
    ok(!imap_fetch_read(&mail, &in), "no FETCH");
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    test_frames();
    test_responses();
    test_garbage();
    test_names();
    test_fields();
    test_dates();
    test_fetch();
    return done_testing();
}
