/* SPDX-License-Identifier: MIT */
/*
 * People: every order both ways and every search, page by page against a sorted
 * array; the export; and a person erased, of whom the store's files keep not a
 * byte while every counter stays true.
 */
#include "tap.h"

#include <apr_strings.h>
#include <sqlite3.h>

#include "engine.h"
#include "fixture.h"
#include "opens.h"
#include "recipients.h"
#include "reports.h"
#include "tracks.h"
#include "words.h"

#define PEOPLE 7000
#define NOW    apr_time_from_sec(1700000000)
#define TODAY  20000

static store_t *store;
static apr_pool_t *pool;
static recipient_t people[PEOPLE];
static recipient_t *sorted[PEOPLE];
static const char *sort_by;

/* -- people --------------------------------------------------------------- */

/* One mail for each, and 2,500 more for the first: names and domains as many
 * or few have them. */
static void insert_mail(const recipient_t *r, int i)
{
    const char *texts[2] = { r->address, r->name };
    apr_array_header_t *words = NULL;
    apr_int64_t id = 0;
    int k;

    must(store_insert(store, &id, "INSERT INTO tracked_emails (public_id,"
                      " created_at, updated_at, recipient, subject, notes)"
                      " VALUES (?, 0, 0, ?, '', '')", "tt",
                      apr_psprintf(pool, "m%d", i), r->address));
    must(store_exec(store, NULL, "INSERT INTO email_recipients (recipient_id,"
                    " track_id, position, name) VALUES (?, ?, 0, '')", "ii",
                    r->id, id));
    must(words_split(&words, texts, 2, pool));
    for (k = 0; k < words->nelts; k++) {
        must(store_exec(store, NULL, "INSERT INTO search_words (track_id,"
                        " word) VALUES (?, ?)", "it", id,
                        APR_ARRAY_IDX(words, k, const char *)));
    }
}

static void insert_person(int i)
{
    recipient_t *r = &people[i];

    r->name = i % 3 ? apr_psprintf(pool, "%s Név%d", i % 2 ? "Ann" : "Zoë",
                                   i % 40) : "";
    r->domain = apr_psprintf(pool, "host%d.example", i % 11);
    r->address = apr_psprintf(pool, "p%d.%s@%s", fixture_random(100000) + i
                              * 100000, i % 900 ? "x" : "räre", r->domain);
    r->mails = fixture_random(50);
    r->mails_opened = fixture_random(5);
    r->mails_possible = 0;
    r->rate = fixture_random(1002) - 1;
    r->last_mail_at = NOW + fixture_random(1000);
    r->last_open_at = fixture_random(3) ? NOW + fixture_random(1000)
                      : STORE_NULL;
    /* many alike, some without a score, opens of today and of long ago */
    r->score_base = fixture_random(9) ? 3 * 9000 * fixture_random(10) : -1;
    r->score_key = r->score_base < 0 ? -1
                   : r->score_base + (fixture_random(4) ? 1000
                                      * (TODAY - fixture_random(200)) : 0);
    must(store_insert(store, &r->id, "INSERT INTO recipients (address, name,"
                      " domain, mails, mails_opened, rate, last_mail_at,"
                      " last_open_at, score_base, score_key)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      "tttiiiiNii", r->address, r->name, r->domain, r->mails,
                      r->mails_opened, r->rate, r->last_mail_at,
                      r->last_open_at, r->score_base, r->score_key));
    insert_mail(r, i);
    sorted[i] = r;
}

static void make_people(void)
{
    int i;

    must(store_begin(store));
    for (i = 0; i < PEOPLE; i++) {
        insert_person(i);
    }
    for (i = 0; i < 2500; i++) {
        insert_mail(&people[1], PEOPLE + i);
    }
    must(store_commit(store));
}

/* As score.h says it. */
static apr_int64_t score_of(const recipient_t *r)
{
    apr_int64_t day = (r->score_key - r->score_base) / 1000;

    return day > TODAY - 90 ? r->score_base + 1000 * (90 - (TODAY - day))
           : r->score_base;
}

