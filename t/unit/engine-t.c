/* SPDX-License-Identifier: MIT */
/*
 * One suite for the statement API, run on each engine: engine_sqlite,
 * engine_dbd on apr_dbd's sqlite3 driver, and, where t/05-engines.t has
 * started them, on PostgreSQL and MariaDB. Environment: MAILTRACK_TEST_PGSQL
 * and MAILTRACK_TEST_MYSQL are driver parameters of an empty database,
 * MAILTRACK_TEST_CONTROL is a command: COMMAND pgsql|mysql stop|start.
 */
#include "tap.h"

#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "dbd_status.h"
#include "dialect.h"
#include "engine.h"
#include "placeholders.h"

typedef struct suite_t {
    const char *name;
    const engine_t *engine;
    const char *driver;
    const char *params;
    const char *create;         /* the table of this suite */
    const char *impatient;      /* waits for a lock shortly */
    int strict;                 /* refuses what is too long or no UTF-8 */
    int server;
} suite_t;

static apr_pool_t *pool;

#define INSERT "INSERT INTO things (n, t, u) VALUES (?, ?, ?)"

static apr_int64_t count_things(store_t *store)
{
    apr_int64_t n = -1;

    store_get_int(store, &n, "SELECT count(*) FROM things", NULL);
    return n;
}

static store_t *opened(const suite_t *s)
{
    store_t *store = NULL;
    apr_status_t rv = store_open_with(&store, s->engine, s->driver, s->params,
                                      pool);

    if (rv != APR_SUCCESS) {
        printf("# %s: %s\n", s->name, store_error(store));
    }
    return rv == APR_SUCCESS ? store : NULL;
}

/* -- values ------------------------------------------------------------- */

static void test_integers(store_t *store)
{
    static const apr_int64_t values[] = {
        0, 1, -1, APR_INT64_MAX, APR_INT64_MIN, APR_INT64_C(1) << 40
    };
    apr_int64_t id, back;
    int i;

    for (i = 0; i < (int)(sizeof(values) / sizeof(*values)); i++) {
        id = back = 42;
        is_int(store_insert(store, &id, INSERT, "itt", values[i], NULL, NULL),
               APR_SUCCESS, "insert %lld", (long long)values[i]);
        is_int(store_get_int(store, &back, "SELECT n FROM things WHERE id = ?"
                             " AND n = ?", "ii", id, values[i]),
               APR_SUCCESS, "found by id and value");
        is_int(back, values[i], "comes back");
    }
    is_int(store_get_int(store, &back, "SELECT n FROM things WHERE n = ?",
                         "i", (apr_int64_t)4711), APR_NOTFOUND, "no row");
}

static void test_nulls(store_t *store)
{
    apr_int64_t id[4], present;
    store_rows_t *rows;
    int i;

    /* the same statement with NULL at other places each time */
    for (i = 0; i < 4; i++) {
        is_int(store_insert(store, &id[i], INSERT, "Ntt",
                            i & 1 ? STORE_NULL : (apr_int64_t)5,
                            i & 2 ? NULL : "", NULL),
               APR_SUCCESS, "insert with NULLs %d", i);
        ok(i == 0 || id[i] > id[i - 1], "ids rise");
    }
    for (i = 0; i < 4; i++) {
        is_int(store_query(&rows, store, "SELECT n, t, u FROM things "
                           "WHERE id = ?", "i", id[i]), APR_SUCCESS, "query");
        is_int(store_next(rows), APR_SUCCESS, "row");
        is_int(store_is_null(rows, 0), i & 1, "n is NULL: %d", i & 1);
        is_int(store_is_null(rows, 1), i >> 1, "t is NULL: %d", i >> 1);
        is_int(store_int(rows, 0), i & 1 ? 0 : 5, "n");
        is_str(store_text(rows, 1, pool), i & 2 ? NULL : "", "t");
        is_str(store_peek(rows, 2), NULL, "u is NULL");
        is_int(store_next(rows), APR_EOF, "the end");
        is_int(store_next(rows), APR_EOF, "and again");
        store_done(rows);
    }
    is_int(store_get_int(store, &present, "SELECT count(*) FROM things WHERE "
                         "coalesce(n, ?) = ?", "Ni", STORE_NULL,
                         (apr_int64_t)5), APR_SUCCESS, "NULL in a condition");
    is_int(present, 2, "two rows");
}

