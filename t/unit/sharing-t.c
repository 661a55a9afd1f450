/* SPDX-License-Identifier: MIT */
/*
 * Several processes on one store, killed at any moment and started anew: a
 * monitor's lease is one's at a time, a probe is begun once, a message is
 * dispatched once and claimed by nobody while its claim lasts, and in the end
 * all is delivered. What each did it has written to a file, with the times
 * before and after, so that the order can be proved however slow the machine.
 */
#include "tap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "incidents.h"
#include "leases.h"
#include "monitors.h"
#include "outbox.h"
#include "probes.h"

#define WORKERS  3
#define MESSAGES 150
#define KILLS    60
#define LEASE    apr_time_from_msec(40)
#define DEADLINE apr_time_from_sec(60)
#define START    APR_TIME_C(1700000000000000)
#define NOW      (START + apr_time_from_sec(7200))

/* One line of the file. */
typedef struct done_t {
    char what;                  /* Lease, Begun, Dispatched, Claimed, Sent */
    int owner;
    apr_int64_t which;
    apr_int64_t before, after;
} done_t;

static store_t *store;
static apr_pool_t *pool;
static int log_fd;
static monitor_t monitor;
static char lease[64];

/* -- a worker -------------------------------------------------------------- */

static void done(char what, int owner, apr_int64_t which, apr_time_t before)
{
    done_t d = { what, owner, which, before, apr_time_now() };

    if (write(log_fd, &d, sizeof(d)) != sizeof(d)) {
        _exit(3);
    }
}

/* Locked is all that may go wrong. */
static int worked(apr_status_t rv)
{
    if (rv != APR_SUCCESS && rv != STORE_ECONFLICT && rv != APR_NOTFOUND
        && rv != STORE_EBUSY) {
        _exit(4);
    }
    return rv == APR_SUCCESS;
}

/* The next probe, as long as the lease is ours. */
static void probe(store_t *mine, int owner, const char *name)
{
    apr_time_t before = apr_time_now();
    apr_int64_t newest = 0;
    char token[33];
    probe_t p;

    if (!worked(leases_take(mine, lease, name, LEASE))) {
        return;
    }
    done('L', owner, 0, before);
    if (!worked(store_get_int(mine, &newest, "SELECT coalesce(max(due_at), 0)"
                              " FROM probes", NULL))
        || !worked(store_begin(mine))) {
        return;
    }
    memset(&p, 0, sizeof(p));
    snprintf(token, sizeof(token), "%016llx%016llx", (long long)newest + 1,
             (long long)owner);
    p.monitor_id = monitor.id;
    p.token = token;
    p.due_at = newest + 1;
    p.started_at = STORE_NULL;
    if (worked(store_end(mine, probes_begin(mine, &p, name)))) {
        done('B', owner, p.due_at, before);
    }
}

static void dispatch(store_t *mine, int owner, apr_pool_t *scratch)
{
    apr_array_header_t *names = apr_array_make(scratch, 1, sizeof(char *));
    apr_array_header_t *at = apr_array_make(scratch, 1, sizeof(apr_int64_t));
    apr_array_header_t *list = NULL;
    apr_int64_t id;

    if (!worked(outbox_undispatched(&list, mine, NOW, 1, scratch))
        || !list->nelts) {
        return;
    }
    APR_ARRAY_PUSH(names, const char *) = "hook";
    APR_ARRAY_PUSH(at, apr_int64_t) = NOW;
    id = APR_ARRAY_IDX(list, 0, outbox_row_t).id;
    if (worked(outbox_dispatch(mine, id, names, at, NOW))) {
        done('D', owner, id, 0);
    }
}

static void deliver(store_t *mine, int owner, const char *name,
                    apr_pool_t *scratch)
{
    apr_time_t before = apr_time_now();
    delivery_t *d = NULL;

    if (!worked(outbox_claim(&d, mine, "hook", name, LEASE, NOW, scratch))) {
        return;
    }
    done('C', owner, d->id, before);
    if (worked(outbox_sent(mine, d, name, NOW))) {
        done('S', owner, d->id, before);
    }
}

__attribute__((noreturn)) static void work(int owner)
{
    apr_pool_t *scratch;
    store_t *mine;
    char name[37];

    apr_pool_create(&scratch, NULL);
    mine = fixture_open(scratch);
    snprintf(name, sizeof(name), "%08d-0000-4000-8000-000000000000", owner);
    for (;;) {
        apr_pool_t *round;

        apr_pool_create(&round, scratch);
        probe(mine, owner, name);
        dispatch(mine, owner, round);
        deliver(mine, owner, name, round);
        worked(incidents_repeat(mine, NOW, round));
        apr_pool_destroy(round);
    }
}

/* -- the test -------------------------------------------------------------- */

static pid_t start(int owner)
{
    pid_t pid = fork();

    if (pid == 0) {
        work(owner);
    }
    if (pid < 0) {
        fixture_die("fork");
    }
    return pid;
}

static int ended_well;

static void end(pid_t pid)
{
    int status = 0;

    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        ended_well = 0;
        printf("# a worker ended by itself: %d\n", status);
    }
}