static apr_int64_t key(const recipient_t *r)
{
    return !strcmp(sort_by, "mails") ? r->mails
           : !strcmp(sort_by, "opened") ? r->mails_opened
           : !strcmp(sort_by, "rate") ? r->rate
           : !strcmp(sort_by, "last_mail") ? r->last_mail_at
           : !strcmp(sort_by, "score") ? score_of(r)
           : !strcmp(sort_by, "last_open") ? r->last_open_at : 0;
}

static int ascending(const void *a, const void *b)
{
    const recipient_t *l = *(recipient_t *const *)a;
    const recipient_t *r = *(recipient_t *const *)b;

    if (!strcmp(sort_by, "address")) {
        return strcmp(l->address, r->address);
    }
    if (key(l) != key(r)) {
        return key(l) < key(r) ? -1 : 1;
    }
    return l->id < r->id ? -1 : 1;
}

static int is_found(const recipient_t *r, const char *search)
{
    const char *texts[2] = { r->address, r->name };
    apr_array_header_t *words = NULL;
    int i;

    must(words_split(&words, texts, 2, pool));
    for (i = 0; i < words->nelts; i++) {
        if (!strncmp(APR_ARRAY_IDX(words, i, const char *), search,
                     strlen(search))) {
            return 1;
        }
    }
    return 0;
}

/* One or two words. */
static int matches(const recipient_t *r, const char *search)
{
    const char *second = search ? strchr(search, ' ') : NULL;

    return !search
           || (second ? is_found(r, apr_pstrmemdup(pool, search, (apr_size_t)
                                                   (second - search)))
                        && is_found(r, second + 1) : is_found(r, search));
}

static int walk(const recipient_filter_t *filter, int *found)
{
    recipient_filter_t f = *filter;
    int next = f.ascending ? 0 : PEOPLE - 1;
    int step = f.ascending ? 1 : -1;
    int wrong = 0, i;

    sort_by = f.sort;
    qsort(sorted, PEOPLE, sizeof(*sorted), ascending);
    *found = 0;
    do {
        apr_array_header_t *list = NULL;
        const char *cursor = NULL;

        must(recipients_list(&list, &cursor, store, &f, pool));
        f.cursor = cursor;
        wrong += list->nelts > f.limit
                 || (f.cursor && !f.search && list->nelts != f.limit);
        for (i = 0; i < list->nelts; i++, next += step, ++*found) {
            const recipient_t *r = &APR_ARRAY_IDX(list, i, recipient_t);

            while (next >= 0 && next < PEOPLE
                   && !matches(sorted[next], f.search)) {
                next += step;
            }
            if (next < 0 || next >= PEOPLE || r->id != sorted[next]->id
                || strcmp(r->name, sorted[next]->name)
                || r->last_open_at != sorted[next]->last_open_at) {
                return wrong + 1;
            }
        }
    } while (f.cursor);
    for (; next >= 0 && next < PEOPLE; next += step) {
        wrong += matches(sorted[next], f.search);
    }
    return wrong;
}

static void test_lists(void)
{
    static const char *const orders[] = { "mails", "opened", "rate",
                                          "last_mail", "last_open",
                                          "address", "score" };
    static const char *const searches[] = { NULL, "rare", "ann", "nev7",
                                            "host3", "zoe nev1", "nobody",
                                            "zoe rare", "p" };
    recipient_filter_t f;
    int i, k, found = 0, total, wrong;

    memset(&f, 0, sizeof(f));
    for (k = 0; k < 9; k++) {
        wrong = total = 0;
        for (i = 0; i < 14; i++) {
            f.today = TODAY;
            f.sort = orders[i / 2];
            f.ascending = i % 2;
            f.search = searches[k];
            f.limit = k ? 40 + i : 300;
            wrong += walk(&f, &found);
            total += found;
        }
        is_int(wrong, 0, "search %s: in 14 orders, %d people", searches[k]
               ? searches[k] : "-", total / 14);
    }
}

