/* SPDX-License-Identifier: MIT */
/*
 * reclassify: history by the present rules, in bounded transactions beside a
 * running drain. Each open carries the version of the rules that judged it, so
 * whatever was done stays done and the next run takes up the rest.
 */
#include "ctl.h"

#include <stdio.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "mod_mailtrack/opens/judge.h"
#include "sql/opens.h"
#include "sql/settings.h"

/* Opens of a transaction: some 50 ms of the write lock. */
#define BATCH 1000

/* A drain that wants the lock too gets it between two batches. */
#define PAUSE_MIN APR_TIME_C(10000)

/* The lock is taken: first wait, doubled each time, given up after ~1 min. */
#define BACKOFF_FIRST APR_TIME_C(50000)
#define BACKOFF_TRIES 10

typedef struct run_t {
    ctl_t *ctl;
    rules_t *rules;
    classify_memo_t *memo;
    apr_pool_t *batch;          /* cleared for each */
    apr_hash_t *changes;        /* "human/open -> bot/none" -> int64 * */
    apr_int64_t after;          /* id of the last one judged */
    apr_int64_t judged, changed;
} run_t;

/* What one batch adds; counted only once it is committed. */
typedef struct batch_t {
    apr_array_header_t *changes;        /* const char * */
    apr_int64_t judged, last;
} batch_t;

static const char *change_text(const open_t *was, const open_t *now,
                               apr_pool_t *pool)
{
    const char *from = verdict_name((verdict_e)was->verdict);
    const char *worth = counts_name((counts_e)was->counts);

    return apr_psprintf(pool, "%s/%s -> %s/%s", from ? from : "?",
                        worth ? worth : "?",
                        verdict_name((verdict_e)now->verdict),
                        counts_name((counts_e)now->counts));
}

static apr_status_t judge_batch(batch_t *done, run_t *run, recorder_t *rec)
{
    apr_array_header_t *opens = NULL;
    apr_status_t rv;
    int i;

    rv = opens_outdated(&opens, run->ctl->store, rules_version(run->rules),
                        run->after, BATCH, run->batch);
    for (i = 0; rv == APR_SUCCESS && i < opens->nelts; i++) {
        const open_t *was = &APR_ARRAY_IDX(opens, i, open_t);
        open_t now = *was;

        judge_open(&now, was->track_created_at, run->rules, run->memo,
                   run->batch);
        rv = record_rejudge(rec, was, &now);
        if (was->verdict != now.verdict || was->counts != now.counts) {
            APR_ARRAY_PUSH(done->changes, const char *) =
                change_text(was, &now, run->batch);
        }
        done->judged++;
        done->last = was->id;
    }
    return rv;
}

/* Read within the transaction: an open whose mail is deleted meanwhile would
 * otherwise be counted back in. */
static apr_status_t one_batch(batch_t *done, run_t *run)
{
    store_t *store = run->ctl->store;
    recorder_t *rec;
    apr_status_t rv;

    apr_pool_clear(run->batch);
    memset(done, 0, sizeof(*done));
    done->changes = apr_array_make(run->batch, 16, sizeof(const char *));
    rv = store_begin(store);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rec = record_start(store, CTL_NODE, run->batch);
    rv = judge_batch(done, run, rec);
    if (rv == APR_SUCCESS) {
        rv = record_finish(rec, 0, apr_time_now());
    }
    return store_end(store, rv);
}

static apr_status_t patient_batch(batch_t *done, run_t *run)
{
    apr_interval_time_t wait = BACKOFF_FIRST;
    apr_status_t rv = STORE_EBUSY;
    int i;

    for (i = 0; i < BACKOFF_TRIES && rv == STORE_EBUSY; i++) {
        if (i > 0) {
            apr_sleep(wait);
            wait *= 2;
        }
        rv = one_batch(done, run);
    }
    return rv;
}

static void note(run_t *run, const batch_t *done)
{
    int i;

    run->judged += done->judged;
    run->after = done->last;
    for (i = 0; i < done->changes->nelts; i++) {
        const char *text = APR_ARRAY_IDX(done->changes, i, const char *);
        apr_int64_t *n = apr_hash_get(run->changes, text,
                                      APR_HASH_KEY_STRING);

        if (!n) {
            n = apr_pcalloc(run->ctl->pool, sizeof(*n));
            apr_hash_set(run->changes, apr_pstrdup(run->ctl->pool, text),
                         APR_HASH_KEY_STRING, n);
        }
        ++*n;
        run->changed++;
    }
}

static apr_status_t all_batches(run_t *run, ctl_progress_t *bar)
{
    apr_int64_t total = 0;
    apr_status_t rv;
    batch_t done;

    rv = opens_outdated_count(&total, run->ctl->store,
                              rules_version(run->rules));
    while (rv == APR_SUCCESS) {
        apr_time_t start = apr_time_now();
        apr_interval_time_t took;

        rv = patient_batch(&done, run);
        if (rv != APR_SUCCESS || done.judged == 0) {
            break;
        }
        note(run, &done);
        ctl_progress(bar, run->judged, total);
        took = (apr_time_now() - start) / 2;
        apr_sleep(took > PAUSE_MIN ? took : PAUSE_MIN);
    }
    return rv;
}

/* --rules, else what httpd noted, else the installed file. */
static int load_rules(run_t *run)
{
    ctl_t *ctl = run->ctl;
    const char *path = ctl_option(ctl, "rules");
    const char *error = NULL;
    apr_status_t rv;

    if (!path) {
        rv = settings_get(&path, ctl->store, "rules_file", ctl->pool);
        if (rv == APR_NOTFOUND || (rv == APR_SUCCESS && !*path)) {
            path = MAILTRACK_CONF_DIR "/classify.yaml";
        } else if (rv != APR_SUCCESS) {
            return ctl_fail(ctl, rv, "settings");
        }
    }
    rv = rules_load(&run->rules, &error, path, ctl->pool);
    if (rv == APR_SUCCESS) {
        rv = classify_memo_create(&run->memo, ctl->pool);
    }
    if (rv != APR_SUCCESS) {
        return ctl_refuse(ctl, "%s", error ? error : "out of memory");
    }
    return CTL_OK;
}

static void print_summary(const run_t *run)
{
    apr_hash_index_t *hi;

    printf("%" APR_INT64_T_FMT " judged, %" APR_INT64_T_FMT " changed%s\n",
           run->judged, run->changed, run->changed ? ":" : "");
    for (hi = apr_hash_first(run->ctl->pool, run->changes); hi;
         hi = apr_hash_next(hi)) {
        const void *text;
        void *count;

        apr_hash_this(hi, &text, NULL, &count);
        printf("%10" APR_INT64_T_FMT "  %s\n", *(apr_int64_t *)count,
               (const char *)text);
    }
}

int ctl_reclassify(ctl_t *ctl)
{
    run_t run = { 0 };
    ctl_progress_t *bar;
    apr_status_t rv;
    int code;

    run.ctl = ctl;
    run.changes = apr_hash_make(ctl->pool);
    code = load_rules(&run);
    if (code != CTL_OK) {
        return code;
    }
    rv = apr_pool_create(&run.batch, ctl->pool);
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "memory");
    }
    bar = ctl_progress_start(ctl, "reclassify");
    rv = all_batches(&run, bar);
    ctl_progress_end(bar);
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "%" APR_INT64_T_FMT " judged, then stopped "
                        "(run it again)", run.judged);
    }
    print_summary(&run);
    return CTL_OK;
}
