/* SPDX-License-Identifier: MIT */
/*
 * The outbox on a store of its own: rows put, dispatched, claimed, sent,
 * failed, expired, pruned; channels switched on and off; follow-ups.
 */
#include "tap.h"

#include "address.h"
#include "fixture.h"
#include "outbox.h"
#include "plans.h"
#include "tracks.h"

#define NOW APR_TIME_C(1700000000000000)
#define SEC(n) apr_time_from_sec(n)
#define HOUR SEC(3600)
#define DAY SEC(86400)
#define US "11111111-1111-4111-8111-111111111111"
#define THEM "22222222-2222-4222-8222-222222222222"

static store_t *store;
static apr_pool_t *pool;

static void publish(const char *first, const char *second, apr_time_t now)
{
    const char *names[2] = { first, second };
    apr_array_header_t *rows = apr_array_make(pool, 2, sizeof(channel_row_t));
    int i;

    for (i = 0; i < 2 && names[i]; i++) {
        channel_row_t *c = apr_array_push(rows);

        memset(c, 0, sizeof(*c));
        c->name = names[i];
        c->kind = "webhook";
        c->target = "https://hook.example";
    }
    must(channels_publish(store, rows, now));
}

static void put(const char *key, apr_time_t not_before, apr_time_t expires)
{
    outbox_row_t row = { 0, key, EVENT_TEST, STORE_NULL, STORE_NULL,
                         STORE_NULL, "hook", "{}", NOW, not_before, expires };

    must(outbox_put(store, &row));
}

/* The only one that waits, sent to one or two channels. */
static apr_int64_t dispatch(const char *first, const char *second,
                            apr_time_t now)
{
    apr_array_header_t *names = apr_array_make(pool, 2, sizeof(char *));
    apr_array_header_t *next = apr_array_make(pool, 2, sizeof(apr_int64_t));
    apr_array_header_t *list = NULL;
    apr_int64_t id;

    must(outbox_undispatched(&list, store, now, 10, pool));
    if (!is_int(list->nelts, 1, "one waits")) {
        return 0;
    }
    id = APR_ARRAY_IDX(list, 0, outbox_row_t).id;
    if (first) {
        APR_ARRAY_PUSH(names, const char *) = first;
        APR_ARRAY_PUSH(next, apr_int64_t) = now;
    }
    if (second) {
        APR_ARRAY_PUSH(names, const char *) = second;
        APR_ARRAY_PUSH(next, apr_int64_t) = now + HOUR;
    }
    must(outbox_dispatch(store, id, names, next, now));
    is_int(outbox_dispatch(store, id, names, next, now), STORE_ECONFLICT,
           "once");
    return id;
}

static apr_status_t claim(delivery_t **d, const char *channel,
                          const char *owner, apr_time_t now)
{
    return outbox_claim(d, store, channel, owner, HOUR, now, pool);
}

static apr_int64_t depth(void)
{
    apr_int64_t n = -1;

    must(outbox_depth(&n, store));
    return n;
}

static channel_row_t *channel(const char *name)
{
    channel_row_t *c = NULL;

    must(channels_get(&c, store, name, pool));
    return c;
}

/* -------------------------------------------------------------------------- */

static void test_dispatch(void)
{
    apr_array_header_t *list = NULL;

    publish("hook", "mail", NOW);
    put("a", NOW + 5, NOW + DAY);
    put("a", NOW, NOW + DAY);
    must(outbox_undispatched(&list, store, NOW + 4, 10, pool));
    is_int(list->nelts, 0, "not before its time; a key is taken once");
    is_int(depth(), 1, "it waits");
    put("late", NOW, NOW + 1);
    must(outbox_undispatched(&list, store, NOW + 4, 10, pool));
    is_int(list->nelts, 0, "what has expired is not told");
    is_int(depth(), 1, "nor does it wait");
    dispatch("hook", "mail", NOW + 5);
    is_int(depth(), 2, "a delivery each");
    is_int(channel("mail")->pending, 1, "one by mail");
}

