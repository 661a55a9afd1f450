/* SPDX-License-Identifier: MIT */
/*
 * Strangers' text on its way into messages: whatever it is, each result keeps
 * what plain.h and channels.h promise of it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "channels.h"
#include "plain.h"
#include "utf8.h"

static void check(int good)
{
    if (!good) {
        abort();
    }
}

static void check_line(const char *line, apr_size_t max)
{
    const char *c;

    check(utf8_valid(line, strlen(line)) && utf8_length(line) <= max);
    for (c = line; *c; c++) {
        check((unsigned char)*c >= ' ' && *c != 0x7f);
    }
}

static void check_header(const char *value)
{
    const char *c;

    for (c = value; *c; c++) {
        check(*c >= ' ' && *c <= '~');
    }
}

static void check_judged(const char *text, apr_pool_t *pool)
{
    channel_t channel = { 0 };
    channel_answer_t answer = { 0, 429, 0, "", text };
    channel_result_t result;

    channel.kind = CHANNEL_DISCORD;
    channel.url = "https://x.example/secret/path";
    channel.token = "tk_token";
    channels_judge(&result, &channel, &answer, pool);
    check(result.state == CHANNEL_DOWN && result.retry_after >= 0
          && result.retry_after <= CHANNELS_RETRY_MAX);
    check_line(result.detail, 400);
    check(!strstr(result.detail, "/secret/path")
          && !strstr(result.detail, "tk_token"));
}

static void check_requests(const char *text, apr_pool_t *pool)
{
    outbox_mail_t mail = { "id", text, text, 0, STORE_NULL, text, 1, 0, text,
                           text, "human", text };
    wording_facts_t facts = { 0 };
    channel_t channel = { 0 };
    channel_request_t request;
    int kind, i;

    facts.event = EVENT_FIRST_OPEN;
    facts.key = text;
    facts.mail = &mail;
    facts.held_since = STORE_NULL;
    facts.base_url = "https://x.example";
    channel.name = channel.url = "https://x.example";
    channel.secret = channel.token = "token";
    for (kind = CHANNEL_DISCORD; kind <= CHANNEL_NTFY; kind++) {
        channel.kind = (channel_kind_t)kind;
        channels_request(&request, &channel, &facts,
                         wording_make(&facts, pool), pool);
        check(request.length && utf8_valid(request.body, request.length));
        for (i = 0; i < request.headers->nelts; i++) {
            check(!strpbrk(APR_ARRAY_IDX(request.headers, i, const char *),
                           "\r\n"));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *root;
    apr_pool_t *pool;
    const char *text, *line;

    if (!root) {
        apr_initialize();
        apr_pool_create(&root, NULL);
    }
    apr_pool_create(&pool, root);
    text = apr_pstrmemdup(pool, (const char *)data, size);
    line = plain_line(text, 40, pool);
    check_line(line, 40);
    check(strcspn(plain_html(line, pool), "<>\"'") == strlen(plain_html(line,
                                                                   pool)));
    check(strlen(plain_cut_bytes(line, 20, pool)) <= 20);
    check_header(plain_header(line, pool));
    check_judged(text, pool);
    check_requests(text, pool);
    apr_pool_destroy(pool);
    return 0;
}