static void test_refused(void)
{
    apr_array_header_t *list = NULL;
    const char *next = NULL;
    recipient_filter_t f;

    memset(&f, 0, sizeof(f));
    f.limit = 5;
    f.sort = "age";
    ok(recipients_list(&list, &next, store, &f, pool) == APR_EINVAL,
       "an order that is none");
    f.sort = "rate";
    must(recipients_list(&list, &next, store, &f, pool));
    f.cursor = next;
    f.sort = "mails";
    ok(recipients_list(&list, &next, store, &f, pool) == APR_EINVAL,
       "the cursor of another order");
    f.sort = "rate";
    f.ascending = 1;
    ok(recipients_list(&list, &next, store, &f, pool) == APR_EINVAL,
       "or direction");
    f.cursor = NULL;
    f.search = "%";
    must(recipients_list(&list, &next, store, &f, pool));
    is_int(list->nelts, 0, "a search without a word finds nobody");
}

static void test_one(void)
{
    recipient_t *r = NULL;
    char *upper = apr_pstrdup(pool, people[5].address);

    upper[0] = 'P';
    must(recipients_get(&r, store, upper, pool));
    is_int(r->id, people[5].id, "an address in any case");
    ok(recipients_get(&r, store, "x@y", pool) == APR_NOTFOUND, "an unknown");
}

typedef struct seen_t {
    char last[400];
    int count, wrong;
} seen_t;

static apr_status_t visit(void *context, const recipient_t *r)
{
    seen_t *seen = context;

    seen->wrong += strcmp(seen->last, r->address) >= 0;
    apr_cpystrn(seen->last, r->address, sizeof(seen->last));
    seen->count++;
    return APR_SUCCESS;
}

static void test_export(void)
{
    seen_t seen = { "", 0, 0 };

    must(recipients_export(store, visit, &seen, pool));
    is_int(seen.count, PEOPLE, "export: everybody");
    is_int(seen.wrong, 0, "once, by address");
}

static void test_plans(void)
{
    sqlite3 *db = apr_dbd_native_handle(store->driver, *store->handle);
    sqlite3_stmt *st;
    int wrong = 0;

    for (st = sqlite3_next_stmt(db, NULL); st; st = sqlite3_next_stmt(db, st)) {
        if (!strncmp(sqlite3_sql(st), "SELECT", 6)
            && (sqlite3_stmt_status(st, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0)
                || (sqlite3_stmt_status(st, SQLITE_STMTSTATUS_SORT, 0)
                    /* two pages, merged */
                    && !strstr(sqlite3_sql(st), "UNION ALL")))) {
            printf("# scans or sorts: %s\n", sqlite3_sql(st));
            wrong++;
        }
    }
    is_int(wrong, 0, "each statement by an index, in its order");
}

/* -- erasing -------------------------------------------------------------- */

#define SECRET "margarethe.unmistakable"

static void make_mail(const char *id, const char *to, int hits)
{
    apr_array_header_t *list = NULL;
    const char *error = NULL;
    track_new_t in;
    track_t *track = NULL;
    recorder_t *recorder;
    open_t open;

    memset(&in, 0, sizeof(in));
    must(address_parse_list(&list, &error, to, strlen(to), pool));
    in.public_id = id;
    in.created_at = NOW;
    in.created_by = STORE_NULL;
    in.recipients = list;
    in.subject = "subject";
    in.notes = "";
    must(tracks_create(&track, store, &in, "n", pool));
    must(store_begin(store));
    recorder = record_start(store, "n", pool);
    while (hits--) {
        memset(&open, 0, sizeof(open));
        open.track_id = track->id;
        open.opened_at = open.recorded_at = NOW + hits;
        open.method = "GET";
        open.rule = open.vendor = "";
        open.country = "Sweden";
        open.counts = OPEN_REAL;
        must(record_open(recorder, &open));
    }
    must(record_finish(recorder, 1, NOW));
    must(store_commit(store));
}

/* In the store's file or its WAL? What a server leaves in its files is its own
 * matter. */
static int is_in_files(const char *text)
{
    char command[128];

    if (!fixture_is_sqlite()) {
        return 0;
    }

    snprintf(command, sizeof(command), "grep -qaF '%s' %s/t.db*", text,
             fixture_dir);
    return system(command) == 0;
}

static void progress(void *context, apr_int64_t done, apr_int64_t total)
{
    ++*(int *)context;
    if (done > total) {
        *(int *)context += 1000;
    }
}

