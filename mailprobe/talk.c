/* SPDX-License-Identifier: MIT */
/*
 * Pure functions over what an SMTP server said. Any thread; no socket, no
 * clock, no log.
 */
#include "talk.h"

#include <string.h>

#include <apr_base64.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "utf8.h"

const char *const smtp_states[] = {
    "accepted", "temporary", "permanent", "unreachable", "timeout", "tls",
    "auth", "unknown"
};

const char *const smtp_phases[] = {
    "connect", "tls", "greeting", "ehlo", "auth", "mail", "rcpt", "data",
    "queued", ""
};

/* -- replies --------------------------------------------------------------- */

/* One blank for any run of what cannot be shown on a line. */
static void add_words(talk_t *talk, const char *bytes, apr_size_t length)
{
    apr_size_t i;

    for (i = 0; i < length && talk->length < sizeof(talk->words) - 1; i++) {
        char c = (unsigned char)bytes[i] <= ' ' || bytes[i] == 127 ? ' '
                 : bytes[i];

        if (c != ' ' || (talk->length
                         && talk->words[talk->length - 1] != ' ')) {
            talk->words[talk->length++] = c;
        }
    }
    while (talk->length && talk->words[talk->length - 1] == ' ') {
        talk->length--;
    }
    talk->words[talk->length] = '\0';
}

/* In place: a byte that is none of UTF-8 becomes a question mark. */
static void clean(char *words)
{
    apr_size_t length = strlen(words), i, n;
    apr_uint32_t code;

    for (i = 0; i < length; i += n) {
        n = utf8_next(&code, words + i, length - i);
        if (code == (apr_uint32_t)-1 || (code >= 0x80 && code < 0xa0)) {
            memset(words + i, '?', n);
        }
    }
}

static int is_keyword(const char *text, apr_size_t length, const char *word)
{
    apr_size_t n = strlen(word);

    return length >= n && !strncasecmp(text, word, n)
           && (length == n || text[n] == ' ' || text[n] == '='
               || text[n] == '\r' || text[n] == '\n');
}

static void note_offer(talk_t *talk, const char *text, apr_size_t length)
{
    talk->offers_starttls |= is_keyword(text, length, "STARTTLS");
    talk->offers_auth |= is_keyword(text, length, "AUTH");
    talk->offers_utf8 |= is_keyword(text, length, "SMTPUTF8");
}

talk_line_t talk_line(talk_t *talk, const char *line, apr_size_t length)
{
    int code = 0, i;

    if (talk->whole) {
        talk->whole = 0;
        talk->length = talk->bytes = 0;
        talk->words[0] = '\0';
        talk->code = 0;
    }
    talk->bytes += length;
    for (i = 0; i < 3; i++) {
        if ((apr_size_t)i >= length || !apr_isdigit(line[i])) {
            break;
        }
        code = code * 10 + line[i] - '0';
    }
    if (i < 3 || code < 200 || code > 599 || talk->bytes > TALK_REPLY_MAX
        || (length > 3 && line[3] != '-' && (unsigned char)line[3] > ' ')) {
        add_words(talk, line, length);
        return TALK_NONSENSE;
    }
    if (!talk->code) {
        add_words(talk, line, 3);
    }
    talk->code = code;
    if (length > 4) {
        if (talk->length < sizeof(talk->words) - 1) {
            talk->words[talk->length++] = ' ';
        }
        add_words(talk, line + 4, length - 4);
        if (talk->phase == TALK_EHLO) {
            note_offer(talk, line + 4, length - 4);
        }
    }
    talk->whole = length <= 3 || line[3] != '-';
    if (talk->whole) {
        clean(talk->words);
    }
    return talk->whole ? TALK_REPLY : TALK_MORE;
}

int talk_login(talk_t *talk)
{
    int good = talk->code / 100 == 2;

    switch (talk->phase) {
    case TALK_CONNECT:
    case TALK_GREETING:
        talk->phase = good ? TALK_EHLO : TALK_GREETING;
        return good;
    case TALK_EHLO:
        if (!good) {
            return 0;           /* libcurl may say HELO now */
        }
        if (talk->starttls && talk->offers_starttls) {
            talk->phase = TALK_TLS;
        } else if (talk->wants_auth && talk->offers_auth) {
            talk->phase = TALK_AUTH;
        } else {
            talk->phase = TALK_MAIL;
        }
        return 1;
    case TALK_TLS:
        if (talk->code != 220) {
            return 0;
        }
        /* what was offered in the clear is not to be believed */
        talk->offers_starttls = talk->offers_auth = talk->offers_utf8 = 0;
        talk->starttls = 0;
        talk->upgraded = 1;
        talk->phase = TALK_EHLO;
        return 1;
    case TALK_AUTH:
        if (talk->code == 235) {
            talk->authenticated = 1;
            talk->phase = TALK_MAIL;
            return 1;
        }
        return 0;
    default:
        return 0;
    }
}

int talk_mail(talk_t *talk)
{
    int good = talk->phase == TALK_DATA ? talk->code == 354
               : talk->code / 100 == 2;

    if (good) {
        talk->phase++;
    }
    return good;
}

/* -- what it means --------------------------------------------------------- */

static smtp_state_t by_code(const talk_t *talk)
{
    if (talk->code / 100 == 4) {
        return SMTP_TEMPORARY;
    }
    if (talk->phase == TALK_AUTH || talk->code == 535) {
        return SMTP_AUTH;
    }
    return talk->phase == TALK_TLS ? SMTP_TLS : SMTP_PERMANENT;
}

