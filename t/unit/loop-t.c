/* SPDX-License-Identifier: MIT */
/*
 * The loop (timers in order, posts of many threads, sockets ended in the round
 * they have news in, transfers to a small server that counts who is there at
 * once) and the store thread: in order, beside a store that is locked, not
 * there, and back.
 */
#include "tap.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_strings.h>

#include "engine.h"
#include "fixture.h"
#include "log.h"
#include "loop.h"
#include "storage.h"

static loop_t *loop;
static apr_pool_t *pool;

static void stop(void *data)
{
    (void)data;
    loop_stop(loop);
}

/* -- timers ---------------------------------------------------------------- */

#define TIMERS 500

static struct { loop_timer_t *timer; apr_int64_t due; int fired; }
    timers[TIMERS];
static int early, fired, said;

static void on_timer(void *data)
{
    int i = *(int *)data;

    early += loop_clock() < timers[i].due;
    timers[i].fired++;
    fired++;
}

static void test_timers(void)
{
    static int index[TIMERS];
    apr_pool_t *gone;
    int i, wrong = 0;

    apr_pool_create(&gone, pool);
    for (i = 0; i < TIMERS; i++) {
        index[i] = i;
        timers[i].timer = loop_timer(loop, on_timer, &index[i],
                                     i % 7 ? pool : gone);
        loop_timer_set(timers[i].timer, fixture_random(100000));
    }
    for (i = 0; i < TIMERS; i++) {      /* moved, both ways */
        int in = fixture_random(60000);

        loop_timer_set(timers[i].timer, in);
        /* not before the loop may have thought so */
        timers[i].due = loop_clock() + in - 5000;
    }
    for (i = 0; i < TIMERS; i += 5) {
        loop_timer_clear(timers[i].timer);
    }
    apr_pool_destroy(gone);
    loop_timer_set(loop_timer(loop, stop, NULL, pool), 80000);
    is_int(loop_run(loop), APR_SUCCESS, "it runs until it is stopped");
    for (i = 0; i < TIMERS; i++) {
        wrong += timers[i].fired != (i % 5 && i % 7 ? 1 : 0);
    }
    is_int(wrong, 0, "timers fire once; cleared ones and those of a pool that"
           " is gone do not (%d)", fired);
    is_int(early, 0, "never early");
}

static void order(void *data)
{
    said = said * 10 + *(const int *)data;
}

static void test_order(void)
{
    static int one = 1, two = 2, three = 3;

    loop_timer_set(loop_timer(loop, order, &three, pool), 30000);
    loop_timer_set(loop_timer(loop, order, &one, pool), -5);
    loop_timer_set(loop_timer(loop, order, &two, pool), 15000);
    loop_timer_set(loop_timer(loop, stop, NULL, pool), 45000);
    loop_timer_set(loop_timer(loop, stop, NULL, pool), APR_INT64_MAX);
    loop_run(loop);
    is_int(said, 123, "in the order they are due");
}

/* -- posts ----------------------------------------------------------------- */

#define POSTERS 4
#define POSTS   20000

static int got[POSTERS], posts_wrong, posts;
static struct { int poster, number; } sent[POSTERS][POSTS];

static void on_post(void *data)
{
    const int *one = data;

    posts_wrong += one[1] != got[one[0]]++;
    if (++posts == POSTERS * POSTS) {
        loop_stop(loop);
    }
}

static void *poster(void *data)
{
    int me = *(int *)data, i;

    for (i = 0; i < POSTS; i++) {
        sent[me][i].poster = me;
        sent[me][i].number = i;
        loop_post(loop, on_post, &sent[me][i]);
    }
    return NULL;
}

static void test_posts(void)
{
    static int who[POSTERS];
    pthread_t thread[POSTERS];
    int i;

    for (i = 0; i < POSTERS; i++) {
        who[i] = i;
        pthread_create(&thread[i], NULL, poster, &who[i]);
    }
    loop_run(loop);
    for (i = 0; i < POSTERS; i++) {
        pthread_join(thread[i], NULL);
    }
    is_int(posts, POSTERS * POSTS, "every post of %d threads comes", POSTERS);
    is_int(posts_wrong, 0, "in the order of its thread");
}

/* -- sockets --------------------------------------------------------------- */

static loop_socket_t *sockets[2];
static int woken;

static void on_socket(void *data)
{
    (void)data;
    woken++;
    loop_socket_end(sockets[0]);
    loop_socket_end(sockets[1]);
    loop_timer_set(loop_timer(loop, stop, NULL, pool), 20000);
}

