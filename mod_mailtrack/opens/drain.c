/* SPDX-License-Identifier: MIT */
/*
 * The drain's life in a child: its lock, its connection, its rounds. Runs in
 * the watchdog's thread; the child's main thread only stops it.
 */
#include "drain.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <httpd.h>
#include <http_log.h>
#include <mod_watchdog.h>
#include <unistd.h>

#include "../dbd.h"
#include "../publish.h"
#include "batch.h"

APLOG_USE_MODULE(mailtrack);

#define TICK          apr_time_from_msec(100)
#define LOCK_EVERY    apr_time_from_sec(1)
#define STORE_EVERY   apr_time_from_sec(1)
#define SWEEP_EVERY   apr_time_from_sec(1)

/* Lines of one transaction; and how much of a segment is read at once. */
#define BATCH_LINES 2000
#define READ_SIZE   (256 * 1024)

/* How long the end of a child waits for a round under way. */
#define STOP_WITHIN apr_time_from_sec(5)

struct drain_t {
    instance_t *in;
    apr_pool_t *pool;           /* the thread's own, as long as the child */
    apr_pool_t *held;           /* as long as the lock is held */
    apr_pool_t *round;          /* cleared each round */
    apr_pool_t *lines;          /* cleared each batch: what was read */
    apr_pool_t *batch;          /* cleared each try to store it */
    int lock_fd;                /* -1: another child drains */
    apr_time_t lock_at;         /* next try */
    dbd_loan_t loan;
    int have_store;
    apr_time_t store_at;        /* next try */
    apr_status_t told;          /* last status logged */
    apr_hash_t *segments;       /* name -> drain_segment_t, while held */
    apr_time_t sweep_at;
    apr_time_t synced_at;
    apr_int64_t hits_seen;      /* of the board, when all was stored */
    apr_time_t behind_since;
    int round_number;
    char *buffer;
    classify_memo_t *memo;
    burst_t *burst;
    apr_thread_mutex_t *mutex;  /* guards the two below */
    apr_thread_cond_t *cond;
    int running;
    int stopping;               /* also read without the mutex */
};

/* -- the store ---------------------------------------------------------- */

static void drop_store(drain_t *d)
{
    if (d->have_store) {
        dbd_return(&d->loan, d->in->server);
        d->have_store = 0;
    }
}

/* Say it once when it changes, not ten times a second. */
static void tell(drain_t *d, apr_status_t rv, const char *detail,
                 const char *remedy)
{
    board_set(d->in->board, BOARD_DRAIN_STATUS, rv);
    if (rv == d->told) {
        return;
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, d->in->server,
                     "mailtrack: hits wait in %s: %s%s%s",
                     d->in->conf->spool_dir, detail,
                     *remedy ? "; to mend it: " : "", remedy);
    } else {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, d->in->server,
                     "mailtrack: the store is back, hits in %s are being "
                     "stored", d->in->conf->spool_dir);
    }
    d->told = rv;
}

static void store_failed(drain_t *d, apr_status_t rv)
{
    const char *detail = store_error(d->loan.store);

    tell(d, rv, *detail ? detail : "the store failed",
         store_remedy(d->loan.store, rv, d->round));
    drop_store(d);
    d->store_at = apr_time_now() + STORE_EVERY;
}

static apr_status_t load_offsets(drain_t *d)
{
    const char *prefix = apr_pstrcat(d->round, d->in->node, ":", NULL);
    apr_array_header_t *offsets;
    apr_hash_index_t *hi;
    apr_status_t rv;
    int i;

    rv = offsets_list(&offsets, d->loan.store, prefix, d->round);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (hi = apr_hash_first(d->round, d->segments); hi;
         hi = apr_hash_next(hi)) {
        void *value;

        apr_hash_this(hi, NULL, NULL, &value);
        ((drain_segment_t *)value)->pos = 0;
    }
    for (i = 0; i < offsets->nelts; i++) {
        const offset_t *offset = &APR_ARRAY_IDX(offsets, i, offset_t);
        drain_segment_t *segment = apr_pcalloc(d->held, sizeof(*segment));

        segment->key = apr_pstrdup(d->held, offset->segment);
        segment->name = segment->key + strlen(prefix);
        segment->pos = offset->pos;
        apr_hash_set(d->segments, segment->name, APR_HASH_KEY_STRING,
                     segment);
    }
    return APR_SUCCESS;
}