static smtp_state_t by_curl(CURLcode rc)
{
    switch (rc) {
    case CURLE_OPERATION_TIMEDOUT:
        return SMTP_TIMEOUT;
    case CURLE_REMOTE_ACCESS_DENIED:
        return SMTP_PERMANENT;
    case CURLE_LOGIN_DENIED:
    case CURLE_AUTH_ERROR:
        return SMTP_AUTH;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return SMTP_TLS;
    default:
        return SMTP_UNREACHABLE;
    }
}

smtp_state_t talk_state(const talk_t *talk, CURLcode rc, int handed_over)
{
    if (talk->whole && talk->code >= 400) {
        return by_code(talk);
    }
    /* whatever ended it, the server may have the mail */
    if (talk->phase == TALK_QUEUED && handed_over) {
        return SMTP_UNKNOWN;
    }
    /* words in the clear where the handshake belongs; mail that we do not
     * hand to a stranger in the clear */
    if (talk->phase == TALK_TLS && (rc == CURLE_WEIRD_SERVER_REPLY
                                    || rc == CURLE_COULDNT_CONNECT)) {
        return SMTP_TLS;
    }
    return by_curl(rc);
}

/* -- queue ids ------------------------------------------------------------- */

static const char *word_at(const char *from, apr_pool_t *pool)
{
    apr_size_t length;

    from += strspn(from, " <[(");
    length = strcspn(from, " >]);,");
    while (length && strchr(".:", from[length - 1])) {
        length--;
    }
    return apr_pstrmemdup(pool, from, length > 128 ? 128 : length);
}

static const char *word_before(const char *text, const char *end,
                               apr_pool_t *pool)
{
    const char *start = end;

    while (start > text && start[-1] != ' ') {
        start--;
    }
    return start < end ? word_at(start, pool) : "";
}

static const char *find(const char *words, const char *what)
{
    apr_size_t n = strlen(what);

    for (; *words; words++) {
        if (!strncasecmp(words, what, n)) {
            return words;
        }
    }
    return NULL;
}

const char *talk_queue_id(const char *words, apr_pool_t *pool)
{
    /* Postfix, Exchange, Exim, qmail */
    static const char *const before[] = {
        "queued as ", "InternalId=", " id=", " qp "
    };
    /* sendmail and OpenSMTPD, Google */
    static const char *const after[] = {
        " Message accepted", " - gsmtp"
    };
    const char *at;
    apr_size_t i;

    for (i = 0; i < sizeof(before) / sizeof(*before); i++) {
        at = find(words, before[i]);
        if (at) {
            return word_at(at + strlen(before[i]), pool);
        }
    }
    for (i = 0; i < sizeof(after) / sizeof(*after); i++) {
        at = find(words, after[i]);
        if (at) {
            return word_before(words, at, pool);
        }
    }
    /* Amazon and others: one long word after Ok */
    at = find(words, " Ok ");
    if (at && strcspn(at + 4, " ") >= 16) {
        return word_at(at + 4, pool);
    }
    return "";
}

/* -- secrets --------------------------------------------------------------- */

static void star(char *words, const char *secret)
{
    apr_size_t length = strlen(secret);
    apr_size_t said = strlen(words), part;
    char *at = words;

    while (length && (at = strstr(at, secret))) {
        memset(at, '*', length);
        at += length;
    }
    /* the words may have been cut in the midst of it */
    for (part = length < said ? length : said; part >= 4; part--) {
        if (!strncmp(words + said - part, secret, part)) {
            memset(words + said - part, '*', part);
            break;
        }
    }
}

static const char *base64(const char *bytes, apr_size_t length,
                          apr_pool_t *pool)
{
    char *text = apr_palloc(pool, (apr_size_t)apr_base64_encode_len(
                                      (int)length));

    apr_base64_encode(text, bytes, (int)length);
    return text;
}

void talk_hide(char *words, const char *username, const char *password,
               apr_pool_t *pool)
{
    apr_size_t user, pass;
    char *plain;

    if (!password || !*password) {
        return;
    }
    user = username ? strlen(username) : 0;
    pass = strlen(password);
    plain = apr_pcalloc(pool, user + pass + 2);
    memcpy(plain + 1, username ? username : "", user);
    memcpy(plain + user + 2, password, pass);
    star(words, base64(plain, user + pass + 2, pool));
    star(words, base64(password, pass, pool));
    star(words, password);
}

/* -- what we say ----------------------------------------------------------- */

int talk_address(const char *address)
{
    const char *p;
    int kind = 1;

    if (!*address || strlen(address) > 320 || !strchr(address, '@')) {
        return 0;
    }
    for (p = address; *p; p++) {
        unsigned char c = (unsigned char)*p;

        if (c <= ' ' || c == 127 || c == '<' || c == '>') {
            return 0;
        }
        if (c > 127) {
            kind = 2;
        }
    }
    return kind == 2 && !utf8_valid(address, strlen(address)) ? 0 : kind;
}

const char *talk_data(apr_size_t *length, const char *text, apr_size_t size,
                      apr_pool_t *pool)
{
    char *out = apr_palloc(pool, 2 * size + 8), *to = out;
    apr_size_t i;
    int begins = 1;

    for (i = 0; i < size; i++) {
        if (text[i] == '\r' || (begins && text[i] == '.')) {
            if (text[i] == '.') {
                *to++ = '.';
                *to++ = '.';
                begins = 0;
            }
            continue;
        }
        if (text[i] == '\n') {
            *to++ = '\r';
        }
        *to++ = text[i];
        begins = text[i] == '\n';
    }
    if (!begins) {
        *to++ = '\r';
        *to++ = '\n';
    }
    memcpy(to, ".\r\n", 3);
    *length = (apr_size_t)(to - out) + 3;
    return out;
}