static void test_sockets(void)
{
    int pairs[2][2], i;

    for (i = 0; i < 2; i++) {
        socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]);
        must(loop_socket(&sockets[i], loop, pairs[i][0], on_socket, NULL,
                         pool));
        is_int(write(pairs[i][1], "x", 1), 1, "news");
    }
    loop_run(loop);
    is_int(woken, 1, "the first to be told ends both: the other is not told");
    for (i = 0; i < 4; i++) {
        close(pairs[i / 2][i % 2]);
    }
}

/* -- transfers ------------------------------------------------------------- */

#define TRANSFERS 60

static int port, there, most;
static volatile int hang;
static pthread_mutex_t server_lock = PTHREAD_MUTEX_INITIALIZER;

static void *serve_one(void *data)
{
    static const char answer[] = "HTTP/1.0 200 OK\r\n\r\nhello";
    int fd = *(int *)data;
    char text[1000];

    free(data);
    pthread_mutex_lock(&server_lock);
    there++;
    most = there > most ? there : most;
    pthread_mutex_unlock(&server_lock);
    if (read(fd, text, sizeof(text)) > 0 && !hang) {
        usleep(20000);
        if (write(fd, answer, sizeof(answer) - 1) < 0) {
            perror("# write");
        }
    } else if (hang && read(fd, text, 1) > 0) {
        perror("# more than a question");
    }
    pthread_mutex_lock(&server_lock);
    there--;
    pthread_mutex_unlock(&server_lock);
    close(fd);
    return NULL;
}

static void *serve(void *data)
{
    int listener = *(int *)data;

    for (;;) {
        int *fd = malloc(sizeof(*fd));
        pthread_t thread;

        *fd = accept(listener, NULL, NULL);
        if (*fd < 0) {
            free(fd);
            return NULL;
        }
        pthread_create(&thread, NULL, serve_one, fd);
        pthread_detach(thread);
    }
}

static int listen_anywhere(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&a, size) || listen(fd, 200)
        || getsockname(fd, (struct sockaddr *)&a, &size)) {
        fixture_die("no listener");
    }
    port = ntohs(a.sin_port);
    return fd;
}

static int done_ok, done_other, want;
static CURL *easies[TRANSFERS];
static CURLcode last_rc;

static size_t swallow(char *bytes, size_t size, size_t n, void *data)
{
    (void)bytes;
    *(int *)data += (int)(size * n);
    return size * n;
}

static void on_done(CURL *easy, CURLcode rc, void *data)
{
    (void)data;
    last_rc = rc;
    if (rc == CURLE_OK) {
        done_ok++;
    } else {
        done_other++;
    }
    curl_easy_cleanup(easy);
    if (done_ok + done_other == want) {
        loop_stop(loop);
    }
}

static CURL *easy_to(int to, int *bytes)
{
    CURL *easy = curl_easy_init();

    curl_easy_setopt(easy, CURLOPT_URL,
                     apr_psprintf(pool, "http://127.0.0.1:%d/", to));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, bytes);
    return easy;
}

static void test_transfers(void)
{
    int bytes = 0, i;

    done_ok = done_other = 0;
    want = TRANSFERS - 2;
    for (i = 0; i < TRANSFERS; i++) {
        easies[i] = easy_to(port, &bytes);
        must(loop_transfer(loop, easies[i], on_done, NULL));
    }
    is_int(loop_transfer(loop, easies[3], on_done, NULL), APR_EEXIST,
           "one that runs is not taken twice");
    loop_release(loop, easies[0]);              /* runs */
    loop_release(loop, easies[TRANSFERS - 1]);  /* waits */
    loop_run(loop);
    is_int(done_ok, TRANSFERS - 2, "every transfer comes to its end");
    is_int(bytes, 5 * done_ok, "with its answer");
    ok(most > 1 && most <= 21, "some at once, not too many: %d", most);
    curl_easy_cleanup(easies[0]);
    curl_easy_cleanup(easies[TRANSFERS - 1]);
}

/* More servers that say nothing than there are places: who comes after them
 * gets through. */
