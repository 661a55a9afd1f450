/* SPDX-License-Identifier: MIT */
/*
 * The client side of t/bench/probe: mailprobe's loop, smtp and watch with
 * mailboxes of t/lib/mailstack, in one thread.
 *
 *   trip idle SMTPS IMAPS CA BOXES SECONDS
 *   trip round SMTPS IMAPS CA BOXES SECONDS RATE
 *   trip listen ...     the same, but IDLE alone tells of mails
 *
 * Prints name=value lines. A trip's delay is from the reply to its data ("250
 * queued") to the callback that knows it is there; CPU is this process's own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "smtp.h"
#include "watch.h"

typedef struct box_t {
    int number;
    account_t account;
    watch_t *watch;
    int up;
    int in_flight;
} box_t;

typedef struct trip_t {
    char token[33];
    box_t *box;
    apr_pool_t *pool;
    apr_time_t accepted_at;
    apr_interval_time_t delay;  /* 0: not there */
    const char *text;
} trip_t;

static loop_t *loop;
static apr_pool_t *pool;
static loop_timer_t *timer;
static const char *ca;
static int smtps, imaps, boxes, seconds, rate;
static int round_trips;         /* 0: idle */
static int listening;
static box_t *box;
static trip_t *trips;
static int sent, total, ups, refused;
static apr_int64_t began, cpu_began;
static long memory_began;

