/* SPDX-License-Identifier: MIT */
/*
 * generate: a store of any size for the benchmarks, with two years of mails and
 * hits, as if it had grown: rows in the order of time, judged by the rules
 * file, counters, rollups and search words true (mailtrackctl verify is the
 * proof). One process, one thread; writes by sqlite3 itself, without indexes
 * until the end, so that ten million hits take a minute or two.
 *
 *   generate STORE MAILS HITS-PER-MAIL SOURCE-DIR
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <sqlite3.h>

#include "classify.h"
#include "engine.h"
#include "rollups.h"
#include "schema.h"
#include "score.h"
#include "story.h"
#include "words.h"

#define NODE      "bench"
typedef struct generator_t {
    apr_pool_t *pool, *scratch;
    sqlite3 *db;
    story_t story;
    rules_t *rules;
    classify_memo_t *memo;
    rollups_t *rollups;
} generator_t;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "generate: %s: %s\n", what, why);
    exit(1);
}

static void run(generator_t *g, const char *sql)
{
    char *words = NULL;

    if (sqlite3_exec(g->db, sql, NULL, NULL, &words) != SQLITE_OK) {
        die(sql, words ? words : "?");
    }
}

static void check(const char *what, apr_status_t rv, store_t *store)
{
    if (rv != APR_SUCCESS) {
        die(what, store ? store_error(store) : "failed");
    }
}

/* -- statements: bind in order, step -------------------------------------- */

static sqlite3_stmt *prepare(generator_t *g, const char *sql)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(g->db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        die(sql, sqlite3_errmsg(g->db));
    }
    return stmt;
}

/* As store_exec's: a letter a value, 'N' an integer where STORE_NULL is NULL.
 */
static void put(generator_t *g, sqlite3_stmt *stmt, const char *types, ...)
{
    va_list values;
    int i;

    va_start(values, types);
    for (i = 1; *types; types++, i++) {
        if (*types == 't') {
            sqlite3_bind_text(stmt, i, va_arg(values, const char *), -1,
                              SQLITE_STATIC);
        } else {
            apr_int64_t value = va_arg(values, apr_int64_t);

            if (*types == 'N' && value == STORE_NULL) {
                sqlite3_bind_null(stmt, i);
            } else {
                sqlite3_bind_int64(stmt, i, value);
            }
        }
    }
    va_end(values);
    if (sqlite3_step(stmt) != SQLITE_DONE) {
        die(sqlite3_sql(stmt), sqlite3_errmsg(g->db));
    }
    sqlite3_reset(stmt);
}

/* -- hits ----------------------------------------------------------------- */

/* Where the providers' machines stand. */
static const person_t provider = { .country = "United States" };

static const char *city_of(const person_t *place)
{
    return *place->city ? place->city : NULL;
}

/* The columns that say of a mail what its list says in words. */
static void note_words(mail_t *mail, const verdict_t *v,
                       const person_t *person)
{
    mail->self += v->verdict == VERDICT_SELF && v->counts == COUNTS_NONE;
    if (v->verdict == VERDICT_PREFETCH && v->counts == COUNTS_POSSIBLE
        && *v->vendor
        && (!mail->reached || strcmp(v->vendor, mail->reached) < 0)) {
        mail->reached = v->vendor;
    }
    if (v->verdict == VERDICT_HUMAN && v->counts == COUNTS_OPEN) {
        mail->place = person;
    }
}

static void count_hit(generator_t *g, const fetch_t *f, const verdict_t *v,
                      const person_t *place)
{
    mail_t *mail = &g->story.mails[f->mail];

    mail->hits++;
    note_words(mail, v, place);
    mail->last_hit_at = f->at;
    rollups_add(g->rollups, f->at, ROLLUP_VERDICTS + (int)v->verdict, +1);
    if (v->counts == COUNTS_POSSIBLE) {
        mail->possible++;
        rollups_add(g->rollups, f->at, ROLLUP_POSSIBLE, +1);
    } else if (v->counts == COUNTS_OPEN) {
        mail->real++;
        mail->last_open_at = f->at;
        if (mail->first_open_at == STORE_NULL) {
            mail->first_open_at = f->at;
        }
        rollups_add(g->rollups, f->at, ROLLUP_OPENS, +1);
        rollups_place(g->rollups, f->at, place->country, place->city, +1);
    }
}

