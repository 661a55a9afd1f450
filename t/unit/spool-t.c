/* SPDX-License-Identifier: MIT */
/*
 * The spool, both sides: segments appear whole, are locked as long as their
 * writer lives, roll at their size, survive short writes and full disks; what
 * is no segment is not read; one node whoever asks first.
 */
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "spool.h"

#define THREADS 4
#define APPENDS 2000

static apr_pool_t *pool;
static board_t *board;
static char root[] = "/tmp/mailtrack-spool-XXXXXX";
static char buffer[65536];

static const char *fresh_dir(void)
{
    static int number;
    const char *dir = apr_psprintf(pool, "%s/%d", root, ++number);

    mkdir(dir, 0700);
    return dir;
}

static spool_t *fresh_spool(const char *dir, apr_pool_t *p)
{
    spool_t *spool = NULL;
    int i;

    for (i = 0; i < BOARD_FIELDS; i++) {
        board_set(board, (board_field_t)i, 0);
    }
    if (spool_make(&spool, dir, board, 1 << 30, 0, p) != APR_SUCCESS) {
        printf("Bail out! spool_make\n");
        exit(99);
    }
    return spool;
}

static int entries(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    int n = 0;

    while (d && (entry = readdir(d)) != NULL) {
        n += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    }
    if (d) {
        closedir(d);
    }
    return n;
}

static apr_array_header_t *listed(const char *dir)
{
    apr_array_header_t *list = NULL;

    return spool_list(&list, dir, pool) == APR_SUCCESS ? list
           : apr_array_make(pool, 1, sizeof(segment_t));
}

static const char *name_at(const apr_array_header_t *list, int i)
{
    return i < list->nelts ? APR_ARRAY_IDX(list, i, segment_t).name : "none";
}

static int is_finished(const char *dir, const char *name)
{
    apr_off_t size = 0;
    int fd = -1;
    apr_status_t rv = spool_finished(&fd, &size, dir, name);

    spool_unlock(fd);
    return rv == APR_SUCCESS;
}

static void put_file(const char *dir, const char *name, const char *text)
{
    int fd = open(apr_pstrcat(pool, dir, "/", name, NULL),
                  O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        printf("Bail out! %s/%s\n", dir, name);
        exit(99);
    }
    close(fd);
}

static void test_age(void)
{
    const char *dir = fresh_dir();
    apr_pool_t *own;
    spool_t *spool;

    apr_pool_create(&own, pool);
    spool = fresh_spool(dir, own);
    is_int(spool_sync(spool, 0), APR_SUCCESS, "no segment, no age");
    is_int(spool_append(spool, "one\n", 4), APR_SUCCESS, "a hit");
    is_int(spool_sync(spool, apr_time_from_sec(60)), APR_SUCCESS, "synced");
    ok(!is_finished(dir, name_at(listed(dir), 0)), "a young one goes on");
    is_int(spool_sync(spool, 0), APR_SUCCESS, "synced when it is old");
    ok(is_finished(dir, name_at(listed(dir), 0)), "and ended");
    is_int(spool_sync(spool, 0), APR_SUCCESS, "once");
    is_int(listed(dir)->nelts, 1, "without another");
    is_int(spool_append(spool, "two\n", 4), APR_SUCCESS, "the next hit");
    is_int(listed(dir)->nelts, 2, "begins another");
    apr_pool_destroy(own);
}

