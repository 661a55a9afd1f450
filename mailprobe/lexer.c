/* SPDX-License-Identifier: MIT */
/*
 * The words of structured headers. Comments nest without recursion, so a line
 * of a million parentheses costs a million steps and no stack. Any thread.
 */
#include "lexer.h"

#include <string.h>

#include <apr_strings.h>

/* Reads to the closing quote; drops backslashes. */
static void quoted(lex_t *word, lexer_t *lexer)
{
    const char *start = lexer->at + 1;
    const char *p = start;
    char *text;
    char *out;

    while (*p && *p != '"') {
        p += *p == '\\' && p[1] ? 2 : 1;
    }
    text = out = apr_pstrmemdup(lexer->pool, start, (apr_size_t)(p - start));
    for (; start < p; start++) {
        if (*start == '\\' && start + 1 < p) {
            start++;
        }
        *out++ = *start;
    }
    *out = '\0';
    word->kind = LEX_QUOTED;
    word->text = text;
    lexer->at = *p ? p + 1 : p;
}

static void comment(lex_t *word, lexer_t *lexer)
{
    const char *start = lexer->at + 1;
    const char *p = start;
    int depth = 1;

    for (; *p; p++) {
        if (*p == '\\' && p[1]) {
            p++;
        } else if (*p == '(') {
            depth++;
        } else if (*p == ')' && !--depth) {
            break;
        }
    }
    word->kind = LEX_COMMENT;
    word->text = apr_pstrmemdup(lexer->pool, start, (apr_size_t)(p - start));
    lexer->at = *p ? p + 1 : p;
}

static int is_special(const lexer_t *lexer, char c)
{
    return strchr(lexer->specials, c) != NULL;
}

static void atom(lex_t *word, lexer_t *lexer)
{
    const char *start = lexer->at;
    const char *p = start + 1;

    while (*p && *p != ' ' && *p != '(' && *p != '"'
           && !is_special(lexer, *p)) {
        p++;
    }
    word->kind = LEX_ATOM;
    word->text = apr_pstrmemdup(lexer->pool, start, (apr_size_t)(p - start));
    lexer->at = p;
}

void lexer_next(lex_t *word, lexer_t *lexer)
{
    while (*lexer->at == ' ') {
        lexer->at++;
    }
    word->text = "";
    word->special = '\0';
    word->start = lexer->at;
    if (!*lexer->at) {
        word->kind = LEX_END;
    } else if (*lexer->at == '(') {
        comment(word, lexer);
    } else if (*lexer->at == '"') {
        quoted(word, lexer);
    } else if (is_special(lexer, *lexer->at)) {
        word->kind = LEX_SPECIAL;
        word->special = *lexer->at++;
    } else {
        atom(word, lexer);
    }
}

void lexer_word(lex_t *word, lexer_t *lexer, const char **comment_out)
{
    for (;;) {
        lexer_next(word, lexer);
        if (word->kind != LEX_COMMENT) {
            return;
        }
        if (comment_out && !*comment_out) {
            *comment_out = word->text;
        }
    }
}