/* A connection that is ready; offsets are read whenever it is a new one. */
static apr_status_t have_store(drain_t *d)
{
    apr_time_t now = apr_time_now();
    apr_status_t rv;

    if (d->have_store) {
        rv = store_ready(d->loan.store);
        if (rv != APR_SUCCESS) {
            store_failed(d, rv);
        }
        return rv;
    }
    if (now < d->store_at) {
        return APR_EAGAIN;
    }
    d->store_at = now + STORE_EVERY;
    rv = dbd_borrow(&d->loan, d->in->server, d->round);
    if (rv != APR_SUCCESS) {
        tell(d, rv, d->loan.detail, d->loan.remedy);
        return rv;
    }
    d->have_store = 1;
    rv = load_offsets(d);
    if (rv == APR_SUCCESS) {
        rv = publish_settings(d->loan.store, d->in, d->round);
    }
    if (rv != APR_SUCCESS) {
        store_failed(d, rv);
        return rv;
    }
    tell(d, APR_SUCCESS, "", "");
    return APR_SUCCESS;
}

/* -- the lock ----------------------------------------------------------- */

static void release_lock(drain_t *d)
{
    drop_store(d);
    if (d->lock_fd >= 0) {
        spool_unlock(d->lock_fd);
        d->lock_fd = -1;
        apr_pool_clear(d->held);
    }
}

static int have_lock(drain_t *d)
{
    apr_time_t now = apr_time_now();
    apr_status_t rv;

    if (d->lock_fd >= 0) {
        return 1;
    }
    if (now < d->lock_at) {
        return 0;
    }
    d->lock_at = now + LOCK_EVERY;
    rv = spool_lock(&d->lock_fd, d->in->conf->spool_dir, d->round);
    if (rv != APR_SUCCESS) {
        if (rv != APR_EAGAIN) {
            tell(d, rv, "drain.lock cannot be opened",
                 "check owner and mode of the spool directory");
        }
        return 0;
    }
    d->segments = apr_hash_make(d->held);
    d->hits_seen = -1;
    burst_forget(d->burst);
    board_set(d->in->board, BOARD_DRAIN_PID, (apr_int64_t)getpid());
    return 1;
}

/* -- reading ------------------------------------------------------------ */

static drain_segment_t *segment_of(drain_t *d, const char *name)
{
    drain_segment_t *segment = apr_hash_get(d->segments, name,
                                            APR_HASH_KEY_STRING);

    if (!segment) {
        segment = apr_pcalloc(d->held, sizeof(*segment));
        segment->key = apr_pstrcat(d->held, d->in->node, ":", name, NULL);
        segment->name = segment->key + strlen(d->in->node) + 1;
        apr_hash_set(d->segments, segment->name, APR_HASH_KEY_STRING,
                     segment);
    }
    return segment;
}

static void push_line(apr_array_header_t *lines, drain_segment_t *segment,
                      const char *text, apr_size_t len, apr_off_t end)
{
    batch_line_t *line = apr_array_push(lines);

    line->text = text;
    line->len = len;
    line->segment = segment;
    line->end = end;
}

