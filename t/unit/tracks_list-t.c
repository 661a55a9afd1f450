/* SPDX-License-Identifier: MIT */
/*
 * Lists and searches against a plain loop over the same mails: every kind of
 * condition, alone and together, page by page; mails that many meet and few
 * do; made in another order than put in. And that no statement scans a table.
 */
#include "tap.h"

#include <apr_strings.h>
#include <sqlite3.h>

#include "engine.h"
#include "fixture.h"
#include "tracks.h"
#include "words.h"

#define MAILS  12000
#define PEOPLE 40
#define DAY    apr_time_from_sec(86400)
#define BEGIN  apr_time_from_sec(1700000000)

typedef struct mail_t {
    apr_int64_t id, created_at, created_by;
    int seen, pinned, group;    /* group -1: none */
    int people[2];
    apr_array_header_t *words;
} mail_t;

static store_t *store;
static apr_pool_t *pool;
static mail_t *mails;
static int orders[MAILS];

/* -- the mails ---------------------------------------------------------- */

static const char *subject_of(int i)
{
    return apr_psprintf(pool, "mail %s alpha%d beta%d%s%s", i % 2 ? "odd"
                        : "even", fixture_random(100), fixture_random(20),
                        i % 977 ? "" : " rare",
                        i % 3 ? "" : apr_psprintf(pool, " gamma%d", i));
}

static void insert_words(mail_t *mail, const char *recipient,
                         const char *subject)
{
    const char *texts[2] = { recipient, subject };
    int i;

    must(words_split(&mail->words, texts, 2, pool));
    for (i = 0; i < mail->words->nelts; i++) {
        must(store_exec(store, NULL, "INSERT INTO search_words (track_id,"
                        " word) VALUES (?, ?)", "it", mail->id,
                        APR_ARRAY_IDX(mail->words, i, const char *)));
    }
}

static const char *address_of(int person)
{
    return apr_psprintf(pool, "p%d@host%d.example", person, person % 7);
}

static void insert_mail(int i)
{
    mail_t *mail = &mails[i];
    const char *subject = subject_of(i);
    const char *recipient;
    int k;

    mail->created_at = BEGIN + fixture_random(3000) * (DAY / 100);
    mail->created_by = i % 5 ? i % 5 : STORE_NULL;
    mail->seen = i % 300 ? i % 2 * 2 : TRACK_POSSIBLE;
    mail->pinned = i % 400 == 0;
    mail->group = i % 4 ? fixture_random(5) * fixture_random(200) : -1;
    /* person 0 gets most */
    mail->people[0] = fixture_random(2) ? 0 : fixture_random(PEOPLE);
    mail->people[1] = fixture_random(4) ? -1 : fixture_random(PEOPLE);
    if (mail->people[1] == mail->people[0]) {
        mail->people[1] = -1;
    }
    recipient = address_of(mail->people[0]);
    must(store_insert(store, &mail->id, "INSERT INTO tracked_emails"
                      " (public_id, created_at, updated_at, created_by,"
                      " recipient, subject, notes, message_group_id, pinned,"
                      " seen) VALUES (?, ?, ?, ?, ?, ?, '', ?, ?, ?)",
                      "tiiNtttii", apr_psprintf(pool, "id-%d", i),
                      mail->created_at, BEGIN + i, mail->created_by,
                      recipient, subject, mail->group < 0 ? NULL
                      : apr_psprintf(pool, "g%d", mail->group),
                      (apr_int64_t)mail->pinned, (apr_int64_t)mail->seen));
    for (k = 0; k < 2 && mail->people[k] >= 0; k++) {
        must(store_exec(store, NULL, "INSERT INTO email_recipients"
                        " (recipient_id, track_id, position, name)"
                        " VALUES (?, ?, ?, '')", "iii",
                        (apr_int64_t)mail->people[k] + 1, mail->id,
                        (apr_int64_t)k));
    }
    insert_words(mail, recipient, subject);
}

