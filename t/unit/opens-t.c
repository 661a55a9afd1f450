/* SPDX-License-Identifier: MIT */
/*
 * Hits read back: a mail's page by page, the latest that count (also behind
 * thousands that do not), by arrival, outdated ones, and the export, each
 * against the array the hits were made from. No statement scans a table but
 * those that judge history anew.
 */
#include "tap.h"

#include <apr_strings.h>
#include <sqlite3.h>

#include "engine.h"
#include "fixture.h"
#include "opens.h"

#define MAILS 200
#define HITS  14000
#define BEGIN apr_time_from_sec(1700000000)

typedef struct hit_t {
    apr_int64_t id, track_id, opened_at, recorded_at, version;
    int counts, emptied;
} hit_t;

static store_t *store;
static apr_pool_t *pool;
static hit_t hits[HITS];
static apr_int64_t made[MAILS + 1];     /* by track id */
static int orders[HITS];

static void insert_hit(int i)
{
    hit_t *hit = &hits[i];

    /* mail 1 has most, the last ones none; ties in both times */
    hit->track_id = fixture_random(3) ? 1
                    : 1 + fixture_random(MAILS - 20);
    hit->opened_at = BEGIN + fixture_random(HITS / 2);
    hit->recorded_at = BEGIN + i / 3;
    hit->version = fixture_random(2);
    hit->emptied = fixture_random(4) == 0;
    hit->counts = i >= 4000 && i < 12000 ? OPEN_NONE : fixture_random(3);
    must(store_insert(store, &hit->id, "INSERT INTO opens (track_id,"
                      " opened_at, recorded_at, method, ip_address,"
                      " user_agent, verdict, counts, rule, vendor, context,"
                      " rules_version) VALUES (?, ?, ?, 'GET', ?, ?, 1, ?,"
                      " 'rule', 'vendor', 2, ?)", "iiittii", hit->track_id,
                      hit->opened_at, hit->recorded_at,
                      hit->emptied ? NULL : "192.0.2.1",
                      hit->emptied ? NULL : "agent", (apr_int64_t)hit->counts,
                      hit->version));
}

static void make_hits(void)
{
    apr_int64_t id;
    int i;

    must(store_begin(store));
    for (i = 1; i <= MAILS; i++) {
        made[i] = BEGIN + fixture_random(50);
        must(store_insert(store, &id, "INSERT INTO tracked_emails (public_id,"
                          " created_at, updated_at, recipient, subject, notes)"
                          " VALUES (?, ?, 0, 'r', ?, '')", "tit",
                          apr_psprintf(pool, "id-%d", i), made[i],
                          apr_psprintf(pool, "subject %d", i)));
    }
    for (i = 0; i < HITS; i++) {
        insert_hit(i);
        orders[i] = i;
    }
    must(store_commit(store));
}

static int by_opened(const void *a, const void *b)
{
    const hit_t *l = &hits[*(const int *)a], *r = &hits[*(const int *)b];

    if (l->opened_at != r->opened_at) {
        return l->opened_at < r->opened_at ? 1 : -1;
    }
    return l->id < r->id ? 1 : -1;
}

/* recorded_at and id grow together here */
static int by_arrival(const void *a, const void *b)
{
    return *(const int *)a < *(const int *)b ? 1 : -1;
}

static void test_of_track(apr_int64_t track_id, int limit)
{
    apr_array_header_t *list = NULL;
    const char *cursor = NULL;
    int next = 0, wrong = 0, found = 0, i;

    qsort(orders, HITS, sizeof(*orders), by_opened);
    do {
        must(opens_of_track(&list, &cursor, store, track_id, cursor, limit,
                            pool));
        wrong += cursor && list->nelts != limit;
        for (i = 0; i < list->nelts; i++, next++, found++) {
            while (next < HITS && hits[orders[next]].track_id != track_id) {
                next++;
            }
            wrong += next >= HITS || APR_ARRAY_IDX(list, i, open_t).id
                     != hits[orders[next]].id;
        }
    } while (cursor);
    while (next < HITS) {
        wrong += hits[orders[next++]].track_id == track_id;
    }
    is_int(wrong, 0, "mail %d, %d a page: %d hits", (int)track_id, limit,
           found);
}

static void test_recent(apr_int64_t since)
{
    apr_array_header_t *list = NULL;
    const char *cursor = NULL;
    int next = 0, wrong = 0, found = 0, pages = 0, i;

    qsort(orders, HITS, sizeof(*orders), by_arrival);
    do {
        must(opens_recent(&list, &cursor, store, since, cursor, 100, pool));
        wrong += list->nelts > 100;
        for (i = 0; i < list->nelts; i++, next++, found++) {
            const open_t *open = &APR_ARRAY_IDX(list, i, open_t);

            while (next < HITS && hits[orders[next]].counts != OPEN_REAL) {
                next++;
            }
            wrong += next >= HITS || open->id != hits[orders[next]].id
                     || strcmp(open->subject,
                               apr_psprintf(pool, "subject %d",
                                            (int)open->track_id))
                     || open->track_created_at != made[open->track_id];
        }
        pages++;
    } while (cursor);
    for (; next < HITS; next++) {
        wrong += hits[orders[next]].counts == OPEN_REAL
                 && hits[orders[next]].recorded_at >= since;
    }
    is_int(wrong, 0, "recent: %d hits in %d pages", found, pages);
}

