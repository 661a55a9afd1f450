/* SPDX-License-Identifier: MIT */
/*
 * The loop itself: the pollset's rounds, what other threads hand over, and
 * plain sockets. Timers are in loop_timers.c, libcurl in loop_transfers.c.
 * Runs in the loop thread but for loop_post; nothing here waits for anything
 * but the pollset.
 */
#include "loop_inside.h"

#include <apr_portable.h>

/* How many descriptors one round hands out; the rest come with the next. */
#define EVENTS 1024

typedef struct post_t {
    loop_fn fn;
    void *data;
} post_t;

struct loop_socket_t {
    loop_t *loop;
    watched_t *watched;         /* NULL: ended */
    apr_pool_t *pool;
};

/* -- descriptors ----------------------------------------------------------- */

apr_status_t loop_watch(watched_t **out, loop_t *loop, curl_socket_t fd,
                        apr_int16_t events)
{
    watched_t *watched = loop->spare;
    apr_os_sock_t os = fd;
    apr_status_t rv;

    if (watched) {
        loop->spare = watched->next;
    } else {
        watched = apr_pcalloc(loop->pool, sizeof(*watched));
    }
    watched->next = NULL;
    watched->fn = NULL;
    watched->fd = fd;
    rv = apr_os_sock_put(&watched->wrapped, &os, loop->pool);
    if (rv == APR_SUCCESS) {
        watched->pollfd.p = loop->pool;
        watched->pollfd.desc_type = APR_POLL_SOCKET;
        watched->pollfd.desc.s = watched->wrapped;
        watched->pollfd.reqevents = events;
        watched->pollfd.client_data = watched;
        rv = apr_pollset_add(loop->pollset, &watched->pollfd);
    }
    if (rv != APR_SUCCESS) {
        watched->next = loop->spare;
        loop->spare = watched;
        return rv;
    }
    watched->live = 1;
    *out = watched;
    return APR_SUCCESS;
}

apr_status_t loop_rewatch(loop_t *loop, watched_t *watched,
                          apr_int16_t events)
{
    if (watched->pollfd.reqevents == events) {
        return APR_SUCCESS;
    }
    (void)apr_pollset_remove(loop->pollset, &watched->pollfd);
    watched->pollfd.reqevents = events;
    return apr_pollset_add(loop->pollset, &watched->pollfd);
}

void loop_unwatch(loop_t *loop, watched_t *watched)
{
    /* fails when the descriptor is closed already: then it is out */
    (void)apr_pollset_remove(loop->pollset, &watched->pollfd);
    watched->live = 0;
    watched->next = loop->ended;
    loop->ended = watched;
}

static void dispatch(loop_t *loop, const apr_pollfd_t *events, int count)
{
    int i;

    for (i = 0; i < count && !loop->stop; i++) {
        watched_t *watched = events[i].client_data;

        if (!watched->live) {
            continue;           /* ended by one before it in this round */
        }
        if (watched->fn) {
            watched->fn(watched->data);
        } else {
            loop_transfers_socket(loop, watched, events[i].rtnevents);
        }
    }
    while (loop->ended) {
        watched_t *watched = loop->ended;

        loop->ended = watched->next;
        watched->next = loop->spare;
        loop->spare = watched;
    }
}

/* -- plain sockets --------------------------------------------------------- */

static apr_status_t socket_cleanup(void *data)
{
    loop_socket_t *socket = data;

    if (socket->watched) {
        loop_unwatch(socket->loop, socket->watched);
        socket->watched = NULL;
    }
    return APR_SUCCESS;
}

apr_status_t loop_socket(loop_socket_t **out, loop_t *loop, curl_socket_t fd,
                         loop_fn fn, void *data, apr_pool_t *pool)
{
    loop_socket_t *socket = apr_palloc(pool, sizeof(*socket));
    apr_status_t rv;

    rv = loop_watch(&socket->watched, loop, fd, APR_POLLIN);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    socket->watched->fn = fn;
    socket->watched->data = data;
    socket->loop = loop;
    socket->pool = pool;
    apr_pool_cleanup_register(pool, socket, socket_cleanup,
                              apr_pool_cleanup_null);
    *out = socket;
    return APR_SUCCESS;
}

