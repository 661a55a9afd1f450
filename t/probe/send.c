/* SPDX-License-Identifier: MIT */
/*
 * Sends mails as mailprobe does and prints what became of each, a line of JSON
 * a mail: for t/61-smtp.t. A process of its own with one loop.
 *   send HOST PORT SECURITY RECIPIENT [name=value ...]
 * Names: user, pass, ca, hello, timeout (ms), mails, fresh (0), try (1), from,
 * at_once (1: all together), size (bytes of body), pause (ms between two).
 * The last line has CPU time and how long the loop stood still at most.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <jansson.h>

#include "message.h"
#include "smtp.h"

static apr_pool_t *pool;
static loop_t *loop;
static account_t account;
static endpoint_t endpoint;
static const char *recipient;
static int mails = 1, fresh = 1, tries, at_once, size, pause_ms;
static int sent, done;
static apr_int64_t last_tick, longest;
static loop_timer_t *ticker, *next;

/* The loop must come by every 5 ms; what it is late by, it stood still. */
static void tick(void *data)
{
    apr_int64_t now = loop_clock();

    (void)data;
    if (last_tick && now - last_tick - 5000 > longest) {
        longest = now - last_tick - 5000;
    }
    last_tick = now;
    loop_timer_set(ticker, 5000);
}

static json_t *phases_json(const smtp_result_t *result)
{
    json_t *list = json_array();
    int i;

    for (i = 0; i < result->phases; i++) {
        json_array_append_new(list, json_pack("{s:s,s:I}", "name",
                              result->timing[i].name, "us",
                              (json_int_t)result->timing[i].us));
    }
    return list;
}

static void send_one(void *data);

static void on_done(const smtp_result_t *result, void *data)
{
    json_t *line = json_pack("{s:s,s:s,s:i,s:s,s:s,s:I,s:I,s:I,s:s,s:I,s:o}",
        "state", smtp_states[result->state], "phase", result->phase,
        "code", result->code, "reply", result->reply,
        "queue_id", result->queue_id,
        "started_at", (json_int_t)result->started_at,
        "data_at", (json_int_t)result->data_at,
        "accepted_at", (json_int_t)result->accepted_at,
        "tls", result->tls, "cert_until", (json_int_t)result->cert_until,
        "timing", phases_json(result));
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

    printf("%s\n", text ? text : "null");
    fflush(stdout);
    free(text);
    json_decref(line);
    apr_pool_destroy(data);
    if (++done == mails) {
        loop_stop(loop);
    } else if (!at_once) {
        loop_timer_set(next, (apr_interval_time_t)pause_ms * 1000);
    }
}

static const char *body(apr_pool_t *mine)
{
    char *text = apr_palloc(mine, (apr_size_t)size + 20);
    int i;

    strcpy(text, "A probe.\n");
    for (i = 9; i < size; i++) {
        text[i] = i % 70 ? 'x' : '\n';
    }
    text[i] = '\0';
    return text;
}

static void send_one(void *data)
{
    apr_pool_t *mine;
    message_t message = { 0 };
    smtp_mail_t mail = { 0 };
    apr_status_t rv;

    (void)data;
    apr_pool_create(&mine, pool);
    message.from = account.from;
    message.to = recipient;
    message.subject = "Mailtrack probe";
    message.text = body(mine);
    message.id = apr_psprintf(mine, "m%d", sent++);
    message.date = apr_time_now();
    mail.recipient = recipient;
    mail.text = message_make(&mail.length, &message, mine);
    mail.fresh = fresh;
    rv = tries ? smtp_try(loop, &account, on_done, mine, mine)
         : smtp_send(loop, &account, &mail, on_done, mine, mine);
    if (rv != APR_SUCCESS) {
        printf("{\"state\":\"refused\",\"status\":%d}\n", rv);
        loop_stop(loop);
    }
}

static void option(const char *name, const char *value)
{
    const struct { const char *name; const char **to; } texts[] = {
        { "user", &endpoint.username }, { "pass", &endpoint.password },
        { "ca", &endpoint.ca_file }, { "hello", &endpoint.hello },
        { "from", &account.from }
    };
    const struct { const char *name; int *to; } numbers[] = {
        { "mails", &mails }, { "fresh", &fresh }, { "try", &tries },
        { "at_once", &at_once }, { "size", &size }, { "pause", &pause_ms }
    };
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (!strcmp(name, texts[i].name)) {
            *texts[i].to = value;
        }
    }
    for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        if (!strcmp(name, numbers[i].name)) {
            *numbers[i].to = atoi(value);
        }
    }
    if (!strcmp(name, "timeout")) {
        endpoint.timeout = (apr_interval_time_t)atoi(value) * 1000;
    }
}

static security_t security(const char *word)
{
    return !strcmp(word, "none") ? SECURITY_NONE
           : !strcmp(word, "starttls") ? SECURITY_STARTTLS
           : !strcmp(word, "opportunistic") ? SECURITY_OPPORTUNISTIC
           : SECURITY_TLS;
}

static long memory_kb(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file) {
        if (fscanf(file, "%ld %ld", &pages, &resident) != 2) {
            resident = 0;
        }
        fclose(file);
    }
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void summary(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    printf("{\"cpu_us\":%ld,\"stood_still_us\":%ld,\"memory_kb\":%ld}\n",
           (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000L
           + use.ru_utime.tv_usec + use.ru_stime.tv_usec, (long)longest,
           memory_kb());
}

int main(int argc, char **argv)
{
    int i;

    if (argc < 5 || apr_initialize() != APR_SUCCESS
        || apr_pool_create(&pool, NULL) != APR_SUCCESS
        || loop_create(&loop, pool) != APR_SUCCESS) {
        return 2;
    }
    account.name = "test";
    account.from = "box1@mail.test";
    account.smtp = &endpoint;
    endpoint.host = argv[1];
    endpoint.port = atoi(argv[2]);
    endpoint.security = security(argv[3]);
    endpoint.timeout = apr_time_from_sec(10);
    recipient = argv[4];
    for (i = 5; i < argc; i++) {
        char *value = strchr(argv[i], '=');

        if (value) {
            *value++ = '\0';
            option(argv[i], value);
        }
    }
    ticker = loop_timer(loop, tick, NULL, pool);
    next = loop_timer(loop, send_one, NULL, pool);
    tick(NULL);
    for (i = 0; i < (at_once ? mails : 1); i++) {
        send_one(NULL);
    }
    if (loop_run(loop) != APR_SUCCESS) {
        return 2;
    }
    summary();
    apr_pool_destroy(pool);
    return 0;
}
