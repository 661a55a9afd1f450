/* SPDX-License-Identifier: MIT */
/*
 * The connection: octets in and out by curl_easy_recv and curl_easy_send, tags,
 * commands in line, IDLE and DONE, one deadline. Loop thread. At rest it has no
 * buffer. What is not IMAP ends it: after a misread length nothing that follows
 * means anything.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "imap.h"
#include "imap_login.h"
#include "trust.h"

#define READ_LEAST 4096         /* room for one read, at least */
#define SHORT 512               /* a sign of life in IDLE: not asked whether
                                 * there is more, as that costs the same
                                 * again and another record wakes us anyway */
#define READS_MAX 64            /* in one go; then others get their turn */
#define FAULTS_MAX 100          /* lines not understood, then it is over */
#define SEND_AGAIN apr_time_from_msec(20)

typedef struct command_t command_t;
struct command_t {
    command_t *next;
    imap_done_fn done;
    unsigned number;            /* of its tag */
    int sent;
    char text[];                /* its whole line */
};

typedef enum {
    IDLE_NONE,
    IDLE_ASKED,                 /* sent, no "+" yet */
    IDLE_ON,
    IDLE_LEAVING                /* DONE sent */
} idle_t;

struct imap_t {
    loop_t *loop;
    endpoint_t endpoint;
    imap_events_t events;
    imap_login_t login;
    apr_pool_t *pool;
    CURL *easy;                 /* NULL: over */
    int ready;
    loop_socket_t *socket;
    loop_timer_t *deadline;
    loop_timer_t *again;        /* more to read or send, but not now */
    command_t *first;
    command_t **last;
    unsigned number;            /* of the last tag */
    idle_t idle;
    unsigned idle_number;
    imap_done_fn idle_done;
    char *out;                  /* what could not be sent yet */
    apr_size_t out_length;
    char *in;
    apr_size_t in_length;
    apr_size_t in_size;
    imap_frame_t frame;
    int reading;                /* callbacks may still look at in */
    int faults;
};

/* -- the end --------------------------------------------------------------- */

static void drop_commands(imap_t *imap)
{
    while (imap->first) {
        command_t *command = imap->first;

        imap->first = command->next;
        free(command);
    }
    imap->last = &imap->first;
}

static void forget_input(imap_t *imap)
{
    free(imap->in);
    imap->in = NULL;
    imap->in_length = imap->in_size = 0;
}

static void let_go(imap_t *imap)
{
    if (!imap->easy) {
        return;
    }
    loop_timer_clear(imap->deadline);
    loop_timer_clear(imap->again);
    if (imap->socket) {
        loop_socket_end(imap->socket);
        imap->socket = NULL;
    }
    loop_release(imap->loop, imap->easy);
    curl_easy_cleanup(imap->easy);
    imap->easy = NULL;
    drop_commands(imap);
    free(imap->out);
    imap->out = NULL;
    imap->out_length = 0;
    if (!imap->reading) {
        forget_input(imap);
    }
}

static void fail(imap_t *imap, const char *words)
{
    char copy[512];             /* they may lie in what is let go */

    apr_cpystrn(copy, words, sizeof(copy));
    let_go(imap);
    imap->events.ended(imap->events.data, 0, copy);
}

void imap_close(imap_t *imap)
{
    static const char bye[] = "LOGOUT LOGOUT\r\n";
    size_t sent;

    if (imap->easy && imap->ready && !imap->out_length) {
        if (imap->idle == IDLE_ON) {
            (void)curl_easy_send(imap->easy, "DONE\r\n", 6, &sent);
        }
        (void)curl_easy_send(imap->easy, bye, sizeof(bye) - 1, &sent);
    }
    let_go(imap);
}

static apr_status_t cleanup(void *data)
{
    imap_close(data);
    return APR_SUCCESS;
}

/* -- out ------------------------------------------------------------------- */

static void append(imap_t *imap, const char *bytes)
{
    apr_size_t length = strlen(bytes);
    char *more = realloc(imap->out, imap->out_length + length);

    if (!more) {
        abort();                /* as apr's pools do */
    }
    memcpy(more + imap->out_length, bytes, length);
    imap->out = more;
    imap->out_length += length;
}

static void flush(imap_t *imap)
{
    size_t sent = 0;
    CURLcode rc;

    if (!imap->out_length) {
        return;
    }
    rc = curl_easy_send(imap->easy, imap->out, imap->out_length, &sent);
    if (rc != CURLE_OK && rc != CURLE_AGAIN) {
        /* the reader finds the end, and what was said before it */
        imap->out_length = 0;
        loop_timer_set(imap->again, 0);
        return;
    }
    imap->out_length -= sent;
    memmove(imap->out, imap->out + sent, imap->out_length);
    if (imap->out_length) {
        loop_timer_set(imap->again, SEND_AGAIN);
    } else {
        free(imap->out);
        imap->out = NULL;
    }
}

