/* SPDX-License-Identifier: MIT */
/*
 * The reader of IMAP responses. Pure; any thread. It is lenient where nothing
 * depends on it (blanks, 8-bit octets, NULs, parentheses left open at the end
 * are tolerated or refused as a whole) and strict where something does: the
 * length of a literal is the only thing that says where a response goes on.
 */
#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "imap_parse.h"
#include "utf8.h"

#define DEPTH_MAX 20
#define LITERAL_LINE_MAX 32     /* {octets+} and its line end */
#define WORDS_MAX 200

typedef struct reader_t {
    const char *at;
    const char *end;
    int unclosed;               /* a '[' without end was seen: look no more */
    apr_pool_t *pool;
} reader_t;

/* -- words ----------------------------------------------------------------- */

static int same(const char *bytes, const char *word, apr_size_t length)
{
    return !strncasecmp(bytes, word, length);
}

int imap_value_is(const imap_value_t *value, const char *word)
{
    return value && value->kind != IMAP_LIST && value->length == strlen(word)
           && same(value->bytes, word, value->length);
}

int imap_value_begins(const imap_value_t *value, const char *word)
{
    apr_size_t length = strlen(word);

    return value && value->kind != IMAP_LIST && value->length >= length
           && same(value->bytes, word, length);
}

int imap_value_number(apr_uint64_t *number, const imap_value_t *value)
{
    *number = 0;
    return value && value->kind == IMAP_ATOM
           && imap_frame_number(number, value->bytes, value->length);
}

const char *imap_value_text(const imap_value_t *value, apr_pool_t *pool)
{
    if (!value || value->kind == IMAP_LIST || value->kind == IMAP_NIL
        || memchr(value->bytes, '\0', value->length)) {
        return NULL;
    }
    return apr_pstrmemdup(pool, value->bytes, value->length);
}

const char *imap_words(const char *bytes, apr_size_t length,
                       apr_size_t max_chars, apr_pool_t *pool)
{
    char *line;
    apr_size_t i;

    while (length && apr_isspace(bytes[length - 1])) {
        length--;
    }
    line = apr_pstrmemdup(pool, bytes, length);
    for (i = 0; i < length; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 127) {
            line[i] = line[i] ? ' ' : '?';
        }
    }
    return utf8_clean(line, length, max_chars, pool);
}

static const char *upper(const char *bytes, apr_size_t length,
                         apr_pool_t *pool)
{
    char *word = apr_pstrmemdup(pool, bytes, length);
    char *at;

    for (at = word; *at; at++) {
        *at = (char)apr_toupper(*at);
    }
    return word;
}

/* -- values ---------------------------------------------------------------- */

static void blanks(reader_t *in)
{
    while (in->at < in->end && *in->at == ' ') {
        in->at++;
    }
}

static imap_value_t *value_new(reader_t *in, imap_kind_t kind,
                               const char *bytes, apr_size_t length)
{
    imap_value_t *value = apr_pcalloc(in->pool, sizeof(*value));

    value->kind = kind;
    value->bytes = bytes;
    value->length = length;
    return value;
}

/* "..." with \" and \\; in->at is behind the first quote. */
static imap_value_t *quoted(reader_t *in)
{
    const char *start = in->at;
    const char *bytes = start;
    int escapes = 0;

    while (in->at < in->end && *in->at != '"') {
        if (*in->at == '\\' && in->at + 1 < in->end) {
            escapes++;
            in->at++;
        }
        in->at++;
    }
    if (in->at >= in->end) {
        return NULL;
    }
    if (escapes) {
        char *plain = apr_palloc(in->pool, (apr_size_t)(in->at - start));
        apr_size_t length = 0;
        const char *from;

        for (from = start; from < in->at; from++) {
            from += *from == '\\' && from + 1 < in->at;
            plain[length++] = *from;
        }
        in->at++;
        return value_new(in, IMAP_STRING, plain, length);
    }
    in->at++;
    return value_new(in, IMAP_STRING, bytes,
                     (apr_size_t)(in->at - 1 - bytes));
}

/* {N}CRLF and N octets; in->at is at the brace. NULL: it is none. */
static imap_value_t *literal(reader_t *in)
{
    apr_size_t left = (apr_size_t)(in->end - in->at);
    const char *end = memchr(in->at, '\n', left < LITERAL_LINE_MAX
                                           ? left : LITERAL_LINE_MAX);
    apr_int64_t length = end ? imap_frame_literal(in->at, (apr_size_t)(end + 1
                                                              - in->at))
                             : -1;
    imap_value_t *value;

    if (length < 0 || length > in->end - (end + 1)
        || memchr(in->at + 1, '{', (apr_size_t)(end - in->at - 1))) {
        return NULL;
    }
    value = value_new(in, IMAP_STRING, end + 1, (apr_size_t)length);
    in->at = end + 1 + length;
    return value;
}

/* Behind the ']' of BODY[HEADER.FIELDS (A B)]; in->at is at the '['. */
static const char *section_end(reader_t *in)
{
    const char *at;
    int in_quotes = 0;

    if (in->unclosed) {
        return NULL;
    }
    for (at = in->at; at < in->end && *at != '\n'; at++) {
        if (*at == '"') {
            in_quotes = !in_quotes;
        } else if (*at == ']' && !in_quotes) {
            return at + 1;
        }
    }
    in->unclosed = 1;
    return NULL;
}

static int ends_atom(char c)
{
    return c == ' ' || c == '(' || c == ')' || c == '"' || c == '\r'
           || c == '\n';
}