static void test_claim(void)
{
    delivery_t *d = NULL, *other = NULL;

    is_int(claim(&d, "mail", US, NOW + 10), APR_NOTFOUND, "by mail later");
    is_int(claim(&d, "hook", US, NOW + 10), APR_SUCCESS, "claimed");
    is_str(d->row.dedupe_key, "a", "with what it is about");
    is_str(d->row.payload, "{}", "and says");
    is_int(d->attempts, 0, "the first time");
    is_int(claim(&other, "hook", THEM, NOW + 10), APR_NOTFOUND, "once");
    is_int(outbox_sent(store, d, THEM, NOW), STORE_ECONFLICT,
           "not by whom it is not");
    must(store_exec(store, NULL, "update outbox_deliveries SET lease_until ="
                    " 1 WHERE lease_until IS NOT NULL", NULL));
    is_int(claim(&other, "hook", THEM, NOW + 10), APR_SUCCESS,
           "whoever had it is gone");
    is_int(other->attempts, 1, "the second time");
    is_int(outbox_sent(store, d, US, NOW), STORE_ECONFLICT,
           "no longer by the first");
    is_int(outbox_failed(store, other, THEM, "500 \xff", NOW + 60, 0,
                         NOW + 11), APR_SUCCESS, "failed");
    is_int(claim(&d, "hook", US, NOW + 59), APR_NOTFOUND, "not before");
    is_int(channel("hook")->failing_since, NOW + 11, "the channel fails");
    is_str(channel("hook")->last_error, "500 \xef\xbf\xbd", "with these words");
    ok(channel("hook")->retry_at == STORE_NULL, "others may go");
    must(claim(&d, "hook", US, NOW + 60));
    is_int(d->attempts, 2, "the third time");
    is_int(outbox_sent(store, d, US, NOW + 61), APR_SUCCESS, "sent");
    is_int(outbox_sent(store, d, US, NOW + 61), STORE_ECONFLICT, "once");
    ok(channel("hook")->failing_since == STORE_NULL
       && channel("hook")->last_ok_at == NOW + 61, "the channel works");
    is_int(depth(), 1, "one is left");
}

static void test_hold(void)
{
    delivery_t *d = NULL;
    apr_array_header_t *log = NULL;

    put("b", NOW, NOW + DAY);
    dispatch("hook", NULL, NOW + 70);
    put("c", NOW, NOW + DAY);
    dispatch("hook", NULL, NOW + 71);
    must(claim(&d, "hook", US, NOW + 80));
    is_str(d->row.dedupe_key, "b", "the oldest first");
    must(outbox_failed(store, d, US, "429", NOW + 900, 1, NOW + 81));
    is_int(claim(&d, "hook", US, NOW + 899), APR_NOTFOUND,
           "the whole channel waits");
    is_int(channel("hook")->retry_at, NOW + 900, "until then");
    must(claim(&d, "hook", US, NOW + 900));
    is_str(d->row.dedupe_key, "c", "then it goes on");
    must(outbox_failed(store, d, US, "400", STORE_NULL, 0, NOW + 901));
    must(channels_log(&log, store, "hook", 2, pool));
    is_int(log->nelts, 2, "the last two");
    is_str(APR_ARRAY_IDX(log, 0, delivery_log_t).state, "failed", "given up");
    is_str(APR_ARRAY_IDX(log, 0, delivery_log_t).detail, "400", "why");
    is_str(APR_ARRAY_IDX(log, 1, delivery_log_t).state, "pending", "waits");
    is_int(claim(&d, "hook", US, NOW + DAY), APR_NOTFOUND,
           "what expires on the way is not sent");
    must(channels_log(&log, store, "hook", 2, pool));
    is_str(APR_ARRAY_IDX(log, 1, delivery_log_t).state, "expired", "noted");
}

static void test_channels(void)
{
    channel_row_t *c = NULL;
    apr_array_header_t *list = NULL;

    publish("hook", NULL, NOW + HOUR);
    is_int(channels_get(&c, store, "mail", pool), APR_NOTFOUND, "off");
    is_int(depth(), 0, "what waited for it is told to nobody");
    must(channels_list(&list, store, pool));
    is_int(list->nelts, 1, "one is on");
    is_int(channel("hook")->since, NOW, "since long");
    publish("hook", "mail", NOW + 2 * HOUR);
    is_int(channel("mail")->since, NOW + 2 * HOUR, "on again, since now");
}

