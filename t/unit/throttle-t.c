/* SPDX-License-Identifier: MIT */
/*
 * Failures counted for a user and an address, for a user, and checks at a time;
 * across processes, through the death of one that holds the lock or a slot.
 */
#include "tap.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "throttle.h"

#define NOW apr_time_from_sec(1700000000)

static apr_pool_t *pool;
static throttle_t *throttle;
static apr_time_t now = NOW;

static void fresh(void)
{
    if (throttle_make(&throttle, pool) != APR_SUCCESS) {
        printf("Bail out! no shared memory\n");
        exit(99);
    }
    now = NOW;
}

/* An attempt from begin to end; what throttle_begin said. */
static int attempt(const char *user, const char *address, int known,
                   throttle_end_t end)
{
    throttle_try_t one;
    int wait = throttle_begin(&one, throttle, user, address, known, now);

    if (!wait) {
        throttle_rest(&one, throttle);
        throttle_end(&one, throttle, end);
    }
    return wait;
}

static int wrong(const char *user, const char *address)
{
    return attempt(user, address, 0, THROTTLE_WRONG);
}

static void test_pair(void)
{
    int i, allowed = 0;

    fresh();
    for (i = 0; i < 5; i++) {
        allowed += wrong("ann", "a") == 0;
        now += apr_time_from_sec(10);
    }
    is_int(allowed, 5, "five failures");
    is_int(wrong("ann", "a"), 10, "the sixth waits until the first is old");
    is_int(wrong("ann", "b"), 0, "another address");
    is_int(wrong("bob", "a"), 0, "another user");
    is_int(wrong("an", "na"), 0, "names and addresses do not run together");
    now += apr_time_from_sec(10);
    is_int(wrong("ann", "a"), 0, "one more after a minute");
    is_int(wrong("ann", "a"), 10, "and one alone");
    is_int(attempt("ann", "a", 1, THROTTLE_WRONG), 10,
           "known or not, from one address");
    now -= apr_time_from_sec(3600);
    is_int(wrong("ann", "a"), 0, "a clock that goes back bars nobody");
}

static void test_ends(void)
{
    int i;

    fresh();
    for (i = 0; i < 4; i++) {
        wrong("ann", "a");
    }
    is_int(attempt("ann", "a", 0, THROTTLE_GOOD), 0, "right at last");
    for (i = 0; i < 5; i++) {
        is_int(wrong("ann", "a"), 0, "forgotten: failure %d", i + 1);
    }
    ok(wrong("ann", "a") > 0, "and no more");
    fresh();
    for (i = 0; i < 20; i++) {
        ok(attempt("ann", "a", 0, THROTTLE_OPEN) == 0, "no code yet: %d", i);
    }
    for (i = 0; i < 5; i++) {
        attempt("ann", "a", 0, i % 2 ? THROTTLE_OPEN : THROTTLE_WRONG);
    }
    is_int(wrong("ann", "a"), 0, "three and one");
    is_int(wrong("ann", "a"), 0, "and one");
    ok(wrong("ann", "a") > 0, "asking for a code forgives nothing");
}

static void test_user(void)
{
    int i, allowed = 0;

    fresh();
    for (i = 0; i < 60; i++) {
        allowed += wrong("ann", apr_itoa(pool, i)) == 0;
    }
    is_int(allowed, 50, "fifty from everywhere");
    ok(wrong("ann", "new") > 0, "a stranger waits");
    is_int(attempt("ann", "home", 1, THROTTLE_GOOD), 0,
           "where ann has signed in before she does again");
    is_int(wrong("bob", "new"), 0, "nobody else is concerned");
    ok(wrong("ann", "new") > 0, "ann's success does not let strangers in");
    now += apr_time_from_sec(60);
    is_int(wrong("ann", "new"), 0, "a minute later");
}

static void test_work(void)
{
    throttle_try_t many[8];
    int i, begun = 0;

    fresh();
    for (i = 0; i < 8; i++) {
        begun += !throttle_begin(&many[i], throttle, apr_itoa(pool, i), "a",
                                 0, now);
    }
    is_int(begun, THROTTLE_WORK, "checks at a time");
    is_int(wrong("x", "x"), 1, "another is asked to come back soon");
    is_int(attempt("ann", "home", 1, THROTTLE_GOOD), 0,
           "the known have places of their own");
    throttle_rest(&many[0], throttle);
    is_int(wrong("x", "x"), 0, "one is free again");
    for (i = 0; i < 3; i++) {
        is_int(wrong("x", "x"), 0, "waiting was not counted: %d", i);
    }
    now += apr_time_from_sec(THROTTLE_STALE);
    begun = 0;
    for (i = 0; i < 8; i++) {
        begun += !throttle_begin(&many[i], throttle, apr_itoa(pool, i + 10),
                                 "a", 0, now);
    }
    is_int(begun, THROTTLE_WORK, "those of a dead child come back");
}

/* Many users more than there are places: memory stays what it is. */
static void test_flood(void)
{
    int i;

    fresh();
    for (i = 0; i < 50000; i++) {
        wrong(apr_psprintf(pool, "u%d", i), "a");
    }
    is_int(wrong("u49999", "a"), 0, "still counting");
    for (i = 0; i < 3; i++) {
        wrong("u49999", "a");
    }
    ok(wrong("u49999", "a") > 0, "and barring");
}

static void test_processes(void)
{
    int i, status, allowed = 0;
    pid_t pid;

    fresh();
    for (i = 0; i < 8; i++) {
        pid = fork();
        if (pid == 0) {
            _exit(wrong("ann", "a") ? 1 : 0);
        }
        waitpid(pid, &status, 0);
        allowed += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    is_int(allowed, 5, "five across eight processes");
    for (i = 0; i < 20; i++) {
        pid = fork();
        if (pid == 0) {
            for (;;) {
                wrong("x", "y");
            }
        }
        usleep(2000);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    ok(wrong("ann", "a") > 0, "killed ones leave no lock behind");
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    test_pair();
    test_ends();
    test_user();
    test_work();
    test_flood();
    test_processes();
    apr_pool_destroy(pool);
    return done_testing();
}