static void test_append(void)
{
    const char *dir = fresh_dir();
    apr_pool_t *own;
    spool_t *spool;
    apr_size_t len = 0;
    apr_off_t size = 0;
    int fd = -1;

    apr_pool_create(&own, pool);
    spool = fresh_spool(dir, own);
    is_int(entries(dir), 0, "no file before the first hit");
    is_int(spool_append(spool, "one\n", 4), APR_SUCCESS, "a hit");
    is_int(spool_append(spool, "two\n", 4), APR_SUCCESS, "and another");
    is_int(listed(dir)->nelts, 1, "are one segment");
    is_int(entries(dir), 1, "and nothing else");
    is_int(board_get(board, BOARD_HITS), 2, "counted");
    ok(!is_finished(dir, name_at(listed(dir), 0)), "not finished");
    is_int(spool_read(buffer, &len, dir, name_at(listed(dir), 0), 0,
                      sizeof(buffer)), APR_SUCCESS, "read");
    ok(len == 8 && !memcmp(buffer, "one\ntwo\n", 8), "as written");
    is_int(spool_sync(spool, apr_time_from_sec(60)), APR_SUCCESS, "synced");
    ok(!is_finished(dir, name_at(listed(dir), 0)), "and goes on");
    apr_pool_destroy(own);
    is_int(spool_finished(&fd, &size, dir, name_at(listed(dir), 0)),
           APR_SUCCESS, "finished when its writer closed it");
    is_int(size, 8, "with its size");
    ok(!spool_gone(dir, name_at(listed(dir), 0)), "not gone");
    is_int(spool_remove(fd, dir, name_at(listed(dir), 0)), APR_SUCCESS,
           "removed");
    is_int(entries(dir), 0, "and gone");
    ok(spool_gone(dir, "x.seg"), "certainly");
    ok(!spool_gone("/dev/null", "x.seg"), "but not when nobody can tell");
}

/* The lock must die with a process however it dies. */
static void test_death(void)
{
    const char *dir = fresh_dir();
    char byte;
    int said[2];
    pid_t pid;

    if (pipe(said) != 0) {
        return;
    }
    pid = fork();
    if (pid == 0) {
        spool_t *spool = fresh_spool(dir, pool);

        spool_append(spool, "one\ntw", 6);
        (void)!write(said[1], "x", 1);
        pause();
        _exit(0);
    }
    (void)!read(said[0], &byte, 1);
    ok(!is_finished(dir, name_at(listed(dir), 0)), "a living writer's");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ok(is_finished(dir, name_at(listed(dir), 0)), "finished by kill -9");
}

