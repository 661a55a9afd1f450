/* SPDX-License-Identifier: MIT */
/*
 * Sums and the recount, on a store filled by the functions that the server
 * uses: tiles, charts and places against the arrays the store was made from;
 * verify finds nothing there, and each counter that is spoilt.
 */
#include "tap.h"

#include <apr_strings.h>

#include "engine.h"
#include "fixture.h"
#include "opens.h"
#include "reports.h"
#include "rollups.h"
#include "schema_sql.h"
#include "tracks.h"

#define MAILS 120
#define HITS  3000
#define BEGIN apr_time_from_sec(1700000000)
#define HOUR  apr_time_from_sec(3600)
#define QUARTER (ROLLUP_FINE * APR_USEC_PER_SEC)
/* a hundred days: a few coarse buckets and edges of days and quarters */
#define SPAN  (100 * 24 * HOUR)

typedef struct mail_t {
    apr_int64_t id, created_at;
    apr_int64_t first;          /* open; 0: none */
    int seen, gone;
} mail_t;

typedef struct hit_t {
    int mail, verdict, counts;
    apr_int64_t at;
    const char *country, *city;
} hit_t;

static store_t *store;
static apr_pool_t *pool;
static mail_t mails[MAILS];
static hit_t hits[HITS];

/* -- the store ------------------------------------------------------------ */

static apr_int64_t some_time(void)
{
    return BEGIN + fixture_random((int)(SPAN / APR_USEC_PER_SEC / 7))
           * 7 * APR_USEC_PER_SEC;
}

static void make_mail(int i)
{
    apr_array_header_t *to = NULL;
    const char *error = NULL;
    const char *list = apr_psprintf(pool, "P%d <p%d@example.org>, q@ex.com",
                                    i % 9, i % 9);
    track_new_t in;
    track_t *track = NULL;

    memset(&in, 0, sizeof(in));
    must(address_parse_list(&to, &error, list, strlen(list), pool));
    in.public_id = apr_psprintf(pool, "mail-%d", i);
    in.created_at = some_time();
    in.created_by = STORE_NULL;
    in.recipients = to;
    in.subject = "subject";
    in.notes = "";
    must(tracks_create(&track, store, &in, i % 2 ? "a" : "b", pool));
    mails[i].id = track->id;
    mails[i].created_at = in.created_at;
}

static void make_hit(recorder_t *recorder, int i)
{
    static const char *const countries[] = { "Sweden", "Norway", "", NULL };
    static const char *const vendors[] = { "", "zed", "apple", "mid" };
    hit_t *hit = &hits[i];
    open_t open;

    hit->mail = fixture_random(MAILS * 3 / 4);
    hit->at = some_time();
    hit->verdict = fixture_random(6);
    hit->counts = fixture_random(8) ? fixture_random(2) : OPEN_REAL;
    hit->country = countries[fixture_random(4)];
    hit->city = fixture_random(2) ? apr_psprintf(pool, "City%d",
                                                 fixture_random(5)) : NULL;
    memset(&open, 0, sizeof(open));
    open.track_id = mails[hit->mail].id;
    open.opened_at = hit->at;
    open.recorded_at = BEGIN + SPAN + i;
    open.method = "GET";
    open.rule = "rule";
    open.vendor = vendors[fixture_random(4)];
    open.country = hit->country;
    open.city = hit->city;
    open.verdict = hit->verdict;
    open.counts = hit->counts;
    must(record_open(recorder, &open));
    if (hit->counts == OPEN_REAL && (!mails[hit->mail].first
                                     || hit->at < mails[hit->mail].first)) {
        mails[hit->mail].first = hit->at;
    }
    if (hit->counts > mails[hit->mail].seen) {
        mails[hit->mail].seen = hit->counts;
    }
}