static void make_mails(void)
{
    int i;

    mails = apr_pcalloc(pool, MAILS * sizeof(*mails));
    must(store_begin(store));
    for (i = 0; i < PEOPLE; i++) {
        must(store_exec(store, NULL, "INSERT INTO recipients (id, address,"
                        " name, domain, last_mail_at) VALUES (?, ?, '', '',"
                        " 0)", "it", (apr_int64_t)i + 1, address_of(i)));
    }
    for (i = 0; i < MAILS; i++) {
        insert_mail(i);
        orders[i] = i;
    }
    must(store_commit(store));
}

/* -- the plain loop ----------------------------------------------------- */

static int has_prefix(const mail_t *mail, const char *prefix)
{
    int i;

    for (i = 0; i < mail->words->nelts; i++) {
        if (!strncmp(APR_ARRAY_IDX(mail->words, i, const char *), prefix,
                     strlen(prefix))) {
            return 1;
        }
    }
    return 0;
}

static int is_found(const mail_t *mail, const char *search)
{
    char *text, *word, *state = NULL;

    text = apr_pstrdup(pool, search ? search : "");
    while ((word = apr_strtok(text, " ", &state))) {
        text = NULL;
        if (!has_prefix(mail, word)) {
            return 0;
        }
    }
    return 1;
}

static int is_to(const mail_t *mail, const char *address)
{
    return !address || !strcasecmp(address, address_of(mail->people[0]))
           || (mail->people[1] >= 0
               && !strcasecmp(address, address_of(mail->people[1])));
}

static int matches(const mail_t *mail, const track_filter_t *f)
{
    return (f->seen < 0 || mail->seen == f->seen)
           && (f->pinned < 0 || mail->pinned == f->pinned)
           && (f->created_by == STORE_NULL
               || mail->created_by == f->created_by)
           && (!f->group || (mail->group >= 0
                             && atoi(f->group + 1) == mail->group))
           && (f->since == STORE_NULL || mail->created_at >= f->since)
           && (f->until == STORE_NULL || mail->created_at < f->until)
           && is_to(mail, f->recipient) && is_found(mail, f->search);
}

static int by_time(const void *a, const void *b)
{
    const mail_t *l = &mails[*(const int *)a], *r = &mails[*(const int *)b];

    if (l->created_at != r->created_at) {
        return l->created_at < r->created_at ? 1 : -1;
    }
    return l->id < r->id ? 1 : -1;
}

static int by_id(const void *a, const void *b)
{
    return *(const int *)a < *(const int *)b ? 1 : -1;
}

/* Keeps the order among the pinned mails and among the others. */
static void pins_first(void)
{
    int *sorted = apr_palloc(pool, MAILS * sizeof(*sorted));
    int i, n = 0, half;

    for (half = 1; half >= 0; half--) {
        for (i = 0; i < MAILS; i++) {
            if (mails[orders[i]].pinned == half) {
                sorted[n++] = orders[i];
            }
        }
    }
    memcpy(orders, sorted, MAILS * sizeof(*sorted));
}

/* Walk all pages. @return how many, -1 where they differ from the loop's */
static int compare(track_filter_t f, int *found)
{
    int in_id_order = (f.search || f.recipient) && f.since == STORE_NULL
                      && f.until == STORE_NULL;
    int next = 0, pages = 0, i;
    apr_pool_t *page;

    qsort(orders, MAILS, sizeof(*orders), in_id_order ? by_id : by_time);
    if (f.pinned_first) {
        pins_first();
    }
    apr_pool_create(&page, pool);
    for (*found = 0;; pages++) {
        apr_array_header_t *list = NULL;
        const char *cursor = NULL;

        must(tracks_list(&list, &cursor, store, &f, page));
        for (i = 0; i < list->nelts; i++, next++, ++*found) {
            while (next < MAILS && !matches(&mails[orders[next]], &f)) {
                next++;
            }
            if (next == MAILS || APR_ARRAY_IDX(list, i, track_t).id
                != mails[orders[next]].id) {
                return -1;
            }
        }
        f.cursor = cursor;
        if (!cursor) {
            break;
        }
    }
    while (next < MAILS) {
        if (matches(&mails[orders[next++]], &f)) {
            return -1;
        }
    }
    apr_pool_destroy(page);
    return pages + 1;
}