static void test_roll(void)
{
    const char *dir = fresh_dir();
    spool_t *spool = fresh_spool(dir, pool);
    int failed = 0, finished = 0;
    int i;

    memset(buffer, 'a', 10000);
    buffer[9999] = '\n';
    for (i = 0; i < 2000; i++) {
        failed += spool_append(spool, buffer, 10000) != APR_SUCCESS;
    }
    is_int(failed, 0, "20 MB written");
    is_int(listed(dir)->nelts, 3, "three segments");
    for (i = 0; i < 3; i++) {
        finished += is_finished(dir, name_at(listed(dir), i));
    }
    is_int(finished, 2, "the full ones are finished");
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;

    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* A disk that is full in the middle of a line. */
static void test_short(void)
{
    const char *dir = fresh_dir();
    spool_t *spool = fresh_spool(dir, pool);
    const char *torn;
    apr_size_t len = 0;
    apr_off_t size = 0;
    int fd = -1;
    int i;

    memset(buffer, 'a', 600);
    buffer[599] = '\n';
    limit_files(1000);
    is_int(spool_append(spool, buffer, 600), APR_SUCCESS, "room for a line");
    ok(spool_append(spool, buffer, 600) != APR_SUCCESS, "and for a half");
    limit_files(RLIM_INFINITY);
    is_int(board_get(board, BOARD_LOST), 1, "which is lost, counted");
    ok(board_get(board, BOARD_LOST_AT) > 0, "with its time");
    torn = name_at(listed(dir), 0);
    ok(is_finished(dir, torn), "its segment is given up");
    is_int(spool_append(spool, "two\n", 4), APR_SUCCESS, "the next hit");
    is_int(listed(dir)->nelts, 2, "begins another one");
    is_int(spool_read(buffer, &len, dir, torn, 0, sizeof(buffer)),
           APR_SUCCESS, "the torn one is read");
    is_int(len, 600, "to its last newline");
    is_int(spool_finished(&fd, &size, dir, torn), APR_SUCCESS, "finished");
    is_int(size, 1000, "with its half line");
    spool_unlock(fd);

    limit_files(0);
    spool = fresh_spool(dir = fresh_dir(), pool);
    for (i = 0; i < 20; i++) {
        spool_append(spool, "one\n", 4);
    }
    limit_files(RLIM_INFINITY);
    is_int(board_get(board, BOARD_LOST), 20, "no room at all: all are lost");
    is_int(entries(dir), 1, "without a heap of empty files");
    is_int(spool_append(spool, "one\n", 4), APR_SUCCESS, "room again");
    is_int(entries(dir), 1, "in the file that was there");
}

static void test_limit(void)
{
    spool_t *spool = fresh_spool(fresh_dir(), pool);

    board_set(board, BOARD_BACKLOG, 1 << 30);
    ok(APR_STATUS_IS_ENOSPC(spool_append(spool, "one\n", 4)),
       "the spool's limit");
    is_int(board_get(board, BOARD_LOST), 1, "counted");
    board_set(board, BOARD_BACKLOG, 0);
    is_int(spool_append(spool, "one\n", 4), APR_SUCCESS, "and under it");
    ok(spool_append(fresh_spool("/nonexistent", pool), "one\n", 4)
       != APR_SUCCESS, "a directory that is not there");
}

static void test_names(void)
{
    const char *dir = fresh_dir();
    struct timeval old[2] = { { 1600000000, 0 }, { 1600000000, 0 } };
    const char *young = ".a.new";
    apr_array_header_t *list = NULL;

    put_file(dir, "a.seg", "");
    put_file(dir, ".hidden.new", "");
    put_file(dir, young, "");
    put_file(dir, "rejected", "x\n");
    put_file(dir, ".seg", "x\n");
    put_file(dir, "01234567890123456789012345678901234567890123456789.seg",
             "x\n");
    mkdir(apr_pstrcat(pool, dir, "/d.seg", NULL), 0700);
    mkfifo(apr_pstrcat(pool, dir, "/f.seg", NULL), 0600);
    utimes(apr_pstrcat(pool, dir, "/.hidden.new", NULL), old);
    is_int(listed(dir)->nelts, 1, "one segment among other things");
    is_str(name_at(listed(dir), 0), "a.seg", "that one");
    ok(spool_gone(dir, ".hidden.new"), "what a dead maker left is removed");
    ok(!spool_gone(dir, young), "a living one's is not");
    ok(spool_list(&list, "/nonexistent", pool) != APR_SUCCESS,
       "no directory, no list");
}

static void test_read(void)
{
    const char *dir = fresh_dir();
    apr_size_t len = 9;

    put_file(dir, "a.seg", "one\ntwo\nthr");
    spool_read(buffer, &len, dir, "a.seg", 0, 64);
    is_int(len, 8, "to the last newline");
    spool_read(buffer, &len, dir, "a.seg", 4, 64);
    ok(len == 4 && !memcmp(buffer, "two\n", 4), "from an offset");
    spool_read(buffer, &len, dir, "a.seg", 8, 64);
    is_int(len, 0, "no whole line: nothing");
    spool_read(buffer, &len, dir, "a.seg", 100, 64);
    is_int(len, 0, "beyond its end: nothing");
    spool_read(buffer, &len, dir, "a.seg", 0, 6);
    is_int(len, 4, "what fits");
    is_int(spool_read(buffer, &len, dir, "a.seg", 0, 3), APR_EINCOMPLETE,
           "a line longer than all lines");
    is_int(len, 3, "is told with its length");
    ok(APR_STATUS_IS_ENOENT(spool_read(buffer, &len, dir, "b.seg", 0, 64)),
       "no such segment");
    is_int(len, 0, "is nothing read");
}

static void test_reject(void)
{
    const char *dir = fresh_dir();
    int fd;

    is_int(spool_reject(dir, "a\0b", 3), APR_SUCCESS, "a line put aside");
    is_int(spool_reject(dir, "", 0), APR_SUCCESS, "an empty one");
    fd = open(apr_pstrcat(pool, dir, "/rejected", NULL), O_RDONLY);
    is_int(read(fd, buffer, 64), 5, "both are there");
    ok(!memcmp(buffer, "a\0b\n\n", 5), "byte for byte");
    close(fd);
    ok(spool_reject("/nonexistent", "a", 1) != APR_SUCCESS,
       "nowhere to put it");
}

static void test_drain_lock(void)
{
    const char *dir = fresh_dir();
    int first = -1, second = -1;

    is_int(spool_lock(&first, dir, pool), APR_SUCCESS, "the drain's lock");
    is_int(spool_lock(&second, dir, pool), APR_EAGAIN, "is one");
    spool_unlock(second);
    spool_unlock(first);
    is_int(spool_lock(&second, dir, pool), APR_SUCCESS, "and comes free");
    spool_unlock(second);
}

static void test_node(void)
{
    const char *dir = fresh_dir();
    char first[37], again[37];
    int i, wrong = 0, status;

    for (i = 0; i < 20; i++) {
        if (fork() == 0) {
            _exit(spool_node(again, dir) != APR_SUCCESS);
        }
    }
    while (wait(&status) > 0) {
        wrong += status != 0;
    }
    is_int(wrong, 0, "twenty ask for the node at once");
    is_int(spool_node(first, dir), APR_SUCCESS, "there is one");
    is_int(strlen(first), 36, "a UUID");
    spool_node(again, dir);
    is_str(again, first, "the same for all");
    is_int(entries(dir), 1, "nothing of the others is left");
    put_file(dir, "node", "short");
    ok(spool_node(again, dir) != APR_SUCCESS, "a damaged one is told");
}

static void *APR_THREAD_FUNC append_many(apr_thread_t *thread, void *data)
{
    int i;

    (void)thread;
    for (i = 0; i < APPENDS; i++) {
        char line[400];
        int n = apr_snprintf(line, sizeof(line), "%d %0*d\n",
                             i, 100 + i % 200, i);

        spool_append(data, line, (apr_size_t)n);
    }
    return NULL;
}

static void test_threads(void)
{
    const char *dir = fresh_dir();
    spool_t *spool = fresh_spool(dir, pool);
    apr_thread_t *threads[THREADS];
    apr_off_t at = 0;
    apr_size_t len;
    apr_status_t rv;
    int lines = 0, wrong = 0;
    int i;

    for (i = 0; i < THREADS; i++) {
        apr_thread_create(&threads[i], NULL, append_many, spool, pool);
    }
    for (i = 0; i < THREADS; i++) {
        apr_thread_join(&rv, threads[i]);
    }
    while (spool_read(buffer, &len, dir, name_at(listed(dir), 0), at,
                      sizeof(buffer)) == APR_SUCCESS && len) {
        char *line = buffer, *end;

        for (; line < buffer + len; line = end + 1, lines++) {
            int a = -1, b = -2;

            end = memchr(line, '\n', len);
            wrong += sscanf(line, "%d %d", &a, &b) != 2 || a != b;
        }
        at += (apr_off_t)len;
    }
    is_int(lines, THREADS * APPENDS, "every line of %d threads", THREADS);
    is_int(wrong, 0, "is whole");
}

static void remove_root(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s", root);
    if (system(command) != 0) {
        fprintf(stderr, "# %s stays\n", root);
    }
}

int main(void)
{
    int failed;

    signal(SIGXFSZ, SIG_IGN);
    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (!mkdtemp(root) || board_make(&board, pool) != APR_SUCCESS) {
        printf("Bail out! no directory\n");
        return 99;
    }
    test_append();
    test_age();
    test_death();
    test_roll();
    test_short();
    test_limit();
    test_names();
    test_read();
    test_reject();
    test_drain_lock();
    test_node();
    test_threads();
    failed = done_testing();
    remove_root();
    apr_terminate();
    return failed;
}
