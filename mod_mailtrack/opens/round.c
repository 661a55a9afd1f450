/* SPDX-License-Identifier: MIT */
/*
 * What the drain does while it holds the lock: list segments, read them to
 * their last newline, store batches, remove what is finished. Runs in the
 * watchdog's thread; a store that is away only makes it wait.
 */
#include "round.h"

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_log.h>

#include "../publish.h"
#include "sweep.h"

APLOG_USE_MODULE(mailtrack);

#define STORE_EVERY apr_time_from_sec(1)
#define SWEEP_EVERY apr_time_from_sec(1)

/* Segments known, ever, before the lock is let go. */
#define NAMES_MAX 10000

/* Lines of one transaction. */
#define BATCH_LINES 8000

int round_due(apr_time_t at, apr_time_t now)
{
    return now >= at || at - now > apr_time_from_sec(2);
}

/* -- the store ---------------------------------------------------------- */

static void drop_store(round_t *r)
{
    if (r->have_store) {
        store_bulk(r->loan.store, 0);
        dbd_return(&r->loan, r->in->server);
        r->have_store = 0;
    }
}

/* Say it once when it changes, not ten times a second. */
void round_tell(round_t *r, apr_status_t rv, const char *detail,
                const char *remedy)
{
    board_set(r->in->board, BOARD_DRAIN_STATUS, rv);
    if (rv == r->told) {
        return;
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, r->in->server,
                     "mailtrack: hits wait in %s: %s%s%s",
                     r->in->conf->spool_dir, detail,
                     *remedy ? "; to mend it: " : "", remedy);
    } else {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, r->in->server,
                     "mailtrack: the store is back, hits in %s are being "
                     "stored", r->in->conf->spool_dir);
    }
    r->told = rv;
}

static void store_failed(round_t *r, apr_status_t rv)
{
    const char *detail = store_error(r->loan.store);

    round_tell(r, rv, *detail ? detail : "the store failed",
         store_remedy(r->loan.store, rv, r->round));
    drop_store(r);
    r->store_at = apr_time_now() + STORE_EVERY;
}

drain_segment_t *round_segment(round_t *r, const char *name)
{
    drain_segment_t *segment = apr_hash_get(r->segments, name,
                                            APR_HASH_KEY_STRING);

    if (!segment) {
        segment = apr_pcalloc(r->held, sizeof(*segment));
        segment->key = apr_pstrcat(r->held, r->in->node, ":", name, NULL);
        segment->name = segment->key + strlen(r->in->node) + 1;
        apr_hash_set(r->segments, segment->name, APR_HASH_KEY_STRING,
                     segment);
        r->names++;
    }
    return segment;
}

/* What the store says is true, whatever this process remembers. */
static apr_status_t load_offsets(round_t *r)
{
    const char *prefix = apr_pstrcat(r->round, r->in->node, ":", NULL);
    apr_array_header_t *offsets;
    apr_hash_index_t *hi;
    apr_status_t rv;
    int i;

    rv = offsets_list(&offsets, r->loan.store, prefix, r->round);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (hi = apr_hash_first(r->round, r->segments); hi;
         hi = apr_hash_next(hi)) {
        void *value;

        apr_hash_this(hi, NULL, NULL, &value);
        ((drain_segment_t *)value)->pos = 0;
    }
    for (i = 0; i < offsets->nelts; i++) {
        const offset_t *offset = &APR_ARRAY_IDX(offsets, i, offset_t);

        round_segment(r, offset->segment + strlen(prefix))->pos = offset->pos;
    }
    return APR_SUCCESS;
}