static void test_texts(store_t *store)
{
    static const char *const texts[] = {
        "the longest of the short texts, with 'quotes' and \"more\"",
        "f\xC3\xBCnf \xE2\x82\xAC \xF0\x9F\x98\x80", "? % %s %lld %% \\ ;",
        "a\x01\t\n", "b", ""
    };
    const char *back;
    store_rows_t *rows;
    int i;

    for (i = 0; i < 6; i++) {
        back = NULL;
        is_int(store_exec(store, NULL, INSERT, "itt", (apr_int64_t)(100 + i),
                          texts[i], NULL), APR_SUCCESS, "insert text %d", i);
        store_get_text(store, &back, pool, "SELECT t FROM things "
                       "WHERE n = ?", "i", (apr_int64_t)(100 + i));
        is_str(back, texts[i], "comes back");
        store_get_text(store, &back, pool, "SELECT t FROM things "
                       "WHERE n >= ? AND t = ?", "it", (apr_int64_t)100,
                       texts[i]);
        is_str(back, texts[i], "is found by its text");
    }
    /* one result, texts that get shorter: nothing may be left of the last */
    store_query(&rows, store, "SELECT t FROM things WHERE n >= ? AND n < ? "
                "ORDER BY n", "ii", (apr_int64_t)100, (apr_int64_t)106);
    for (i = 0; i < 6; i++) {
        is_int(store_next(rows), APR_SUCCESS, "row %d", i);
        is_str(store_peek(rows, 0), texts[i], "text %d", i);
    }
    store_done(rows);
}

static void test_long_text(store_t *store)
{
    apr_size_t len = 1000000, i, wrong = 0;
    char *text = apr_palloc(pool, len + 1);
    const char *back = NULL;

    for (i = 0; i < len; i++) {
        text[i] = (char)('a' + i % 23);
    }
    text[len] = '\0';
    is_int(store_exec(store, NULL, INSERT, "itt", (apr_int64_t)200, text,
                      NULL), APR_SUCCESS, "a text of 1 MB");
    is_int(store_get_text(store, &back, pool, "SELECT t FROM things "
                          "WHERE n = 200", NULL), APR_SUCCESS, "is read");
    is_int(back ? strlen(back) : 0, len, "is as long");
    for (i = 0; back && back[i] && i < len; i++) {
        wrong += back[i] != text[i];
    }
    is_int(wrong, 0, "is the same");
}

static void test_sql_text(store_t *store)
{
    const char *text = NULL;
    apr_int64_t n = 0;

    is_int(store_get_text(store, &text, pool, "SELECT t FROM things WHERE "
                          "t <> '?' /* ? 'x */ AND t LIKE '? \\% \\%s %' "
                          "ESCAPE '\\' -- don't ?\n AND n = ?", "i",
                          (apr_int64_t)102), APR_SUCCESS,
           "? and %% in literals and comments");
    is_str(text, "? % %s %lld %% \\ ;", "mean themselves");
    is_int(store_get_int(store, &n, "SELECT 17 % 5 FROM things WHERE n = 102",
                         NULL), APR_SUCCESS, "the operator %%");
    is_int(n, 2, "counts");
    is_int(store_get_text(store, &text, pool, "SELECT 'it''s ' || t FROM "
                          "things WHERE n = ? AND n = ?", "ii",
                          (apr_int64_t)104, (apr_int64_t)104), APR_SUCCESS,
           "a quote in a literal, ||");
    is_str(text, "it's b", "is joined");
}

/* -- many --------------------------------------------------------------- */

/* The servers run on this machine. */
static void test_clock(store_t *store)
{
    apr_int64_t before = apr_time_now(), now = 0, later = 0;

    is_int(dialect_now(&now, store), APR_SUCCESS, "the database's clock");
    ok(now >= before - 1000 && now <= apr_time_now() + 1000,
       "says microseconds since the epoch");
    store_begin(store);
    apr_sleep(2000);
    is_int(dialect_now(&later, store), APR_SUCCESS, "in a transaction");
    ok(later >= now + 1000, "it goes on");
    store_rollback(store);
}