static const track_filter_t all = { NULL, NULL, NULL, -1, -1, STORE_NULL,
                                    STORE_NULL, STORE_NULL, NULL, 50, 0 };

/* -- the tests ---------------------------------------------------------- */

static void test_searches(void)
{
    static const char *const searches[] = {
        "mail", "rare", "alpha", "alpha1", "beta", "beta1 alpha", "gam",
        "gamma3", "odd alpha7", "mail odd", "p1 host1", "host", "nothing",
        "rare odd", "m a b e", "example mail beta7", "alpha alph al"
    };
    track_filter_t f = all;
    apr_size_t i;
    int found;

    for (i = 0; i < sizeof(searches) / sizeof(*searches); i++) {
        f.search = searches[i];
        ok(compare(f, &found) > 0, "search %s: %d", searches[i], found);
    }
}

static void test_conditions(void)
{
    static const char *const searches[] = {
        NULL, NULL, NULL, "mail", "alpha", "beta", "rare", "gamma odd",
        "alpha1 beta1", "host3"
    };
    int round, found, wrong = 0, total = 0;

    for (round = 0; round < 300; round++) {
        track_filter_t f = all;

        f.search = searches[fixture_random(10)];
        f.recipient = fixture_random(3) ? NULL
                      : address_of(fixture_random(2) ? 0
                                   : fixture_random(PEOPLE + 1));
        f.group = fixture_random(4) ? NULL
                  : apr_psprintf(pool, "g%d", fixture_random(2) ? 0
                                 : fixture_random(900));
        f.seen = fixture_random(2) ? -1 : fixture_random(3);
        f.pinned = fixture_random(3) ? -1 : fixture_random(2);
        f.created_by = fixture_random(3) ? STORE_NULL : fixture_random(6);
        f.since = fixture_random(3) ? STORE_NULL
                  : BEGIN + fixture_random(30) * DAY;
        f.until = fixture_random(3) ? STORE_NULL
                  : BEGIN + fixture_random(30) * DAY;
        f.pinned_first = fixture_random(2);
        f.limit = 1 + fixture_random(2) * 49 + fixture_random(150);
        if (compare(f, &found) < 0) {
            printf("# differs: search=%s recipient=%s group=%s seen=%d "
                   "pinned=%d by=%d since=%d until=%d limit=%d first=%d\n",
                   f.search ? f.search : "-", f.recipient ? f.recipient : "-",
                   f.group ? f.group : "-", f.seen, f.pinned,
                   f.created_by != STORE_NULL, f.since != STORE_NULL,
                   f.until != STORE_NULL, f.limit, f.pinned_first);
            wrong++;
        }
        total += found;
    }
    is_int(wrong, 0, "300 random filters agree with a plain loop");
    ok(total > 30000, "and find something (%d)", total);
}

static void test_patience(void)
{
    apr_array_header_t *list = NULL;
    const char *next = NULL;
    track_filter_t f = all;
    int found;

    f.search = "odd even";
    must(tracks_list(&list, &next, store, &f, pool));
    is_int(list->nelts, 0, "two words many have and no mail both: no match");
    ok(next != NULL, "the page is cut short and goes on");
    is_int(compare(f, &found), 2, "and ends with the next");
}

static void test_literal(void)
{
    static const char *const texts[] = { "%", "_", "a%", "al_ha1", "*", "\"",
                                         "'; DROP TABLE opens; --", "\xff" };
    apr_array_header_t *list = NULL;
    const char *next = NULL;
    track_filter_t f = all;
    apr_size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        f.search = texts[i];
        must(tracks_list(&list, &next, store, &f, pool));
        if (!strcmp(texts[i], "a%")) {
            is_int(list->nelts, 50, "'%s' is the prefix a", texts[i]);
        } else {
            is_int(list->nelts, 0, "'%s' matches nothing", texts[i]);
        }
    }
    f.search = " ";
    must(tracks_list(&list, &next, store, &f, pool));
    is_int(list->nelts, 50, "a blank search is none");
}