/* A connection that is ready; offsets are read whenever it is a new one. */
static apr_status_t have_store(round_t *r)
{
    apr_time_t now = apr_time_now();
    apr_status_t rv;

    if (r->have_store) {
        rv = store_ready(r->loan.store);
        if (rv != APR_SUCCESS) {
            store_failed(r, rv);
        }
        return rv;
    }
    if (!round_due(r->store_at, now)) {
        return APR_EAGAIN;
    }
    r->store_at = now + STORE_EVERY;
    /* with DBDPersist Off the connection lives in the pool given */
    apr_pool_clear(r->loans);
    rv = dbd_borrow(&r->loan, r->in->server, r->loans);
    if (rv != APR_SUCCESS) {
        round_tell(r, rv, r->loan.detail, r->loan.remedy);
        return rv;
    }
    r->have_store = 1;
    store_bulk(r->loan.store, 1);
    rv = load_offsets(r);
    if (rv == APR_SUCCESS) {
        rv = publish_settings(r->loan.store, r->in, r->round);
    }
    if (rv != APR_SUCCESS) {
        store_failed(r, rv);
        return rv;
    }
    round_tell(r, APR_SUCCESS, "", "");
    return APR_SUCCESS;
}

/* -- reading ------------------------------------------------------------ */

void round_complain(const round_t *r, drain_segment_t *segment,
                    apr_status_t rv)
{
    if (segment->told == rv || APR_STATUS_IS_ENOENT(rv)) {
        return;
    }
    segment->told = rv;
    ap_log_error(APLOG_MARK, APLOG_WARNING, rv, r->in->server,
                 "mailtrack: %s/%s waits until httpd's user may read and "
                 "remove it", r->in->conf->spool_dir, segment->name);
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
static void read_segment(round_t *r, apr_array_header_t *lines,
                         drain_segment_t *segment)
{
    apr_size_t len = 0;
    const char *text;
    const char *end;
    char *copy;
    apr_off_t at = segment->pos;
    apr_status_t rv;

    rv = spool_read(r->buffer, &len, r->in->conf->spool_dir, segment->name,
                    at, ROUND_READ);
    if (rv != APR_SUCCESS && rv != APR_EINCOMPLETE) {
        round_complain(r, segment, rv);
    }
    if (!len) {
        return;
    }
    copy = apr_pmemdup(r->lines, r->buffer, len);
    if (rv == APR_EINCOMPLETE) {
        push_line(lines, segment, copy, len, at + (apr_off_t)len);
        return;
    }
    for (text = copy, end = copy + len; text < end
         && lines->nelts < BATCH_LINES;) {
        const char *newline = memchr(text, '\n', (apr_size_t)(end - text));
        apr_size_t n = (apr_size_t)(newline - text);

        at += (apr_off_t)n + 1;
        push_line(lines, segment, text, n, at);
        text = newline + 1;
    }
}

/* -- rounds ------------------------------------------------------------- */

static apr_status_t list(round_t *r, apr_array_header_t **out)
{
    apr_status_t rv;
    int i;

    r->number++;
    rv = spool_list(out, r->in->conf->spool_dir, r->round);
    for (i = 0; rv == APR_SUCCESS && i < (*out)->nelts; i++) {
        const segment_t *found = &APR_ARRAY_IDX(*out, i, segment_t);
        drain_segment_t *segment = round_segment(r, found->name);

        segment->size = found->size;
        segment->reading = r->number;
    }
    return rv;
}

static void show_backlog(round_t *r, const apr_array_header_t *found)
{
    apr_time_t now = apr_time_now();
    apr_off_t backlog = 0;
    int i;

    for (i = 0; i < found->nelts; i++) {
        const drain_segment_t *segment = round_segment(
            r, APR_ARRAY_IDX(found, i, segment_t).name);

        if (segment->size > segment->pos) {
            backlog += segment->size - segment->pos;
        }
    }
    if (!backlog) {
        r->behind_since = 0;
    } else if (!r->behind_since) {
        r->behind_since = now;
    }
    board_set(r->in->board, BOARD_BACKLOG, backlog);
    board_set(r->in->board, BOARD_SEGMENTS, found->nelts);
    board_set(r->in->board, BOARD_OLDEST_AT, r->behind_since);
    if (!backlog) {
        board_set(r->in->board, BOARD_DRAINED_AT, now);
    }
}

/* One batch out of all segments. @param more whether it was full */
static apr_status_t drain_batch(round_t *r, const apr_array_header_t *found,
                                int *more)
{
    batch_context_t ctx = { r->in, r->loan.store, r->memo, r->burst,
                            r->batch };
    apr_array_header_t *lines;
    apr_status_t rv = APR_SUCCESS;
    int i;

    apr_pool_clear(r->lines);
    lines = apr_array_make(r->lines, 256, sizeof(batch_line_t));
    for (i = 0; i < found->nelts && lines->nelts < BATCH_LINES; i++) {
        drain_segment_t *segment = round_segment(
            r, APR_ARRAY_IDX(found, i, segment_t).name);

        if (segment->pos < segment->size) {
            read_segment(r, lines, segment);
        }
    }
    *more = lines->nelts > 0;
    if (lines->nelts) {
        rv = batch_store(&ctx, lines, 0, lines->nelts);
    }
    if (rv == STORE_ECONFLICT) {
        rv = load_offsets(r);
    }
    return rv;
}

static apr_status_t drain_all(round_t *r, const apr_array_header_t *found)
{
    apr_status_t rv = APR_SUCCESS;
    int more = 1;

    while (more && rv == APR_SUCCESS && !*r->stopping) {
        rv = drain_batch(r, found, &more);
        show_backlog(r, found);
    }
    return rv;
}

void round_run(round_t *r)
{
    apr_int64_t hits = board_get(r->in->board, BOARD_HITS);
    apr_array_header_t *found;
    apr_time_t now = apr_time_now();
    apr_status_t rv;

    /* nothing was written since all was stored: nothing to look for */
    if (hits == r->hits_seen && !round_due(r->sweep_at, now)) {
        return;
    }
    rv = list(r, &found);
    if (rv != APR_SUCCESS) {
        round_tell(r, rv, "the spool directory cannot be read",
             "check its owner and mode");
        return;
    }
    if (have_store(r) == APR_SUCCESS) {
        /* `mailtrackctl restore` may have set offsets back: what they say is
         * not stored any more is read again before its file may go */
        rv = round_due(r->sweep_at, now) ? load_offsets(r) : APR_SUCCESS;
        if (rv == APR_SUCCESS) {
            rv = drain_all(r, found);
        }
        if (rv == APR_SUCCESS && round_due(r->sweep_at, now)
            && !*r->stopping) {
            r->sweep_at = now + SWEEP_EVERY;
            rv = sweep_run(r, found);
        }
        if (rv != APR_SUCCESS) {
            store_failed(r, rv);
        } else {
            r->hits_seen = hits;
        }
    }
    show_backlog(r, found);
}

/* -- life --------------------------------------------------------------- */

apr_status_t round_make(round_t *r, instance_t *in, const int *stopping,
                        apr_pool_t *pool)
{
    memset(r, 0, sizeof(*r));
    r->in = in;
    r->stopping = stopping;
    r->buffer = apr_palloc(pool, ROUND_READ);
    apr_pool_create(&r->held, pool);
    apr_pool_create(&r->loans, pool);
    apr_pool_create(&r->round, pool);
    apr_pool_create(&r->lines, pool);
    apr_pool_create(&r->batch, pool);
    r->burst = burst_make(pool);
    return classify_memo_create(&r->memo, pool);
}

void round_begin(round_t *r)
{
    r->segments = apr_hash_make(r->held);
    r->hits_seen = -1;
    burst_forget(r->burst);
}

void round_end(round_t *r)
{
    drop_store(r);
    r->segments = NULL;
    r->names = 0;
    apr_pool_clear(r->held);
}

int round_full(const round_t *r)
{
    return r->names > NAMES_MAX;
}