static apr_int64_t cpu(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (apr_int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
           * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* KiB this process has for itself. */
static long memory(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[200];
    long kib = 0;

    while (file && fgets(line, sizeof(line), file)) {
        sscanf(line, "Private_Dirty: %ld", &kib);
    }
    if (file) {
        fclose(file);
    }
    return kib;
}

static int by_delay(const void *a, const void *b)
{
    apr_interval_time_t one = *(const apr_interval_time_t *)a;
    apr_interval_time_t two = *(const apr_interval_time_t *)b;

    return one < two ? -1 : one > two;
}

/* -- trips ----------------------------------------------------------------- */

static void report(void)
{
    apr_interval_time_t *delays = calloc((apr_size_t)total + 1,
                                         sizeof(*delays));
    int count = 0;
    int i;

    for (i = 0; i < total; i++) {
        if (trips[i].delay) {
            delays[count++] = trips[i].delay;
        }
    }
    qsort(delays, (apr_size_t)count, sizeof(*delays), by_delay);
    printf("trips=%d\nknown=%d\nrefused=%d\np50_us=%ld\np99_us=%ld\n"
           "max_us=%ld\ncpu_us=%ld\n", total, count, refused,
           (long)delays[count / 2], (long)delays[count * 99 / 100],
           (long)delays[count ? count - 1 : 0],
           (long)((cpu() - cpu_began) / (total ? total : 1)));
    free(delays);
}

static void expect(box_t *of, int more)
{
    of->in_flight += more;
    if (!listening) {
        watch_expect(of->watch, of->in_flight);
    }
}

static void on_sent(const smtp_result_t *result, void *data)
{
    trip_t *trip = data;

    trip->accepted_at = result->accepted_at;
    if (result->state != SMTP_ACCEPTED) {
        fprintf(stderr, "%s %s\n", smtp_states[result->state], result->reply);
        refused++;
        expect(trip->box, -1);
        return;
    }
    expect(trip->box, 0);
}

static void on_mail(void *data, const watch_mail_t *mail)
{
    box_t *of = data;
    int i = mail->token ? (int)strtol(mail->token + 16, NULL, 16) : -1;

    if (i < 0 || i >= sent || strcmp(trips[i].token, mail->token)
        || trips[i].delay || !trips[i].accepted_at) {
        fprintf(stderr, "a mail of nobody\n");
        return;
    }
    trips[i].delay = apr_time_now() - trips[i].accepted_at;
    watch_remove(of->watch, mail->folder, mail->uidvalidity, mail->uid,
                 mail->token);
    expect(of, -1);
}

static void send_one(int i)
{
    trip_t *trip = &trips[i];
    smtp_mail_t mail = { NULL, NULL, 0, 1 };

    apr_pool_create(&trip->pool, pool);
    trip->box = &box[i % boxes];
    apr_snprintf(trip->token, sizeof(trip->token), "00000000000000ab%016x",
                 (unsigned)i);
    mail.text = apr_psprintf(trip->pool, "From: %s\r\nTo: %s\r\n"
                             "Subject: Mailtrack probe %s\r\n"
                             "X-Mailtrack-Probe: %s\r\n\r\nA probe.\r\n",
                             trip->box->account.from, trip->box->account.from,
                             trip->token, trip->token);
    mail.length = strlen(mail.text);
    mail.recipient = trip->box->account.from;
    mail.fresh = 1;
    expect(trip->box, 1);
    if (smtp_send(loop, &trip->box->account, &mail, on_sent, trip,
                  trip->pool) != APR_SUCCESS) {
        refused++;
    }
}

static void finish(void *data)
{
    (void)data;
    loop_stop(loop);
}

static void on_tick(void *data)
{
    apr_int64_t now = loop_clock();

    (void)data;
    while (sent < total && now >= began + (apr_int64_t)sent * 1000000 / rate) {
        sent++;
        send_one(sent - 1);
    }
    if (sent == total) {
        timer = loop_timer(loop, finish, NULL, pool);
        loop_timer_set(timer, apr_time_from_sec(5));
    } else {
        loop_timer_set(timer, began + (apr_int64_t)sent * 1000000 / rate
                              - now);
    }
}

/* -- idle ------------------------------------------------------------------ */

static void idle_over(void *data)
{
    (void)data;
    printf("kib=%.1f\ncpu=%.4f\nups=%d\n",
           (double)(memory() - memory_began) / boxes,
           100.0 * (double)(cpu() - cpu_began)
           / (double)(loop_clock() - began), ups);
    loop_stop(loop);
}

/* All are up, and have settled. */
static void measure(void *data)
{
    (void)data;
    cpu_began = cpu();
    began = loop_clock();
    if (round_trips) {
        timer = loop_timer(loop, on_tick, NULL, pool);
        loop_timer_set(timer, 0);
    } else {
        timer = loop_timer(loop, idle_over, NULL, pool);
        loop_timer_set(timer, apr_time_from_sec(seconds));
    }
}

static void on_state(void *data, int up, const char *words)
{
    box_t *of = data;

    if (!up) {
        fprintf(stderr, "box%d: %s\n", of->number, words);
    }
    ups += up;
    if (up && !of->up) {
        of->up = 1;
        if (ups == boxes) {
            timer = loop_timer(loop, measure, NULL, pool);
            /* at rest: until the time-outs of the logins are over, too */
            loop_timer_set(timer, apr_time_from_sec(round_trips ? 5 : 70));
        }
    }
}

static apr_status_t open_box(box_t *of, int number)
{
    watch_events_t events = { on_mail, on_state, of };
    endpoint_t *smtp = apr_pcalloc(pool, sizeof(*smtp));
    endpoint_t *imap = apr_pcalloc(pool, sizeof(*imap));
    apr_pool_t *own;
    apr_status_t rv = apr_pool_create(&own, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    of->number = number;
    of->account.name = of->account.from = apr_psprintf(pool,
                                                       "box%d@mail.test",
                                                       number);
    of->account.inbox = "INBOX";
    of->account.junk = "auto";
    of->account.smtp = smtp;
    of->account.imap = imap;
    smtp->host = imap->host = "localhost";
    smtp->port = smtps;
    imap->port = imaps;
    smtp->security = imap->security = SECURITY_TLS;
    smtp->username = imap->username = of->account.from;
    smtp->password = imap->password = apr_psprintf(pool, "secret%d", number);
    smtp->ca_file = imap->ca_file = ca;
    smtp->timeout = imap->timeout = apr_time_from_sec(60);
    return watch_start(&of->watch, loop, &of->account, &events, own);
}

static apr_status_t run(int argc, const char *const *argv)
{
    apr_status_t rv = loop_create(&loop, pool);
    int i;

    listening = !strcmp(argv[1], "listen");
    round_trips = listening || !strcmp(argv[1], "round");
    smtps = atoi(argv[2]);
    imaps = atoi(argv[3]);
    ca = argv[4];
    boxes = atoi(argv[5]);
    seconds = atoi(argv[6]);
    rate = argc > 7 ? atoi(argv[7]) : 1;
    total = round_trips ? rate * seconds : 0;
    box = calloc((apr_size_t)boxes, sizeof(*box));
    trips = calloc((apr_size_t)total + 1, sizeof(*trips));
    memory_began = memory();
    for (i = 0; i < boxes && rv == APR_SUCCESS; i++) {
        rv = open_box(&box[i], i + 1);
    }
    rv = rv == APR_SUCCESS ? loop_run(loop) : rv;
    if (round_trips) {
        report();
    }
    return rv;
}

int main(int argc, const char *const *argv)
{
    apr_status_t rv;

    if (argc < 7) {
        fprintf(stderr, "usage: see the head of trip.c\n");
        return 2;
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    rv = run(argc, argv);
    apr_pool_destroy(pool);
    apr_terminate();
    return rv == APR_SUCCESS ? 0 : 1;
}
