/* SPDX-License-Identifier: MIT */
/*
 * The trials of --check: each login, and each channel as far as can be tried
 * without telling anybody anything. Loop thread. No secret is in any word.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "check_line.h"
#include "fetch.h"
#include "smtp.h"
#include "watch.h"

/* A certificate that ends sooner is said. */
#define CERT_SOON apr_time_from_sec(14 * 86400)

static const char *server_of(const endpoint_t *end, const char *protocol,
                             apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s%s://%s:%d%s%s", protocol,
                        end->security == SECURITY_TLS ? "s" : "", end->host,
                        end->port, end->username ? " as " : "",
                        end->username ? end->username : "");
}

/* -- accounts ------------------------------------------------------------- */

typedef struct {
    check_line_t *line;
    const char *server;
} login_t;

/* By smtp_state_t. */
static const char *const faults[] = {
    "", "refused for now", "refused", "not reached", "no answer in time",
    "no safe connection", "not signed in", "no verdict"
};

static void smtp_tried(const smtp_result_t *result, void *data)
{
    const login_t *login = data;
    apr_pool_t *pool = login->line->pool;
    const char *words = login->server;
    apr_time_t left = result->cert_until - apr_time_now();

    if (result->state != SMTP_ACCEPTED) {
        check_known(login->line, 1,
                    apr_psprintf(pool, "%s: %s%s%s%s%s", login->server,
                                 faults[result->state],
                                 *result->phase ? " in phase " : "",
                                 result->phase, *result->reply ? ": " : "",
                                 result->reply));
        return;
    }
    if (result->cert_until && left < CERT_SOON) {
        words = apr_psprintf(pool, "%s; its certificate ends in %d days",
                             words, (int)(left / apr_time_from_sec(86400)));
    }
    check_known(login->line, 0, words);
}

static void imap_tried(int good, const char *words, void *data)
{
    const login_t *login = data;

    check_known(login->line, !good, good ? login->server
                : apr_psprintf(login->line->pool, "%s: %s", login->server,
                               words));
}

static login_t *begin(check_t *check, const char *kind, const char *name)
{
    check_line_t *line = check_line(check, apr_pstrcat(check->pool, kind, " ",
                                                       name, NULL));
    login_t *login = apr_pcalloc(line->pool, sizeof(*login));

    login->line = line;
    check->waiting++;
    return login;
}

static void try_account(check_t *check, const account_t *account)
{
    login_t *login;

    if (account->smtp) {
        login = begin(check, "smtp", account->name);
        login->server = server_of(account->smtp, "smtp", login->line->pool);
        if (smtp_try(check->loop, account, smtp_tried, login,
                     login->line->pool) != APR_SUCCESS) {
            check_known(login->line, 1, "cannot be tried");
        }
    }
    if (account->imap) {
        login = begin(check, "imap", account->name);
        login->server = server_of(account->imap, "imap", login->line->pool);
        if (watch_try(check->loop, account, imap_tried, login,
                      login->line->pool) != APR_SUCCESS) {
            check_known(login->line, 1, "cannot be tried");
        }
    }
}

static int by_name(const void *one, const void *other)
{
    return strcmp((*(const account_t *const *)one)->name,
                  (*(const account_t *const *)other)->name);
}

void check_accounts(check_t *check)
{
    apr_array_header_t *accounts = apr_array_make(check->pool, 8,
                                                  sizeof(account_t *));
    apr_hash_index_t *at;
    int i;

    for (at = apr_hash_first(check->pool, check->configuration->accounts); at;
         at = apr_hash_next(at)) {
        APR_ARRAY_PUSH(accounts, const void *) = apr_hash_this_val(at);
    }
    qsort(accounts->elts, (size_t)accounts->nelts, sizeof(account_t *),
          by_name);
    for (i = 0; i < accounts->nelts; i++) {
        try_account(check, APR_ARRAY_IDX(accounts, i, const account_t *));
    }
}

/* -- channels ------------------------------------------------------------- */

typedef struct {
    check_line_t *line;
    const channel_t *channel;
} visit_t;

/* A webhook may answer a question that is no message as it likes. */
static void visited(void *data, const char *problem, long status,
                    const char *body)
{
    const visit_t *visit = data;
    const channel_t *channel = visit->channel;
    apr_pool_t *pool = visit->line->pool;
    int refused = channel->kind == CHANNEL_WEBHOOK ? status >= 500
                  : status < 200 || status > 299;

    (void)body;
    if (*problem || refused) {
        check_known(visit->line, 1,
                    *problem ? apr_psprintf(pool, "%s: %s", channel->target,
                                            problem)
                    : apr_psprintf(pool, "%s answers %ld%s", channel->target,
                                   status, status == 401 || status == 403
                                   || status == 404 ? ": the URL or the token "
                                   "is not right" : ""));
        return;
    }
    check_known(visit->line, 0, apr_psprintf(pool, "%s (%s); nothing was "
                "sent, --test-channel does", channel->target,
                channel_kinds[channel->kind]));
}

static void visit_channel(check_t *check, visit_t *visit)
{
    const channel_t *channel = visit->channel;
    apr_pool_t *pool = visit->line->pool;
    fetch_request_t request = { .url = channel->url };
    fetch_t *fetch;

    if (channel->kind == CHANNEL_NTFY) {
        request.url = apr_pstrcat(pool, channel->url, "/auth", NULL);
        request.header = channel->token
            ? apr_pstrcat(pool, "Authorization: Bearer ", channel->token, NULL)
            : NULL;
    }
    request.head = channel->kind == CHANNEL_WEBHOOK;
    if (fetch_make(&fetch, check->loop, channel->ca_file, pool)
        != APR_SUCCESS
        || fetch_ask(fetch, &request, visited, visit) != APR_SUCCESS) {
        check_known(visit->line, 1, "cannot be tried");
    }
}

void check_channels(check_t *check)
{
    const apr_array_header_t *channels = check->configuration->channels;
    int i;

    for (i = 0; i < channels->nelts; i++) {
        const channel_t *channel = APR_ARRAY_IDX(channels, i,
                                                 const channel_t *);
        login_t *login = begin(check, "channel", channel->name);
        visit_t *visit = apr_pcalloc(login->line->pool, sizeof(*visit));

        visit->line = login->line;
        visit->channel = channel;
        if (channel->kind == CHANNEL_EMAIL) {
            check_known(visit->line, 0,
                        apr_psprintf(check->pool, "mail to %s by account %s, "
                                     "see smtp %s; --test-channel sends one",
                                     channel->target, channel->account->name,
                                     channel->account->name));
        }
        else {
            visit_channel(check, visit);
        }
    }
}