static void test_hanging(void)
{
    int bytes = 0, i;

    hang = 1;
    done_ok = done_other = 0;
    for (i = 0; i < 30; i++) {
        easies[i] = easy_to(port, &bytes);
        curl_easy_setopt(easies[i], CURLOPT_TIMEOUT_MS, 60000L);
        must(loop_transfer(loop, easies[i], on_done, NULL));
    }
    want = 1;
    must(loop_transfer(loop, easy_to(1, &bytes), on_done, NULL));
    loop_run(loop);
    is_int(last_rc, CURLE_COULDNT_CONNECT,
           "thirty that hang do not keep the next from its turn");
    for (i = 0; i < 30; i++) {
        loop_release(loop, easies[i]);
        curl_easy_cleanup(easies[i]);
    }
}

static int again;

static void on_again(CURL *easy, CURLcode rc, void *data)
{
    last_rc = rc;
    if (++again < 3) {
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, data);
        must(loop_transfer(loop, easy, on_again, data));
        return;
    }
    loop_release(loop, easy);
    curl_easy_cleanup(easy);
    loop_stop(loop);
}

static void test_again(void)
{
    int bytes = 0;

    hang = 0;
    must(loop_transfer(loop, easy_to(port, &bytes), on_again, &bytes));
    loop_run(loop);
    ok(again == 3 && last_rc == CURLE_OK && bytes == 15,
       "a handle can be handed over again by its own callback");
}

/* -- the store thread ------------------------------------------------------ */

static storage_t *storage;
static int jobs_seen, jobs_wrong, busy_seen, work_runs;
static apr_status_t job_rv;
static char job_error[300];

/* Waits for nobody: what is tested is not SQLite's patience. */
static void no_patience(store_t *store)
{
    sqlite3_busy_timeout(apr_dbd_native_handle(store->driver, *store->handle),
                         1);
}

static apr_status_t work_add(store_t *store, void *data, apr_pool_t *scratch)
{
    apr_status_t rv;

    work_runs++;
    no_patience(store);
    rv = store_begin(store);
    if (rv == APR_SUCCESS) {
        rv = store_end(store, store_exec(store, NULL, "INSERT INTO leases"
                       " (name, owner, until) VALUES (?, 'x', 1)", "t",
                       apr_psprintf(scratch, "job-%d", *(int *)data)));
    }
    return rv;
}

static apr_status_t work_bad(store_t *store, void *data, apr_pool_t *scratch)
{
    (void)data;
    (void)scratch;
    must(store_begin(store));           /* and leaves it open */
    return store_exec(store, NULL, "INSERT INTO nowhere VALUES (1)", "");
}

static void on_job(apr_status_t rv, const char *error, void *data)
{
    jobs_wrong += *(int *)data < 1000 && *(int *)data != jobs_seen;
    jobs_seen++;
    busy_seen += rv == STORE_EBUSY;
    job_rv = rv;
    apr_cpystrn(job_error, error, sizeof(job_error));
    if (jobs_seen == want) {
        loop_stop(loop);
    }
}

static void test_storage(void)
{
    static int number[200], last = 200;
    apr_int64_t rows = 0;
    int i;

    want = 201;
    for (i = 0; i < 200; i++) {
        number[i] = i;
        storage_submit(storage, i % 2 ? STORAGE_ONCE : STORAGE_UNTIL, work_add,
                       on_job, &number[i]);
    }
    storage_submit(storage, STORAGE_UNTIL, work_bad, on_job, &last);
    loop_run(loop);
    is_int(jobs_wrong, 0, "jobs are told in the order they were given");
    ok(job_rv == STORE_ESQL && strstr(job_error, "nowhere"),
       "one that cannot be done is told, with the store's words: %s",
       job_error);
    must(store_get_int(fixture, &rows, "SELECT count(*) FROM leases", ""));
    is_int(rows, 200, "all are in the store, and no transaction is left open");
    ok(!storage_trouble(storage), "no trouble");
}

static void unlock(void *data)
{
    (void)data;
    ok(storage_trouble(storage) != NULL, "trouble: %s",
       storage_trouble(storage) ? storage_trouble(storage) : "none");
    is_int(jobs_seen, 3, "who does not wait has been told");
    is_int(busy_seen, 3, "that the store is locked");
    must(store_commit(fixture));
}

