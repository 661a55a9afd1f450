/* SPDX-License-Identifier: MIT */
/*
 * A watch's life: connect, come back after each failure (later and later), and
 * at rest IDLE with a NOOP now and then, or NOOPs close together while a probe
 * is in flight. Loop thread. Holds one connection; tells its state when it
 * changes and never twice.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "watch_inside.h"

#define MSEC(n) apr_time_from_msec(n)
#define SEC(n) apr_time_from_sec(n)

#define SOON SEC(10)
#define LONG SEC(120)

/* While something is in flight for so long, look so often. Beyond IDLE is on
 * in between: it is not trusted (some servers' notices come late or never). */
static const struct { apr_int64_t until; apr_int64_t period; } pace[] = {
    { MSEC(300), MSEC(30) },
    { SEC(1), MSEC(50) },
    { SOON, MSEC(200) },
    { LONG, SEC(1) },
    { APR_INT64_MAX, SEC(30) }
};
#define FIRST_LOOK MSEC(20)
#define IDLE_WORTH SEC(2)       /* rest that is at least this long */

/* At rest: less than any server's patience (29 min, RFC 2177), and rare: a
 * thousand of these must cost nothing. Keepalive finds a dead peer before. */
#define REST_IDLE SEC(540)
#define REST_SPREAD 120
#define REST_POLL SEC(30)       /* a server without IDLE */

/* The junk folder matters for what stays away from the inbox. */
#define JUNK_AFTER MSEC(250)
#define JUNK_PERIOD MSEC(500)
#define JUNK_PERIOD_LATER SEC(1)

#define RETRY_MAX SEC(60)
#define RETRY_REFUSED SEC(60)   /* a wrong password: do not get locked out */
#define RETRY_REFUSED_MAX SEC(900)
#define STEADY SEC(30)          /* up for so long: the next failure is new */

/* -- states ---------------------------------------------------------------- */

static void tell(watch_t *watch, int up, const char *words)
{
    if (watch->tried) {
        watch_tried_fn tried = watch->tried;

        if (up) {
            imap_close(watch->imap);
            watch->imap = NULL;
        }
        watch->tried = NULL;
        tried(up, words, watch->tried_data);
        return;
    }
    if (watch->told && watch->up == up && !strcmp(watch->words, words)) {
        return;
    }
    watch->told = 1;
    watch->up = up;
    apr_cpystrn(watch->words, words, sizeof(watch->words));
    watch->events.state(watch->events.data, up, watch->words);
}

static apr_interval_time_t jitter(watch_t *watch, apr_interval_time_t time)
{
    watch->spread = watch->spread * 1103515245u + 12345u;
    return time - time / 10
           + (apr_interval_time_t)((watch->spread >> 8) % 1000) * time / 5000;
}

static apr_interval_time_t retry_in(watch_t *watch, int refused)
{
    apr_interval_time_t first = refused ? RETRY_REFUSED : SEC(1);
    apr_interval_time_t most = refused ? RETRY_REFUSED_MAX : RETRY_MAX;
    int doubled = watch->attempts > 10 ? 10 : watch->attempts;

    first <<= doubled;
    return jitter(watch, first < most ? first : most);
}

/* The pool of the connection lives until the next attempt: we may be called
 * from within it. */
static void lost(watch_t *watch, int refused, const char *words)
{
    apr_int64_t now = loop_clock();

    watch->imap = NULL;
    watch->ready = watch->busy = watch->capable = watch->sought = 0;
    watch->junk_at = 0;
    watch->selected = NULL;
    watch_search_forget(watch);
    if (watch->up && now - watch->up_at >= STEADY) {
        watch->attempts = 0;
    }
    if (!watch->tried) {
        loop_timer_set(watch->timer, retry_in(watch, refused));
    }
    watch->attempts++;
    tell(watch, 0, words);
}

void watch_fail(watch_t *watch, const char *what, const char *words)
{
    char text[sizeof(watch->words)];

    apr_snprintf(text, sizeof(text), "%s: %s", what, words);
    imap_close(watch->imap);
    lost(watch, 0, text);
}

