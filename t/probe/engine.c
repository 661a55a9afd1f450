/* SPDX-License-Identifier: MIT */
/*
 * The engine alone, for t/63-probing.t: probes by a configuration until
 * SIGTERM, or once. Delivers nothing; says "told" where the outbox got
 * something.
 *   engine FILE              schedule, until a signal
 *   engine FILE once NAME    one probe; prints its row as JSON
 *   engine FILE again FILE2  as the first; SIGHUP changes to the second
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <jansson.h>

#include "leases.h"
#include "log.h"
#include "probing.h"
#include "store.h"

static apr_pool_t *pool;
static loop_t *loop;
static storage_t *storage;
static probing_t *probing;
static configuration_t *second;
static loop_socket_t *signals;
static int fd;
static const char *owner;
static int failed;

/* The deliverer is never looked into: any address does. */
static int told;

/* The real one sends; here it is enough that it was called. */
void deliver_hurry(deliver_t *deliver)
{
    (void)deliver;
    log_line(LOG_NOTICE, "told");
}

static apr_status_t drop_work(store_t *store, void *job, apr_pool_t *scratch)
{
    (void)job;
    (void)scratch;
    return leases_drop_all(store, owner);
}

static void on_signal(void *data)
{
    struct signalfd_siginfo info;

    (void)data;
    if (read(fd, &info, sizeof(info)) != sizeof(info)) {
        return;
    }
    if (info.ssi_signo == SIGHUP && second) {
        probing_reload(probing, second, (deliver_t *)&told);
        log_line(LOG_NOTICE, "reloaded");
        return;
    }
    probing_quiet(probing);
    storage_submit(storage, STORAGE_ONCE, drop_work, NULL, NULL);
    loop_stop(loop);
}

static void on_once(const probe_t *p, const monitor_t *m, const char *problem,
                    void *data)
{
    json_t *json = problem ? json_pack("{s:s}", "problem", problem)
        : json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "monitor", m->name,
                    "outcome", p->outcome, "detail", p->detail, "latency_us",
                    (json_int_t)p->latency_us, "state", m->state,
                    "hops", p->hops ? p->hops : "");
    char *text = json_dumps(json, JSON_COMPACT);

    (void)data;
    failed = problem != NULL;
    printf("%s\n", text);
    fflush(stdout);
    free(text);
    json_decref(json);
    loop_stop(loop);
}

static void must(apr_status_t rv, const char *what)
{
    char words[200];

    if (rv != APR_SUCCESS) {
        fprintf(stderr, "engine: %s: %s\n", what,
                apr_strerror(rv, words, sizeof(words)));
        exit(2);
    }
}

static configuration_t *read_file(const char *path)
{
    configuration_t *configuration;
    const char *problem = "";

    if (configuration_read(&configuration, &problem, path, pool)
        != APR_SUCCESS) {
        fprintf(stderr, "engine: %s\n", problem);
        exit(2);
    }
    return configuration;
}

static void listen_for_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC);
    must(loop_socket(&signals, loop, fd, on_signal, NULL, pool), "signals");
}

static const char *make_owner(void)
{
    unsigned char b[16];

    must(apr_generate_random_bytes(b, sizeof(b)), "random");
    return apr_psprintf(pool, "%02x%02x%02x%02x-%02x%02x-4%01x%02x-8%01x%02x-"
                        "%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
                        b[4], b[5], b[6] & 15, b[7], b[8] & 15, b[9], b[10],
                        b[11], b[12], b[13], b[14], b[15]);
}

int main(int argc, char **argv)
{
    configuration_t *configuration;
    int once = argc == 4 && !strcmp(argv[2], "once");

    if (argc != 2 && argc != 4) {
        return 2;
    }
    must(apr_initialize(), "apr");
    must(apr_pool_create(&pool, NULL), "pool");
    must(curl_global_init(CURL_GLOBAL_ALL) ? APR_EGENERAL : APR_SUCCESS,
         "curl");
    log_setup(LOG_INFO);
    must(store_initialize(pool), "store");
    configuration = read_file(argv[1]);
    second = argc == 4 && !once ? read_file(argv[3]) : NULL;
    owner = make_owner();
    must(loop_create(&loop, pool), "loop");
    listen_for_signals();
    must(storage_start(&storage, loop, &configuration->store, pool),
         "storage");
    must((once ? probing_idle : probing_start)(&probing, loop, storage,
         (deliver_t *)&told, configuration, owner, pool), "probing");
    if (once) {
        must(probing_once(probing, argv[3], on_once, NULL), "once");
    }
    log_line(LOG_NOTICE, "started");
    must(loop_run(loop), "loop");
    if (storage_stop(storage, apr_time_from_sec(2)) > 0) {
        _exit(failed ? 3 : 0);  /* its thread still uses APR's memory */
    }
    apr_terminate();
    return failed ? 3 : 0;
}