static void fill(void)
{
    int i;

    for (i = 0; i < MAILS; i++) {
        make_mail(i);
    }
    for (i = 0; i < HITS;) {
        apr_pool_t *batch;
        recorder_t *recorder;

        apr_pool_create(&batch, pool);
        must(store_begin(store));
        recorder = record_start(store, i % 200 ? "a" : "b", batch);
        do {
            make_hit(recorder, i++);
        } while (i % 100);
        must(record_finish(recorder, 0, BEGIN));
        must(store_commit(store));
        apr_pool_destroy(batch);
    }
}

/* -- sums ----------------------------------------------------------------- */

static void test_stats(const char *name)
{
    apr_int64_t tracks = 0, opened = 0, possible = 0, real = 0, all = 0;
    apr_int64_t latest = -1;
    stats_t *stats = NULL;
    int i;

    for (i = 0; i < MAILS; i++) {
        tracks += !mails[i].gone;
        opened += !mails[i].gone && mails[i].seen == TRACK_OPENED;
        possible += !mails[i].gone && mails[i].seen == TRACK_POSSIBLE;
    }
    for (i = 0; i < HITS; i++) {
        if (!mails[hits[i].mail].gone) {
            all++;
            real += hits[i].counts == OPEN_REAL;
            latest = hits[i].counts == OPEN_REAL ? hits[i].at : latest;
        }
    }
    must(reports_stats(&stats, store, pool));
    ok(stats->total_tracks == tracks && stats->tracks_with_opens == opened
       && stats->tracks_possible == possible && stats->total_opens == all
       && stats->real_opens == real, "%s: tiles", name);
    ok(stats->latest_real_open && stats->latest_real_open->opened_at == latest
       && stats->latest_real_open->track_public_id, "%s: the latest", name);
}

static int class_of(const mail_t *mail)
{
    apr_int64_t minutes = mail->first < mail->created_at ? -1
                          : (mail->first - mail->created_at) / (HOUR / 60);

    return minutes < 1 ? 0 : minutes < 5 ? 1 : minutes < 15 ? 2
           : minutes < 60 ? 3 : minutes < 240 ? 4 : minutes < 1440 ? 5
           : minutes < 3 * 1440 ? 6 : minutes < 7 * 1440 ? 7 : 8;
}

static int same_rollup(const rollup_t *got, apr_int64_t from, apr_int64_t to)
{
    rollup_t want;
    int i;

    memset(&want, 0, sizeof(want));
    want.from = from;
    want.to = to;
    for (i = 0; i < MAILS; i++) {
        if (!mails[i].gone && mails[i].created_at >= from
            && mails[i].created_at < to) {
            want.mails++;
            want.mails_opened += mails[i].seen == TRACK_OPENED;
            want.mails_possible += mails[i].seen == TRACK_POSSIBLE;
            if (mails[i].first) {
                want.first[class_of(&mails[i])]++;
            }
        }
    }
    for (i = 0; i < HITS; i++) {
        const hit_t *hit = &hits[i];

        if (!mails[hit->mail].gone && hit->at >= from && hit->at < to) {
            want.opens += hit->counts == OPEN_REAL;
            want.possible += hit->counts == OPEN_POSSIBLE;
            want.verdicts[hit->verdict]++;
        }
    }
    return !memcmp(&want, got, sizeof(want));
}