/* What is new in a segment, as lines, until the batch is full. */
static apr_status_t read_segment(drain_t *d, apr_array_header_t *lines,
                                 drain_segment_t *segment)
{
    apr_size_t len = 0;
    const char *text;
    const char *end;
    char *copy;
    apr_off_t at = segment->pos;
    apr_status_t rv;

    rv = spool_read(d->buffer, &len, d->in->conf->spool_dir, segment->name,
                    at, READ_SIZE);
    if ((rv != APR_SUCCESS && rv != APR_EINCOMPLETE) || !len) {
        return rv;
    }
    copy = apr_pmemdup(d->lines, d->buffer, len);
    if (rv == APR_EINCOMPLETE) {
        push_line(lines, segment, copy, len, at + (apr_off_t)len);
        return APR_SUCCESS;
    }
    for (text = copy, end = copy + len; text < end
         && lines->nelts < BATCH_LINES;) {
        const char *newline = memchr(text, '\n', (apr_size_t)(end - text));
        apr_size_t n = (apr_size_t)(newline - text);

        at += (apr_off_t)n + 1;
        push_line(lines, segment, text, n, at);
        text = newline + 1;
    }
    return APR_SUCCESS;
}

/* -- finished segments -------------------------------------------------- */

/* Its writer is gone and all its lines are committed, on disk: what is left is
 * at most a line its writer died in, which was never answered. */
static apr_status_t finish_segment(drain_t *d, drain_segment_t *segment)
{
    const char *dir = d->in->conf->spool_dir;
    apr_off_t size = 0;
    apr_size_t len = 0;
    int fd = -1;
    apr_status_t rv;

    rv = spool_finished(&fd, &size, dir, segment->name);
    if (rv != APR_SUCCESS) {
        return rv == APR_EAGAIN ? APR_SUCCESS : rv;
    }
    if (size > segment->pos) {
        rv = spool_read(d->buffer, &len, dir, segment->name, segment->pos,
                        READ_SIZE);
        if (rv != APR_SUCCESS || len) {
            spool_unlock(fd);           /* more came: next round */
            return APR_SUCCESS;
        }
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, d->in->server,
                     "mailtrack: %s ended in the middle of a line", dir);
    }
    rv = spool_remove(fd, dir, segment->name);
    if (rv == APR_SUCCESS) {
        rv = offsets_forget(d->loan.store, segment->key);
        apr_hash_set(d->segments, segment->name, APR_HASH_KEY_STRING, NULL);
    }
    return rv;
}

/* Once a second: remove what is finished, forget offsets without a file. */
static apr_status_t sweep(drain_t *d)
{
    apr_status_t rv = APR_SUCCESS;
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(d->round, d->segments);
         hi && rv == APR_SUCCESS; hi = apr_hash_next(hi)) {
        drain_segment_t *segment;
        void *value;

        apr_hash_this(hi, NULL, NULL, &value);
        segment = value;
        if (segment->reading != d->round_number) {
            rv = offsets_forget(d->loan.store, segment->key);
            apr_hash_set(d->segments, segment->name, APR_HASH_KEY_STRING,
                         NULL);
        } else if (segment->pos >= segment->size) {
            rv = finish_segment(d, segment);
        }
    }
    return rv;
}

/* A torn tail keeps pos below size for good: those are asked, too. */
static apr_status_t sweep_torn(drain_t *d, drain_segment_t *segment)
{
    apr_size_t len = 0;
    apr_status_t rv;

    if (segment->pos >= segment->size) {
        return APR_SUCCESS;
    }
    rv = spool_read(d->buffer, &len, d->in->conf->spool_dir, segment->name,
                    segment->pos, READ_SIZE);
    return rv == APR_SUCCESS && !len ? finish_segment(d, segment) : rv;
}

/* -- rounds ------------------------------------------------------------- */

static apr_status_t list(drain_t *d, apr_array_header_t **out)
{
    apr_status_t rv;
    int i;

    d->round_number++;
    rv = spool_list(out, d->in->conf->spool_dir, d->round);
    for (i = 0; rv == APR_SUCCESS && i < (*out)->nelts; i++) {
        const segment_t *found = &APR_ARRAY_IDX(*out, i, segment_t);
        drain_segment_t *segment = segment_of(d, found->name);

        segment->size = found->size;
        segment->reading = d->round_number;
    }
    return rv;
}

