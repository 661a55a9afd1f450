/* SPDX-License-Identifier: MIT */
/*
 * The curl_multi in the loop: its sockets and its timer are ours, its results
 * go to who asked. A transfer has a place for its first second: that is when
 * it logs in; one that hangs longer must not keep others waiting. Loop thread.
 */
#include "loop_inside.h"

#define PLACES 20
#define PLACE_FOR APR_USEC_PER_SEC

/* Connections that rest between two mails are never thrown out to make room:
 * libcurl would count a mailbox's as one of them. */
#define CONNECTIONS 65536L

struct transfer_t {
    APR_RING_ENTRY(transfer_t) link;
    CURL *easy;
    loop_done_fn done;
    void *data;
    apr_int64_t started;
    enum { WAITING, RUNNING, SLOW } state;
    transfer_t *next;
};

static void take_out(loop_t *loop, transfer_t *transfer)
{
    if (transfer->state != SLOW) {
        APR_RING_REMOVE(transfer, link);
    }
    if (transfer->state == RUNNING) {
        loop->busy--;
    }
    apr_hash_set(loop->transfers, &transfer->easy, sizeof(CURL *), NULL);
    transfer->next = loop->spare_transfers;
    loop->spare_transfers = transfer;
}

static CURLMcode start(loop_t *loop, transfer_t *transfer)
{
    transfer->state = RUNNING;
    transfer->started = loop_clock();
    APR_RING_INSERT_TAIL(&loop->running, transfer, transfer_t, link);
    loop->busy++;
    return curl_multi_add_handle(loop->multi, transfer->easy);
}

static void finish(loop_t *loop, transfer_t *transfer, CURLcode rc)
{
    CURL *easy = transfer->easy;
    loop_done_fn done = transfer->done;
    void *data = transfer->data;

    take_out(loop, transfer);
    done(easy, rc, data);
}

/* Who has had a place long enough gives it up; who waits gets what is free. */
static void move_up(void *data)
{
    loop_t *loop = data;
    apr_int64_t now = loop_clock();
    transfer_t *first;

    while (!APR_RING_EMPTY(&loop->running, transfer_t, link)) {
        first = APR_RING_FIRST(&loop->running);
        if (first->started + PLACE_FOR > now) {
            break;
        }
        APR_RING_REMOVE(first, link);
        first->state = SLOW;
        loop->busy--;
    }
    while (loop->busy < PLACES
           && !APR_RING_EMPTY(&loop->waiting, transfer_t, link)) {
        first = APR_RING_FIRST(&loop->waiting);
        APR_RING_REMOVE(first, link);
        if (start(loop, first) != CURLM_OK) {
            finish(loop, first, CURLE_FAILED_INIT);
        }
    }
    if (!APR_RING_EMPTY(&loop->waiting, transfer_t, link)) {
        first = APR_RING_FIRST(&loop->running);
        loop_timer_set(loop->line_timer, first->started + PLACE_FOR - now);
    }
}

/* A callback may start, end and release transfers, even others'; so each
 * message is copied before, and asked for again after. */
static void results(loop_t *loop)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(loop->multi, &left))) {
        CURL *easy = message->easy_handle;
        CURLcode rc = message->data.result;
        transfer_t *transfer = apr_hash_get(loop->transfers, &easy,
                                            sizeof(CURL *));

        if (message->msg == CURLMSG_DONE && transfer) {
            finish(loop, transfer, rc);
        }
    }
    move_up(loop);
}

void loop_transfers_socket(loop_t *loop, const watched_t *watched,
                           apr_int16_t events)
{
    int mask = 0, running;

    /* an end or an error is found by who reads or writes */
    if (events & (APR_POLLIN | APR_POLLHUP | APR_POLLERR | APR_POLLNVAL)) {
        mask |= CURL_CSELECT_IN;
    }
    if (events & (APR_POLLOUT | APR_POLLHUP | APR_POLLERR)) {
        mask |= CURL_CSELECT_OUT;
    }
    curl_multi_socket_action(loop->multi, watched->fd, mask, &running);
    results(loop);
}

static void on_time(void *data)
{
    loop_t *loop = data;
    int running;

    curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    results(loop);
}

static int on_timer(CURLM *multi, long ms, void *data)
{
    loop_t *loop = data;

    (void)multi;
    if (ms < 0) {
        loop_timer_clear(loop->multi_timer);
    } else {
        loop_timer_set(loop->multi_timer, (apr_interval_time_t)ms * 1000);
    }
    return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data,
                     void *assigned)
{
    loop_t *loop = data;
    watched_t *watched = assigned;
    apr_int16_t events = 0;
    apr_status_t rv;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watched) {
            loop_unwatch(loop, watched);
            curl_multi_assign(loop->multi, fd, NULL);
        }
        return 0;
    }
    if (what & CURL_POLL_IN) {
        events |= APR_POLLIN;
    }
    if (what & CURL_POLL_OUT) {
        events |= APR_POLLOUT;
    }
    if (watched) {
        return loop_rewatch(loop, watched, events) == APR_SUCCESS ? 0 : -1;
    }
    rv = loop_watch(&watched, loop, fd, events);
    if (rv == APR_SUCCESS) {
        curl_multi_assign(loop->multi, fd, watched);
    }
    return rv == APR_SUCCESS ? 0 : -1;
}

apr_status_t loop_transfer(loop_t *loop, CURL *easy, loop_done_fn done,
                           void *data)
{
    transfer_t *transfer = loop->spare_transfers;

    if (apr_hash_get(loop->transfers, &easy, sizeof(CURL *))) {
        return APR_EEXIST;
    }
    curl_multi_remove_handle(loop->multi, easy);        /* of last time */
    if (transfer) {
        loop->spare_transfers = transfer->next;
    } else {
        transfer = apr_palloc(loop->pool, sizeof(*transfer));
    }
    transfer->easy = easy;
    transfer->done = done;
    transfer->data = data;
    transfer->state = WAITING;
    apr_hash_set(loop->transfers, &transfer->easy, sizeof(CURL *), transfer);
    if (loop->busy >= PLACES
        || !APR_RING_EMPTY(&loop->waiting, transfer_t, link)) {
        APR_RING_INSERT_TAIL(&loop->waiting, transfer, transfer_t, link);
        loop_timer_set(loop->line_timer, 0);
        return APR_SUCCESS;
    }
    if (start(loop, transfer) != CURLM_OK) {
        take_out(loop, transfer);
        return APR_EGENERAL;
    }
    return APR_SUCCESS;
}

void loop_release(loop_t *loop, CURL *easy)
{
    transfer_t *transfer = apr_hash_get(loop->transfers, &easy,
                                        sizeof(CURL *));

    if (transfer) {
        take_out(loop, transfer);
        loop_timer_set(loop->line_timer, 0);
    }
    curl_multi_remove_handle(loop->multi, easy);
}

apr_status_t loop_transfers_setup(loop_t *loop)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return APR_EGENERAL;
    }
    loop->multi = curl_multi_init();
    if (!loop->multi) {
        curl_global_cleanup();
        return APR_ENOMEM;
    }
    loop->transfers = apr_hash_make(loop->pool);
    APR_RING_INIT(&loop->waiting, transfer_t, link);
    APR_RING_INIT(&loop->running, transfer_t, link);
    loop->multi_timer = loop_timer(loop, on_time, loop, loop->pool);
    loop->line_timer = loop_timer(loop, move_up, loop, loop->pool);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS);
    return APR_SUCCESS;
}

void loop_transfers_end(loop_t *loop)
{
    curl_multi_cleanup(loop->multi);
    curl_global_cleanup();
}