static void test_many(store_t *store)
{
    apr_int64_t i, sum = 0, n = 0, affected = 0;
    store_rows_t *rows, *inner;
    apr_status_t rv;

    is_int(store_begin(store), APR_SUCCESS, "begin");
    for (i = 0; i < 1000; i++) {
        rv = store_exec(store, NULL, INSERT, "itt", 10000 + i, "many", NULL);
        if (rv != APR_SUCCESS) {
            break;
        }
    }
    is_int(store_commit(store), APR_SUCCESS, "commit");
    is_int(i, 1000, "1,000 rows");
    store_query(&rows, store, "SELECT n FROM things WHERE t = ? ORDER BY n",
                "t", "many");
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        sum += store_int(rows, 0) - 10000;
        n++;
    }
    store_done(rows);
    is_int(rv, APR_EOF, "read to the end");
    is_int(n, 1000, "all of them");
    is_int(sum, 499500, "the right ones");

    /* two results of one statement at a time, none read to its end */
    store_query(&rows, store, "SELECT n FROM things WHERE n >= ? ORDER BY n",
                "i", (apr_int64_t)10000);
    store_next(rows);
    store_query(&inner, store, "SELECT n FROM things WHERE n >= ? ORDER BY n",
                "i", (apr_int64_t)10500);
    store_next(inner);
    is_int(store_int(inner, 0), 10500, "the inner one");
    store_next(rows);
    is_int(store_int(rows, 0), 10001, "the outer one goes on");
    store_done(inner);
    store_done(rows);

    is_int(store_exec(store, &affected, "UPDATE things SET t = ? WHERE n >= ?"
                      " AND n < ?", "tii", "changed", (apr_int64_t)10000,
                      (apr_int64_t)10010), APR_SUCCESS, "update");
    is_int(affected, 10, "10 rows");
    store_exec(store, &affected, "UPDATE things SET t = ? WHERE n >= ?"
               " AND n < ?", "tii", "changed", (apr_int64_t)10000,
               (apr_int64_t)10010);
    is_int(affected, 10, "10 rows also when nothing changes");
    store_exec(store, &affected, "DELETE FROM things WHERE n = ?", "i",
               (apr_int64_t)-4711);
    is_int(affected, 0, "none");
}

/* -- failures and transactions ------------------------------------------ */

static void test_conflict(store_t *store)
{
    apr_int64_t before, id = 0;
    apr_status_t rv;

    is_int(store_exec(store, NULL, INSERT, "itt", (apr_int64_t)1, "", "one"),
           APR_SUCCESS, "a unique text");
    is_int(store_exec(store, NULL, INSERT, "itt", (apr_int64_t)1, "", "one"),
           STORE_ECONFLICT, "twice is a conflict");
    ok(store_error(store)[0] && !strchr(store_error(store), '\n'),
       "in one line: %s", store_error(store));
    is_int(store_insert(store, &id, INSERT, "itt", (apr_int64_t)1, "", "one"),
           STORE_ECONFLICT, "also when the id is wanted");
    before = count_things(store);
    store_begin(store);
    is_int(store_exec(store, NULL, INSERT, "itt", (apr_int64_t)2, "", "two"),
           APR_SUCCESS, "in a transaction");
    rv = store_exec(store, NULL, INSERT, "itt", (apr_int64_t)1, "", "one");
    is_int(rv, STORE_ECONFLICT, "a conflict");
    is_int(store_end(store, rv), STORE_ECONFLICT, "is what its end reports");
    is_int(count_things(store), before, "nothing of it stays");
    is_int(store_exec(store, NULL, INSERT, "itt", (apr_int64_t)2, "", "two"),
           APR_SUCCESS, "and the store is usable");

    store_begin(store);
    store_exec(store, NULL, INSERT, "itt", (apr_int64_t)3, "", "three");
    store_exec(store, NULL, INSERT, "itt", (apr_int64_t)1, "", "one");
    is_int(store_end(store, APR_SUCCESS), STORE_ECONFLICT,
           "a swallowed failure is no commit");
    is_int(count_things(store), before + 1, "nothing of it stays");
}

static void test_transactions(store_t *store)
{
    apr_int64_t before = count_things(store), id = 0;

    is_int(store_begin(store), APR_SUCCESS, "begin");
    is_int(store_begin(store), STORE_ESQL, "not twice");
    store_rollback(store);
    is_int(store_begin(store), APR_SUCCESS, "begin");
    is_int(store_insert(store, &id, INSERT, "itt", (apr_int64_t)1, NULL, NULL),
           APR_SUCCESS, "insert");
    ok(id > 0, "an id in a transaction");
    is_int(count_things(store), before + 1, "seen inside");
    store_rollback(store);
    is_int(count_things(store), before, "gone");
    is_int(store_commit(store), STORE_ESQL, "nothing to commit");
    store_begin(store);
    store_insert(store, &id, INSERT, "itt", (apr_int64_t)1, NULL, NULL);
    is_int(store_end(store, APR_SUCCESS), APR_SUCCESS, "commit");
    is_int(count_things(store), before + 1, "stays");
}

