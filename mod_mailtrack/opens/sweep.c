/* SPDX-License-Identifier: MIT */
/*
 * Once a second, after all is stored: finished segments are removed, offsets
 * whose file is gone forgotten. The drain's thread, under its lock.
 */
#include "sweep.h"

#include <httpd.h>
#include <http_log.h>

APLOG_USE_MODULE(mailtrack);

/* Its writer is gone and all its lines are committed, on disk: what is left is
 * at most a line its writer died in, which was never answered. */
static apr_status_t finish_segment(round_t *r, drain_segment_t *segment)
{
    const char *dir = r->in->conf->spool_dir;
    apr_off_t size = 0;
    apr_size_t len = 0;
    int fd = -1;
    apr_status_t rv;

    rv = spool_finished(&fd, &size, dir, segment->name);
    if (rv != APR_SUCCESS) {
        if (rv != APR_EAGAIN) {
            round_complain(r, segment, rv);
        }
        return APR_SUCCESS;
    }
    if (size > segment->pos) {
        rv = spool_read(r->buffer, &len, dir, segment->name, segment->pos,
                        ROUND_READ);
        if (rv != APR_SUCCESS || len) {
            spool_unlock(fd);           /* more came: next round */
            return APR_SUCCESS;
        }
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, r->in->server,
                     "mailtrack: %s ended in the middle of a line", dir);
    }
    rv = spool_remove(fd, dir, segment->name);
    if (rv != APR_SUCCESS) {
        round_complain(r, segment, rv);
        return APR_SUCCESS;
    }
    apr_hash_set(r->segments, segment->name, APR_HASH_KEY_STRING, NULL);
    return offsets_forget(r->loan.store, segment->key);
}

/* An offset whose file is gone: its child died between unlink and forget. Only
 * that: an offset forgotten while the file is there stores its hits again. */
static apr_status_t forget_segment(round_t *r, drain_segment_t *segment)
{
    if (!spool_gone(r->in->conf->spool_dir, segment->name)) {
        return APR_SUCCESS;
    }
    apr_hash_set(r->segments, segment->name, APR_HASH_KEY_STRING, NULL);
    return offsets_forget(r->loan.store, segment->key);
}

/* Once a second: remove what is finished, forget offsets without a file. */
static apr_status_t sweep(round_t *r)
{
    apr_status_t rv = APR_SUCCESS;
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(r->round, r->segments);
         hi && rv == APR_SUCCESS; hi = apr_hash_next(hi)) {
        drain_segment_t *segment;
        void *value;

        apr_hash_this(hi, NULL, NULL, &value);
        segment = value;
        if (segment->reading != r->number) {
            rv = forget_segment(r, segment);
        } else if (segment->pos >= segment->size) {
            rv = finish_segment(r, segment);
        }
    }
    return rv;
}

/* A torn tail keeps pos below size for good: those are asked, too. */
static apr_status_t sweep_torn(round_t *r, drain_segment_t *segment)
{
    apr_size_t len = 0;
    apr_status_t rv;

    if (segment->pos >= segment->size) {
        return APR_SUCCESS;
    }
    rv = spool_read(r->buffer, &len, r->in->conf->spool_dir, segment->name,
                    segment->pos, ROUND_READ);
    return rv == APR_SUCCESS && !len ? finish_segment(r, segment)
           : APR_SUCCESS;
}

apr_status_t sweep_run(round_t *r, const apr_array_header_t *found)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < found->nelts && rv == APR_SUCCESS; i++) {
        rv = sweep_torn(r, round_segment(r, APR_ARRAY_IDX(found, i,
                                                       segment_t).name));
    }
    return rv != APR_SUCCESS ? rv : sweep(r);
}
