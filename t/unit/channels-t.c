/* SPDX-License-Identifier: MIT */
/*
 * Requests as each kind of channel wants them, and answers judged: limits,
 * hostile texts, signatures, secrets that stay where they are.
 */
#include <apr_general.h>
#include <apr_strings.h>
#include <jansson.h>

#include "channels.h"
#include "tap.h"
#include "utf8.h"

#define NOW ((apr_int64_t)1795234371 * APR_USEC_PER_SEC)

static apr_pool_t *pool;
static channel_t channel;
static wording_facts_t facts;
static outbox_mail_t mail;
static channel_request_t request;
static wording_t *wording;

static void build(channel_kind_t kind, const char *subject)
{
    memset(&facts, 0, sizeof(facts));
    memset(&mail, 0, sizeof(mail));
    memset(&request, 0, sizeof(request));
    channel.name = "phone";
    channel.kind = kind;
    mail.public_id = "11111111-2222-3333-4444-555555555555";
    mail.recipient = "ann_b@example.org";
    mail.subject = subject;
    mail.created_at = NOW - apr_time_from_sec(3600);
    mail.created_by = STORE_NULL;
    mail.opened_at = NOW;
    mail.real_open_count = 1;
    mail.user_agent = "\xff";
    facts.event = EVENT_FIRST_OPEN;
    facts.key = "first_open:11111111";
    facts.created_at = facts.now = NOW;
    facts.zone.name = "UTC";
    facts.base_url = "https://t.example";
    facts.channel = "phone";
    facts.held_since = STORE_NULL;
    facts.mail = &mail;
    wording = wording_make(&facts, pool);
    channels_request(&request, &channel, &facts, wording, pool);
}

static const char *header(const char *name)
{
    apr_size_t len = strlen(name);
    int i;

    for (i = 0; i < request.headers->nelts; i++) {
        const char *line = APR_ARRAY_IDX(request.headers, i, const char *);

        if (strpbrk(line, "\r\n"))
            return "a header with a line end";
        if (!strncmp(line, name, len) && line[len] == ':')
            return line + len + 2;
    }
    return NULL;
}

static apr_size_t units(const char *text)
{
    apr_size_t count = 0;

    for (; *text; text++)
        count += ((*text & 0xc0) != 0x80 ? 1u : 0u)
                 + ((*text & 0xf8) == 0xf0 ? 1u : 0u);
    return count;
}

static json_t *body(void)
{
    json_t *json = json_loadb(request.body, request.length, 0, NULL);

    ok(json != NULL, "the body is JSON");
    return json;
}

static const char *text(json_t *json, const char *name)
{
    return apr_pstrdup(pool, json_string_value(json_object_get(json, name))
                       ? json_string_value(json_object_get(json, name))
                       : "(none)");
}

/* -- Discord --------------------------------------------------------------- */

static void test_discord(void)
{
    json_t *json, *embed;

    channel.url = "https://discord.example/api/webhooks/1/secret-token";
    build(CHANNEL_DISCORD, "Offer");
    is_str(request.url, "https://discord.example/api/webhooks/1/secret-token"
           "?wait=true", "waits to be told");
    json = body();
    is_str(text(json, "content"), "Opened: Offer", "the title");
    is_int(json_array_size(json_object_get(json_object_get(json,
           "allowed_mentions"), "parse")), 0, "nobody can be pinged");
    ok(json_is_array(json_object_get(json_object_get(json,
       "allowed_mentions"), "parse")), "and that is said");
    embed = json_array_get(json_object_get(json, "embeds"), 0);
    is_str(text(embed, "url"), "https://t.example/mail?id=11111111-2222-3333-"
           "4444-555555555555", "the link");
    ok(strstr(text(embed, "description"), "To: ann\\_b@example.org\n")
       != NULL, "an address without meaning");
    json_decref(json);
    channel.url = "https://discord.example/hook?thread_id=5";
    build(CHANNEL_DISCORD, "@everyone <@&123> **b** [x](https://evil.example)"
          " `c` ||s|| @here");
    is_str(request.url, "https://discord.example/hook?thread_id=5&wait=true",
           "a query stays");
    json = body();
    is_str(text(json, "content"), "Opened: \\@everyone \\<@&123> \\*\\*b\\*"
           "\\* \\[x\\](https\\://evil.example) \\`c\\` \\|\\|s\\|\\| \\@here",
           "nothing has a meaning");
    json_decref(json);
}

