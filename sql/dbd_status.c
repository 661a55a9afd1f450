/* SPDX-License-Identifier: MIT */
/*
 * Three tables: MariaDB's error numbers, PostgreSQL's SQLSTATEs (appendix A of
 * its manual), and English words for what has neither. Used by engine_dbd.c,
 * any thread; pure.
 */
#include "dbd_status.h"

#include <string.h>

#include <apr_lib.h>

typedef struct number_t {
    int first, last;
    apr_status_t status;
} number_t;

typedef struct words_t {
    const char *words;
    apr_status_t status;
} words_t;

static const number_t mysql_numbers[] = {
    { 3, 3, STORE_ESPACE },             /* error writing a file */
    { 1020, 1020, STORE_EBUSY },        /* row changed since it was read */
    { 1021, 1021, STORE_ESPACE },       /* disk full */
    { 1040, 1040, STORE_EBUSY },        /* too many connections */
    { 1047, 1047, STORE_ELOST },        /* Galera: node not in its cluster */
    { 1048, 1048, STORE_EDATA },        /* column cannot be NULL */
    { 1053, 1053, STORE_ELOST },        /* shutdown */
    { 1062, 1062, STORE_ECONFLICT },
    { 1114, 1114, STORE_ESPACE },       /* table full */
    { 1158, 1161, STORE_ELOST },        /* network */
    { 1205, 1205, STORE_EBUSY },        /* lock wait timeout */
    { 1213, 1213, STORE_EBUSY },        /* deadlock; Galera's conflict */
    { 1243, 1243, STORE_ELOST },        /* statement of a session before */
    { 1264, 1265, STORE_EDATA },        /* out of range, truncated */
    { 1290, 1290, STORE_ESPACE },       /* read-only */
    { 1292, 1292, STORE_EDATA },        /* wrong value */
    { 1364, 1364, STORE_EDATA },        /* no default */
    { 1366, 1366, STORE_EDATA },        /* not UTF-8, not a number */
    { 1406, 1406, STORE_EDATA },        /* too long */
    { 1451, 1452, STORE_EDATA },        /* foreign key */
    { 1586, 1586, STORE_ECONFLICT },
    { 1615, 1615, STORE_ELOST },        /* statement must be prepared anew */
    { 1792, 1792, STORE_ESPACE },       /* read-only transaction */
    { 1836, 1836, STORE_ESPACE },       /* read-only mode */
    { 1927, 1927, STORE_ELOST },        /* killed */
    { 2002, 2006, STORE_ELOST },
    { 2013, 2013, STORE_ELOST },
    { 2055, 2055, STORE_ELOST },
    { 4025, 4025, STORE_EDATA },        /* CHECK */
    { 0, 0, STORE_ESQL }
};

/* The first that the SQLSTATE begins with. */
static const words_t pgsql_states[] = {
    { "0A000", STORE_ELOST },       /* a cached plan that fits no longer */
    { "08", STORE_ELOST },
    { "22", STORE_EDATA },
    { "23505", STORE_ECONFLICT },
    { "23", STORE_EDATA },
    { "25006", STORE_ESPACE },      /* read-only */
    { "26000", STORE_ELOST },       /* statement of a session before */
    { "40", STORE_EBUSY },
    { "53100", STORE_ESPACE },
    { "53300", STORE_EBUSY },       /* too many connections */
    { "55P03", STORE_EBUSY },       /* lock_timeout */
    { "57014", STORE_EBUSY },       /* cancelled, statement_timeout */
    { "57P", STORE_ELOST },         /* shutdown, crash, starting up */
    { "58", STORE_ELOST },
    { NULL, STORE_ESQL }
};

static const words_t any_words[] = {
    { "UNIQUE constraint failed", STORE_ECONFLICT },
    { "duplicate key", STORE_ECONFLICT },
    { "constraint failed", STORE_EDATA },
    { "violates", STORE_EDATA },
    { "invalid byte sequence", STORE_EDATA },
    { "too long", STORE_EDATA },
    { "database is locked", STORE_EBUSY },
    { "table is locked", STORE_EBUSY },
    { "deadlock", STORE_EBUSY },
    { "could not serialize", STORE_EBUSY },
    { "disk is full", STORE_ESPACE },
    { "No space left", STORE_ESPACE },
    { "readonly database", STORE_ESPACE },
    { "read-only", STORE_ESPACE },
    { "prepared statement", STORE_ELOST },
    { "connection", STORE_ELOST },  /* libpq's own words */
    { "disk I/O error", STORE_ELOST },
    { "unable to open", STORE_ELOST },
    { NULL, STORE_ESQL }
};

/* `ERROR:  23505: duplicate key ...`: five capitals and digits after the
 * severity, whatever language that is in. */
static const char *sqlstate(const char *words)
{
    const char *state = strstr(words, ":  ");
    int i;

    if (!state) {
        return NULL;
    }
    state += 3;
    for (i = 0; i < 5; i++) {
        if (!apr_isdigit(state[i]) && !apr_isupper(state[i])) {
            return NULL;
        }
    }
    return state[5] == ':' ? state : NULL;
}

apr_status_t dbd_status(const char *driver, int code, const char *words)
{
    const char *state = strcmp(driver, "pgsql") ? NULL : sqlstate(words);
    const number_t *number;
    const words_t *entry;

    if (!strcmp(driver, "mysql")) {
        for (number = mysql_numbers; number->first; number++) {
            if (code >= number->first && code <= number->last) {
                return number->status;
            }
        }
    }
    if (state) {
        for (entry = pgsql_states; entry->words; entry++) {
            if (!strncmp(state, entry->words, strlen(entry->words))) {
                return entry->status;
            }
        }
        return STORE_ESQL;
    }
    for (entry = any_words; entry->words; entry++) {
        if (strstr(words, entry->words)) {
            return entry->status;
        }
    }
    return STORE_ESQL;
}
