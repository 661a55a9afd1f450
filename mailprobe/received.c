/* SPDX-License-Identifier: MIT */
/*
 * Received lines. The grammar of RFC 5321 section 4.4 is a suggestion there:
 * what everybody keeps is keyword and value, comments anywhere, and the date
 * behind the last semicolon. Any thread.
 */
#include "received.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "lexer.h"
#include "maildate.h"
#include "utf8.h"

#define NAME_CHARS 255
#define PROTOCOL_CHARS 64

enum { FROM, BY, WITH, ID, OTHER, CLAUSES };

typedef struct clauses_t {
    const char *text[CLAUSES];  /* NULL: not there yet */
    int now;                    /* the one that is being read */
    int seen[CLAUSES];
} clauses_t;

static int keyword(const char *word)
{
    static const char *const names[] = { "from", "by", "with", "id", "via",
                                         "for", "tls", NULL };
    static const int clause[] = { FROM, BY, WITH, ID, OTHER, OTHER, OTHER };
    int i;

    for (i = 0; names[i]; i++) {
        if (!strcasecmp(names[i], word)) {
            return clause[i];
        }
    }
    return -1;
}

/* How encryption is said in a comment. Only its beginning counts: what follows
 * may be a name the client chose ("HELO tls1.example"). */
static int says_tls(const char *comment)
{
    static const char *const starts[] = { "using TLS", "version=TLS", "TLS",
                                          NULL };
    int i;

    for (i = 0; starts[i]; i++) {
        apr_size_t len = strlen(starts[i]);

        if (!strncasecmp(comment, starts[i], len)
            && (apr_isdigit(comment[len])
                || apr_tolower(comment[len]) == 'v')) {
            return 1;
        }
    }
    return 0;
}

/* ESMTPS, ESMTPSA, UTF8SMTPS, LMTPSA, HTTPS (RFC 3848, 6531). */
static int protocol_tls(const char *protocol)
{
    apr_size_t len = strlen(protocol);

    if (len > 1 && apr_tolower(protocol[len - 1]) == 'a') {
        len--;
    }
    return len > 4 && apr_tolower(protocol[len - 1]) == 's'
           && apr_tolower(protocol[len - 2]) == 'p';
}

static void take(clauses_t *clauses, const char *word, apr_pool_t *pool)
{
    int clause = keyword(word);
    const char **text;

    if (clause >= 0) {
        /* a second "from" is no sender: the first word is what counts */
        clauses->now = clauses->seen[clause]++ ? OTHER : clause;
        return;
    }
    text = &clauses->text[clauses->now];
    if (!*text) {
        *text = word;
    } else if (clauses->now == WITH && strlen(*text) < PROTOCOL_CHARS) {
        *text = apr_pstrcat(pool, *text, " ", word, NULL);
    }
}

static const char *clean(const char *text, apr_size_t chars,
                         apr_pool_t *pool)
{
    return text ? utf8_clean(text, strlen(text), chars, pool) : "";
}

void received_parse(hop_t *hop, const char *value, apr_pool_t *pool)
{
    lexer_t lexer = { value, ";", pool };
    const char *date = NULL;
    clauses_t clauses;
    lex_t word;

    memset(&clauses, 0, sizeof(clauses));
    memset(hop, 0, sizeof(*hop));
    clauses.now = OTHER;
    for (lexer_next(&word, &lexer); word.kind != LEX_END;
         lexer_next(&word, &lexer)) {
        if (word.kind == LEX_SPECIAL) {
            date = lexer.at;
        } else if (date) {
            continue;
        } else if (word.kind == LEX_COMMENT) {
            hop->tls |= says_tls(word.text);
            if (!strncmp(word.text, "qmail ", 6)) {
                clauses.text[WITH] = "qmail";
            }
        } else {
            hop->tls |= word.kind == LEX_ATOM
                        && !strcasecmp(word.text, "tls")
                        && clauses.seen[WITH];
            take(&clauses, word.text, pool);
        }
    }
    if (!date && strrchr(value, ';')) {
        date = strrchr(value, ';') + 1;     /* behind a comment left open */
    }
    hop->from = clean(clauses.text[FROM], NAME_CHARS, pool);
    hop->by = clean(clauses.text[BY], NAME_CHARS, pool);
    hop->protocol = clean(clauses.text[WITH], PROTOCOL_CHARS, pool);
    hop->id = clean(clauses.text[ID], NAME_CHARS, pool);
    hop->tls |= protocol_tls(hop->protocol);
    hop->at = date ? maildate_parse(date, pool) : 0;
}
