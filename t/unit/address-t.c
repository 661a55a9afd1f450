/* SPDX-License-Identifier: MIT */
/*
 * Address lists: what people write is read, what is no address is refused
 * with words that name it, and what is formatted reads back the same.
 */
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#include "address.h"

static apr_pool_t *pool;

/* "key|address|name|domain; ..." of a list, or "! error" */
static const char *parsed(const char *text, apr_size_t len)
{
    apr_array_header_t *list = NULL;
    const char *error = NULL, *out = "";
    /* exactly as long as the text: AddressSanitizer sees a step too far */
    char *copy = malloc(len ? len : 1);
    apr_status_t rv;
    int i;

    memcpy(copy, text, len);
    rv = address_parse_list(&list, &error, copy, len, pool);
    free(copy);
    if (rv != APR_SUCCESS) {
        return apr_pstrcat(pool, "! ", error ? error : "(no words)", NULL);
    }
    for (i = 0; i < list->nelts; i++) {
        address_t *a = &APR_ARRAY_IDX(list, i, address_t);

        out = apr_pstrcat(pool, out, i ? "; " : "", a->key, "|", a->address,
                          "|", a->name, "|", a->domain, NULL);
    }
    return out;
}

static void reads(const char *text, const char *want)
{
    is_str(parsed(text, strlen(text)), want, "reads %.60s", text);
}

static void refuses(const char *text, const char *words)
{
    const char *got = parsed(text, strlen(text));

    if (!ok(got[0] == '!' && strstr(got, words), "refuses %.60s", text)) {
        printf("#   got '%s'\n#   without '%s'\n", got, words);
    }
}

static void test_accepted(void)
{
    reads("a@x.org", "a@x.org|a@x.org||x.org");
    reads("  a@x.org \r\n", "a@x.org|a@x.org||x.org");
    reads("Jane.Doe@Example.ORG",
          "jane.doe@example.org|Jane.Doe@example.org||example.org");
    reads("a@localhost", "a@localhost|a@localhost||localhost");
    reads("B <b@y>", "b@y|b@y|B|y");
    reads("<b@y>", "b@y|b@y||y");
    reads("\"Doe, Jane\" <j@x>", "j@x|j@x|Doe, Jane|x");
    reads("\"a \\\"b\\\" \\\\c\" <j@x>", "j@x|j@x|a \"b\" \\c|x");
    reads("John Q. Public <j@x>", "j@x|j@x|John Q. Public|x");
    reads("Jane \"the boss\" Doe<j@x>", "j@x|j@x|Jane the boss Doe|x");
    reads("a@x, b@y;c@z", "a@x|a@x||x; b@y|b@y||y; c@z|c@z||z");
    reads(",a@x,,b@y;;", "a@x|a@x||x; b@y|b@y||y");
    reads("a@x (Jane (the \\) one), or so)", "a@x|a@x||x");
    reads("(one)a(two)@(three)x(four)", "a@x|a@x||x");
    reads("Team: a@x, B <b@y>;", "a@x|a@x||x; b@y|b@y|B|y");
    reads("Team: a@x;, c@z", "a@x|a@x||x; c@z|c@z||z");
    reads("A:;B: b@y;", "b@y|b@y||y");
    reads("a@x,\r\n b@y,\n\tc@z", "a@x|a@x||x; b@y|b@y||y; c@z|c@z||z");
    reads("Jane\r\n Doe <j@x>", "j@x|j@x|Jane Doe|x");
    reads("\"jane doe\"@x", "\"jane doe\"@x|\"jane doe\"@x||x");
    reads("\"a..b\"@x", "\"a..b\"@x|\"a..b\"@x||x");
    reads("\"a@b\"@x", "\"a@b\"@x|\"a@b\"@x||x");
    reads("\"jane\"@x", "jane@x|jane@x||x");
    reads("o'neil+tag@x", "o'neil+tag@x|o'neil+tag@x||x");
    reads("a@[192.0.2.1]", "a@[192.0.2.1]|a@[192.0.2.1]||[192.0.2.1]");
    reads("a@[IPv6:2001:DB8::1]",
          "a@[ipv6:2001:db8::1]|a@[ipv6:2001:db8::1]||[ipv6:2001:db8::1]");
    reads("J\xC3\xBCrgen <j\xC3\xBCrgen@m\xC3\xBCller.de>",
          "j\xC3\xBCrgen@m\xC3\xBCller.de|j\xC3\xBCrgen@m\xC3\xBCller.de|"
          "J\xC3\xBCrgen|m\xC3\xBCller.de");
    reads("B\xC2\xA0<b@y>\xE2\x80\x8B", "b@y|b@y|B|y");
    reads("=?utf-8?Q?J=C3=BCrgen?= <j@x>",
          "j@x|j@x|=?utf-8?Q?J=C3=BCrgen?=|x");
    reads("j@x <J@x>", "j@x|J@x||x");
    reads("k@y <j@x>", "j@x|j@x|k@y|x");
    reads("A@x, B <a@X>, c@z", "a@x|A@x||x; c@z|c@z||z");
}