static void write_hit(generator_t *g, sqlite3_stmt *stmt, const fetch_t *f)
{
    const agent_t *agent = &APR_ARRAY_IDX(g->story.world->agents, f->agent,
                                          agent_t);
    const person_t *person = &g->story.readers[f->person].is;
    const mail_t *mail = &g->story.mails[f->mail];
    const person_t *place = agent->address ? &provider : person;
    classify_facts_t facts = { 0 };
    const verdict_t *v;

    facts.method = "GET";
    facts.address = agent->address ? agent->address : person->ip;
    facts.user_agent = agent->user_agent;
    facts.referer = agent->referer;
    facts.seconds_since_sent = (f->at - mail->created_at) / APR_USEC_PER_SEC;
    facts.sent_known = 1;
    facts.context = facts.seconds_since_sent < 5 ? CLASSIFY_BEFORE_SENT : 0;
    v = classify(g->rules, &facts, g->memo);
    put(g, stmt, "iiittttttiittii", (apr_int64_t)f->mail + 1, f->at,
        f->at + 150000, "GET", facts.address, facts.user_agent,
        facts.referer, place->country, city_of(place),
        (apr_int64_t)v->verdict, (apr_int64_t)v->counts, v->rule, v->vendor,
        (apr_int64_t)facts.context, rules_version(g->rules));
    count_hit(g, f, v, place);
}