static void test_series(void)
{
    apr_array_header_t *list = NULL;
    apr_int64_t edges[41], first = 0, least;
    int round, i, wrong = 0;

    for (round = 0; round < 40; round++) {
        apr_int64_t at = rollups_bucket(BEGIN, ROLLUP_FINE)
                         - fixture_random(50) * 24 * HOUR;

        for (i = 0; i <= 40; i++) {
            edges[i] = at;
            at += round % 3 == 0 ? QUARTER * fixture_random(500)
                  : round % 3 == 1 ? 24 * HOUR * fixture_random(9)
                  : round / 3 * 16 * 24 * HOUR;
        }
        must(reports_series(&list, store, edges, 41, pool));
        wrong += list->nelts != 40;
        for (i = 0; i < list->nelts; i++) {
            wrong += !same_rollup(&APR_ARRAY_IDX(list, i, rollup_t),
                                  edges[i], edges[i + 1]);
        }
    }
    is_int(wrong, 0, "1600 ranges of all sizes");
    edges[0] = QUARTER;
    edges[1] = QUARTER + 1;
    ok(reports_series(&list, store, edges, 2, pool) == APR_EINVAL,
       "an edge between quarters of an hour");
    edges[1] = 0;
    ok(reports_series(&list, store, edges, 2, pool) == APR_EINVAL,
       "edges that descend");
    must(reports_series(&list, store, edges, 1, pool));
    is_int(list->nelts, 0, "one edge, no range");

    for (i = 1, least = mails[0].created_at; i < MAILS; i++) {
        least = mails[i].created_at < least ? mails[i].created_at : least;
    }
    must(reports_first_bucket(&first, store));
    is_int(first, least - least % QUARTER, "where the charts begin");
}

static apr_int64_t count_place(const place_t *place, apr_int64_t from,
                               apr_int64_t to)
{
    apr_int64_t n = 0;
    int i;

    for (i = 0; i < HITS; i++) {
        const hit_t *hit = &hits[i];

        n += hit->counts == OPEN_REAL && hit->at >= from && hit->at < to
             && !mails[hit->mail].gone && hit->country
             && !strcmp(hit->country, place->country)
             && (!*place->city
                 || (hit->city && !strcmp(hit->city, place->city)));
    }
    return n;
}

static int wrong_places(const apr_array_header_t *list, int cities,
                        apr_int64_t from, apr_int64_t to)
{
    int i, wrong = 0;

    for (i = 0; i < list->nelts; i++) {
        const place_t *place = &APR_ARRAY_IDX(list, i, place_t);

        wrong += (*place->city != '\0') != cities || place->opens == 0
                 || place->opens != count_place(place, from, to)
                 || (i && place->opens > place[-1].opens);
    }
    return wrong;
}

static void test_places(apr_int64_t from, apr_int64_t to)
{
    places_t places;

    must(reports_places(&places, store, from, to, 7, pool));
    is_int(places.countries->nelts, 2, "two countries");
    is_int(places.cities->nelts, 7, "as many cities as asked for");
    ok(places.exact && !wrong_places(places.countries, 0, from, to)
       && !wrong_places(places.cities, 1, from, to),
       "places and their opens, most first");
}

/* Spans that begin and end at any quarter of an hour. */
static void test_place_edges(void)
{
    apr_int64_t begin = rollups_bucket(BEGIN, ROLLUP_FINE);
    places_t places;
    int i, wrong = 0, empty = 0;

    for (i = 0; i < 200; i++) {
        apr_int64_t from = begin + QUARTER * fixture_random(9500);
        apr_int64_t to = from + QUARTER * fixture_random(i % 2 ? 150 : 4000);

        must(reports_places(&places, store, from, to, 50, pool));
        wrong += !places.exact + wrong_places(places.countries, 0, from, to)
                 + wrong_places(places.cities, 1, from, to);
        empty += !places.countries->nelts;
    }
    is_int(wrong, 0, "200 spans that cut days");
    ok(empty < 50, "most of them with opens (%d without)", empty);
    must(store_begin(store));
    must(store_exec(store, NULL, "UPDATE open_rollups SET opens = opens + 2000"
                    " WHERE width = 900 AND bucket = (SELECT min(bucket) FROM"
                    " open_rollups WHERE width = 900 AND opens > 0)", NULL));
    must(reports_places(&places, store, BEGIN + QUARTER - BEGIN % QUARTER,
                        begin + 50 * 24 * HOUR, 50, pool));
    ok(places.exact, "many opens outside the span's edges do no harm");
    must(store_exec(store, NULL, "UPDATE open_rollups SET opens = opens + 2000"
                    " WHERE width = 900", NULL));
    must(reports_places(&places, store, begin, begin + 50 * 24 * HOUR, 50,
                        pool));
    store_rollback(store);
    ok(!places.exact && !wrong_places(places.countries, 0,
                                      rollups_bucket(begin, ROLLUP_DAY),
                                      rollups_bucket(begin + 51 * 24 * HOUR,
                                                     ROLLUP_DAY)),
       "too many opens at the edges: whole days, and said so");
}