static void on_ended(void *data, int refused, const char *words)
{
    lost(data, refused, words);
}

/* -- commands -------------------------------------------------------------- */

static void on_answer(void *data, const imap_response_t *answer)
{
    watch_t *watch = data;

    watch->busy = 0;
    watch->answer(watch, answer);
    watch_advance(watch);
}

void watch_ask(watch_t *watch, watch_answer_fn answer,
               watch_response_fn response, const char *fmt, ...)
{
    va_list args;

    watch->busy = 1;
    watch->asked_at = loop_clock();
    watch->answer = answer;
    watch->response = response;
    va_start(args, fmt);
    imap_command(watch->imap, on_answer, fmt, args);
    va_end(args);
}

static void on_response(void *data, const imap_response_t *response)
{
    watch_t *watch = data;

    if (watch->busy && watch->response) {
        watch->response(watch, response);
    }
    if (watch->imap) {
        watch_folders_hear(watch, response);
        watch_advance(watch);   /* nothing while a command is out */
    }
}

static void on_ready(void *data)
{
    watch_t *watch = data;

    watch->ready = 1;
    watch_advance(watch);
}

/* -- at rest, and not ------------------------------------------------------ */

static apr_int64_t period(watch_t *watch, apr_int64_t now)
{
    int i = 0;

    if (!watch->in_flight) {
        return !watch->can_idle ? REST_POLL
               : REST_IDLE + SEC((watch->spread >> 8) % REST_SPREAD);
    }
    while (now - watch->expect_at >= pace[i].until) {
        i++;
    }
    return pace[i].period;
}

static void polled(watch_t *watch, const imap_response_t *answer)
{
    if (answer->status != IMAP_OK) {
        watch_fail(watch, "NOOP refused", answer->text);
        return;
    }
    /* what it told of has its resolution by now */
    watch->inbox.clear_at = watch->asked_at;
    watch->poll_at = watch->asked_at + period(watch, loop_clock());
    if (!watch->in_flight && !watch->junk.wire) {
        watch->sought = 0;      /* there may be one now */
    }
}

static int junk_is_due(const watch_t *watch, apr_int64_t now)
{
    apr_int64_t flight = now - watch->expect_at;

    if (!watch->junk.wire) {
        return 0;
    }
    if (!watch->in_flight || flight >= LONG) {
        return now >= watch->poll_at
               && watch->junk_at < watch->inbox.clear_at;
    }
    return flight >= JUNK_AFTER
           && now - watch->junk_at >= (flight < SOON
                                       ? JUNK_PERIOD : JUNK_PERIOD_LATER);
}

static void idle_over(void *data, const imap_response_t *answer)
{
    watch_t *watch = data;

    /* refused, or ended at once: a server that only says it can */
    if (answer->status != IMAP_OK
        || loop_clock() - watch->idle_at < APR_USEC_PER_SEC) {
        watch->can_idle = 0;
        watch->poll_at = loop_clock();
    }
    watch_advance(watch);
}

static void come_up(watch_t *watch)
{
    char words[300] = "";

    if (watch->up) {
        return;
    }
    watch->up_at = loop_clock();
    watch->poll_at = watch->up_at + period(watch, watch->up_at);
    if (watch->tried) {
        apr_snprintf(words, sizeof(words),
                     "%" APR_UINT64_T_FMT " mails in %s, %s%s", watch->exists,
                     watch->inbox.name, watch->junk.wire ? "junk folder "
                                        : "no junk folder",
                     watch->junk.wire ? watch->junk.name : "");
    }
    tell(watch, 1, words);
}

static void rest(watch_t *watch)
{
    apr_int64_t now = loop_clock();

    if (junk_is_due(watch, now)) {
        watch->junk_at = now;
        watch_ask_junk(watch);
    } else if (now >= watch->poll_at) {
        watch_ask(watch, polled, NULL, "NOOP");
    } else {
        if (watch->can_idle && !imap_idles(watch->imap)
            && watch->poll_at - now >= IDLE_WORTH) {
            watch->idle_at = now;
            imap_idle(watch->imap, idle_over);
        }
        loop_timer_set(watch->timer, watch->poll_at - now);
    }
}