/* Send what may be sent now. */
static void pump(imap_t *imap)
{
    command_t *command = imap->first;

    if (!imap->easy || !imap->ready || !command || command->sent
        || imap->idle == IDLE_ASKED) {
        return;
    }
    if (imap->idle == IDLE_ON) {
        imap->idle = IDLE_LEAVING;
        append(imap, "DONE\r\n");
    }
    command->sent = 1;
    append(imap, command->text);
    loop_timer_set(imap->deadline, imap->endpoint.timeout);
    flush(imap);
}

void imap_command(imap_t *imap, imap_done_fn done, const char *fmt,
                  va_list args)
{
    command_t *command;
    va_list again;
    int tag, length;

    if (!imap->easy) {
        return;
    }
    va_copy(again, args);
    length = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    command = calloc(1, sizeof(*command) + (apr_size_t)length + 20);
    if (length < 0 || !command) {
        abort();
    }
    command->number = ++imap->number;
    command->done = done;
    tag = sprintf(command->text, "M%u ", command->number);
    vsnprintf(command->text + tag, (apr_size_t)length + 1, fmt, args);
    strcpy(command->text + tag + length, "\r\n");
    *imap->last = command;
    imap->last = &command->next;
    pump(imap);
}

void imap_idle(imap_t *imap, imap_done_fn done)
{
    char text[32];

    if (!imap->easy || imap->first || imap->idle != IDLE_NONE) {
        return;
    }
    imap->idle = IDLE_ASKED;
    imap->idle_number = ++imap->number;
    imap->idle_done = done;
    apr_snprintf(text, sizeof(text), "M%u IDLE\r\n", imap->idle_number);
    append(imap, text);
    loop_timer_set(imap->deadline, imap->endpoint.timeout);
    flush(imap);
}

int imap_idles(const imap_t *imap)
{
    return imap->idle != IDLE_NONE;
}

/* -- in -------------------------------------------------------------------- */

static void idle_ended(imap_t *imap, const imap_response_t *answer)
{
    idle_t was = imap->idle;

    imap->idle = IDLE_NONE;
    if (was != IDLE_LEAVING) {
        loop_timer_clear(imap->deadline);
        imap->idle_done(imap->events.data, answer);
    }
    pump(imap);
}

static void tagged(imap_t *imap, const imap_response_t *answer)
{
    command_t *command = imap->first;
    imap_done_fn done;
    char *end;
    unsigned long number = strtoul(answer->tag + 1, &end, 10);

    if (answer->tag[0] != 'M' || *end) {
        fail(imap, "the server answered what was not asked");
    } else if (imap->idle != IDLE_NONE && number == imap->idle_number) {
        idle_ended(imap, answer);
    } else if (!command || !command->sent || number != command->number) {
        fail(imap, "the server answered what was not asked");
    } else {
        done = command->done;
        imap->first = command->next;
        if (!imap->first) {
            imap->last = &imap->first;
        }
        free(command);
        loop_timer_clear(imap->deadline);
        if (done) {
            done(imap->events.data, answer);
        }
        pump(imap);
    }
}

static void one(imap_t *imap, const char *bytes, apr_size_t length,
                apr_pool_t *scratch)
{
    imap_response_t response;

    if (imap_parse(&response, bytes, length, scratch) != APR_SUCCESS) {
        if (*bytes != '*' || ++imap->faults > FAULTS_MAX) {
            fail(imap, apr_pstrcat(scratch, "this is not IMAP: ",
                                   imap_words(bytes, length, 60, scratch),
                                   NULL));
        }
    } else if (response.place == IMAP_TAGGED) {
        tagged(imap, &response);
    } else if (response.place == IMAP_CONTINUE) {
        if (imap->idle == IDLE_ASKED) {
            imap->idle = IDLE_ON;
            loop_timer_clear(imap->deadline);
            pump(imap);
        }
    } else if (response.status == IMAP_BYE) {
        fail(imap, apr_pstrcat(scratch, "the server said BYE: ",
                               response.text, NULL));
    } else {
        imap->events.response(imap->events.data, &response);
    }
}

