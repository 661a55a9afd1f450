/* SPDX-License-Identifier: MIT */
/*
 * Mails as bytes. Pure: all there is comes in the message_t, so any thread may
 * call it. Lines have 76 columns where they can, and never more than 998 (RFC
 * 5322 section 2.1.1); bodies are 7-bit in whatever encoding is shortest.
 */
#include "message.h"

#include <string.h>

#include <apr_base64.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "utf8.h"

#define COLUMNS 76
#define SUBJECT_MAX 1000        /* characters */

/* What an encoded word has around its text, and how long it is at most (RFC
 * 2047 section 2). */
#define WORD_BEGIN "=?UTF-8?Q?"
#define WORD_END   "?="
#define WORD_MAX   75

static const char hex[] = "0123456789ABCDEF";

/* -- headers --------------------------------------------------------------- */

/* One line of valid UTF-8: runs of blanks and line ends become one blank,
 * other control characters go. */
static char *one_line(const char *text, apr_size_t max, apr_pool_t *pool)
{
    const char *from = utf8_clean(text, strlen(text), max, pool);
    char *out = apr_palloc(pool, strlen(from) + 1), *to = out;

    for (; *from; from++) {
        unsigned char c = (unsigned char)*from;

        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            if (to > out && to[-1] != ' ') {
                *to++ = ' ';
            }
        } else if (c > ' ' && c != 127) {
            *to++ = *from;
        }
    }
    if (to > out && to[-1] == ' ') {
        to--;
    }
    *to = '\0';
    return out;
}

/* Left side of a Message-ID, a token: nothing there has a meaning to mail. */
static const char *plain(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(text) + 1), *to = out;

    for (; *text && to - out < 200; text++) {
        if (apr_isalnum(*text) || strchr("-_.+=", *text)) {
            *to++ = *text;
        }
    }
    *to = '\0';
    return out;
}

/* Can it stand as it is, folded at its blanks? */
static int is_simple(const char *line)
{
    apr_size_t word = 0;

    if (strstr(line, "=?")) {
        return 0;               /* would be read as an encoded word */
    }
    for (; *line; line++) {
        if ((unsigned char)*line > 126) {
            return 0;
        }
        word = *line == ' ' ? 0 : word + 1;
        if (word > COLUMNS - 12) {
            return 0;
        }
    }
    return 1;
}

/* Lines are broken before a blank, which begins the next one. */
static const char *fold(const char *line, apr_size_t column, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, 3 * strlen(line) + 1), *to = out;
    apr_size_t word;

    while (*line) {
        word = strcspn(line + 1, " ") + 1;
        if (*line == ' ' && column + word > COLUMNS) {
            *to++ = '\r';
            *to++ = '\n';
            column = 0;
        }
        memcpy(to, line, word);
        to += word;
        line += word;
        column += word;
    }
    *to = '\0';
    return out;
}

static int stands_in_word(char c)
{
    return apr_isalnum(c) || (c && strchr("!*+-/", c));
}

/* RFC 2047 "Q", a character never in two words. */
static const char *encode_words(const char *text, apr_size_t column,
                                apr_pool_t *pool)
{
    apr_size_t length = strlen(text), n, need, i;
    char *out = apr_palloc(pool, 4 * length + 16 * (length / 15 + 2)), *to;
    apr_size_t used = 0;
    apr_uint32_t code;

    to = out;
    for (; length; text += n, length -= n) {
        n = utf8_next(&code, text, length);
        need = n > 1 || !(stands_in_word(*text) || *text == ' ') ? 3 * n : 1;
        if (used && (used + need + strlen(WORD_END) > WORD_MAX
                     || column + need + strlen(WORD_END) > COLUMNS)) {
            memcpy(to, WORD_END "\r\n ", 5);
            to += 5;
            used = 0;
            column = 1;
        }
        if (!used) {
            memcpy(to, WORD_BEGIN, 10);
            to += 10;
            used = 10;
            column += 10;
        }
        for (i = 0; i < n && need > 1; i++) {
            *to++ = '=';
            *to++ = hex[(unsigned char)text[i] >> 4];
            *to++ = hex[(unsigned char)text[i] & 15];
        }
        if (need == 1) {
            *to++ = *text == ' ' ? '_' : *text;
        }
        used += need;
        column += need;
    }
    memcpy(to, WORD_END, 3);
    return out;
}