void watch_advance(watch_t *watch)
{
    static int (*const steps[])(watch_t *) = {
        watch_learn, watch_seek_junk, watch_select, watch_baseline,
        watch_junk_first
    };
    static int (*const work[])(watch_t *) = {
        watch_fetch_new, watch_fetch_mails, watch_remove_mails, watch_search
    };
    apr_size_t i;

    if (!watch->imap || !watch->ready || watch->busy) {
        return;
    }
    for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        if (steps[i](watch)) {
            return;
        }
    }
    come_up(watch);
    for (i = 0; i < sizeof(work) / sizeof(*work); i++) {
        if (!watch->imap || watch->busy || work[i](watch)) {
            return;
        }
    }
    rest(watch);
}

/* -- the beginning, and every time again ----------------------------------- */

static void try_now(watch_t *watch)
{
    imap_events_t events = { on_ready, on_response, on_ended, watch };
    imap_t *imap = NULL;
    apr_status_t rv;

    if (watch->connection) {
        apr_pool_destroy(watch->connection);
        watch->connection = NULL;
    }
    rv = apr_pool_create(&watch->connection, watch->pool);
    if (rv == APR_SUCCESS) {
        rv = imap_open(&imap, watch->loop, watch->account->imap, &events,
                       watch->connection);
    }
    if (rv != APR_SUCCESS) {
        lost(watch, 0, "out of memory or sockets");
        return;
    }
    watch->imap = imap;
}

static void on_timer(void *data)
{
    watch_t *watch = data;

    if (watch->imap) {
        watch_advance(watch);
    } else {
        try_now(watch);
    }
}

static apr_status_t cleanup(void *data)
{
    watch_t *watch = data;

    watch->imap = NULL;         /* went with its pool, which is below ours */
    watch_folders_free(watch);
    watch_mails_forget(watch, NULL);
    watch_removals_forget(watch, NULL);
    watch_search_forget(watch);
    return APR_SUCCESS;
}

static apr_status_t begin(watch_t **out, loop_t *loop,
                          const account_t *account,
                          const watch_events_t *events, apr_pool_t *pool)
{
    watch_t *watch = apr_pcalloc(pool, sizeof(*watch));

    if (!account->imap) {
        return APR_EINVAL;
    }
    watch->loop = loop;
    watch->account = account;
    watch->pool = pool;
    if (events) {
        watch->events = *events;
    }
    watch->spread = (unsigned)apr_time_now() ^ (unsigned)(apr_uintptr_t)watch;
    watch->timer = loop_timer(loop, on_timer, watch, pool);
    apr_pool_cleanup_register(pool, watch, cleanup, apr_pool_cleanup_null);
    *out = watch;
    return watch_folders_setup(watch);
}

apr_status_t watch_start(watch_t **watch, loop_t *loop,
                         const account_t *account,
                         const watch_events_t *events, apr_pool_t *pool)
{
    apr_status_t rv = begin(watch, loop, account, events, pool);

    if (rv == APR_SUCCESS) {
        loop_timer_set((*watch)->timer, 0);
    }
    return rv;
}

apr_status_t watch_try(loop_t *loop, const account_t *account,
                       watch_tried_fn done, void *data, apr_pool_t *pool)
{
    watch_t *watch;
    apr_status_t rv = begin(&watch, loop, account, NULL, pool);

    if (rv == APR_SUCCESS) {
        watch->tried = done;
        watch->tried_data = data;
        loop_timer_set(watch->timer, 0);
    }
    return rv;
}

void watch_expect(watch_t *watch, int in_flight)
{
    apr_int64_t now = loop_clock();
    int more = in_flight > 0 && in_flight >= watch->in_flight;

    watch->in_flight = in_flight;
    if (more) {
        watch->expect_at = now;
        if (watch->poll_at > now + FIRST_LOOK) {
            watch->poll_at = now + FIRST_LOOK;
        }
    } else if (!in_flight) {
        watch->poll_at = now + period(watch, now);
    }
    if (watch->up && watch->imap && !watch->busy) {
        loop_timer_set(watch->timer, in_flight ? watch->poll_at - now : 0);
    }
}