static void write_hits(generator_t *g)
{
    sqlite3_stmt *stmt = prepare(g, "INSERT INTO opens (track_id, opened_at,"
        " recorded_at, method, ip_address, user_agent, referer, country,"
        " city, verdict, counts, rule, vendor, context, rules_version)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    int i;

    for (i = 0; i < g->story.fetch_count; i++) {
        write_hit(g, stmt, &g->story.fetches[i]);
    }
    sqlite3_finalize(stmt);
}

/* -- mails ---------------------------------------------------------------- */

typedef struct mail_statements_t {
    sqlite3_stmt *mail, *word, *recipient;
} mail_statements_t;

static void uuid_of(char *out, world_t *world)
{
    apr_uint64_t a = world_random(world), b = world_random(world);

    snprintf(out, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff,
             0x8000 | ((unsigned)(b >> 48) & 0x3fff),
             (unsigned long long)(b & APR_UINT64_C(0xffffffffffff)));
}

static const char *recipients_text(generator_t *g, const mail_t *mail)
{
    const char *text = "";
    int i;

    for (i = 0; i < mail->people; i++) {
        const person_t *p = &g->story.readers[mail->person[i]].is;

        text = apr_psprintf(g->scratch, "%s%s%s <%s>", text, i ? ", " : "",
                            p->name, p->address);
    }
    return text;
}

static int seen_of(const mail_t *mail)
{
    return mail->real ? 2 : mail->possible ? 1 : 0;
}

/* What was told: first open, hot, revived; so that the next hit tells less. */
static apr_int64_t told_of(const mail_t *mail)
{
    return (mail->real > 0) | (mail->real > 2 ? 2 : 0)
           | (mail->real && mail->last_open_at - mail->first_open_at
              >= apr_time_from_sec(14 * 86400) ? 4 : 0);
}

static void write_words(generator_t *g, sqlite3_stmt *stmt, int id,
                        const char *const *texts)
{
    apr_array_header_t *words = NULL;
    int i;

    if (words_split(&words, texts, 3, g->scratch) != APR_SUCCESS) {
        die("words", "not split");
    }
    for (i = 0; i < words->nelts; i++) {
        put(g, stmt, "it", (apr_int64_t)id,
            APR_ARRAY_IDX(words, i, const char *));
    }
}

static void write_recipients(generator_t *g, sqlite3_stmt *stmt, int id,
                             const mail_t *mail)
{
    int i;

    for (i = 0; i < mail->people; i++) {
        reader_t *r = &g->story.readers[mail->person[i]];

        put(g, stmt, "iiit", (apr_int64_t)mail->person[i] + 1,
            (apr_int64_t)id, (apr_int64_t)i, r->is.name);
        r->mails++;
        r->opened += seen_of(mail) == 2;
        r->possible += seen_of(mail) == 1;
        r->last_mail_at = mail->created_at;
        if (mail->last_open_at > r->last_open_at) {
            r->last_open_at = mail->last_open_at;
        }
    }
}

static void write_mail(generator_t *g, const mail_statements_t *s, int number)
{
    const mail_t *m = &g->story.mails[number];
    char uuid[40], subject[400], notes[400], group[40];
    const char *texts[3] = { recipients_text(g, m), subject, notes };

    uuid_of(uuid, g->story.world);
    snprintf(group, sizeof(group), "thread-%d", number / 3);
    world_text(subject, sizeof(subject), g->story.world,
               3 + (int)(world_random(g->story.world) % 6));
    world_text(notes, sizeof(notes), g->story.world, number % 10 ? 0 : 8);
    put(g, s->mail, "itiittttiiiiNNNiiittt", (apr_int64_t)number + 1, uuid,
        m->created_at, m->created_at, texts[0], subject, notes,
        number / 3 % 3 ? NULL : group, (apr_int64_t)(number % 500 == 0),
        (apr_int64_t)m->hits, (apr_int64_t)m->real,
        (apr_int64_t)m->possible, m->first_open_at, m->last_open_at,
        m->last_hit_at, (apr_int64_t)seen_of(m), told_of(m),
        (apr_int64_t)m->self, m->reached ? m->reached : "",
        m->place ? m->place->country : NULL,
        m->place ? city_of(m->place) : NULL);
    write_words(g, s->word, number + 1, texts);
    write_recipients(g, s->recipient, number + 1, m);
    rollups_add(g->rollups, m->created_at, ROLLUP_MAILS, +1);
    rollups_first(g->rollups, m->created_at, m->first_open_at, +1);
    if (seen_of(m)) {
        rollups_add(g->rollups, m->created_at, seen_of(m) == 2
                    ? ROLLUP_MAILS_OPENED : ROLLUP_MAILS_POSSIBLE, +1);
    }
}

static void write_mails(generator_t *g)
{
    mail_statements_t s;
    int i;

    s.mail = prepare(g, "INSERT INTO tracked_emails (id, public_id,"
        " created_at, updated_at, recipient, subject, notes,"
        " message_group_id, pinned, open_count, real_open_count,"
        " possible_count, first_open_at, last_open_at, last_hit_at, seen,"
        " told, self_count, reached, last_country, last_city) VALUES (?, ?, ?,"
        " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    s.word = prepare(g, "INSERT INTO search_words (track_id, word)"
                     " VALUES (?, ?)");
    s.recipient = prepare(g, "INSERT INTO email_recipients (recipient_id,"
        " track_id, position, name) VALUES (?, ?, ?, ?)");
    for (i = 0; i < g->story.mail_count; i++) {
        write_mail(g, &s, i);
        apr_pool_clear(g->scratch);
    }
    sqlite3_finalize(s.mail);
    sqlite3_finalize(s.word);
    sqlite3_finalize(s.recipient);
}

static void write_readers(generator_t *g)
{
    sqlite3_stmt *stmt = prepare(g, "INSERT INTO recipients (id, address,"
        " name, domain, mails, mails_opened, mails_possible, rate,"
        " last_mail_at, last_open_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    int i;

    for (i = 0; i < g->story.world->people_count; i++) {
        const reader_t *r = &g->story.readers[i];
        int known = r->mails - r->possible;

        if (r->mails) {
            put(g, stmt, "itttiiiiiN", (apr_int64_t)i + 1, r->is.address,
                r->is.name, r->is.domain, (apr_int64_t)r->mails,
                (apr_int64_t)r->opened, (apr_int64_t)r->possible,
                (apr_int64_t)(known ? r->opened * 1000 / known : -1),
                r->last_mail_at, r->last_open_at);
        }
    }
    sqlite3_finalize(stmt);
}

/* -- all ------------------------------------------------------------------ */

/* Indexes are made at the end, sorted, instead of being kept up meanwhile. */
static apr_array_header_t *drop_indexes(generator_t *g)
{
    apr_array_header_t *kept = apr_array_make(g->pool, 32, sizeof(char *));
    apr_array_header_t *drops = apr_array_make(g->pool, 32, sizeof(char *));
    sqlite3_stmt *stmt = prepare(g, "SELECT name, sql FROM sqlite_master"
                                 " WHERE type = 'index' AND sql IS NOT NULL");
    int i;

    while (sqlite3_step(stmt) == SQLITE_ROW) {
        APR_ARRAY_PUSH(drops, char *) = apr_psprintf(g->pool,
            "DROP INDEX %s", (const char *)sqlite3_column_text(stmt, 0));
        APR_ARRAY_PUSH(kept, char *) = apr_pstrdup(g->pool,
            (const char *)sqlite3_column_text(stmt, 1));
    }
    sqlite3_finalize(stmt);
    for (i = 0; i < drops->nelts; i++) {
        run(g, APR_ARRAY_IDX(drops, i, char *));
    }
    return kept;
}

static void make_indexes(generator_t *g, const apr_array_header_t *indexes)
{
    int i;

    run(g, "PRAGMA threads = 2");
    for (i = 0; i < indexes->nelts; i++) {
        run(g, APR_ARRAY_IDX(indexes, i, char *));
    }
}

static store_t *make_store(const char *path, apr_pool_t *pool)
{
    store_t *store = NULL;
    int applied = 0;
    apr_status_t rv = schema_create("sqlite3", path, pool);

    if (rv == APR_SUCCESS) {
        rv = store_open(&store, "sqlite3", path, pool);
    }
    if (rv != APR_SUCCESS) {
        die(path, store ? store_error(store) : "is there, or cannot be made");
    }
    check("schema", schema_migrate(store, &applied, pool), store);
    return store;
}

static void say(const char *what)
{
    static struct timespec began;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!began.tv_sec) {
        began = now;
    }
    fprintf(stderr, "generate: %3lds %s\n", (long)(now.tv_sec - began.tv_sec),
            what);
}

static void fill(generator_t *g, store_t *store)
{
    apr_array_header_t *indexes;
    int i;

    g->db = apr_dbd_native_handle(store->driver, *store->handle);
    run(g, "PRAGMA foreign_keys=OFF; PRAGMA journal_mode=OFF;"
        " PRAGMA synchronous=OFF; PRAGMA cache_size=-262144;"
        " PRAGMA locking_mode=EXCLUSIVE");
    indexes = drop_indexes(g);
    say("hits");
    run(g, "BEGIN");
    write_hits(g);
    say("mails");
    write_mails(g);
    write_readers(g);
    run(g, "COMMIT");
    check("begin", store_begin(store), store);
    check("rollups", rollups_flush(g->rollups), store);
    for (i = 0; i < g->story.world->people_count; i++) {
        check("score", score_write(store, (apr_int64_t)i + 1), store);
    }
    check("commit", store_commit(store), store);
    say("indexes");
    make_indexes(g, indexes);
    run(g, "PRAGMA locking_mode=NORMAL; PRAGMA journal_mode=WAL");
    say("done");
}

static void read_rules(generator_t *g, const char *source)
{
    const char *path = apr_pstrcat(g->pool, source, "/conf/classify.yaml",
                                   NULL);
    const char *words = "";

    if (rules_load(&g->rules, &words, path, g->pool) != APR_SUCCESS
        || classify_memo_create(&g->memo, g->pool) != APR_SUCCESS) {
        die(path, words);
    }
}

int main(int argc, char **argv)
{
    generator_t g = { 0 };
    world_t *world;
    store_t *store;
    int mails;

    if (argc != 5 || atoi(argv[2]) < 1) {
        fprintf(stderr, "usage: generate STORE MAILS HITS-PER-MAIL"
                " SOURCE-DIR\n");
        return 2;
    }
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&g.pool, NULL);
    apr_pool_create(&g.scratch, g.pool);
    check("apr_dbd", store_initialize(g.pool), NULL);
    say("start");
    store = make_store(argv[1], g.pool);
    mails = atoi(argv[2]);
    /* 1,000 mails go to 300 people, a million to some 50,000 */
    world = world_make(20 + (int)(280 * pow(mails / 1000.0, 0.75)),
                       apr_pstrcat(g.pool, argv[4], "/t/data/vectors.csv",
                                   NULL), g.pool);
    if (!world) {
        die(argv[4], "t/data/vectors.csv cannot be read");
    }
    story_make(&g.story, world, mails, atoi(argv[3]));
    read_rules(&g, argv[4]);
    g.rollups = rollups_make(store, NODE, g.pool);
    fill(&g, store);
    return 0;
}