/* -- hours of the week ---------------------------------------------------- */

static int hour_of_week(apr_int64_t at, apr_int64_t offset)
{
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, at + offset * APR_USEC_PER_SEC);
    return (t.tm_wday + 6) % 7 * 24 + t.tm_hour;
}

static void test_week(apr_int64_t from, apr_int64_t to, apr_int64_t offset)
{
    hour_t got[REPORTS_HOURS], want[REPORTS_HOURS];
    int i;

    memset(got, 0, sizeof(got));
    memset(want, 0, sizeof(want));
    must(reports_week(got, store, from, to, offset));
    for (i = 0; i < MAILS; i++) {
        hour_t *hour = &want[hour_of_week(mails[i].created_at, offset)];

        if (!mails[i].gone && mails[i].created_at >= from
            && mails[i].created_at < to) {
            hour->mails++;
            hour->mails_opened += mails[i].seen == 2;
            hour->mails_possible += mails[i].seen == 1;
        }
    }
    for (i = 0; i < HITS; i++) {
        if (!mails[hits[i].mail].gone && hits[i].counts == OPEN_REAL
            && hits[i].at >= from && hits[i].at < to) {
            want[hour_of_week(hits[i].at, offset)].opens++;
        }
    }
    ok(!memcmp(got, want, sizeof(got)), "hours of the week, %+d s",
       (int)offset);
}

static char last_what[200], last_counter[40];
static apr_int64_t last_kept, last_counted;

static void told(void *context, const char *what, const char *counter,
                 apr_int64_t kept, apr_int64_t counted)
{
    ++*(int *)context;
    apr_cpystrn(last_what, what, sizeof(last_what));
    apr_cpystrn(last_counter, counter, sizeof(last_counter));
    last_kept = kept;
    last_counted = counted;
}

static void test_true(const char *name)
{
    apr_int64_t differences = -1;
    int calls = 0;

    must(reports_verify(&differences, store, told, &calls, pool));
    if (!is_int(differences, 0, "%s: nothing differs", name)) {
        printf("# %s: %s %d, counted %d\n", last_what, last_counter,
               (int)last_kept, (int)last_counted);
    }
}

static void spoil(const char *sql, const char *what, const char *counter,
                  int want)
{
    apr_int64_t differences = -1, changed = 0;
    int calls = 0;

    must(store_begin(store));
    must(store_exec(store, &changed, sql, NULL));
    must(reports_verify(&differences, store, told, &calls, pool));
    store_rollback(store);
    ok(changed == 1 && differences == want && calls == want
       && !strncmp(last_what, what, strlen(what))
       && !strcmp(last_counter, counter), "%s %s: found as '%s' %s %d, "
       "counted %d", what, counter, last_what, last_counter, (int)last_kept,
       (int)last_counted);
}

