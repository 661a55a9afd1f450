/* SPDX-License-Identifier: MIT */
/*
 * --check as a whole (contract in check.h): configuration, store, monitors,
 * then all trials at once, told in a fixed order. Main thread.
 */
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "check.h"
#include "check_line.h"
#include "monitors.h"
#include "store.h"

#define TICK  "\xe2\x9c\x93"
#define CROSS "\xe2\x9c\x97"

/* -- lines ---------------------------------------------------------------- */

check_line_t *check_line(check_t *check, const char *what)
{
    check_line_t *line = apr_pcalloc(check->pool, sizeof(*line));

    line->check = check;
    line->what = what;
    apr_pool_create(&line->pool, check->pool);
    APR_ARRAY_PUSH(check->lines, check_line_t *) = line;
    return line;
}

static void print(const check_line_t *line)
{
    char *words = apr_pstrdup(line->pool, line->words), *at;

    for (at = words; *at; at++) {       /* servers wrote some of it */
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = ' ';
        }
    }
    printf("%s %s: %s\n", line->fault ? CROSS : TICK, line->what, words);
    fflush(stdout);
}

static void tell(check_t *check)
{
    while (check->told < check->lines->nelts) {
        const check_line_t *line = APR_ARRAY_IDX(check->lines, check->told,
                                                 const check_line_t *);

        if (!line->words) {
            return;
        }
        print(line);
        check->told++;
    }
}

void check_known(check_line_t *line, int fault, const char *words)
{
    check_t *check = line->check;

    line->words = apr_pstrdup(check->pool, words);
    line->fault = fault;
    check->faults += fault;
    tell(check);
    if (check->waiting && --check->waiting == 0 && check->loop) {
        loop_stop(check->loop);
    }
}

/* What needs no waiting. */
static void say(check_t *check, int fault, const char *what, const char *words)
{
    check_line_t *line = check_line(check, what);

    line->words = words;
    line->fault = fault;
    check->faults += fault;
    tell(check);
}

/* -- configuration and store ---------------------------------------------- */

static int plural(int count)
{
    return count == 1 ? 0 : 's';
}

static void say_configuration(check_t *check, const char *path)
{
    const configuration_t *c = check->configuration;
    int accounts = (int)apr_hash_count(c->accounts);
    char ends[3][2] = { { (char)plural(accounts), 0 },
                        { (char)plural(c->monitors->nelts), 0 },
                        { (char)plural(c->channels->nelts), 0 } };

    say(check, 0, "configuration",
        apr_psprintf(check->pool, "%s: %d account%s, %d monitor%s declared, "
                     "%d channel%s", path, accounts, ends[0],
                     c->monitors->nelts, ends[1], c->channels->nelts,
                     ends[2]));
}

/* @return what is monitored by the store; NULL: it cannot be asked */
static apr_array_header_t *check_store(check_t *check)
{
    const config_store_t *where = &check->configuration->store;
    apr_array_header_t *monitors = NULL;
    store_t *store = NULL;
    apr_status_t rv = store_open(&store, where->driver, where->params,
                                 check->pool);

    if (rv == APR_SUCCESS) {
        rv = store_ready(store);
    }
    if (rv == APR_SUCCESS) {
        rv = monitors_list(&monitors, store, check->pool);
    }
    if (rv != APR_SUCCESS) {
        const char *remedy = store ? store_remedy(store, rv, check->pool)
                                   : "";

        say(check, 1, "store",
            apr_psprintf(check->pool, "%s%s%s", store ? store_error(store)
                         : "cannot be opened", *remedy ? "; " : "", remedy));
        return NULL;
    }
    say(check, 0, "store", apr_psprintf(check->pool, "%s is ready",
                                        store_name(store)));
    return monitors;
}

/* -- monitors ------------------------------------------------------------- */

static const char *account_fault(const check_t *check, const char *name,
                                 int watches)
{
    const account_t *account = apr_hash_get(check->configuration->accounts,
                                            name, APR_HASH_KEY_STRING);

    if (!account) {
        return apr_psprintf(check->pool, "account \"%s\" is not in the "
                            "configuration", name);
    }
    if (watches ? !account->imap : !account->smtp) {
        return apr_psprintf(check->pool, "account \"%s\" has no \"%s\"", name,
                            watches ? "imap" : "smtp");
    }
    return NULL;
}

