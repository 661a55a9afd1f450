/* SPDX-License-Identifier: MIT */
/*
 * Authentication-Results. Read word by word and never searched for a substring:
 * "spf=pass" in a comment, a reason or a domain's name is no result. Any
 * thread.
 */
#include "authres.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "lexer.h"
#include "utf8.h"

#define TEXT_CHARS 255

/* One result while it is read. */
typedef struct reading_t {
    auth_method_t method;
    const char *comment;        /* the first one */
    const char *helo;           /* spf: second best for its domain */
    const char *identity;       /* dkim: header.i, the same */
} reading_t;

static const char *clean(const char *text, apr_pool_t *pool)
{
    return utf8_clean(text, strlen(text), TEXT_CHARS, pool);
}

static const char *lower(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);
    char *p;

    for (p = copy; *p; p++) {
        *p = (char)apr_tolower(*p);
    }
    return copy;
}

static int is_value(const lex_t *word)
{
    return word->kind == LEX_ATOM || word->kind == LEX_QUOTED;
}

static int is_special(const lex_t *word, char c)
{
    return word->kind == LEX_SPECIAL && word->special == c;
}

static int is_believed(const char *id, const apr_array_header_t *believed)
{
    int i;

    for (i = 0; believed && i < believed->nelts; i++) {
        if (!strcasecmp(id, APR_ARRAY_IDX(believed, i, const char *))) {
            return 1;
        }
    }
    return 0;
}

/* What follows a "=": its own rule, for base64 and addresses have "=" and "/"
 * unquoted in the wild. @return 0: nothing follows */
static int value_after(lex_t *word, lexer_t *lexer, reading_t *reading)
{
    const char *specials = lexer->specials;

    lexer->specials = ";";
    lexer_word(word, lexer, &reading->comment);
    lexer->specials = specials;
    return is_value(word);
}

static const char *domain_of(const char *identity)
{
    const char *at = strrchr(identity, '@');

    return at ? at + 1 : identity;
}

/* "header.d=...": what the method is about. */
static void property(reading_t *reading, const char *name, const char *value)
{
    auth_method_t *m = &reading->method;

    if (!strcasecmp(name, "header.s") && !strcasecmp(m->method, "dkim")) {
        m->selector = value;
    } else if (!strcasecmp(name, "header.d")
               || !strcasecmp(name, "header.from")
               || !strcasecmp(name, "smtp.mailfrom")
               || !strcasecmp(name, "smtp.mail")) {
        m->domain = domain_of(value);
    } else if (!strcasecmp(name, "smtp.helo")) {
        reading->helo = value;
    } else if (!strcasecmp(name, "header.i")) {
        reading->identity = domain_of(value);
    }
}

/* The name before a "=" in pieces: comments and blanks may stand around its
 * dot. */
static const char *join(const char *name, const char *word, apr_pool_t *pool)
{
    apr_size_t len = strlen(name);

    if (len && len < TEXT_CHARS && (name[len - 1] == '.' || *word == '.')) {
        return apr_pstrcat(pool, name, word, NULL);
    }
    return word;
}

/* reason=..., ptype.property=..., and what some add without a dot; up to the
 * next ";" or the end. */
static void properties(reading_t *reading, lexer_t *lexer)
{
    const char *name = "";
    lex_t word;

    lexer->specials = ";=";
    for (;;) {
        lexer_word(&word, lexer, &reading->comment);
        if (is_value(&word)) {
            name = join(name, word.text, lexer->pool);
            continue;
        }
        if (is_special(&word, '=') && value_after(&word, lexer, reading)) {
            if (!strcasecmp(name, "reason")) {
                reading->method.reason = word.text;
            } else {
                property(reading, name, word.text);
            }
            name = "";
        }
        if (word.kind == LEX_END || is_special(&word, ';')) {
            return;
        }
    }
}

static void skip_rest(lexer_t *lexer)
{
    lex_t word;

    lexer->specials = ";";
    do {
        lexer_word(&word, lexer, NULL);
    } while (word.kind != LEX_END && !is_special(&word, ';'));
}

/* method [ "/" version ] "=" result. @return 1: read; 0: not, and *word is
 * where it failed */
static int method_spec(reading_t *reading, lex_t *word, lexer_t *lexer)
{
    int known = 1;

    lexer->specials = ";=/";
    if (word->kind != LEX_ATOM) {
        return 0;
    }
    reading->method.method = word->text;
    lexer_word(word, lexer, NULL);
    if (is_special(word, '/')) {
        lexer_word(word, lexer, NULL);
        known = word->kind == LEX_ATOM && !strcmp(word->text, "1");
        lexer_word(word, lexer, NULL);
    }
    if (!known || !is_special(word, '=')) {
        return 0;
    }
    lexer_word(word, lexer, NULL);
    reading->method.result = word->text;
    return word->kind == LEX_ATOM;
}

static void keep(apr_array_header_t *methods, reading_t *reading,
                 apr_pool_t *pool)
{
    auth_method_t *m;

    if (methods->nelts >= AUTHRES_METHODS_MAX) {
        return;
    }
    m = apr_array_push(methods);
    *m = reading->method;
    if (!m->domain) {
        m->domain = reading->identity ? reading->identity : reading->helo;
    }
    if (!m->reason) {
        m->reason = reading->comment;
    }
    m->method = lower(clean(m->method, pool), pool);
    m->result = lower(clean(m->result, pool), pool);
    m->domain = m->domain ? clean(m->domain, pool) : "";
    m->selector = m->selector ? clean(m->selector, pool) : "";
    m->reason = m->reason ? clean(m->reason, pool) : "";
}

/* What follows the id: results between semicolons. word is the first one. */
static void results(apr_array_header_t *methods, lex_t *word, lexer_t *lexer,
                    apr_pool_t *pool)
{
    while (word->kind != LEX_END) {
        reading_t reading;

        memset(&reading, 0, sizeof(reading));
        if (is_special(word, ';')) {
            lexer->specials = ";=/";
            lexer_word(word, lexer, NULL);
            continue;
        }
        if (method_spec(&reading, word, lexer)) {
            properties(&reading, lexer);
            keep(methods, &reading, pool);
        } else if (!is_special(word, ';')) {
            skip_rest(lexer);
        }
        lexer->specials = ";=/";
        lexer_word(word, lexer, NULL);
    }
}

int authres_parse(apr_array_header_t *methods, const char *value,
                  const apr_array_header_t *believed, apr_pool_t *pool)
{
    lexer_t lexer = { value, ";=", pool };
    const char *id;
    lex_t first;
    lex_t word;

    lexer_word(&first, &lexer, NULL);
    lexer_word(&word, &lexer, NULL);
    if (!is_value(&first)) {
        return 0;
    }
    id = first.text;
    if (is_special(&word, '=')) {       /* a result: no id was said */
        id = "";
        lexer.at = first.start;
        lexer.specials = ";=/";
        lexer_word(&word, &lexer, NULL);
    } else if (is_value(&word)) {
        if (strcmp(word.text, "1")) {
            return 0;
        }
        lexer_word(&word, &lexer, NULL);
    }
    if (!is_believed(id, believed) || (*id && word.kind != LEX_END
                                       && !is_special(&word, ';'))) {
        return 0;
    }
    results(methods, &word, &lexer, pool);
    return 1;
}