static void test_refused(void)
{
    refuses("", "at least one address");
    refuses(" \r\n\t,;(nobody)", "at least one address");
    refuses("undisclosed-recipients:;", "at least one address");
    refuses("jane", "address 1 (\"jane\"): expected an address");
    refuses("a@x, nobody, c@z", "address 2 (\"nobody\")");
    refuses("a@", "expected a domain");
    refuses("@b", "expected a name before");
    refuses("a@b@c", "expected a comma");
    refuses("a@b c@d", "expected a comma");
    refuses("Jane a@x", "expected \"<\" and \">\"");
    refuses(".a@x", "no dot");
    refuses("a.@x", "no dot");
    refuses("a..b@x", "no dot");
    refuses("\"\"@x", "between the quotation marks");
    refuses("a@x..y", "expected a domain");
    refuses("a@.x", "expected a domain");
    refuses("a@x.", "expected a domain");
    refuses("a@-x", "expected a domain");
    refuses("a@x!y", "expected a domain");
    refuses("a@[]", "address literal");
    refuses("a@[192.0.2.1", "address literal");
    refuses("a@[1]x", "expected a comma");
    refuses("\"Doe <j@x>", "closing quotation mark");
    refuses("\"Doe\\", "closing quotation mark");
    refuses("B <b@y", "expected \">\"");
    refuses("B <b@y>>", "expected a comma");
    refuses("B <>", "between \"<\" and \">\"");
    refuses("B <<b@y>>", "between \"<\" and \">\"");
    refuses("b@y>", "expected a comma");
    refuses("a@x (Jane", "expected \")\"");
    refuses("a@x)", "expected a comma");
    refuses("(a@x", "expected \")\"");
    refuses("Team: a@x", "expected \";\"");
    refuses("A: B: b@y;", "no \":\"");
    refuses(": b@y;", "no \":\"");
    refuses("mailto:a@x", "expected \";\"");
    refuses("a@x\nBcc: b@y", "control character (U+000A)");
    refuses("a@x\r\n\r\nb@y", "control character (U+000D)");
    refuses("a\x01@x", "U+0001");
    refuses("a\x7F@x", "U+007F");
    refuses("a\xC2\x85@x", "U+0085");
    refuses("a\xFF@x", "UTF-8");
    refuses("a\xC0\xAF@x", "UTF-8");
    is_str(parsed("a@x\0b", 5), "! recipients hold a control character "
           "(U+0000)", "refuses NUL");
    refuses("a@x, \xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
            "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
            "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC" "x\xC3\xBC\xC3\xBC",
            "\xC3\xBCx...\")");
}

static const char *repeat(const char *text, int n)
{
    apr_size_t len = strlen(text);
    char *out = apr_palloc(pool, len * (apr_size_t)n + 1);
    int i;

    for (i = 0; i < n; i++) {
        memcpy(out + (apr_size_t)i * len, text, len);
    }
    out[(apr_size_t)n * len] = '\0';
    return out;
}