static void is_true(const char *name)
{
    apr_int64_t differences = -1;

    must(reports_verify(&differences, store, NULL, NULL, pool));
    is_int(differences, 0, "%s: every counter is true", name);
}

static void test_erase(void)
{
    const char *person = "Margarethe U <" SECRET "@example.org>";
    track_filter_t f = { NULL, NULL, NULL, -1, -1, STORE_NULL, STORE_NULL,
                         STORE_NULL, NULL, 50, 0 };
    apr_array_header_t *list = NULL;
    const char *next = NULL;
    erased_t erased;
    recipient_t *r = NULL;
    track_t *track = NULL;
    int i, calls = 0;

    for (i = 0; i < 230; i++) {
        make_mail(apr_psprintf(pool, "alone-%d", i), person, i % 4);
    }
    make_mail("both", apr_pstrcat(pool, "Bob <bob@example.org>, ", person,
                                  NULL), 2);
    make_mail("bob", "bob@example.org", 1);
    is_true("before");
    ok(is_in_files(SECRET) || !fixture_is_sqlite(),
       "the files know the address");

    must(recipients_erase(&erased, store, "Margarethe.Unmistakable@Example.org",
                          "n", progress, &calls, pool));
    is_int(erased.mails_deleted, 230, "mails deleted");
    is_int(erased.mails_changed, 1, "mails changed");
    is_int(erased.opens_deleted, 57 * 6 + 1, "opens deleted");
    is_int(calls, 3, "in three transactions");
    ok(recipients_get(&r, store, SECRET "@example.org", pool) == APR_NOTFOUND,
       "the person is gone");
    must(tracks_get(&track, store, "both", pool));
    is_str(track->recipient, "Bob <bob@example.org>", "the other one stays");
    is_int(track->recipients->nelts, 1, "alone");
    is_int(track->real_open_count, 2, "with the opens");
    f.search = "margarethe";
    must(tracks_list(&list, &next, store, &f, pool));
    is_int(list->nelts, 0, "no search finds the name");
    f.search = "bob";
    must(tracks_list(&list, &next, store, &f, pool));
    is_int(list->nelts, 2, "but the other one");
    is_true("after");
    ok(!is_in_files("unmistakable"), "not a byte of the address is left");
    ok(!is_in_files("argarethe"), "nor of the name");
    ok(recipients_erase(&erased, store, SECRET "@example.org", "n", NULL, NULL,
                        pool) == APR_NOTFOUND, "erased once");
}

/* A reader keeps the WAL: that is said, and a second run empties it. */
static void test_erase_beside_reader(void)
{
    store_t *other = fixture_open(pool);
    store_rows_t *rows;
    erased_t erased;

    make_mail("late", "late.riser@example.org", 1);
    must(store_query(&rows, other, "SELECT id FROM tracked_emails", NULL));
    must(store_next(rows));
    ok(recipients_erase(&erased, store, "late.riser@example.org", "n", NULL,
                        NULL, pool) == (fixture_is_sqlite() ? STORE_EBUSY
                                        : APR_SUCCESS)
       && erased.mails_deleted == 1, "a reader keeps SQLite's log");
    store_done(rows);
    ok(recipients_erase(&erased, store, "late.riser@example.org", "n", NULL,
                        NULL, pool) == APR_NOTFOUND, "nobody left");
    ok(!is_in_files("late.riser"), "nothing either");
}

int main(void)
{
    store = fixture_start();
    pool = fixture_pool;
    make_people();
    test_lists();
    test_refused();
    test_one();
    test_export();
    if (fixture_is_sqlite()) {
        test_plans();
    }
    must(store_begin(store));
    must(store_exec(store, NULL, "DELETE FROM search_words", NULL));
    must(store_exec(store, NULL, "DELETE FROM email_recipients", NULL));
    must(store_exec(store, NULL, "DELETE FROM recipients", NULL));
    must(store_exec(store, NULL, "DELETE FROM tracked_emails", NULL));
    must(store_commit(store));
    test_erase();
    test_erase_beside_reader();
    return done_testing();
}
