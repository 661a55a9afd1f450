/* SPDX-License-Identifier: MIT */
/*
 * Delivering alone: `postman-t FILE` empties the outbox of the store that a
 * mailprobe.yaml names, until SIGTERM. For t/66-outbox.t; without a file there
 * is nothing to test.
 */
#include <signal.h>

#include <apr_general.h>
#include <apr_uuid.h>

#include "configuration.h"
#include "deliver.h"
#include "log.h"
#include "tap.h"

static loop_t *loop;
static volatile sig_atomic_t ended;

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

static loop_timer_t *timer;

static void look(void *data)
{
    (void)data;
    if (ended)
        loop_stop(loop);
    else
        loop_timer_set(timer, 20000);
}

static void must(apr_status_t rv, const char *what)
{
    char words[128];

    if (rv) {
        fprintf(stderr, "%s: %s\n", what,
                apr_strerror(rv, words, sizeof(words)));
        exit(1);
    }
}

int main(int argc, char **argv)
{
    apr_pool_t *process, *pool;
    configuration_t *configuration;
    const char *problem = "";
    storage_t *storage;
    deliver_t *deliver;
    char owner[APR_UUID_FORMATTED_LENGTH + 1];
    apr_uuid_t uuid;

    if (argc < 2) {
        puts("1..0 # SKIP driven by t/66-outbox.t");
        return 0;
    }
    apr_initialize();
    apr_pool_create(&process, NULL);
    must(store_initialize(process), "store_initialize");
    log_setup(LOG_INFO);
    if (configuration_read(&configuration, &problem, argv[1], process)) {
        fprintf(stderr, "%s\n", problem);
        return 1;
    }
    signal(SIGTERM, on_signal);
    apr_uuid_get(&uuid);
    apr_uuid_format(owner, &uuid);
    must(loop_create(&loop, process), "loop");
    must(storage_start(&storage, loop, &configuration->store, process),
         "storage");
    apr_pool_create(&pool, process);
    must(deliver_start(&deliver, loop, storage, configuration, owner, pool),
         "deliver");
    timer = loop_timer(loop, look, NULL, process);
    look(NULL);
    fprintf(stderr, "ready\n");
    must(loop_run(loop), "loop_run");
    apr_pool_destroy(pool);
    storage_stop(storage, APR_USEC_PER_SEC);
    apr_pool_destroy(process);
    apr_terminate();
    return 0;
}
