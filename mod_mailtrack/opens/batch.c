/* SPDX-License-Identifier: MIT */
/*
 * Hits judged and written. All of a batch is one transaction whose first
 * statements move the offsets, so each line is stored exactly once, whatever
 * dies when. A batch the store refuses for its data is halved until the one bad
 * line stands alone.
 */
#include "batch.h"

#include <string.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_log.h>

#include "hit.h"
#include "judge.h"
#include "utf8.h"

APLOG_USE_MODULE(mailtrack);

/* What a transaction did, for the board, once it is committed. */
typedef struct tally_t {
    int stored;
    int unknown;
} tally_t;

/* A line that no store will take. */
typedef struct refused_t {
    const batch_line_t *line;
    const char *why;
} refused_t;

typedef struct work_t {
    batch_context_t *ctx;
    recorder_t *rec;
    apr_time_t now;
    tally_t tally;
    apr_array_header_t *refused;
} work_t;

/* -- one hit ------------------------------------------------------------ */

static const char *clean(const char *text, apr_size_t max, apr_pool_t *pool)
{
    return text && *text ? utf8_clean(text, strlen(text), max, pool) : "";
}

static void describe(open_t *open, const hit_t *hit, apr_pool_t *pool)
{
    memset(open, 0, sizeof(*open));
    open->opened_at = hit->at;
    open->method = clean(hit->method, 16, pool);
    open->ip_address = clean(hit->address, 45, pool);
    open->user_agent = clean(hit->user_agent, OPEN_AGENT_MAX, pool);
    open->referer = clean(hit->referer, OPEN_REFERER_MAX, pool);
    open->headers = *hit->headers ? clean(hit->headers, 2048, pool) : NULL;
}

/* An unknown place is NULL in the store. */
static const char *known(const char *place)
{
    return *place ? place : NULL;
}

static void locate(open_t *open, const hit_t *hit, work_t *w)
{
    geo_place_t place;

    if (hit->anonymized) {
        open->networks = clean(hit->networks, 1024, w->ctx->pool);
        open->country = known(clean(hit->country, 64, w->ctx->pool));
        open->city = known(clean(hit->city, 128, w->ctx->pool));
        return;
    }
    geo_lookup(&place, w->ctx->in->geo, open->ip_address);
    open->country = known(apr_pstrdup(w->ctx->pool, place.country));
    open->city = known(apr_pstrdup(w->ctx->pool, place.city));
}

/* The hits around one that makes a burst, judged anew with it. */
static apr_status_t mark_burst(work_t *w, const open_t *open,
                               apr_int64_t sent_at)
{
    apr_array_header_t *near;
    char fresh[BURST_ROWS];
    apr_status_t rv;
    int i;

    rv = record_window(&near, w->rec, open->track_id,
                       open->opened_at - BURST_WINDOW,
                       open->opened_at + BURST_WINDOW, BURST_ROWS);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    burst_mark(near, fresh);
    for (i = 0; i < near->nelts && rv == APR_SUCCESS; i++) {
        open_t *now = &APR_ARRAY_IDX(near, i, open_t);
        open_t was = *now;

        if (fresh[i]) {
            judge_open(now, sent_at, w->ctx->in->rules, w->ctx->memo,
                       w->ctx->pool);
            rv = record_rejudge(w->rec, &was, now);
        }
    }
    return rv;
}

/* A mail fetched lately, by hits this drain did not see: ask the store. */
static apr_status_t recall(work_t *w, const recorder_track_t *track,
                           apr_int64_t at)
{
    apr_array_header_t *near;
    apr_status_t rv;
    int i;

    if (burst_knows(w->ctx->burst, track->id)
        || track->last_hit_at == STORE_NULL
        || track->last_hit_at < at - BURST_WINDOW) {
        return APR_SUCCESS;
    }
    rv = record_window(&near, w->rec, track->id, at - BURST_WINDOW,
                       at + BURST_WINDOW, BURST_ROWS);
    for (i = 0; rv == APR_SUCCESS && i < near->nelts; i++) {
        const open_t *open = &APR_ARRAY_IDX(near, i, open_t);

        burst_note(w->ctx->burst, track->id, open->ip_address,
                   open->opened_at);
    }
    return rv;
}