static void test_locked(void)
{
    static int n[] = { 1000, 1001, 1002, 1003, 1004 };
    apr_int64_t rows = 0;

    want = 4;
    jobs_seen = jobs_wrong = busy_seen = work_runs = 0;
    must(store_begin(fixture));
    storage_submit(storage, STORAGE_ONCE, work_add, on_job, &n[0]);
    storage_submit(storage, STORAGE_UNTIL, work_add, NULL, &n[1]);
    storage_submit(storage, STORAGE_ONCE, work_add, on_job, &n[2]);
    storage_submit(storage, STORAGE_UNTIL, work_add, on_job, &n[3]);
    storage_submit(storage, STORAGE_ONCE, work_add, on_job, &n[4]);
    loop_timer_set(loop_timer(loop, unlock, NULL, pool), 1500000);
    loop_run(loop);
    is_int(job_rv, APR_SUCCESS, "and who waits is served when it is free");
    must(store_get_int(fixture, &rows, "SELECT count(*) FROM leases WHERE"
                       " name = 'job-1001'", ""));
    is_int(rows, 1, "once");
    ok(!storage_trouble(storage), "the trouble is over");
}

static void come_back(void *data)
{
    const char *trouble = storage_trouble(storage);

    (void)data;
    is_int(job_rv, STORE_EMISSING, "a store that is not there: told at once");
    ok(trouble && strstr(trouble, "init"), "with what mends it: %s",
       trouble ? trouble : "");
    must(schema_create("sqlite3", apr_pstrcat(pool, fixture_dir, "/later.db",
                                              NULL), pool));
}

static void migrate(void *data)
{
    store_t *store = NULL;
    int applied = 0;

    (void)data;
    must(store_open(&store, "sqlite3", apr_pstrcat(pool, fixture_dir,
                    "/later.db", NULL), pool));
    must(schema_migrate(store, &applied, pool));
}

static void test_missing(void)
{
    config_store_t config = { "sqlite3", NULL };
    static int one = 1000, two = 1001;

    config.params = apr_pstrcat(pool, fixture_dir, "/later.db", NULL);
    must(storage_start(&storage, loop, &config, pool));
    jobs_seen = 0;
    want = 2;
    storage_submit(storage, STORAGE_ONCE, work_add, on_job, &two);
    storage_submit(storage, STORAGE_UNTIL, work_add, on_job, &one);
    loop_timer_set(loop_timer(loop, come_back, NULL, pool), 300000);
    loop_timer_set(loop_timer(loop, migrate, NULL, pool), 700000);
    loop_run(loop);
    is_int(job_rv, APR_SUCCESS, "it came, empty, then with its schema: the job"
           " that waited is done");
    ok(!storage_trouble(storage), "no trouble any more");
}

static void test_stop(void)
{
    static int numbers[50];
    int i;

    jobs_seen = jobs_wrong = 0;
    want = -1;
    for (i = 0; i < 50; i++) {
        numbers[i] = i;
        storage_submit(storage, STORAGE_UNTIL, work_add, on_job, &numbers[i]);
    }
    is_int(storage_stop(storage, apr_time_from_sec(20)), 0,
           "the end: nothing is left undone");
    is_int(jobs_seen, 50, "and everybody was told");
    is_int(jobs_wrong, 0, "in order");
    is_int(storage_stop(storage, 0), 0, "a second end is none");
    storage_submit(storage, STORAGE_UNTIL, work_add, on_job, &numbers[0]);
    is_int(jobs_seen, 50, "after it nothing is taken");
}

static void test_stop_in_trouble(void)
{
    config_store_t config = { "sqlite3", "/nonexistent/store.db" };
    static int one = 1;

    must(storage_start(&storage, loop, &config, pool));
    storage_submit(storage, STORAGE_UNTIL, work_add, on_job, &one);
    storage_submit(storage, STORAGE_UNTIL, work_add, on_job, &one);
    is_int(storage_stop(storage, 100000), 2,
           "an end while the store is away says how much is undone");
}

int main(void)
{
    config_store_t config = { "sqlite3", NULL };
    pthread_t server;
    int listener;

    fixture_start();
    log_setup(LOG_NOTICE);
    /* its own, so that it goes first */
    apr_pool_create(&pool, NULL);
    must(loop_create(&loop, pool));
    test_timers();
    test_order();
    test_posts();
    test_sockets();
    listener = listen_anywhere();
    pthread_create(&server, NULL, serve, &listener);
    test_transfers();
    test_hanging();
    test_again();
    config.params = apr_pstrcat(pool, fixture_dir, "/t.db", NULL);
    must(storage_start(&storage, loop, &config, pool));
    test_storage();
    test_locked();
    test_missing();
    test_stop();
    test_stop_in_trouble();
    shutdown(listener, SHUT_RDWR);
    pthread_join(server, NULL);
    apr_pool_destroy(pool);
    return done_testing();
}