static const char *subject_line(const char *subject, apr_pool_t *pool)
{
    const char *line = one_line(subject, SUBJECT_MAX, pool);
    const char *name = "Subject: ";

    return apr_pstrcat(pool, name, is_simple(line)
                       ? fold(line, strlen(name), pool)
                       : encode_words(line, strlen(name), pool), "\r\n",
                       NULL);
}

/* A blank after each comma between addresses: there the line can be folded. */
static const char *spread(const char *addresses, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, 2 * strlen(addresses) + 1), *to = out;
    int quoted = 0;

    for (; *addresses; addresses++) {
        *to++ = *addresses;
        if (*addresses == '\\' && addresses[1]) {
            *to++ = *++addresses;
        } else if (*addresses == '"') {
            quoted = !quoted;
        } else if (*addresses == ',' && !quoted && addresses[1] != ' ') {
            *to++ = ' ';
        }
    }
    *to = '\0';
    return out;
}

static const char *address_line(const char *name, const char *addresses,
                                apr_pool_t *pool)
{
    const char *line = spread(one_line(addresses, APR_SIZE_MAX, pool), pool);

    return apr_pstrcat(pool, name, fold(line, strlen(name), pool), "\r\n",
                       NULL);
}

static const char *id_of(const char *left, const char *from,
                         apr_pool_t *pool)
{
    const char *at = strrchr(from, '@');
    const char *domain = at ? plain(at + 1, pool) : "";

    return apr_pstrcat(pool, "<", plain(left, pool), "@",
                       *domain ? domain : "localhost", ">", NULL);
}

static const char *date_line(apr_time_t date, apr_pool_t *pool)
{
    char text[APR_RFC822_DATE_LEN];

    if (apr_rfc822_date(text, date) != APR_SUCCESS) {
        return "";
    }
    /* APR ends it with "GMT", which RFC 5322 has as obsolete */
    return apr_psprintf(pool, "Date: %.25s +0000\r\n", text);
}

/* -- bodies ---------------------------------------------------------------- */

/* Valid UTF-8 with LF; no control character but tab and LF. */
static const char *clean_body(const char *text, apr_pool_t *pool)
{
    const char *from = utf8_clean(text, strlen(text), APR_SIZE_MAX, pool);
    char *out = apr_palloc(pool, strlen(from) + 2), *to = out;

    for (; *from; from++) {
        unsigned char c = (unsigned char)*from;

        if (c >= ' ' ? c != 127 : c == '\t' || c == '\n') {
            *to++ = *from;
        }
    }
    if (to == out || to[-1] != '\n') {
        *to++ = '\n';
    }
    *to = '\0';
    return out;
}

static char *put_hex(char *to, char c)
{
    *to++ = '=';
    *to++ = hex[(unsigned char)c >> 4];
    *to++ = hex[(unsigned char)c & 15];
    return to;
}

/* RFC 2045 section 6.7 */
static const char *quoted_printable(const char *text, apr_pool_t *pool)
{
    apr_size_t size = strlen(text), need, column = 0;
    char *out = apr_palloc(pool, 4 * size + 1), *to = out;

    for (; *text; text++) {
        int blank = *text == ' ' || *text == '\t';
        int as_it_is = (*text > ' ' && *text < 127 && *text != '=')
                       || (blank && text[1] != '\n');

        if (*text == '\n') {
            *to++ = '\r';
            *to++ = '\n';
            column = 0;
            continue;
        }
        if (!column && !strncmp(text, "From ", 5)) {
            as_it_is = 0;       /* what mailboxes of old take for a mail */
        }
        need = as_it_is ? 1 : 3;
        if (column + need > COLUMNS - 1) {
            memcpy(to, "=\r\n", 3);
            to += 3;
            column = 0;
        }
        if (as_it_is) {
            *to++ = *text;
        } else {
            to = put_hex(to, *text);
        }
        column += need;
    }
    *to = '\0';
    return out;
}