static void check_monitor(check_t *check, const monitor_t *m)
{
    const char *fault = account_fault(check, m->send_account, 0);
    const char *what = apr_pstrcat(check->pool, "monitor ", m->name, NULL);

    if (!fault) {
        fault = account_fault(check, m->watch_account, 1);
    }
    say(check, fault != NULL, what, fault ? fault
        : apr_psprintf(check->pool, "%s, sent by %s, seen by %s%s",
                       m->recipient, m->send_account, m->watch_account,
                       m->enabled ? "" : " (paused)"));
}

/* Those of the store and, where it does not know them yet, of the file. */
static apr_array_header_t *check_monitors(check_t *check,
                                          const apr_array_header_t *stored)
{
    const apr_array_header_t *declared = check->configuration->monitors;
    apr_array_header_t *all = apr_array_make(check->pool, 8,
                                             sizeof(monitor_t));
    int i;

    for (i = 0; stored && i < stored->nelts; i++) {
        const monitor_t *m = &APR_ARRAY_IDX(stored, i, monitor_t);

        if (!m->declared) {
            APR_ARRAY_PUSH(all, monitor_t) = *m;
        }
    }
    apr_array_cat(all, declared);
    for (i = 0; i < all->nelts; i++) {
        check_monitor(check, &APR_ARRAY_IDX(all, i, monitor_t));
    }
    return all;
}

/* -- whoever would tell depends on what is watched ------------------------ */

static int same_server(const account_t *one, const account_t *other)
{
    return one && other && one->smtp && other->smtp
           && !strcmp(one->smtp->host, other->smtp->host);
}

static int goes_by_route(const check_t *check, const channel_t *channel,
                         const monitor_t *m)
{
    const account_t *send = apr_hash_get(check->configuration->accounts,
                                         m->send_account,
                                         APR_HASH_KEY_STRING);
    int i;

    if (channel->account == send || same_server(channel->account, send)) {
        return 1;
    }
    for (i = 0; i < channel->to->nelts; i++) {
        const char *at = strrchr(APR_ARRAY_IDX(channel->to, i, const char *),
                                 '@');

        if (at && !strcasecmp(at + 1, m->domain)) {
            return 1;
        }
    }
    return 0;
}

static int depends(const check_t *check, const channel_t *channel,
                   const apr_array_header_t *monitors)
{
    int i;

    for (i = 0; channel->kind == CHANNEL_EMAIL && i < monitors->nelts; i++) {
        const monitor_t *m = &APR_ARRAY_IDX(monitors, i, monitor_t);

        if (m->enabled && goes_by_route(check, channel, m)) {
            return 1;
        }
    }
    return 0;
}

static void warn(const check_t *check, const apr_array_header_t *monitors)
{
    const apr_array_header_t *channels = check->configuration->channels;
    int i, free = 0;

    for (i = 0; i < channels->nelts; i++) {
        free += !depends(check, APR_ARRAY_IDX(channels, i, const channel_t *),
                         monitors);
    }
    if (!channels->nelts) {
        puts("! nobody is told anything: there is no channel");
    }
    else if (!free && monitors->nelts) {
        puts("! every channel depends on a route that is watched: when it "
             "fails, nobody learns of it. Give one an account with another "
             "provider, or another kind of channel.");
    }
}

/* -- the whole ------------------------------------------------------------ */

static int try_all(check_t *check)
{
    if (loop_create(&check->loop, check->pool) != APR_SUCCESS) {
        say(check, 1, "network", "the event loop does not start");
        return 1;
    }
    check->waiting = 1;         /* until all have begun */
    check_accounts(check);
    check_channels(check);
    if (--check->waiting) {
        loop_run(check->loop);
    }
    return 0;
}

int check_run(const char *path, apr_pool_t *pool)
{
    check_t check = { .pool = pool };
    configuration_t *configuration;
    apr_array_header_t *monitors;
    const char *problem;

    check.lines = apr_array_make(pool, 16, sizeof(check_line_t *));
    if (configuration_read(&configuration, &problem, path, pool)
        != APR_SUCCESS) {
        say(&check, 1, "configuration", problem);
        return 1;
    }
    check.configuration = configuration;
    say_configuration(&check, path);
    monitors = check_monitors(&check, check_store(&check));
    if (try_all(&check) == 0) {
        warn(&check, monitors);
    }
    return check.faults ? 1 : 0;
}