static void show_backlog(drain_t *d, const apr_array_header_t *found)
{
    apr_time_t now = apr_time_now();
    apr_off_t backlog = 0;
    int i;

    for (i = 0; i < found->nelts; i++) {
        const drain_segment_t *segment = segment_of(
            d, APR_ARRAY_IDX(found, i, segment_t).name);

        if (segment->size > segment->pos) {
            backlog += segment->size - segment->pos;
        }
    }
    if (!backlog) {
        d->behind_since = 0;
    } else if (!d->behind_since) {
        d->behind_since = now;
    }
    board_set(d->in->board, BOARD_BACKLOG, backlog);
    board_set(d->in->board, BOARD_SEGMENTS, found->nelts);
    board_set(d->in->board, BOARD_OLDEST_AT, d->behind_since);
    if (!backlog) {
        board_set(d->in->board, BOARD_DRAINED_AT, now);
    }
}

/* One batch out of all segments. @param more whether it was full */
static apr_status_t drain_batch(drain_t *d, const apr_array_header_t *found,
                                int *more)
{
    batch_context_t ctx = { d->in, d->loan.store, d->memo, d->burst,
                            d->batch };
    apr_array_header_t *lines;
    apr_status_t rv = APR_SUCCESS;
    int i;

    apr_pool_clear(d->lines);
    lines = apr_array_make(d->lines, 256, sizeof(batch_line_t));
    for (i = 0; i < found->nelts && lines->nelts < BATCH_LINES
         && rv == APR_SUCCESS; i++) {
        drain_segment_t *segment = segment_of(
            d, APR_ARRAY_IDX(found, i, segment_t).name);

        if (segment->pos < segment->size) {
            rv = read_segment(d, lines, segment);
        }
    }
    *more = lines->nelts > 0;
    if (rv == APR_SUCCESS && lines->nelts) {
        rv = batch_store(&ctx, lines, 0, lines->nelts);
    }
    if (rv == STORE_ECONFLICT) {
        rv = load_offsets(d);
    }
    return rv;
}

static apr_status_t drain_all(drain_t *d, const apr_array_header_t *found)
{
    apr_status_t rv = APR_SUCCESS;
    int more = 1;

    while (more && rv == APR_SUCCESS && !d->stopping) {
        rv = drain_batch(d, found, &more);
    }
    return rv;
}

static apr_status_t sweep_all(drain_t *d, const apr_array_header_t *found)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < found->nelts && rv == APR_SUCCESS; i++) {
        rv = sweep_torn(d, segment_of(d, APR_ARRAY_IDX(found, i,
                                                       segment_t).name));
    }
    return rv != APR_SUCCESS ? rv : sweep(d);
}

static void round_of(drain_t *d)
{
    apr_int64_t hits = board_get(d->in->board, BOARD_HITS);
    apr_array_header_t *found;
    apr_time_t now = apr_time_now();
    apr_status_t rv;

    /* nothing was written since all was stored: nothing to look for */
    if (hits == d->hits_seen && now < d->sweep_at) {
        return;
    }
    rv = list(d, &found);
    if (rv != APR_SUCCESS) {
        tell(d, rv, "the spool directory cannot be read",
             "check its owner and mode");
        return;
    }
    if (have_store(d) == APR_SUCCESS) {
        rv = drain_all(d, found);
        if (rv == APR_SUCCESS && now >= d->sweep_at && !d->stopping) {
            d->sweep_at = now + SWEEP_EVERY;
            rv = sweep_all(d, found);
        }
        if (rv != APR_SUCCESS) {
            store_failed(d, rv);
        } else {
            d->hits_seen = hits;
        }
    }
    show_backlog(d, found);
}