static void test_cursors(void)
{
    static const char *const wrong[] = {
        "", "x", "YzoxOjI", "!!!!", "Yzox", "aTorMTox", "YzowMTow"
    };
    apr_array_header_t *list = NULL;
    const char *next = NULL, *other = NULL;
    track_filter_t f = all;
    apr_size_t i;

    must(tracks_list(&list, &other, store, &f, pool));
    f.search = "mail";
    for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        f.cursor = wrong[i];
        ok(tracks_list(&list, &next, store, &f, pool) == APR_EINVAL,
           "cursor '%s' is refused", wrong[i]);
    }
    f.cursor = other;
    ok(tracks_list(&list, &next, store, &f, pool) == APR_EINVAL,
       "so is another order's");
    f.cursor = apr_pstrcat(pool, other, "=", NULL);
    f.search = NULL;
    ok(tracks_list(&list, &next, store, &f, pool) == APR_EINVAL,
       "and one with more to it");
}

static void test_rows(void)
{
    apr_array_header_t *list = NULL;
    const char *next = NULL;
    track_filter_t f = all;
    const track_t *t;
    int i, wrong = 0;

    f.limit = 130;
    must(tracks_list(&list, &next, store, &f, pool));
    is_int(list->nelts, 130, "a longer page");
    for (i = 0; i < list->nelts; i++) {
        const mail_t *mail;

        t = &APR_ARRAY_IDX(list, i, track_t);
        mail = &mails[t->id - 1];
        wrong += t->recipients->nelts != 1 + (mail->people[1] >= 0)
                 || strcmp(APR_ARRAY_IDX(t->recipients, 0, address_t).address,
                           address_of(mail->people[0]))
                 || t->seen != mail->seen || t->created_by != mail->created_by
                 || (t->message_group_id == NULL) != (mail->group < 0);
    }
    is_int(wrong, 0, "each with its own recipients, in order");

    must(tracks_changed(&list, store, BEGIN + MAILS - 10, 7, pool));
    is_int(list->nelts, 7, "changed: up to the limit");
    t = &APR_ARRAY_IDX(list, 0, track_t);
    is_int(t->id, mails[MAILS - 10].id, "oldest change first");
    ok(t->recipients->nelts > 0, "with recipients");
}

/* Every statement this connection ran so far: what its steps were. */
static void test_plans(void)
{
    sqlite3 *db = apr_dbd_native_handle(store->driver, *store->handle);
    sqlite3_stmt *st;
    int statements = 0, wrong = 0;

    for (st = sqlite3_next_stmt(db, NULL); st; st = sqlite3_next_stmt(db, st)) {
        int scans = sqlite3_stmt_status(st, SQLITE_STMTSTATUS_FULLSCAN_STEP,
                                        0);
        int made = sqlite3_stmt_status(st, SQLITE_STMTSTATUS_AUTOINDEX, 0);
        int sorts = sqlite3_stmt_status(st, SQLITE_STMTSTATUS_SORT, 0);
        int may_sort = strstr(sqlite3_sql(st), "t.id IN (") != NULL
                       || strstr(sqlite3_sql(st), "er.track_id IN (") != NULL;

        if (!strncmp(sqlite3_sql(st), "SELECT", 6)) {
            statements++;
            if (scans || made || (sorts && !may_sort)) {
                wrong++;
                printf("# %d scan steps, %d sorts: %s\n", scans, sorts,
                       sqlite3_sql(st));
            }
        }
    }
    is_int(wrong, 0, "%d statements, each by an index", statements);
}

int main(void)
{
    store = fixture_start();
    pool = fixture_pool;
    make_mails();
    fixture_settle(store);
    test_searches();
    test_conditions();
    test_patience();
    test_literal();
    test_cursors();
    test_rows();
    if (fixture_is_sqlite()) {
        test_plans();
    }
    return done_testing();
}