static imap_value_t *atom(reader_t *in)
{
    const char *start = in->at;
    imap_value_t *value;

    while (in->at < in->end && !ends_atom(*in->at)) {
        const char *section = *in->at == '[' ? section_end(in) : NULL;

        in->at = section ? section : in->at + 1;
    }
    if (in->at == start) {
        return NULL;
    }
    value = value_new(in, IMAP_ATOM, start, (apr_size_t)(in->at - start));
    if (imap_value_is(value, "NIL")) {
        value->kind = IMAP_NIL;
        value->length = 0;
    }
    return value;
}

static apr_status_t values(imap_value_t **first, reader_t *in, int depth);

/* In parentheses; in->at is behind the first. */
static imap_value_t *list(reader_t *in, int depth)
{
    imap_value_t *value = value_new(in, IMAP_LIST, in->at, 0);

    if (depth >= DEPTH_MAX
        || values(&value->first, in, depth + 1) != APR_SUCCESS
        || in->at >= in->end || *in->at != ')') {
        return NULL;
    }
    in->at++;
    return value;
}

static imap_value_t *value_at(reader_t *in, int depth)
{
    char c = *in->at;

    if (c == '(') {
        in->at++;
        return list(in, depth);
    }
    if (c == '"') {
        in->at++;
        return quoted(in);
    }
    if (c == '~' && in->at + 1 < in->end && in->at[1] == '{') {
        in->at++;
        c = '{';
    }
    if (c == '{') {
        imap_value_t *value = literal(in);

        if (value) {
            return value;
        }
    }
    return atom(in);
}

/* Up to a ')' or the end of the response. */
static apr_status_t values(imap_value_t **first, reader_t *in, int depth)
{
    imap_value_t **last = first;

    *first = NULL;
    for (;;) {
        blanks(in);
        if (in->at >= in->end || *in->at == ')' || *in->at == '\r'
            || *in->at == '\n') {
            return APR_SUCCESS;
        }
        *last = value_at(in, depth);
        if (!*last) {
            return APR_EINVAL;
        }
        last = &(*last)->next;
    }
}

/* -- responses ------------------------------------------------------------- */

/* The word at in->at; in->at then stands behind it and its blanks. */
static const char *word(reader_t *in, apr_size_t *length)
{
    const char *start = in->at;

    while (in->at < in->end && *in->at != ' ' && *in->at != '\r'
           && *in->at != '\n') {
        in->at++;
    }
    *length = (apr_size_t)(in->at - start);
    blanks(in);
    return start;
}

/* [CODE number and more] words */
static void status_text(imap_response_t *response, reader_t *in)
{
    const char *start = in->at;
    const char *close = NULL;

    if (start < in->end && *start == '[') {
        close = memchr(start, ']', (apr_size_t)(in->end - start));
    }
    if (close) {
        reader_t code = { start + 1, close, 0, in->pool };
        apr_size_t length;
        const char *name = word(&code, &length);

        response->code = upper(name, length, in->pool);
        name = word(&code, &length);
        imap_frame_number(&response->code_number, name, length);
    }
    response->text = imap_words(start, (apr_size_t)(in->end - start),
                                WORDS_MAX, in->pool);
}

static imap_status_t status_of(const char *name, apr_size_t length)
{
    static const struct { const char *name; imap_status_t status; } table[] = {
        { "OK", IMAP_OK }, { "NO", IMAP_NO }, { "BAD", IMAP_BAD },
        { "BYE", IMAP_BYE }, { "PREAUTH", IMAP_PREAUTH }
    };
    apr_size_t i;

    for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
        if (strlen(table[i].name) == length
            && same(name, table[i].name, length)) {
            return table[i].status;
        }
    }
    return IMAP_DATA;
}

/* * 12 EXISTS, * LIST (...) "/" Junk */
static apr_status_t data(imap_response_t *response, reader_t *in,
                         const char *name, apr_size_t length)
{
    if (imap_frame_number(&response->number, name, length)) {
        name = word(in, &length);
    }
    if (!length) {
        return APR_EINVAL;
    }
    response->name = upper(name, length, in->pool);
    return values(&response->values, in, 0);
}

apr_status_t imap_parse(imap_response_t *response, const char *bytes,
                        apr_size_t length, apr_pool_t *pool)
{
    reader_t in = { bytes, bytes + length, 0, pool };
    const char *name;

    memset(response, 0, sizeof(*response));
    response->code = response->text = response->name = response->tag = "";
    if (length && *bytes == '+') {
        in.at++;
        blanks(&in);
        response->place = IMAP_CONTINUE;
        response->text = imap_words(in.at, (apr_size_t)(in.end - in.at),
                                    WORDS_MAX, pool);
        return APR_SUCCESS;
    }
    name = word(&in, &length);
    if (!length) {
        return APR_EINVAL;
    }
    if (length != 1 || *name != '*') {
        response->place = IMAP_TAGGED;
        response->tag = apr_pstrmemdup(pool, name, length);
        name = word(&in, &length);
        response->status = status_of(name, length);
        if (response->status == IMAP_DATA || response->status == IMAP_BYE
            || response->status == IMAP_PREAUTH) {
            return APR_EINVAL;
        }
        status_text(response, &in);
        return APR_SUCCESS;
    }
    response->place = IMAP_UNTAGGED;
    name = word(&in, &length);
    response->status = status_of(name, length);
    if (response->status == IMAP_DATA) {
        return data(response, &in, name, length);
    }
    status_text(response, &in);
    return APR_SUCCESS;
}