static apr_int64_t left(void)
{
    apr_int64_t n = -1;

    must(store_get_int(store, &n, "SELECT (SELECT count(*) FROM outbox WHERE"
                       " dispatched_at IS NULL) + (SELECT count(*) FROM"
                       " outbox_deliveries WHERE state = 'pending')", NULL));
    return n;
}

static void run(void)
{
    apr_time_t until = apr_time_now() + DEADLINE;
    pid_t pids[WORKERS];
    int i, owner = 0;

    ended_well = 1;
    for (i = 0; i < WORKERS; i++) {
        pids[i] = start(++owner);
    }
    for (i = 0; i < KILLS; i++) {
        int who = fixture_random(WORKERS);

        apr_sleep(apr_time_from_msec(5 + fixture_random(30)));
        end(pids[who]);
        pids[who] = start(++owner);
    }
    while (left() && apr_time_now() < until) {
        apr_sleep(apr_time_from_msec(20));
    }
    for (i = 0; i < WORKERS; i++) {
        end(pids[i]);
    }
    ok(ended_well, "nobody fails but by a lock");
}

static void prepare(void)
{
    incident_alarm_t alarm = { INCIDENT_DELIVERY, &monitor, START,
                               STATE_MISSING, "", "", 0, 0 };
    outbox_row_t row = { 0, NULL, EVENT_TEST, STORE_NULL, STORE_NULL,
                         STORE_NULL, NULL, NULL, START, START,
                         START + apr_time_from_sec(86400) };
    int i;

    monitors_default(&monitor);
    monitor.name = "M";
    monitor.public_id = NULL;
    monitor.recipient = "p@example.org";
    monitor.send_account = monitor.watch_account = "main";
    monitor.declared = 1;
    must(monitors_add(store, &monitor, START, pool));
    snprintf(lease, sizeof(lease), LEASE_MONITOR "%d", (int)monitor.id);
    must(store_begin(store));
    must(incidents_raise(store, &alarm, START, pool));
    for (i = 0; i < MESSAGES; i++) {
        row.dedupe_key = apr_psprintf(pool, "%d", i);
        must(outbox_put(store, &row));
    }
    must(store_commit(store));
}

static int by_time(const void *a, const void *b)
{
    const done_t *x = a, *y = b;

    return (x->after > y->after) - (x->after < y->after);
}

/* How often something was done to the same one, at most. */
static int most(const done_t *all, int count, char what, int *distinct)
{
    int i, j, found = 0;

    *distinct = 0;
    for (i = 0; i < count; i++) {
        int n = 0;

        for (j = 0; j < count && all[i].what == what; j++) {
            n += all[j].what == what && all[j].which == all[i].which;
            *distinct += j == i && n == 1;
        }
        found = n > found ? n : found;
    }
    return found;
}

/* Taken by another before the former's time was over? */
static int too_early(const done_t *all, int count, char what)
{
    int i, j, wrong = 0;

    for (i = 0; i < count; i++) {
        for (j = i + 1; j < count && all[i].what == what; j++) {
            wrong += all[j].what == what && all[j].which == all[i].which
                     && all[j].owner != all[i].owner
                     && all[j].after < all[i].before + LEASE;
        }
    }
    return wrong;
}

static void prove(const done_t *all, int count)
{
    apr_int64_t n = -1;
    int distinct = 0;

    is_int(left(), 0, "all is dispatched and delivered");
    is_int(too_early(all, count, 'L'), 0, "a lease is one's at a time");
    is_int(too_early(all, count, 'C'), 0, "and so is a claim");
    is_int(most(all, count, 'B', &distinct), 1, "a probe is begun once");
    must(store_get_int(store, &n, "SELECT count(*) FROM probes", NULL));
    ok(n >= distinct && distinct > 10, "%d were, and are there", distinct);
    is_int(most(all, count, 'D', &distinct), 1, "a message is dispatched once");
    is_int(most(all, count, 'S', &distinct), 1, "and sent once");
    /* the alarm may have been superseded by its repeat before it went */
    must(store_get_int(store, &n, "SELECT count(*) FROM outbox_deliveries d"
                       " JOIN outbox o ON o.id = d.outbox_id WHERE o.event <>"
                       " 'alarm' AND d.state = 'sent' AND d.attempts > 0 AND"
                       " d.lease_owner IS NULL", NULL));
    is_int(n, MESSAGES + 1, "each of them, and the repeat of the alarm");
    must(store_get_int(store, &n, "SELECT count(*) FROM outbox WHERE event ="
                       " 'repeat'", NULL));
    is_int(n, 1, "which is repeated once");
}

int main(void)
{
    done_t *all;
    off_t size;
    const char *path;

    store = fixture_start();
    pool = fixture_pool;
    path = apr_pstrcat(pool, fixture_dir, "/log", NULL);
    log_fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
    prepare();
    run();
    size = lseek(log_fd, 0, SEEK_END);
    all = apr_palloc(pool, (apr_size_t)size + 1);
    if (pread(log_fd, all, (size_t)size, 0) != size) {
        fixture_die("read");
    }
    printf("# %d steps\n", (int)(size / (off_t)sizeof(*all)));
    qsort(all, (size_t)size / sizeof(*all), sizeof(*all), by_time);
    prove(all, (int)(size / (off_t)sizeof(*all)));
    return done_testing();
}