static void test_wrong(store_t *store)
{
    apr_int64_t n;

    is_int(store_exec(store, NULL, "SELEKT 1", NULL), STORE_ESQL,
           "no SQL: %s", store_error(store));
    is_int(store_exec(store, NULL, "DELETE FROM nothing_here", NULL),
           STORE_ESQL, "no such table");
    is_int(store_get_int(store, &n, "SELECT n FROM nothing_here WHERE n = ?",
                         "i", (apr_int64_t)1), STORE_ESQL, "nor to read");
    ok(count_things(store) > 0, "and the store is usable");
    store_begin(store);
    store_exec(store, NULL, INSERT, "itt", (apr_int64_t)9, "wrong", NULL);
    store_exec(store, NULL, "DELETE FROM nothing_here", NULL);
    is_int(store_end(store, APR_SUCCESS), STORE_ESQL,
           "what cannot be prepared ends a transaction too");
    is_int(store_get_int(store, &n, "SELECT n FROM things WHERE t = ?", "t",
                         "wrong"), APR_NOTFOUND, "nothing of it stays");
}

static void test_bad_data(store_t *store)
{
    is_int(store_exec(store, NULL, INSERT, "itt", (apr_int64_t)1, "a\xFFz",
                      NULL), STORE_EDATA, "no UTF-8: %s", store_error(store));
    is_int(store_exec(store, NULL, INSERT, "itt", (apr_int64_t)1, "",
                      "12345678901234567890123456789012345678901"),
           STORE_EDATA, "41 characters for 40: %s", store_error(store));
    is_int(store_exec(store, NULL, INSERT, "itt", (apr_int64_t)1, "",
                      "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3"
                      "\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
                      "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3"
                      "\xBC\xC3\xBC\xC3\xBC"), APR_SUCCESS,
           "22 characters of two octets for 40");
}

static void test_lock(const suite_t *s, store_t *store)
{
    store_t *other = opened(s);
    apr_status_t rv;

    if (!ok(other != NULL, "a second connection")) {
        return;
    }
    if (s->impatient) {
        other->engine->script(other, s->impatient);
    }
    store_begin(store);
    store_exec(store, NULL, "UPDATE things SET t = 'locked' WHERE u = ?", "t",
               "one");
    rv = store_begin(other);
    if (rv == APR_SUCCESS) {
        rv = store_exec(other, NULL, "UPDATE things SET t = 'too' "
                        "WHERE u = ?", "t", "one");
    }
    is_int(rv, STORE_EBUSY, "what another one holds is busy: %s",
           store_error(other));
    store_end(other, rv);
    is_int(store_commit(store), APR_SUCCESS, "the holder commits");
    is_int(store_exec(other, NULL, "UPDATE things SET t = 'free' "
                      "WHERE u = ?", "t", "one"), APR_SUCCESS, "now free");
}

static void test_script(store_t *store)
{
    apr_int64_t n = 0;
    int empty = 1;

    is_int(store->engine->script(store,
                                 "-- one; two\n"
                                 "CREATE TABLE made (v VARCHAR(20));\n\n"
                                 "INSERT INTO made VALUES ('a;b');"
                                 "INSERT INTO made VALUES ('100%s');\n"
                                 "/* the end; */\n"),
           APR_SUCCESS, "a script");
    store_get_int(store, &n, "SELECT count(*) FROM made WHERE v = 'a;b' OR "
                  "v = '100%s'", NULL);
    is_int(n, 2, "all of it");
    is_int(store->engine->is_empty(store, &empty), APR_SUCCESS, "is_empty");
    is_int(empty, 0, "says no");
    is_int(store->engine->script(store, "DROP TABLE made; DROP TABLE made"),
           STORE_ESQL, "a script that fails");
    is_int(store->engine->check(store), APR_SUCCESS, "check");
}

/* -- a server that goes and comes --------------------------------------- */

static void control(const suite_t *s, const char *what)
{
    const char *command = getenv("MAILTRACK_TEST_CONTROL");

    ok(command && system(apr_psprintf(pool, "%s %s %s", command, s->driver,
                                      what)) == 0, "%s: %s", s->name, what);
}