static void test_spoilt(void)
{
    spoil("UPDATE tracked_emails SET open_count = open_count + 1 WHERE id = 1",
          "track mail-0", "open_count", 1);
    spoil("UPDATE tracked_emails SET real_open_count = 99 WHERE id = 2",
          "track mail-1", "real_open_count", 1);
    spoil("UPDATE tracked_emails SET possible_count = -1 WHERE id = 120",
          "track mail-119", "possible_count", 1);
    spoil("UPDATE tracked_emails SET first_open_at = 5 WHERE id = 120",
          "rollup 1382400 at", "first_1m", 6);
    spoil("UPDATE tracked_emails SET last_hit_at = 5 WHERE id = 120",
          "track mail-119", "last_hit_at", 1);
    spoil("UPDATE tracked_emails SET self_count = 9 WHERE id = 120",
          "track mail-119", "self_count", 1);
    spoil("UPDATE tracked_emails SET reached = 'none' WHERE id = 3",
          "track mail-2", "reached", 1);
    spoil("UPDATE tracked_emails SET last_city = 'Nowhere' WHERE id = 3",
          "track mail-2", "last place", 1);
    spoil("UPDATE tracked_emails SET last_country = 'X' WHERE id = 120",
          "track mail-119", "last place", 1);
    spoil("UPDATE recipients SET mails = mails + 1 WHERE address ="
          " 'p0@example.org'", "recipient p0@example.org", "score_key", 3);
    spoil("UPDATE recipients SET mails_possible = 99 WHERE address ="
          " 'q@ex.com'", "recipient q@ex.com", "score_key", 3);
    spoil("UPDATE recipients SET rate = 7 WHERE address = 'q@ex.com'",
          "recipient q@ex.com", "rate", 1);
    spoil("UPDATE recipients SET last_mail_at = 7 WHERE address = 'q@ex.com'",
          "recipient q@ex.com", "last_mail_at", 1);
    spoil("UPDATE recipients SET last_open_at = 7 WHERE address = 'q@ex.com'",
          "recipient q@ex.com", "score_key", 2);
    spoil("UPDATE recipients SET recent_opened = 77 WHERE address ="
          " 'q@ex.com'", "recipient q@ex.com", "recent_opened", 1);
    spoil("UPDATE recipients SET score_base = 7 WHERE address = 'q@ex.com'",
          "recipient q@ex.com", "score_base", 1);
    spoil("UPDATE recipients SET score_key = 7 WHERE address = 'q@ex.com'",
          "recipient q@ex.com", "score_key", 1);
    spoil("UPDATE open_rollups SET bot = bot + 1 WHERE width = 900 AND bucket"
          " = (SELECT min(bucket) FROM open_rollups WHERE width = 900)",
          "rollup 900 at 2023-11-", "bot", 1);
    spoil("UPDATE open_rollups SET bot = bot + 1 WHERE width = 10800 AND"
          " node = 'a' AND bucket = (SELECT min(bucket) FROM open_rollups"
          " WHERE width = 10800 AND node = 'a')", "rollup 10800 at 2023-11-",
          "bot", 1);
    spoil("UPDATE open_rollups SET first_later = first_later + 1 WHERE width ="
          " 86400 AND node = 'a' AND bucket = (SELECT min(bucket) FROM"
          " open_rollups WHERE width = 86400 AND node = 'a')",
          "rollup 86400 at 2023-11-", "first_later", 1);
    spoil("INSERT INTO open_rollups (width, bucket, node, self) VALUES (86400,"
          " 0, 'z', 3)", "rollup 86400 at 1970-01-01T00:00:00Z", "self", 1);
    spoil("UPDATE open_rollups SET mails = mails + 1 WHERE width = 1382400 AND"
          " node = 'a' AND bucket = (SELECT max(bucket) FROM open_rollups"
          " WHERE width = 1382400 AND node = 'a')", "rollup 1382400",
          "mails", 1);
    spoil("INSERT INTO place_rollups (width, bucket, country, city, node,"
          " opens) VALUES (86400, 0, 'Sweden', '', 'z', 1)",
          "places 86400 at 1970-01-01T00:00:00Z Sweden", "opens", 1);
    spoil("UPDATE place_rollups SET opens = opens + 1 WHERE width = 1382400"
          " AND city = 'City1' AND country = 'Norway' AND node = 'a' AND"
          " bucket = (SELECT max(bucket) FROM place_rollups WHERE width ="
          " 1382400 AND city = 'City1' AND country = 'Norway' AND node ="
          " 'a')", "places 1382400", "opens", 1);
    test_true("undone");
}

