/* SPDX-License-Identifier: MIT */
/*
 * mailprobe: the command line, and nothing else. What it can be asked for is
 * the daemon (daemon.c), --check (check.c), and one probe or one message at
 * once (plugin.c). Runs in the main thread before anything is started.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_strings.h>

#include "check.h"
#include "configuration.h"
#include "daemon.h"
#include "log.h"
#include "plugin.h"
#include "store.h"

#define EXIT_USAGE 2

enum { OPT_CHECK = 256, OPT_ONCE, OPT_TEST_CHANNEL, OPT_VERSION, OPT_HELP };

static const apr_getopt_option_t options[] = {
    { "config", 'c', 1, "the configuration "
      "(" MAILTRACK_CONF_DIR "/mailprobe.yaml)" },
    { "foreground", 'f', 0, "stay in the foreground" },
    { "verbose", 'v', 0, "say more; twice: everything" },
    { "check", OPT_CHECK, 0, "try configuration, store, accounts and channels, "
      "and end" },
    { "once", OPT_ONCE, 1, "send one probe of this monitor and tell its fate "
      "as a Nagios plugin" },
    { "test-channel", OPT_TEST_CHANNEL, 1, "send a test message by this "
      "channel" },
    { "version", OPT_VERSION, 0, "print the release" },
    { "help", OPT_HELP, 0, "print this" },
    { NULL, 0, 0, NULL }
};

typedef struct {
    const char *config, *monitor, *channel;
    int foreground, verbose, check;
    int over;                   /* help or version was asked for */
} wish_t;

static void help(FILE *out)
{
    int i;

    fputs("usage: mailprobe [-c FILE] [-f] [-v]\n"
          "       mailprobe [-c FILE] --check\n"
          "       mailprobe [-c FILE] --once MONITOR\n"
          "       mailprobe [-c FILE] --test-channel NAME\n\n", out);
    for (i = 0; options[i].name; i++) {
        char name[48];

        snprintf(name, sizeof(name), "%s%c%s--%s",
                 options[i].optch < 256 ? "-" : "",
                 options[i].optch < 256 ? options[i].optch : ' ',
                 options[i].optch < 256 ? ", " : "   ", options[i].name);
        fprintf(out, "  %-20s %s\n", name, options[i].description);
    }
}

static void take(wish_t *wish, int option, const char *value)
{
    switch (option) {
    case 'c':
        wish->config = value;
        break;
    case 'f':
        wish->foreground = 1;
        break;
    case 'v':
        wish->verbose++;
        break;
    case OPT_CHECK:
        wish->check = 1;
        break;
    case OPT_ONCE:
        wish->monitor = value;
        break;
    case OPT_TEST_CHANNEL:
        wish->channel = value;
        break;
    case OPT_VERSION:
        puts("mailprobe " MAILTRACK_VERSION);
        wish->over = 1;
        break;
    default:
        help(stdout);
        wish->over = 1;
    }
}

/* @return 0, or what to exit with */
static int read_options(wish_t *wish, int argc, const char *const *argv,
                        apr_pool_t *pool)
{
    apr_getopt_t *state;
    const char *value;
    apr_status_t rv;
    int option;

    if (apr_getopt_init(&state, pool, argc, argv) != APR_SUCCESS) {
        return EXIT_USAGE;
    }
    while ((rv = apr_getopt_long(state, options, &option, &value))
           == APR_SUCCESS) {
        take(wish, option, value);
    }
    if (rv != APR_EOF || (!wish->over && state->ind < argc)) {
        if (rv == APR_EOF) {
            fprintf(stderr, "mailprobe: %s: not an option\n",
                    argv[state->ind]);
        }
        help(stderr);
        return EXIT_USAGE;
    }
    if (wish->check + !!wish->monitor + !!wish->channel > 1) {
        fputs("mailprobe: --check, --once and --test-channel go one at a "
              "time\n", stderr);
        return EXIT_USAGE;
    }
    return 0;
}

static int run(const wish_t *wish, apr_pool_t *pool)
{
    apr_pool_t *first;
    configuration_t *configuration;
    const char *problem;

    if (wish->check) {
        return check_run(wish->config, pool);
    }
    apr_pool_create(&first, pool);
    if (configuration_read(&configuration, &problem, wish->config, first)
        != APR_SUCCESS) {
        if (wish->monitor) {
            printf("MAILPROBE UNKNOWN - %s\n", problem);
            return PLUGIN_UNKNOWN;
        }
        fprintf(stderr, "mailprobe: %s\n", problem);
        return EXIT_USAGE;
    }
    if (wish->monitor) {
        return plugin_probe(configuration, wish->monitor, pool);
    }
    if (wish->channel) {
        return plugin_channel(configuration, wish->channel, pool);
    }
    return daemon_run(configuration, first, wish->foreground, pool);
}

int main(int argc, const char *const *argv)
{
    wish_t wish = { .config = MAILTRACK_CONF_DIR "/mailprobe.yaml" };
    apr_pool_t *pool;
    int status;

    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS
        || apr_pool_create(&pool, NULL) != APR_SUCCESS
        || store_initialize(pool) != APR_SUCCESS) {
        fputs("mailprobe: APR does not start\n", stderr);
        return EXIT_USAGE;
    }
    status = read_options(&wish, argc, argv, pool);
    if (status || wish.over) {
        return status;
    }
    log_setup(wish.verbose > 1 ? LOG_DEBUG
              : wish.verbose ? LOG_INFO
              : wish.monitor || wish.check || wish.channel ? LOG_ERROR
              : LOG_NOTICE);
    status = run(&wish, pool);
    apr_pool_destroy(pool);
    return status;
}
