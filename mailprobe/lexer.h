/* SPDX-License-Identifier: MIT */
/*
 * Words of a structured header value: atoms, quoted strings, comments (RFC 5322
 * section 3.2), over the one line that field_value makes. Pure; any thread.
 */
#ifndef MAILPROBE_LEXER_H
#define MAILPROBE_LEXER_H

#include <apr_pools.h>

typedef enum {
    LEX_END,
    LEX_ATOM,
    LEX_QUOTED,                 /* text: without quotes and backslashes */
    LEX_COMMENT,                /* text: without its parentheses */
    LEX_SPECIAL
} lex_kind_t;

typedef struct lexer_t {
    const char *at;             /* where it goes on */
    const char *specials;       /* characters that stand for themselves; may be
                                 * changed between words */
    apr_pool_t *pool;
} lexer_t;

typedef struct lex_t {
    lex_kind_t kind;
    const char *text;           /* in pool */
    char special;
    const char *start;          /* where it stood */
} lex_t;

/** The next word. What is not closed ends with the line. */
void lexer_next(lex_t *word, lexer_t *lexer);

/** The next that is no comment. @param comment set to the first comment passed
 * over, where it is NULL yet; may be NULL */
void lexer_word(lex_t *word, lexer_t *lexer, const char **comment);

#endif