static void test_restart(const suite_t *s, store_t *store)
{
    apr_int64_t before = count_things(store), id = 0;
    apr_status_t rv;
    int i, lost = 0;

    if (!strcmp(s->driver, "pgsql")) {
        store_exec(store, NULL, INSERT, "itt", (apr_int64_t)1, "", "one");
        ok(strstr(store_error(store), "23505") != NULL,
           "errors tell their state: %s", store_error(store));
    }
    store_begin(store);
    is_int(store_exec(store, NULL, INSERT, "itt", (apr_int64_t)7, "lost",
                      NULL), APR_SUCCESS, "in a transaction");
    control(s, "stop");
    control(s, "start");
    rv = store_exec(store, NULL, INSERT, "itt", (apr_int64_t)8, "lost", NULL);
    is_int(rv, STORE_ELOST, "the session is gone: %s", store_error(store));
    is_int(store_end(store, APR_SUCCESS), STORE_ELOST, "no commit");
    is_int(store->engine->check(store), APR_SUCCESS, "check heals");
    is_int(count_things(store), before, "nothing of it stays");
    is_int(store_insert(store, &id, INSERT, "itt", (apr_int64_t)9, "back",
                        NULL), APR_SUCCESS, "statements are prepared anew");
    ok(id > 0, "with an id");

    store_begin(store);
    store_exec(store, NULL, INSERT, "itt", (apr_int64_t)7, "lost", NULL);
    control(s, "stop");
    is_int(store_commit(store), STORE_ELOST, "a commit that nobody hears");
    is_int(store_begin(store), STORE_ELOST, "no begin");
    for (i = 0; i < 20; i++) {
        lost += store_ready(store) == STORE_ELOST;
    }
    is_int(lost, 20, "not ready: %s", store_error(store));
    control(s, "start");
    rv = store_ready(store);
    ok(rv == STORE_EEMPTY || rv == STORE_EFOREIGN, "store_ready heals");
    is_int(count_things(store), before + 1, "only what was committed");

    /* the session is exchanged behind our back, as mod_dbd's check does */
    control(s, "stop");
    control(s, "start");
    rv = store->engine->check(store);
    is_int(rv, APR_SUCCESS, "an idle session heals before its use");
    is_int(count_things(store), before + 1, "and reads");
}

static void test_mysql_params(const suite_t *s)
{
    store_t *store = NULL;

    is_int(store_open_with(&store, s->engine, s->driver,
                           getenv("MAILTRACK_TEST_MYSQL"), pool), APR_EINVAL,
           "silent reconnects are refused");
    ok(strstr(store_error(store), "reconnect=0") != NULL, "with words: %s",
       store_error(store));
}

static void run_suite(const suite_t *s)
{
    store_t *store;

    printf("# %s\n", s->name);
    store = opened(s);
    if (!ok(store != NULL, "%s opens", s->name)) {
        return;
    }
    is_int(store->engine->script(store, s->create), APR_SUCCESS,
           "table made: %s", store_error(store));
    test_integers(store);
    test_nulls(store);
    test_texts(store);
    test_long_text(store);
    test_sql_text(store);
    test_clock(store);
    test_many(store);
    test_conflict(store);
    test_transactions(store);
    test_wrong(store);
    if (s->strict) {
        test_bad_data(store);
    }
    test_lock(s, store);
    test_script(store);
    if (s->server) {
        test_restart(s, store);
    }
}

/* -- the pure parts ----------------------------------------------------- */

static void test_placeholders(void)
{
    const store_arg_t args[] = { { 'i', 0, 1, NULL }, { 't', 0, 0, "x" } };

    is_str(placeholders_format("a = ? AND b = ?", args, 2, pool),
           "a = %lld AND b = %s", "formats");
    is_str(placeholders_format("'?''?' \"?\" `?` /* ? */ ? -- ?", args, 1,
                               pool),
           "'?''?' \"?\" `?` /* ? */ %lld -- ?", "not in quotes");
    is_str(placeholders_format("a % b '%s'", args, 0, pool),
           "a %% b '%%s'", "%% doubled");
    is_str(placeholders_format("a - ? / ?", args, 2, pool),
           "a - %lld / %s", "operators are no comments");
    is_str(placeholders_format("? ?", args, 1, pool), NULL, "too few values");
    is_str(placeholders_format("?", args, 2, pool), NULL, "too many");
    is_str(placeholders_format("'?", args, 0, pool), "'?", "open quote");
    is_str(placeholders_format("/*?", args, 0, pool), "/*?", "open comment");
    is_int(placeholders_statement("a ';' -- ;\n b; c"), 13, "a statement");
    is_int(placeholders_statement("abc"), 3, "the last one");
    ok(placeholders_blank(" \n-- a\n/* b */", 14), "blanks and comments");
    ok(!placeholders_blank(" -- a\n-1", 8), "not so");
}

