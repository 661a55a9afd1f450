/* SPDX-License-Identifier: MIT */
/*
 * The sums of probes against what is left to count: hours against the probes
 * themselves (but for those that retention has thinned), days against hours,
 * all time against days. Part of reports_verify, in its snapshot.
 */
#include "reports.h"
#include "verify_probes.h"

#include <apr_strings.h>

static const char *const counters[] = {
    "ok", "slow", "late", "missing", "spam", "bounced", "send_failed",
    "blind", "latency_us", "le_*"
};
#define COUNTERS ((int)(sizeof(counters) / sizeof(*counters)))

#define LE_SUM(r) "(" r ".le_100ms + " r ".le_250ms + " r ".le_500ms + " r \
    ".le_1s + " r ".le_2500ms + " r ".le_5s + " r ".le_10s + " r ".le_30s" \
    " + " r ".le_1m + " r ".le_2m + " r ".le_5m + " r ".le_10m + " r \
    ".le_30m + " r ".le_inf)"
#define KEPT(r) r ".ok, " r ".slow, " r ".late, " r ".missing, " r ".spam, " \
    r ".bounced, " r ".send_failed, " r ".blind, " r ".latency_us, " LE_SUM(r)
#define SUM(column) "coalesce(sum(f." column "), 0)"
#define SUMS SUM("ok") ", " SUM("slow") ", " SUM("late") ", " \
    SUM("missing") ", " SUM("spam") ", " SUM("bounced") ", " \
    SUM("send_failed") ", " SUM("blind") ", " SUM("latency_us") \
    ", coalesce(sum(" LE_SUM("f") "), 0)"
#define COUNT_IF(outcome) \
    "sum(CASE WHEN p.outcome = '" outcome "' THEN 1 ELSE 0 END)"
#define DECIDED " p.outcome NOT IN ('sending', 'sent')"

/* Each: name, bucket, the counters as kept, as counted. */
static const char *const queries[] = {
    /* whole hours since the oldest probe there is; older ones were pruned */
    "SELECT m.name, r.bucket, " KEPT("r") ", " COUNT_IF("ok") ", "
    COUNT_IF("slow") ", " COUNT_IF("late") ", " COUNT_IF("missing") ", "
    COUNT_IF("spam") ", " COUNT_IF("bounced") ", " COUNT_IF("send-failed")
    ", " COUNT_IF("blind") ", coalesce(sum(p.latency_us), 0),"
    " count(p.latency_us) FROM probe_rollups r JOIN monitors m"
    " ON m.id = r.monitor_id LEFT JOIN probes p ON p.monitor_id ="
    " r.monitor_id AND p.due_at >= r.bucket AND p.due_at < r.bucket +"
    " 3600000000 AND" DECIDED " WHERE r.width = 3600 AND r.bucket >"
    " (SELECT coalesce(min(p.due_at), 9223372036854775807) FROM probes p"
    " WHERE" DECIDED ") GROUP BY r.monitor_id, r.width, r.bucket, m.name",
    "SELECT m.name, r.bucket, " KEPT("r") ", " SUMS " FROM probe_rollups r"
    " JOIN monitors m ON m.id = r.monitor_id LEFT JOIN probe_rollups f"
    " ON f.monitor_id = r.monitor_id AND f.width = 3600 AND f.bucket >="
    " r.bucket AND f.bucket < r.bucket + 86400000000 WHERE r.width = 86400"
    " GROUP BY r.monitor_id, r.width, r.bucket, m.name",
    "SELECT m.name, r.bucket, " KEPT("r") ", " SUMS " FROM probe_rollups r"
    " JOIN monitors m ON m.id = r.monitor_id LEFT JOIN probe_rollups f"
    " ON f.monitor_id = r.monitor_id AND f.width = 86400 WHERE r.width = 0"
    " GROUP BY r.monitor_id, r.width, r.bucket, m.name"
};

static const char *name_of(store_rows_t *rows, apr_pool_t *pool)
{
    apr_int64_t bucket = store_int(rows, 1);
    char at[32] = "";
    apr_time_exp_t t;
    apr_size_t len;

    apr_time_exp_gmt(&t, bucket);
    apr_strftime(at, &len, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &t);
    return apr_pstrcat(pool, "probes of ", store_peek(rows, 0),
                       bucket ? " at " : "", bucket ? at : "", NULL);
}

static apr_status_t verify_one(apr_int64_t *differences, store_t *store,
                               const char *sql, verify_told_t *told,
                               apr_pool_t *scratch)
{
    store_rows_t *rows;
    apr_status_t rv = store_query(&rows, store, sql, NULL);
    int i;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = store_next(rows)) == APR_SUCCESS) {
        for (i = 0; i < COUNTERS; i++) {
            apr_int64_t kept = store_int(rows, 2 + i);
            apr_int64_t counted = store_int(rows, 2 + COUNTERS + i);

            if (kept != counted) {
                ++*differences;
                told->fn(told->context, name_of(rows, scratch), counters[i],
                         kept, counted);
            }
        }
        apr_pool_clear(scratch);
    }
    store_done(rows);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static void to_nobody(void *context, const char *what, const char *counter,
                      apr_int64_t kept, apr_int64_t counted)
{
    (void)context;
    (void)what;
    (void)counter;
    (void)kept;
    (void)counted;
}

apr_status_t verify_probes(apr_int64_t *differences, store_t *store,
                           difference_t told, void *context,
                           apr_pool_t *pool)
{
    verify_told_t to = { told ? told : to_nobody, context };
    apr_pool_t *scratch;
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    apr_pool_create(&scratch, pool);
    for (i = 0; i < sizeof(queries) / sizeof(*queries) && rv == APR_SUCCESS;
         i++) {
        rv = verify_one(differences, store, queries[i], &to, scratch);
    }
    apr_pool_destroy(scratch);
    return rv;
}