static void test_discord_limits(void)
{
    incident_t incident;
    apr_array_header_t *members =
        apr_array_make(pool, 200, sizeof(incident_member_t));
    char *wide = apr_palloc(pool, 4001);
    json_t *json, *embed;
    int i;

    memset(&incident, 0, sizeof(incident));
    for (i = 0; i < 1000; i++)
        memcpy(wide + 4 * i, "\xf0\x9f\x94\xa5", 4);
    wide[4000] = '\0';
    build(CHANNEL_DISCORD, "x");
    incident.public_id = "i";
    incident.kind = INCIDENT_DELIVERY;
    incident.closed_at = incident.acked_at = STORE_NULL;
    for (i = 0; i < 200; i++) {
        incident_member_t *m = apr_array_push(members);

        memset(m, 0, sizeof(*m));
        m->monitor_name = m->recipient = m->detail = m->last_hop = wide;
        m->state = STATE_MISSING;
        m->recovered_at = m->last_ok_at = STORE_NULL;
    }
    facts.mail = NULL;
    facts.event = EVENT_ALARM;
    facts.incident = &incident;
    facts.members = members;
    channels_request(&request, &channel, &facts,
                     wording_make(&facts, pool), pool);
    json = body();
    embed = json_array_get(json_object_get(json, "embeds"), 0);
    ok(units(text(json, "content")) <= DISCORD_CONTENT, "content's limit");
    ok(units(text(embed, "description")) <= DISCORD_DESCRIPTION,
       "description's limit");
    ok(units(text(embed, "description")) > DISCORD_DESCRIPTION / 2,
       "but what fits is there");
    ok(units(text(embed, "title")) <= DISCORD_TITLE, "title's limit");
    ok(units(text(embed, "title")) + units(text(embed, "description"))
       <= DISCORD_TOTAL, "the limit of all");
    json_decref(json);
    /* an escape doubles each of these */
    memset(wide, '*', 4000);
    wording->title = wording->lead = wide;
    channels_request(&request, &channel, &facts, wording, pool);
    json = body();
    embed = json_array_get(json_object_get(json, "embeds"), 0);
    ok(units(text(json, "content")) <= DISCORD_CONTENT
       && units(text(embed, "description")) <= DISCORD_DESCRIPTION,
       "limits hold after escaping");
    json_decref(json);
}

/* -- ntfy ------------------------------------------------------------------ */

static void test_ntfy(void)
{
    char *wide = apr_palloc(pool, 30001);

    channel.url = "https://ntfy.example/topic";
    channel.token = "tk_secret\r\nX-Evil: 1";
    build(CHANNEL_NTFY, "Off\xc3\xa4r");
    is_str(header("Title"), "=?UTF-8?B?T3BlbmVkOiBPZmbDpHI=?=", "title");
    is_str(header("Priority"), "3", "priority");
    is_str(header("Tags"), "envelope_with_arrow", "tag");
    is_str(header("Click"), "https://t.example/mail?id=11111111-2222-3333-"
           "4444-555555555555", "click");
    is_str(header("Authorization"), "Bearer tk_secret X-Evil: 1",
           "token, in one line");
    is_str(apr_pstrmemdup(pool, request.body, request.length), wording->text,
           "the text");
    build(CHANNEL_NTFY, "a\r\nPriority: 5\nX: y");
    is_str(header("Title"), "Opened: a Priority: 5 X: y", "one line");
    is_str(header("Priority"), "3", "nobody else sets the priority");
    memset(wide, 'x', 30000);
    memcpy(wide + 20, "\xc3\xa4", 2);
    wide[30000] = '\0';
    wording->text = wide;
    channels_request(&request, &channel, &facts, wording, pool);
    ok(request.length <= NTFY_MESSAGE
       && utf8_valid(request.body, request.length), "the limit of a message");
    facts.event = EVENT_TEST;
    facts.mail = NULL;
    channel.token = NULL;
    channels_request(&request, &channel, &facts, wording_make(&facts, pool),
                     pool);
    ok(header("Authorization") == NULL, "no token, no header");
}

/* -- webhook --------------------------------------------------------------- */