/* -- the callback ------------------------------------------------------- */

static int enter(drain_t *d)
{
    int go;

    apr_thread_mutex_lock(d->mutex);
    go = !d->stopping;
    d->running = go;
    apr_thread_mutex_unlock(d->mutex);
    return go;
}

static void leave(drain_t *d)
{
    apr_thread_mutex_lock(d->mutex);
    if (d->stopping) {
        release_lock(d);
    }
    d->running = 0;
    apr_thread_cond_signal(d->cond);
    apr_thread_mutex_unlock(d->mutex);
}

static void sync_spool(drain_t *d)
{
    apr_time_t now = apr_time_now();
    apr_status_t rv;

    if (now - d->synced_at < apr_time_from_sec(1)) {
        return;
    }
    d->synced_at = now;
    rv = spool_sync(d->in->spool);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, d->in->server,
                     "mailtrack: %s cannot be synced to disk",
                     d->in->conf->spool_dir);
    }
}

/* Whatever it returns but success, mod_watchdog would never call it again. */
static apr_status_t tick(int state, void *data, apr_pool_t *pool)
{
    instance_t *in = data;
    drain_t *d = __atomic_load_n(&in->drain, __ATOMIC_ACQUIRE);

    (void)pool;
    if (state != AP_WATCHDOG_STATE_RUNNING || !d || !enter(d)) {
        return APR_SUCCESS;
    }
    apr_pool_clear(d->round);
    sync_spool(d);
    if (have_lock(d)) {
        round_of(d);
    }
    leave(d);
    return APR_SUCCESS;
}

/* The child ends: no new round, and the one under way gets time to end. */
static apr_status_t stop(void *data)
{
    drain_t *d = data;
    apr_time_t until = apr_time_now() + STOP_WITHIN;

    apr_thread_mutex_lock(d->mutex);
    d->stopping = 1;
    while (d->running && apr_time_now() < until) {
        apr_thread_cond_timedwait(d->cond, d->mutex, apr_time_from_msec(100));
    }
    if (!d->running) {
        release_lock(d);
    }
    apr_thread_mutex_unlock(d->mutex);
    return APR_SUCCESS;
}

apr_status_t drain_child(instance_t *in, apr_pool_t *pchild)
{
    drain_t *d;
    apr_pool_t *pool;
    apr_status_t rv;

    /* no child of pchild: it must not go while the thread still runs */
    rv = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    d = apr_pcalloc(pool, sizeof(*d));
    d->in = in;
    d->pool = pool;
    d->lock_fd = -1;
    d->buffer = apr_palloc(pool, READ_SIZE);
    apr_pool_create(&d->held, pool);
    apr_pool_create(&d->round, pool);
    apr_pool_create(&d->lines, pool);
    apr_pool_create(&d->batch, pool);
    d->burst = burst_make(pool);
    rv = classify_memo_create(&d->memo, pool);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_mutex_create(&d->mutex, APR_THREAD_MUTEX_DEFAULT,
                                     pool);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&d->cond, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_pre_cleanup_register(pchild, d, stop);
    __atomic_store_n(&in->drain, d, __ATOMIC_RELEASE);
    return APR_SUCCESS;
}

apr_status_t drain_register(instance_t *in, apr_pool_t *pconf)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get_instance;
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *register_callback;
    ap_watchdog_t *watchdog;
    apr_status_t rv;

    get_instance = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    register_callback = APR_RETRIEVE_OPTIONAL_FN(
        ap_watchdog_register_callback);
    if (!get_instance || !register_callback) {
        return APR_ENOTIMPL;
    }
    rv = get_instance(&watchdog, apr_pstrcat(pconf, "mailtrack:",
                                             in->conf->spool_dir, NULL),
                      0, 0, pconf);
    return rv != APR_SUCCESS ? rv
           : register_callback(watchdog, TICK, in, tick);
}