/* Thousands of hits that do not count, the newest of all. */
/* What migrations make of an old store is what its history says. */
static void test_backfill(void)
{
    const schema_migration_t *m;
    int count = 0;

    must(store_begin(store));
    must(store_exec(store, NULL, "UPDATE tracked_emails SET self_count = 0,"
                    " reached = '', last_country = NULL, last_city = NULL",
                    NULL));
    must(store_exec(store, NULL, "UPDATE recipients SET recent = 0,"
                    " recent_opened = 0, score_base = 0, score_key = 0",
                    NULL));
    must(store_exec(store, NULL, "DELETE FROM open_rollups"
                    " WHERE width = 10800", NULL));
    must(store_exec(store, NULL, "DELETE FROM place_rollups"
                    " WHERE width IN (345600, 11059200)", NULL));
    for (m = schema_sqlite; m->version; m++) {
        const char *backfill = strstr(m->sql, "-- Backfill");

        if (backfill) {
            must(store->engine->script(store, backfill));
            count++;
        }
    }
    must(store_commit(store));
    ok(count > 0, "%d migrations fill what they add", count);
    test_true("filled by migrations");
}

static void test_latest_far(void)
{
    apr_int64_t latest;
    stats_t *stats = NULL;
    int i;

    must(store_get_int(store, &latest, "SELECT max(opened_at) FROM opens"
                       " WHERE counts = 2", NULL));
    must(store_begin(store));
    for (i = 0; i < 6000; i++) {
        must(store_exec(store, NULL, "INSERT INTO opens (track_id, opened_at,"
                        " recorded_at, method, verdict, counts, rule, vendor,"
                        " context, rules_version) VALUES (1, ?, ?, 'GET', 4,"
                        " 0, '', '', 0, 0)", "ii", BEGIN + SPAN,
                        BEGIN + 2 * SPAN));
    }
    must(reports_stats(&stats, store, pool));
    ok(stats->latest_real_open
       && stats->latest_real_open->opened_at == latest,
       "the latest open is found behind 6000 hits that do not count");
    store_rollback(store);
}

int main(void)
{
    stats_t *stats = NULL;
    apr_int64_t first = 1;
    apr_int64_t begin = rollups_bucket(BEGIN, ROLLUP_FINE);
    int i;

    store = fixture_start();
    pool = fixture_pool;
    must(reports_stats(&stats, store, pool));
    ok(!stats->total_tracks && !stats->latest_real_open, "an empty store");
    must(reports_first_bucket(&first, store));
    is_int(first, 0, "has no first mail");
    test_true("empty");
    fill();
    test_true("filled");
    test_stats("filled");
    test_series();
    test_places(begin, begin + SPAN);
    test_places(begin + 3 * HOUR, begin + SPAN / 2);
    test_places(begin + SPAN / 5, begin + SPAN);
    test_places(begin - 500 * 24 * HOUR, begin + SPAN + 500 * 24 * HOUR);
    test_place_edges();
    test_week(0, BEGIN + 2 * SPAN, 0);
    test_week(begin + 5 * QUARTER, begin + SPAN / 3, 19800);
    test_week(begin, begin + SPAN, -18000);
    test_spoilt();
    if (fixture_is_sqlite()) {
        test_backfill();
    }
    test_latest_far();
    for (i = 0; i < MAILS; i += 3) {
        must(tracks_delete(store, apr_psprintf(pool, "mail-%d", i), "c",
                           pool));
        mails[i].gone = 1;
    }
    test_true("a third deleted");
    test_stats("a third deleted");
    test_series();
    test_places(begin, begin + SPAN);
    test_week(0, BEGIN + 2 * SPAN, 45900);
    return done_testing();
}