static void test_webhook(void)
{
    json_t *json, *about;

    channel.url = "https://hook.example/in";
    channel.secret = "s3cret";
    build(CHANNEL_WEBHOOK, "Offer \xff");
    is_str(header("Content-Type"), "application/json", "type");
    is_str(header("X-Mailtrack-Event"), "first_open", "event");
    is_str(header("X-Mailtrack-Delivery"), "first_open:11111111", "key");
    is_str(header("X-Mailtrack-Timestamp"), "1795234371", "timestamp");
    is_str(header("X-Mailtrack-Signature"),
           apr_pstrcat(pool, "sha256=", channels_signature("s3cret",
               1795234371, request.body, request.length, pool), NULL),
           "signature");
    /* printf 1700000000.hello | openssl dgst -sha256 -hmac key */
    is_str(channels_signature("key", 1700000000, "hello", 5, pool),
           "4d583a269f4f276a3fa80ff31b5a01879a848096983222a17893d198418939aa",
           "a known signature");
    json = body();
    is_str(text(json, "id"), "first_open:11111111", "id");
    is_str(text(json, "sent_at"), "2026-11-21T04:12:51Z", "time");
    about = json_object_get(json, "mail");
    is_str(text(about, "recipient"), "ann_b@example.org", "recipient");
    is_str(text(about, "subject"), "Offer \xef\xbf\xbd", "broken bytes");
    ok(json_is_null(json_object_get(about, "country")), "unknown is null");
    ok(json_is_null(json_object_get(json, "incident")), "no incident");
    json_decref(json);
    channel.secret = NULL;
    build(CHANNEL_WEBHOOK, "x");
    ok(header("X-Mailtrack-Signature") == NULL, "no secret, no signature");
}

/* -- answers --------------------------------------------------------------- */

static channel_result_t judge(long status, const char *words,
                              const char *answer_body)
{
    channel_answer_t answer = { 0, 0, 0, NULL, NULL };
    channel_result_t result;

    answer.status = status;
    answer.words = words;
    answer.body = answer_body;
    channels_judge(&result, &channel, &answer, pool);
    return result;
}

static void test_judge(void)
{
    channel_answer_t answer = { 28, 204, 0, "timed out", "" };
    channel_result_t result;

    channel.kind = CHANNEL_DISCORD;
    channel.url = "https://discord.example/api/webhooks/1/secret-token";
    channel.token = "tk_abcdef";
    channel.secret = NULL;
    channels_judge(&result, &channel, &answer, pool);
    is_int(result.state, CHANNEL_SENT, "2xx was taken, however it went on");
    is_int(judge(500, "", "oops").state, CHANNEL_DOWN, "500");
    is_str(judge(500, "", "oops\r\n<b>").detail, "HTTP 500: oops <b>",
           "one line");
    is_int(judge(400, "", "{}").state, CHANNEL_REFUSED, "400: this message");
    is_int(judge(404, "", "").state, CHANNEL_DOWN, "404: the channel");
    is_int(judge(301, "", "").state, CHANNEL_DOWN, "a redirect");
    is_int(judge(0, "Connection refused", "").state, CHANNEL_DOWN, "refused");
    is_str(judge(0, "", "").detail, "no answer", "always in words");
    result = judge(429, "", "{\"message\":\"You are being rate limited.\","
                   "\"retry_after\":0.5,\"global\":false}");
    is_int(result.retry_after, 500001, "Discord's fraction of a second");
    is_str(result.detail, "HTTP 429: You are being rate limited.", "reason");
    is_int(judge(429, "", "{\"retry_after\":1e300}").retry_after,
           CHANNELS_RETRY_MAX, "a day at most");
    is_int(judge(429, "", "{\"retry_after\":-5}").retry_after, 0, "no past");
    answer.status = 503;
    answer.retry_after = apr_time_from_sec(7);
    channels_judge(&result, &channel, &answer, pool);
    is_int(result.retry_after, apr_time_from_sec(7), "Retry-After with 503");
    is_str(judge(403, "", "POST /api/webhooks/1/secret-token: no, "
                 "tk_abcdef").detail, "HTTP 403: POST ***: no, ***",
           "secrets are cut out");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_discord();
    test_discord_limits();
    test_ntfy();
    test_webhook();
    test_judge();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
