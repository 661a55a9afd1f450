/* SPDX-License-Identifier: MIT */
/*
 * Mails as others read them: every line short enough, all of it 7-bit, nothing
 * a stranger wrote becomes a header; and python3's email package, where it is
 * there, finds in it what was put in.
 */
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "message.h"

static apr_pool_t *pool;
static int python;
static char file[] = "/tmp/mailtrack-message-XXXXXX";

/* Prints what it reads: subject, to, from, id, then each body's repr. */
static const char reader[] =
    "import sys,email,email.policy\n"
    "m=email.message_from_binary_file(open(sys.argv[1],'rb'),"
    "policy=email.policy.SMTP)\n"
    "o=sys.stdout.buffer\n"
    "def p(x): o.write(x.encode('utf-8','backslashreplace')+b'\\x1e')\n"
    "p(str(m['subject']));p(str(m['to']));p(str(m['message-id']))\n"
    "p(','.join(k.lower() for k in m.keys()))\n"
    "for t in ('plain','html'):\n"
    " b=m.get_body((t,))\n"
    " p(b.get_content().replace('\\r\\n','\\n') if b else '')\n"
    "p(str(len(m.defects)+sum(len(b.defects) for b in m.walk())))\n";

static const char *field(const char *all, int number)
{
    while (number-- && all) {
        all = strchr(all, 0x1e);
        all = all ? all + 1 : NULL;
    }
    return all ? apr_pstrndup(pool, all, strcspn(all, "\x1e")) : NULL;
}

static const char *read_mail(const char *mail, apr_size_t length)
{
    char *text = apr_pcalloc(pool, 200001), *command;
    FILE *out = fopen(file, "wb"), *in;
    size_t n = 0, got;

    fwrite(mail, 1, length, out);
    fclose(out);
    setenv("READER", reader, 1);
    command = apr_psprintf(pool, "python3 -c \"$READER\" %s", file);
    in = popen(command, "r");
    while (in && (got = fread(text + n, 1, 200000 - n, in)) > 0) {
        n += got;
    }
    return in && pclose(in) == 0 ? text : "";
}

/* Every line has its CRLF, is short, and of ASCII. */
static void test_shape(const char *name, const char *mail, apr_size_t length,
                       apr_size_t most)
{
    apr_size_t column = 0, longest = 0, i;
    int wrong = 0;

    for (i = 0; i < length; i++) {
        unsigned char c = (unsigned char)mail[i];

        wrong += c > 126 || (c < 32 && c != '\r' && c != '\n' && c != '\t')
                 || (c == '\n' && (!i || mail[i - 1] != '\r'))
                 || (c == '\r' && mail[i + 1] != '\n');
        column = c == '\n' ? 0 : column + (c != '\r');
        longest = column > longest ? column : longest;
    }
    is_int(wrong, 0, "%s: lines of ASCII with CRLF", name);
    ok(longest <= most, "%s: short ones: %d", name, (int)longest);
}

static void check(const char *name, message_t *message, const char *subject,
                  const char *text, const char *html)
{
    static const char keys[] = "from,to,subject,date,message-id,"
        "auto-submitted,x-auto-response-suppress,mime-version,content-type";
    apr_size_t length;
    const char *mail = message_make(&length, message, pool), *all, *found;

    test_shape(name, mail, length, 78);
    if (!python) {
        return;
    }
    all = read_mail(mail, length);
    is_str(field(all, 0), subject, "%s: subject", name);
    found = field(all, 3);
    ok(found && !strncmp(found, keys, sizeof(keys) - 1)
       && (!strcmp(found + sizeof(keys) - 1, "")
           || !strcmp(found + sizeof(keys) - 1,
                      ",content-transfer-encoding")),
       "%s: its headers and no other: %s", name, found ? found : "");
    is_str(field(all, 4), text, "%s: text", name);
    is_str(field(all, 5), html, "%s: html", name);
    is_str(field(all, 6), "0", "%s: no defect", name);
}

static message_t sample(const char *subject, const char *text,
                        const char *html)
{
    message_t message = {
        "mailtrack@example.org", "a@example.org", subject, text, html,
        "id-1", apr_time_from_sec(1795840874), NULL, NULL
    };

    return message;
}

static const char *repeat(const char *what, int times)
{
    char *out = apr_palloc(pool, strlen(what) * (size_t)times + 1), *to = out;

    while (times--) {
        to = apr_cpystrn(to, what, strlen(what) + 1);
    }
    return out;
}