static void test_prune(void)
{
    apr_int64_t gone = 0, left = 0;

    put("d", NOW, NOW + 9 * DAY);
    dispatch("hook", NULL, NOW + DAY);
    must(outbox_prune(&gone, store, NOW + 5, 10));
    is_int(gone, 1, "those that ended: expired before anybody was told");
    must(outbox_prune(&gone, store, NOW + 2 * DAY, 2));
    is_int(gone, 2, "so many at most");
    must(outbox_prune(&gone, store, NOW + 2 * DAY, 2));
    is_int(gone, 1, "all that ended");
    must(outbox_prune(&gone, store, NOW + 2 * DAY, 2));
    is_int(gone, 0, "not what waits");
    must(store_get_int(store, &left, "select count(*) FROM outbox_deliveries",
                       NULL));
    is_int(left, 1, "deliveries go with their row");
}

/* -- mails ----------------------------------------------------------------- */

static track_t *mail(int n, const char *to, apr_time_t at)
{
    track_new_t in;
    track_t *t = NULL;
    const char *words = NULL;
    apr_array_header_t *list = NULL;

    memset(&in, 0, sizeof(in));
    must(address_parse_list(&list, &words, to, strlen(to), pool));
    in.public_id = apr_psprintf(pool, "%08x-0000-4000-8000-000000000000", n);
    in.created_at = at;
    in.created_by = STORE_NULL;
    in.recipients = list;
    in.subject = "Offer";
    in.notes = "";
    must(tracks_create(&t, store, &in, "node", pool));
    return t;
}

static apr_array_header_t *due(apr_time_t from, apr_time_t to, int limit)
{
    apr_array_header_t *list = NULL;

    must(follow_ups_due(&list, store, from, to, limit, pool));
    return list;
}

static void test_follow_ups(void)
{
    apr_array_header_t *list;
    outbox_mail_t *m = NULL;
    outbox_row_t row;
    track_t *first;
    apr_int64_t rows = 0;

    first = mail(1, "a@one.example, b@two.example, c@one.example", NOW);
    mail(2, "a@one.example", NOW + 1);
    mail(3, "m@muted.example", NOW + 2);
    mail(4, "m@muted.example, a@one.example", NOW + 3);
    mail(5, "a@one.example", NOW + DAY);
    must(store_exec(store, NULL, "UPDATE recipients SET muted = 1 WHERE"
                    " address = 'm@muted.example'", NULL));
    list = due(NOW, NOW + DAY, 10);
    is_int(list->nelts, 3, "those of the time; not one whose people are muted");
    is_str(APR_ARRAY_IDX(list, 0, follow_up_t).domains,
           "one.example two.example", "where they went");
    is_int(due(NOW, NOW + DAY, 2)->nelts, 2, "so many at most");
    must(follow_ups_put(store, &APR_ARRAY_IDX(list, 0, follow_up_t),
                        NOW + HOUR, pool));
    must(follow_ups_put(store, &APR_ARRAY_IDX(list, 0, follow_up_t),
                        NOW + HOUR, pool));
    must(follow_ups_drop(store, &APR_ARRAY_IDX(list, 1, follow_up_t),
                         NOW + HOUR));
    must(store_exec(store, NULL, "UPDATE tracked_emails SET seen = 2 WHERE"
                    " id = ?", "i",
                    APR_ARRAY_IDX(list, 2, follow_up_t).track_id));
    must(follow_ups_put(store, &APR_ARRAY_IDX(list, 2, follow_up_t),
                        NOW + HOUR, pool));
    is_int(due(NOW, NOW + DAY, 10)->nelts, 0, "nobody is asked twice");
    must(store_get_int(store, &rows, "select count(*) FROM outbox WHERE event"
                       " = 'follow_up'", NULL));
    is_int(rows, 1, "told of one: another was given up, one opened meanwhile");

    memset(&row, 0, sizeof(row));
    row.track_id = first->id;
    row.open_id = STORE_NULL;
    must(outbox_mail(&m, store, &row, pool));
    is_str(m->subject, "Offer", "what it is about");
    ok(!m->verdict && m->opened_at == STORE_NULL && !m->owner_name,
       "no open, nobody's");
    must(tracks_delete(store, first->public_id, "node", pool));
    is_int(outbox_mail(&m, store, &row, pool), APR_NOTFOUND, "deleted");
    must(store_get_int(store, &rows, "select count(*) FROM outbox WHERE event"
                       " = 'follow_up'", NULL));
    is_int(rows, 0, "and what was to be told of it");
}

int main(void)
{
    store = fixture_start();
    pool = fixture_pool;
    test_dispatch();
    test_claim();
    test_hold();
    test_channels();
    test_prune();
    test_follow_ups();
    test_plans(store);
    return done_testing();
}