static void test_limits(void)
{
    const char *text, *name;
    apr_array_header_t *list;
    const char *error;
    int i;

    text = apr_pstrcat(pool, repeat("a", 64), "@x", NULL);
    ok(parsed(text, strlen(text))[0] != '!', "64 octets before the @");
    refuses(apr_pstrcat(pool, repeat("a", 65), "@x", NULL), "at most 64");
    refuses(apr_pstrcat(pool, repeat("\xC3\xBC", 33), "@x", NULL),
            "at most 64");
    text = apr_pstrcat(pool, repeat("a", 64), "@", repeat("x", 255), NULL);
    ok(parsed(text, strlen(text))[0] != '!', "320 octets in all");
    refuses(apr_pstrcat(pool, "a@", repeat("x", 256), NULL), "at most 255");

    for (i = 0, text = ""; i < 500; i++) {
        text = apr_psprintf(pool, "%sa%d@x,", text, i);
    }
    is_int(address_parse_list(&list, &error, text, strlen(text), pool),
           APR_SUCCESS, "500 addresses");
    is_int(list ? list->nelts : 0, 500, "are 500");
    refuses(apr_pstrcat(pool, text, "b@y", NULL), "at most 500");
    refuses(apr_pstrcat(pool, text, "a1@x", NULL), "at most 500");

    name = repeat("\xC3\xBC", 200);
    text = apr_pstrcat(pool, name, " <j@x>", NULL);
    is_int(address_parse_list(&list, &error, text, strlen(text), pool),
           APR_SUCCESS, "a name too long");
    is_int(strlen(APR_ARRAY_IDX(list, 0, address_t).name), 254,
           "is cut between characters");

    text = repeat("(", 100000);
    ok(parsed(text, strlen(text))[0] == '!', "100,000 open comments");
    text = apr_pstrcat(pool, text, repeat(")", 100000), "a@x", NULL);
    is_str(parsed(text, strlen(text)), "a@x|a@x||x", "and closed ones");
}

static void round_trip(const char *text, const char *want)
{
    apr_array_header_t *list = NULL;
    const char *error, *out = "(refused)";

    if (address_parse_list(&list, &error, text, strlen(text), pool)
        == APR_SUCCESS) {
        out = address_format_list(list, pool);
    }
    is_str(out, want, "formats %s", text);
    is_str(parsed(out, strlen(out)), parsed(text, strlen(text)),
           "and reads it back");
}

static void test_format(void)
{
    round_trip("a@x", "a@x");
    round_trip("B <b@y>;a@x", "B <b@y>, a@x");
    round_trip("\"Doe, Jane\" <j@x>", "\"Doe, Jane\" <j@x>");
    round_trip("\"Jane\" <j@x>", "Jane <j@x>");
    round_trip("J. Doe <j@x>", "\"J. Doe\" <j@x>");
    round_trip("\"a\\\"b\\\\\" <j@x>", "\"a\\\"b\\\\\" <j@x>");
    round_trip("\"<k@y>\" <j@x>", "\"<k@y>\" <j@x>");
    round_trip("\"j d\"@x", "\"j d\"@x");
    round_trip("J\xC3\xBCrgen <j@x>", "J\xC3\xBCrgen <j@x>");
    round_trip("=?utf-8?B?SsO8/+==?= <j@x>", "=?utf-8?B?SsO8/+==?= <j@x>");
}

/* Every text of up to 4 of the characters that mean something ends, and what
 * is taken formats to what is taken again. */
static void test_all_short(void)
{
    static const char alphabet[] = "a@.<>\"\\(),;: [-]\r\n\xC3\xBC";
    const int n = (int)sizeof(alphabet) - 1;
    apr_pool_t *parent = pool, *sub;
    int i, j, taken = 0, wrong = 0;

    apr_pool_create(&sub, parent);
    for (i = 0; i < n * n * n * n; i++) {
        char text[9] = "a@x,";
        apr_array_header_t *list, *again;
        const char *error, *out;

        text[4] = alphabet[i % n];
        text[5] = alphabet[i / n % n];
        text[6] = alphabet[i / n / n % n];
        text[7] = alphabet[i / n / n / n];
        for (j = 0; j < 5; j += 4) {
            if (address_parse_list(&list, &error, text + j,
                                   strlen(text + j), sub) != APR_SUCCESS) {
                wrong += !error;
                continue;
            }
            taken++;
            out = address_format_list(list, sub);
            wrong += address_parse_list(&again, &error, out, strlen(out), sub)
                     != APR_SUCCESS || again->nelts != list->nelts;
        }
        if (i % 1000 == 0) {
            apr_pool_clear(sub);
        }
    }
    apr_pool_destroy(sub);
    ok(taken > 100, "short texts: %d taken", taken);
    is_int(wrong, 0, "none without words, none that does not read back");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_accepted();
    test_refused();
    test_limits();
    test_format();
    test_all_short();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