static void test_arrival(void)
{
    apr_array_header_t *list = NULL;
    apr_int64_t at = 1;
    int i, wrong = 0;

    must(opens_recorded_since(&list, store, hits[900].recorded_at, 1000,
                              pool));
    is_int(list->nelts, 1000, "as many as asked for");
    for (i = 0; i < list->nelts; i++) {
        wrong += APR_ARRAY_IDX(list, i, open_t).id != hits[900 + i].id;
    }
    is_int(wrong, 0, "from the very microsecond, oldest first, any kind");
    must(opens_last_recorded(&at, store));
    is_int(at, hits[HITS - 1].recorded_at, "the last one");
}

static void test_outdated(void)
{
    apr_array_header_t *list = NULL;
    apr_int64_t after = 0, count = 0;
    int found = 0, wrong = 0, want = 0, i;

    for (i = 0; i < HITS; i++) {
        want += hits[i].version != 1 && !hits[i].emptied;
    }
    must(opens_outdated_count(&count, store, 1));
    is_int(count, want, "outdated, without those that retention emptied");
    do {
        must(opens_outdated(&list, store, 1, after, 333, pool));
        for (i = 0; i < list->nelts; i++) {
            const open_t *open = &APR_ARRAY_IDX(list, i, open_t);

            wrong += open->rules_version == 1 || open->id <= after
                     || !open->user_agent
                     || open->track_created_at != made[open->track_id];
            after = open->id;
        }
        found += list->nelts;
    } while (list->nelts == 333);
    is_int(found, want, "all of them in pieces");
    is_int(wrong, 0, "each once, with its mail's time");
}

typedef struct export_t {
    apr_int64_t created_at, track_id, opened_at, id;
    int hits, without, wrong, stop_at;
} export_t;

static apr_status_t visit(void *context, const open_t *open)
{
    export_t *e = context;
    int new_mail = open->track_id != e->track_id;

    if (e->stop_at && e->hits == e->stop_at) {
        return APR_EGENERAL;
    }
    if (new_mail) {
        e->wrong += open->track_created_at < e->created_at
                    || (open->track_created_at == e->created_at
                        && open->track_id < e->track_id);
    } else {
        e->wrong += open->opened_at < e->opened_at
                    || (open->opened_at == e->opened_at && open->id <= e->id);
    }
    e->wrong += open->track_created_at != made[open->track_id]
                || strcmp(open->track_public_id,
                          apr_psprintf(pool, "id-%d", (int)open->track_id));
    e->created_at = open->track_created_at;
    e->track_id = open->track_id;
    e->opened_at = open->opened_at;
    e->id = open->id;
    e->hits += open->id != 0;
    e->without += open->id == 0;
    return APR_SUCCESS;
}

static void test_export(apr_int64_t since, apr_int64_t until)
{
    export_t e = { 0, 0, 0, 0, 0, 0, 0, 0 };
    int want = 0, without = 0, i, k;

    for (i = 1; i <= MAILS; i++) {
        int of_mail = 0;

        if ((since != STORE_NULL && made[i] < since)
            || (until != STORE_NULL && made[i] >= until)) {
            continue;
        }
        for (k = 0; k < HITS; k++) {
            of_mail += hits[k].track_id == i;
        }
        want += of_mail;
        without += !of_mail;
    }
    must(opens_export(store, since, until, visit, &e, pool));
    is_int(e.hits, want, "export: every hit");
    is_int(e.without, without, "and every mail without one");
    is_int(e.wrong, 0, "in order, once");
    if (want > 700) {
        export_t stop = { 0, 0, 0, 0, 0, 0, 0, 700 };

        ok(opens_export(store, since, until, visit, &stop, pool)
           == APR_EGENERAL && stop.hits == 700, "a visitor may end it");
    }
}

static void test_plans(void)
{
    sqlite3 *db = apr_dbd_native_handle(store->driver, *store->handle);
    sqlite3_stmt *st;
    int wrong = 0;

    for (st = sqlite3_next_stmt(db, NULL); st; st = sqlite3_next_stmt(db, st)) {
        const char *sql = sqlite3_sql(st);

        if (strncmp(sql, "SELECT", 6) || strstr(sql, "rules_version <>")) {
            continue;
        }
        if (sqlite3_stmt_status(st, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0)
            || sqlite3_stmt_status(st, SQLITE_STMTSTATUS_AUTOINDEX, 0)
            || (sqlite3_stmt_status(st, SQLITE_STMTSTATUS_SORT, 0)
                && !strstr(sql, "o.id IN ("))) {
            printf("# scans or sorts: %s\n", sql);
            wrong++;
        }
    }
    is_int(wrong, 0, "each statement by an index, in its order");
}

int main(void)
{
    apr_array_header_t *list = NULL;
    const char *next = NULL;
    apr_int64_t at = 1;

    store = fixture_start();
    pool = fixture_pool;
    must(opens_last_recorded(&at, store));
    is_int(at, 0, "none yet");
    make_hits();
    test_of_track(1, 100);
    test_of_track(2, 7);
    test_of_track(MAILS, 5);
    ok(opens_of_track(&list, &next, store, 1, "zzz", 5, pool) == APR_EINVAL,
       "a wrong cursor");
    test_recent(0);
    test_recent(hits[12500].recorded_at);
    test_recent(hits[HITS - 1].recorded_at + 1);
    ok(opens_recent(&list, &next, store, 0, "", 5, pool) == APR_EINVAL,
       "a wrong cursor");
    test_arrival();
    test_outdated();
    test_export(STORE_NULL, STORE_NULL);
    test_export(BEGIN + 10, BEGIN + 30);
    test_export(BEGIN + 60, STORE_NULL);
    if (fixture_is_sqlite()) {
        test_plans();
    }
    return done_testing();
}