void loop_socket_end(loop_socket_t *socket)
{
    apr_pool_cleanup_run(socket->pool, socket, socket_cleanup);
}

/* -- from other threads ---------------------------------------------------- */

apr_status_t loop_post(loop_t *loop, loop_fn fn, void *data)
{
    post_t *post;
    int wake;

    apr_thread_mutex_lock(loop->mutex);
    post = apr_array_push(loop->posts);
    post->fn = fn;
    post->data = data;
    wake = !loop->woken;
    loop->woken = 1;
    apr_thread_mutex_unlock(loop->mutex);
    /* once until they are taken: the pipe behind it never fills */
    return wake ? apr_pollset_wakeup(loop->pollset) : APR_SUCCESS;
}

static void run_posts(loop_t *loop)
{
    apr_array_header_t *posts;
    int i;

    apr_thread_mutex_lock(loop->mutex);
    posts = loop->posts;
    loop->posts = loop->taken;
    loop->taken = posts;
    loop->woken = 0;
    apr_thread_mutex_unlock(loop->mutex);
    /* all of them, also after loop_stop: their senders will not post again */
    for (i = 0; i < posts->nelts; i++) {
        post_t post = APR_ARRAY_IDX(posts, i, post_t);

        post.fn(post.data);
    }
    posts->nelts = 0;
}

/* -- rounds ---------------------------------------------------------------- */

apr_status_t loop_run(loop_t *loop)
{
    const apr_pollfd_t *events;
    apr_status_t rv = APR_SUCCESS;
    apr_int32_t count;

    while (!loop->stop) {
        count = 0;
        rv = apr_pollset_poll(loop->pollset, loop_timers_wait(loop), &count,
                              &events);
        if (APR_STATUS_IS_EINTR(rv) || APR_STATUS_IS_TIMEUP(rv)) {
            rv = APR_SUCCESS;
        }
        if (rv != APR_SUCCESS) {
            break;
        }
        dispatch(loop, events, count);
        run_posts(loop);
        loop_timers_run(loop);
    }
    loop->stop = 0;
    return rv;
}

apr_pool_t *loop_pool(const loop_t *loop)
{
    return loop->pool;
}

void loop_stop(loop_t *loop)
{
    loop->stop = 1;
}

static apr_status_t loop_end(void *data)
{
    loop_t *loop = data;

    loop_transfers_end(loop);
    apr_pool_destroy(loop->posts_pool);
    return APR_SUCCESS;
}

apr_status_t loop_create(loop_t **out, apr_pool_t *pool)
{
    loop_t *loop = apr_pcalloc(pool, sizeof(*loop));
    apr_status_t rv;

    loop->pool = pool;
    loop->heap = apr_array_make(pool, 64, sizeof(loop_timer_t *));
    rv = apr_pollset_create(&loop->pollset, EVENTS, pool,
                            APR_POLLSET_WAKEABLE | APR_POLLSET_NOCOPY);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_mutex_create(&loop->mutex, APR_THREAD_MUTEX_DEFAULT,
                                     pool);
    }
    if (rv == APR_SUCCESS) {
        /* not below pool: another thread allocates from it */
        rv = apr_pool_create_unmanaged_ex(&loop->posts_pool, NULL, NULL);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    loop->posts = apr_array_make(loop->posts_pool, 64, sizeof(post_t));
    loop->taken = apr_array_make(loop->posts_pool, 64, sizeof(post_t));
    rv = loop_transfers_setup(loop);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(loop->posts_pool);
        return rv;
    }
    apr_pool_cleanup_register(pool, loop, loop_end, apr_pool_cleanup_null);
    *out = loop;
    return APR_SUCCESS;
}