static const char *base64_lines(const char *text, apr_pool_t *pool)
{
    apr_size_t size = strlen(text), n;
    char *out = apr_palloc(pool, size / 57 * 78 + 90), *to = out;

    for (; size; text += n, size -= n) {
        n = size < 57 ? size : 57;
        to += apr_base64_encode(to, text, (int)n) - 1;
        *to++ = '\r';
        *to++ = '\n';
    }
    *to = '\0';
    return out;
}

/* CRLF for LF, as a body is sent. */
static const char *crlf(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, 2 * strlen(text) + 1), *to = out;

    for (; *text; text++) {
        if (*text == '\n') {
            *to++ = '\r';
        }
        *to++ = *text;
    }
    *to = '\0';
    return out;
}

/* A part with its headers. */
static const char *part(const char *type, const char *text, int alone,
                        apr_pool_t *pool)
{
    const char *clean = clean_body(text, pool), *p;
    apr_size_t high = 0, long_line = 0, column = 0;
    const char *name, *body;

    for (p = clean; *p; p++) {
        column = *p == '\n' ? 0 : column + 1;
        long_line |= column > COLUMNS;
        high += (unsigned char)*p > 127;
    }
    if (high > strlen(clean) / 6) {
        name = "base64";
        body = base64_lines(crlf(clean, pool), pool);
    } else if (high || long_line || !alone || strstr(clean, "From ")) {
        name = "quoted-printable";
        body = quoted_printable(clean, pool);
    } else {
        name = "7bit";
        body = crlf(clean, pool);
    }
    return apr_pstrcat(pool, "Content-Type: ", type, "; charset=utf-8\r\n"
                       "Content-Transfer-Encoding: ", name, "\r\n\r\n", body,
                       NULL);
}

/* "=_" is in no quoted-printable and no base64: it cannot end a part early. */
static const char *alternatives(const message_t *message, apr_pool_t *pool)
{
    const char *mark = apr_psprintf(pool, "=_%.48s", plain(message->id,
                                                           pool));

    return apr_pstrcat(pool, "Content-Type: multipart/alternative;\r\n"
                       " boundary=\"", mark, "\"\r\n\r\n--", mark, "\r\n",
                       part("text/plain", message->text, 0, pool),
                       "\r\n--", mark, "\r\n",
                       part("text/html", message->html, 0, pool),
                       "\r\n--", mark, "--\r\n", NULL);
}

/* -- the whole ------------------------------------------------------------- */

static const char *thread_lines(const message_t *message, apr_pool_t *pool)
{
    const char *id;

    if (!message->thread) {
        return "";
    }
    id = id_of(message->thread, message->from, pool);
    return apr_pstrcat(pool, "In-Reply-To: ", id, "\r\nReferences: ", id,
                       "\r\n", NULL);
}

const char *message_make(apr_size_t *length, const message_t *message,
                         apr_pool_t *pool)
{
    const char *token = "", *body, *whole;

    if (message->token) {
        token = apr_pstrcat(pool, MESSAGE_PROBE_HEADER ": ",
                            plain(message->token, pool), "\r\n", NULL);
    }
    body = message->html ? alternatives(message, pool)
           : part("text/plain", message->text, 1, pool);
    whole = apr_pstrcat(pool, address_line("From: ", message->from, pool),
                        address_line("To: ", message->to, pool),
                        subject_line(message->subject, pool),
                        date_line(message->date, pool),
                        "Message-ID: ", id_of(message->id, message->from,
                                              pool), "\r\n",
                        thread_lines(message, pool), token,
                        /* the second is what Exchange looks at */
                        "Auto-Submitted: auto-generated\r\n"
                        "X-Auto-Response-Suppress: All\r\n"
                        "MIME-Version: 1.0\r\n", body, NULL);
    *length = strlen(whole);
    return whole;
}