static void test_subjects(void)
{
    static const struct { const char *name, *given, *want; } subjects[] = {
        { "plain", "Route to example.org: missing", NULL },
        { "umlauts", "Gr\xc3\xbc\xc3\x9f" "e aus K\xc3\xb6ln", NULL },
        { "four octets", "\xf0\x9f\x93\xac opened", NULL },
        { "like an encoded word", "=?UTF-8?Q?forged?=", NULL },
        { "underscores", "a_b = c? \xe2\x82\xac", NULL },
        { "another header", "x\r\nBcc: victim@example.org\r\n\r\nbody",
          "x Bcc: victim@example.org body" },
        { "a bare newline", "x\nBcc: v", "x Bcc: v" },
        { "a bare return", "x\rBcc: v", "x Bcc: v" },
        { "control characters", "a\x01\x02\x1b[31mb\x7f", "a[31mb" },
        { "blanks", "  a \t  b  ", "a b" },
        { "bytes that are no text", "a\xff\xfe" "b", "a\xef\xbf\xbd\xef\xbf"
          "\xbd" "b" },
        { "half a character", "a\xc3", "a\xef\xbf\xbd" },
        { "nothing", "", NULL }
    };
    size_t i;

    for (i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
        message_t message = sample(subjects[i].given, "x", NULL);

        check(subjects[i].name, &message, subjects[i].want
              ? subjects[i].want : subjects[i].given, "x\n", "");
    }
}

static void test_long(void)
{
    const char *words = apr_pstrcat(pool, repeat("many short words ", 40),
                                    "end", NULL);
    const char *umlauts = repeat("\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xac", 100);
    const char *one = repeat("x", 900);
    message_t message = sample(words, "x", NULL);
    int shift;

    check("long", &message, words, "x\n", "");
    for (shift = 0; shift < 4; shift++) {
        message.subject = apr_pstrcat(pool, repeat("y", shift), umlauts, NULL);
        check(apr_psprintf(pool, "long, not ASCII, shifted by %d", shift),
              &message, message.subject, "x\n", "");
    }
    message.subject = one;
    check("one long word", &message, one, "x\n", "");
    message.subject = repeat("z", 5000);
    check("too long", &message, repeat("z", 1000), "x\n", "");
}

static void test_bodies(void)
{
    const char *cyrillic = repeat("\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5"
                                  "\xd1\x82 ", 30);
    message_t message = sample("s", "From the start\n.\n..\ntail \n=3D\n"
                               "From here\n", NULL);

    check("dots and From", &message, "s", message.text, "");
    message.text = "gr\xc3\xbc\xc3\x9f\x65 dich, lieber Mensch\n\n\n--\nme\n";
    check("a little UTF-8", &message, "s", message.text, "");
    message.text = apr_pstrcat(pool, cyrillic, "\n", NULL);
    check("much UTF-8", &message, "s", message.text, "");
    message.text = apr_pstrcat(pool, repeat("long line ", 300), "\n", NULL);
    check("long lines", &message, "s", message.text, "");
    message.text = "a\r\nb\rc\x01\x02\td";
    check("line ends", &message, "s", "a\nbc\td\n", "");
    message.text = "";
    check("nothing", &message, "s", "\n", "");
    message.text = "plain \xe2\x82\xac\n";
    message.html = "<p>html &amp; =_id-1\n--=_id-1--\n</p>\n";
    check("two alternatives", &message, "s", message.text, message.html);
    message.html = apr_pstrcat(pool, "<p>", cyrillic, "</p>\n", NULL);
    check("much UTF-8 in one", &message, "s", message.text, message.html);
}

static void test_others(void)
{
    message_t message = sample("s", "x", NULL);
    apr_size_t length;
    const char *mail;

    message.token = "00ff\r\nX: y";
    message.thread = "incident-7";
    message.id = "a>b\r\n@c";
    message.from = "m@example.org\r\nBcc: x@y";
    message.to = "a@example.org,\r\n b@example.org";
    mail = message_make(&length, &message, pool);
    ok(strstr(mail, "\r\nX-Mailtrack-Probe: 00ffXy\r\n") != NULL, "token");
    ok(strstr(mail, "\r\nMessage-ID: <abc@y>\r\n") != NULL, "Message-ID");
    ok(strstr(mail, "\r\nReferences: <incident-7@y>\r\n") != NULL, "thread");
    ok(strstr(mail, "\r\nTo: a@example.org, b@example.org\r\n") != NULL, "to");
    ok(!strstr(mail, "\nBcc") && !strstr(mail, "\nX:"), "no header more");
    ok(strstr(mail, "\r\nDate: Sat, 28 Nov 2026 04:41:14 +0000\r\n") != NULL,
       "date");
    message = sample("s", "x", NULL);
    message.to = apr_pstrcat(pool, repeat("somebody@example.org, ", 100),
                             "last@example.org", NULL);
    mail = message_make(&length, &message, pool);
    test_shape("a hundred recipients", mail, length, 78);
    message.to = apr_pstrcat(pool, repeat("somebody@example.org,", 100),
                             "\"a,b\\\",c\" <last@example.org>", NULL);
    mail = message_make(&length, &message, pool);
    test_shape("without blanks", mail, length, 78);
    ok(strstr(mail, "\"a,b\\\",c\" <last@example.org>") != NULL,
       "commas in a name stay");
}

int main(void)
{
    int fd;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    fd = mkstemp(file);
    python = fd >= 0
             && system("python3 -c 'import email.policy' 2>/dev/null") == 0;
    if (!python) {
        printf("# no python3: what others read in it is not tested\n");
    }
    test_subjects();
    test_long();
    test_bodies();
    test_others();
    if (fd >= 0) {
        close(fd);
        unlink(file);
    }
    apr_pool_destroy(pool);
    return done_testing();
}