static apr_status_t store_hit(work_t *w, const hit_t *hit)
{
    const mailtrack_conf_t *conf = w->ctx->in->conf;
    recorder_track_t track;
    burst_state_t burst;
    apr_status_t rv;
    open_t open;

    rv = record_track(&track, w->rec, hit->id);
    if (rv == APR_NOTFOUND) {
        w->tally.unknown++;
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS) {
        rv = recall(w, &track, hit->at);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    describe(&open, hit, w->ctx->pool);
    locate(&open, hit, w);
    open.track_id = track.id;
    open.recorded_at = w->now;
    burst = burst_note(w->ctx->burst, track.id, open.ip_address, hit->at);
    open.context = (hit->at < track.created_at + conf->min_delay
                    ? CLASSIFY_BEFORE_SENT : 0)
                   | (burst == BURST_GOES_ON ? CLASSIFY_BURST : 0);
    judge_open(&open, track.created_at, w->ctx->in->rules, w->ctx->memo,
               w->ctx->pool);
    rv = record_open(w->rec, &open);
    if (rv == APR_SUCCESS) {
        w->tally.stored++;
    }
    if (rv == APR_SUCCESS && burst == BURST_BEGINS) {
        rv = mark_burst(w, &open, track.created_at);
    }
    return rv;
}

/* -- one transaction ---------------------------------------------------- */

static void refuse(work_t *w, const batch_line_t *line, const char *why)
{
    refused_t *refused = apr_array_push(w->refused);

    refused->line = line;
    refused->why = why;
}

/* A full disk must not stop the one who makes room on it: a line that cannot
 * be put aside is counted and gone. */
static void put_aside(const instance_t *in, const refused_t *refused)
{
    const char *dir = in->conf->spool_dir;
    const batch_line_t *line = refused->line;
    apr_status_t rv = spool_reject(dir, line->text, line->len);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, in->server,
                     "mailtrack: a spool line was lost (%s), as %s/rejected "
                     "cannot be written", refused->why, dir);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, in->server,
                 "mailtrack: a spool line of %" APR_SIZE_T_FMT " bytes in %s "
                 "was put aside in %s/rejected: %s", line->len,
                 line->segment->name, dir, refused->why);
}

static apr_status_t store_line(work_t *w, const batch_line_t *line)
{
    hit_t hit;

    if (hit_parse(&hit, line->text, line->len, w->ctx->pool)
        != APR_SUCCESS) {
        refuse(w, line, "it is cut short or not ours");
        return APR_SUCCESS;
    }
    return store_hit(w, &hit);
}

/* The new offset of each segment is that behind its last line here. */
static apr_status_t move_offsets(work_t *w, const apr_array_header_t *lines,
                                 int first, int last)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = first; i < last && rv == APR_SUCCESS; i++) {
        const batch_line_t *line = &APR_ARRAY_IDX(lines, i, batch_line_t);

        if (i + 1 == last
            || APR_ARRAY_IDX(lines, i + 1, batch_line_t).segment
               != line->segment) {
            rv = offsets_move(w->ctx->store, line->segment->key,
                              line->segment->pos, line->end, w->now);
        }
    }
    return rv;
}

static void committed(const work_t *w, const apr_array_header_t *lines,
                      int first, int last)
{
    board_t *board = w->ctx->in->board;
    int i;

    for (i = first; i < last; i++) {
        const batch_line_t *line = &APR_ARRAY_IDX(lines, i, batch_line_t);

        line->segment->pos = line->end;
    }
    board_add(board, BOARD_STORED, w->tally.stored);
    board_add(board, BOARD_UNKNOWN, w->tally.unknown);
    board_add(board, BOARD_REJECTED, w->refused->nelts);
}

/* @param bad NULL, or why the one line is put aside instead of stored */
static apr_status_t try_store(batch_context_t *ctx, apr_array_header_t *lines,
                              int first, int last, const char *bad)
{
    work_t w = { ctx, NULL, apr_time_now(), { 0, 0 }, NULL };
    apr_status_t rv;
    int moved;
    int i;

    apr_pool_clear(ctx->pool);
    rv = store_begin(ctx->store);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    w.refused = apr_array_make(ctx->pool, 4, sizeof(refused_t));
    w.rec = record_start(ctx->store, ctx->in->node, ctx->pool);
    rv = move_offsets(&w, lines, first, last);
    moved = rv == APR_SUCCESS;
    for (i = first; i < last && rv == APR_SUCCESS; i++) {
        const batch_line_t *line = &APR_ARRAY_IDX(lines, i, batch_line_t);

        if (bad) {
            refuse(&w, line, bad);
        } else {
            rv = store_line(&w, line);
        }
    }
    if (rv == APR_SUCCESS) {
        rv = record_finish(w.rec, 1, w.now);
    }
    /* only an offset tells of another drain; any other key is the data's */
    if (moved && rv == STORE_ECONFLICT) {
        rv = STORE_EDATA;
    }
    /* before the commit, after which they would not be seen again */
    for (i = 0; i < w.refused->nelts && rv == APR_SUCCESS; i++) {
        put_aside(ctx->in, &APR_ARRAY_IDX(w.refused, i, refused_t));
    }
    rv = store_end(ctx->store, rv);
    if (rv == APR_SUCCESS) {
        committed(&w, lines, first, last);
    } else {
        burst_forget(ctx->burst);
    }
    return rv;
}

apr_status_t batch_store(batch_context_t *ctx, apr_array_header_t *lines,
                         int first, int last)
{
    apr_status_t rv = try_store(ctx, lines, first, last, NULL);
    int middle = first + (last - first) / 2;

    if (rv == APR_SUCCESS || rv == STORE_ECONFLICT || store_transient(rv)
        || APR_STATUS_IS_ENOSPC(rv)) {
        return rv;
    }
    if (last - first == 1) {
        return try_store(ctx, lines, first, last,
                         store_error(ctx->store));
    }
    rv = batch_store(ctx, lines, first, middle);
    return rv != APR_SUCCESS ? rv : batch_store(ctx, lines, middle, last);
}