static void test_status(void)
{
    is_int(dbd_status("mysql", 1062, "Doppelt"), STORE_ECONFLICT, "1062");
    is_int(dbd_status("mysql", 1213, ""), STORE_EBUSY, "1213");
    is_int(dbd_status("mysql", 9999, ""), STORE_ESQL, "9999");
    is_int(dbd_status("pgsql", 7, "FEHLER:  23505: doppelter Schl\xC3\xBCssel"
                      ), STORE_ECONFLICT, "23505 in German");
    is_int(dbd_status("pgsql", 7, "FEHLER:  53100: Platte voll"),
           STORE_ESPACE, "53100");
    is_int(dbd_status("pgsql", 7, "FATAL:  57P01: beendet"), STORE_ELOST,
           "57P01");
    is_int(dbd_status("pgsql", 7, "ERROR:  40P01: x"), STORE_EBUSY, "40P01");
    is_int(dbd_status("pgsql", 7, "ERROR:  42601: duplicate key"),
           STORE_ESQL, "the state counts, not the words");
    is_int(dbd_status("pgsql", 7, "no connection to the server\n"),
           STORE_ELOST, "libpq's own words");
    is_int(dbd_status("sqlite3", 1, "database or disk is full"),
           STORE_ESPACE, "SQLite's words");
}

static const char *empty_file(const char *name)
{
    const char *path = apr_psprintf(pool, "%s/engine-t.%d.%s",
                                    getenv("TMPDIR") ? getenv("TMPDIR")
                                    : "/tmp", (int)getpid(), name);
    FILE *file = fopen(path, "w");

    if (file) {
        fclose(file);
    }
    return path;
}

int main(void)
{
    static const char sqlite_table[] =
        "CREATE TABLE things (id INTEGER PRIMARY KEY, n BIGINT, t TEXT,"
        " u VARCHAR(40) UNIQUE)";
    suite_t lite = { "engine_sqlite", &engine_sqlite, "sqlite3", NULL,
                     sqlite_table, NULL, 0, 0 };
    suite_t dbd = { "engine_dbd on sqlite3", &engine_dbd, "sqlite3", NULL,
                    sqlite_table, NULL, 0, 0 };
    suite_t pgsql = { "engine_dbd on PostgreSQL", &engine_dbd, "pgsql",
                      getenv("MAILTRACK_TEST_PGSQL"),
                      "CREATE TABLE things (id BIGINT GENERATED BY DEFAULT AS"
                      " IDENTITY PRIMARY KEY, n BIGINT, t TEXT,"
                      " u VARCHAR(40) UNIQUE)",
                      "SET lock_timeout TO '200ms'", 1, 1 };
    suite_t mysql = { "engine_dbd on MariaDB", &engine_dbd, "mysql", NULL,
                      "CREATE TABLE things (id BIGINT AUTO_INCREMENT PRIMARY"
                      " KEY, n BIGINT, t LONGTEXT, u VARCHAR(40) UNIQUE)"
                      " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
                      "SET SESSION innodb_lock_wait_timeout = 1", 1, 1 };

    apr_initialize();
    apr_pool_create(&pool, NULL);
    store_initialize(pool);
    test_placeholders();
    test_status();
    lite.params = empty_file("lite");
    dbd.params = empty_file("dbd");
    run_suite(&lite);
    run_suite(&dbd);
    if (pgsql.params) {
        run_suite(&pgsql);
    }
    if (getenv("MAILTRACK_TEST_MYSQL")) {
        mysql.params = apr_pstrcat(pool, getenv("MAILTRACK_TEST_MYSQL"),
                                   ",reconnect=0,flags=CLIENT_FOUND_ROWS",
                                   NULL);
        test_mysql_params(&mysql);
        run_suite(&mysql);
    }
    unlink(lite.params);
    unlink(dbd.params);
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