/* All responses that are whole. */
static void responses(imap_t *imap, apr_pool_t *scratch)
{
    apr_size_t at = 0, length;
    apr_status_t rv;

    while (imap->easy && at < imap->in_length) {
        rv = imap_frame_end(&length, &imap->frame, imap->in + at,
                            imap->in_length - at);
        if (APR_STATUS_IS_ENOSPC(rv)) {
            fail(imap, "the server sent a line without end");
            return;
        }
        if (rv != APR_SUCCESS) {
            break;
        }
        memset(&imap->frame, 0, sizeof(imap->frame));
        one(imap, imap->in + at, length, scratch);
        apr_pool_clear(scratch);
        at += length;
    }
    if (imap->easy && at) {
        imap->in_length -= at;
        memmove(imap->in, imap->in + at, imap->in_length);
    }
}

static void room(imap_t *imap)
{
    if (imap->in_size - imap->in_length >= READ_LEAST) {
        return;
    }
    imap->in_size = imap->in_size ? imap->in_size * 2 : 2 * READ_LEAST;
    imap->in = realloc(imap->in, imap->in_size);
    if (!imap->in) {
        abort();
    }
}

static void on_readable(void *data)
{
    imap_t *imap = data;
    apr_pool_t *scratch;
    CURLcode rc = CURLE_OK;
    size_t got;
    int reads;

    if (apr_pool_create(&scratch, imap->pool) != APR_SUCCESS) {
        return;
    }
    imap->reading = 1;
    for (reads = 0; imap->easy && reads < READS_MAX; reads++) {
        room(imap);
        rc = curl_easy_recv(imap->easy, imap->in + imap->in_length,
                            imap->in_size - imap->in_length, &got);
        if (rc != CURLE_OK || !got) {
            break;
        }
        imap->in_length += got;
        responses(imap, scratch);
        if (got < SHORT && imap->idle == IDLE_ON && !imap->in_length) {
            rc = CURLE_AGAIN;
            break;
        }
    }
    if (imap->easy && reads == READS_MAX) {
        loop_timer_set(imap->again, 0);
    } else if (imap->easy && rc != CURLE_AGAIN) {
        fail(imap, rc == CURLE_OK || rc == CURLE_RECV_ERROR
                   ? "the server closed the connection"
                   : curl_easy_strerror(rc));
    }
    imap->reading = 0;
    if (!imap->easy || !imap->in_length) {
        forget_input(imap);
    }
    apr_pool_destroy(scratch);
}

static void on_again(void *data)
{
    imap_t *imap = data;

    flush(imap);
    on_readable(imap);
}

static void on_deadline(void *data)
{
    imap_t *imap = data;
    char words[160];
    char name[16] = "IDLE";

    if (imap->first && imap->first->sent) {
        const char *space = strchr(imap->first->text, ' ');

        space = strncmp(space, " UID ", 5) ? space : space + 4;
        sscanf(space, " %15[A-Z]", name);
    }
    apr_snprintf(words, sizeof(words), "no answer to %s within %ld s", name,
                 (long)apr_time_sec(imap->endpoint.timeout));
    fail(imap, words);
}

/* -- the beginning --------------------------------------------------------- */

static void on_login(CURL *easy, CURLcode rc, void *data)
{
    imap_t *imap = data;
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (rc != CURLE_OK) {
        int refused;
        const char *words = imap_login_words(&refused, &imap->login, easy, rc,
                                             imap->pool);

        let_go(imap);
        imap->events.ended(imap->events.data, refused, words);
        return;
    }
    curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD
        || loop_socket(&imap->socket, imap->loop, fd, on_readable, imap,
                       imap->pool) != APR_SUCCESS) {
        imap->socket = NULL;
        fail(imap, "the connection cannot be watched");
        return;
    }
    imap->ready = 1;
    imap->events.ready(imap->events.data);
}

apr_status_t imap_open(imap_t **out, loop_t *loop, const endpoint_t *endpoint,
                       const imap_events_t *events, apr_pool_t *pool)
{
    imap_t *imap = apr_pcalloc(pool, sizeof(*imap));
    apr_status_t rv;

    imap->loop = loop;
    imap->endpoint = *endpoint;
    imap->events = *events;
    imap->pool = pool;
    imap->last = &imap->first;
    imap->deadline = loop_timer(loop, on_deadline, imap, pool);
    imap->again = loop_timer(loop, on_again, imap, pool);
    imap->easy = imap_login_handle(&imap->login, &imap->endpoint);
    if (!imap->easy) {
        return APR_ENOMEM;
    }
    trust_set(loop, imap->easy, imap->endpoint.ca_file);
    rv = loop_transfer(loop, imap->easy, on_login, imap);
    if (rv != APR_SUCCESS) {
        curl_easy_cleanup(imap->easy);
        imap->easy = NULL;
        return rv;
    }
    apr_pool_cleanup_register(pool, imap, cleanup, apr_pool_cleanup_null);
    *out = imap;
    return APR_SUCCESS;
}
