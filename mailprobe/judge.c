/* SPDX-License-Identifier: MIT */
/*
 * The transaction that writes a probe and what follows from it: its monitor's
 * state, incidents and through them the outbox. All of it is there or nothing,
 * and only while we hold the monitor. Store thread, but for judge_log.
 */
#include "probing_inside.h"

#include <string.h>

#include <apr_strings.h>

#include "incidents.h"
#include "leases.h"
#include "log.h"

/* How far back the beginning of a failure is looked for. */
#define LOOK_BACK 100

/* The usual latency changes slowly: asked for once in so many probes. */
#define USUAL_EVERY 8

/* A certificate that ends soon is told of again by one in so many. */
#define REMIND_EVERY 16

const char *judge_lease(apr_int64_t monitor_id, apr_pool_t *pool)
{
    return apr_psprintf(pool, LEASE_MONITOR "%" APR_INT64_T_FMT, monitor_id);
}

/* -- incidents ------------------------------------------------------------ */

static int is_good(const char *outcome)
{
    return !strcmp(outcome, STATE_OK) || !strcmp(outcome, STATE_SLOW);
}

/* When the oldest of those that failed in a row was due. */
static apr_status_t failing_since(apr_int64_t *since, store_t *store,
                                  const judge_t *judge, apr_pool_t *pool)
{
    apr_array_header_t *list;
    apr_status_t rv;
    int i;

    *since = judge->p.due_at;
    rv = probes_page(&list, store, judge->m->id, NULL, judge->p.due_at,
                     LOOK_BACK, pool);
    for (i = 0; rv == APR_SUCCESS && i < list->nelts; i++) {
        const probe_t *p = &APR_ARRAY_IDX(list, i, probe_t);

        if (is_good(p->outcome)) {
            break;
        }
        if (decide_alerts_on(judge->m, p->outcome)) {
            *since = p->due_at;
        }
    }
    return rv;
}

static apr_status_t is_quiet(int *quiet, store_t *store, const monitor_t *m,
                             apr_time_t now, apr_pool_t *pool)
{
    apr_array_header_t *windows;
    apr_status_t rv = windows_list(&windows, store, now, pool);

    if (rv == APR_SUCCESS) {
        *quiet = (m->muted_until != STORE_NULL && m->muted_until > now)
                 || windows_cover(windows, m->id, now, pool);
    }
    return rv;
}

static apr_status_t raise_incident(store_t *store, judge_t *judge,
                                   const char *kind, const char *state,
                                   const char *detail, apr_pool_t *pool)
{
    apr_time_t now = apr_time_now();
    incident_alarm_t alarm;
    apr_status_t rv;

    memset(&alarm, 0, sizeof(alarm));
    alarm.kind = kind;
    alarm.monitor = judge->m;
    alarm.state = state;
    alarm.detail = detail;
    alarm.last_hop = judge->last_hop ? judge->last_hop : "";
    alarm.gather = judge->gather;
    rv = failing_since(&alarm.failing_since, store, judge, pool);
    if (rv == APR_SUCCESS) {
        rv = is_quiet(&alarm.quiet, store, judge->m, now, pool);
    }
    judge->told = 1;
    return rv != APR_SUCCESS ? rv : incidents_raise(store, &alarm, now, pool);
}

static apr_status_t end_incident(store_t *store, judge_t *judge,
                                 const char *kind, apr_pool_t *pool)
{
    judge->told = 1;
    return incidents_recover(store, kind, judge->m, judge->gather,
                             apr_time_now(), pool);
}

/* -- what follows from a decided probe ------------------------------------ */

/* The alarm; and while it lasts what is wrong now, for the next message. */
static apr_status_t follow_delivery(store_t *store, judge_t *judge,
                                    apr_pool_t *pool)
{
    const monitor_t *m = judge->m;

    if (judge->news.recovered) {
        return end_incident(store, judge, INCIDENT_DELIVERY, pool);
    }
    if (judge->news.alarm || (m->alarmed && judge->news.state_changed
                              && decide_alerts_on(m, m->state))) {
        return raise_incident(store, judge, INCIDENT_DELIVERY, m->state,
                              m->detail, pool);
    }
    return APR_SUCCESS;
}

static apr_status_t follow_auth(store_t *store, judge_t *judge,
                                apr_pool_t *pool)
{
    decide_news_t news;

    if (!judge->verdict) {
        return APR_SUCCESS;
    }
    decide_auth(&news, judge->m, judge->verdict);
    if (news.recovered) {
        return end_incident(store, judge, INCIDENT_AUTH, pool);
    }
    return !news.alarm || !decide_alerts_on(judge->m, "auth") ? APR_SUCCESS
           : raise_incident(store, judge, INCIDENT_AUTH, "auth",
                            "SPF, DKIM or DMARC fail where they passed",
                            pool);
}

/* @param before when the probe before this one was due */
static apr_status_t follow_certificate(store_t *store, judge_t *judge,
                                       apr_time_t before, apr_pool_t *pool)
{
    apr_time_t now = apr_time_now();
    monitor_t *m = judge->m;
    apr_int64_t was = m->cert_until;
    char date[APR_RFC822_DATE_LEN];

    if (judge->p.cert_until == STORE_NULL || judge->p.cert_until <= 0) {
        return APR_SUCCESS;
    }
    m->cert_until = judge->p.cert_until;
    /* said when it comes near, and now and then for those who were not told
     * because they did not want to be, then */
    if (was == m->cert_until && decide_expiring(was, before)
        && judge->p.id % REMIND_EVERY) {
        return APR_SUCCESS;
    }
    if (decide_expiring(m->cert_until, now)
        && decide_alerts_on(m, "certificate")) {
        apr_rfc822_date(date, m->cert_until);
        return raise_incident(store, judge, INCIDENT_CERTIFICATE,
                              "certificate", apr_psprintf(pool,
                              "the server's certificate ends %s", date),
                              pool);
    }
    return was != STORE_NULL && was != m->cert_until
           ? end_incident(store, judge, INCIDENT_CERTIFICATE, pool)
           : APR_SUCCESS;
}

static apr_status_t follow(store_t *store, judge_t *judge, apr_pool_t *pool)
{
    monitor_t *m = judge->m;
    apr_time_t now = apr_time_now();
    apr_time_t before = m->decided_to;
    apr_status_t rv;

    decide_monitor(&judge->news, m, &judge->p, now);
    if (m->failures > 0 || m->alarmed) {        /* sooner than was planned */
        apr_time_t next = decide_next(m, now, now, judge->spread);

        m->next_at = next < m->next_at ? next : m->next_at;
    }
    rv = !m->enabled ? APR_SUCCESS : follow_delivery(store, judge, pool);
    if (rv == APR_SUCCESS && m->enabled) {
        rv = follow_auth(store, judge, pool);
    }
    if (rv == APR_SUCCESS && m->enabled) {
        rv = follow_certificate(store, judge, before, pool);
    }
    if (rv == APR_SUCCESS && is_good(judge->p.outcome)
        && (m->usual_us == STORE_NULL || judge->p.id % USUAL_EVERY == 0)) {
        rv = probes_usual(&m->usual_us, store, m->id);
    }
    return rv != APR_SUCCESS ? rv : monitors_note(store, m, STORE_NULL, now);
}

/* -- the probe ------------------------------------------------------------ */

apr_status_t judge_apply(store_t *store, judge_t *judge, apr_pool_t *pool)
{
    const char *was = judge->p.outcome;
    apr_status_t rv;
    int final;

    judge->told = 0;            /* this may be a second attempt */
    memset(&judge->news, 0, sizeof(judge->news));
    rv = monitors_by_id(&judge->m, store, judge->p.monitor_id, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    judge->p.outcome = decide_outcome(&judge->p, judge->m, judge->blind,
                                      judge->now);
    judge->p.detail = decide_where(&judge->p, pool);
    final = decide_final(judge->p.outcome);
    if (final && judge->p.decided_at == STORE_NULL) {
        judge->p.decided_at = apr_time_now();
    }
    rv = probes_write(store, &judge->p);
    if (rv == APR_SUCCESS && final && !judge->old) {
        rv = follow(store, judge, pool);
    }
    if (rv != APR_SUCCESS) {
        judge->p.outcome = was;
    }
    return rv;
}

/* Ours still? A lease that ended while nobody wanted it (the store was away,
 * the clock was set) is ours again, unless somebody decided the probe
 * meanwhile. */
static apr_status_t hold(store_t *store, const judge_t *judge,
                         apr_pool_t *pool)
{
    const char *lease = judge_lease(judge->p.monitor_id, pool);
    apr_status_t rv = leases_held(store, lease, judge->owner);
    probe_t *p = NULL;

    if (rv != STORE_ECONFLICT) {
        return rv;
    }
    rv = leases_take(store, lease, judge->owner, PROBING_LEASE);
    if (rv == APR_SUCCESS) {
        rv = probes_get(&p, store, judge->p.monitor_id, judge->p.id, pool);
    }
    return rv == APR_SUCCESS && p->decided_at != STORE_NULL ? STORE_ECONFLICT
           : rv;
}

apr_status_t judge_work(store_t *store, void *job, apr_pool_t *pool)
{
    judge_t *judge = job;
    const char *outcome = judge->p.outcome;
    apr_int64_t decided_at = judge->p.decided_at;
    apr_status_t rv = store_begin(store);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = hold(store, judge, pool);
    if (rv == APR_SUCCESS) {
        rv = judge_apply(store, judge, pool);
    }
    rv = store_end(store, rv);
    if (rv != APR_SUCCESS) {    /* as it was, for the next attempt */
        judge->p.outcome = outcome;
        judge->p.decided_at = decided_at;
    }
    return rv;
}

void judge_log(const judge_t *judge)
{
    const monitor_t *m = judge->m;

    if (!m) {
        return;
    }
    if (judge->news.state_changed) {
        log_line(LOG_NOTICE, "%s: %s: %s", m->name, m->state, m->detail);
    } else if (decide_final(judge->p.outcome)) {
        log_line(LOG_INFO, "%s: %s: %s", m->name, judge->p.outcome,
                 judge->p.detail);
    }
    if (judge->news.alarm) {
        log_line(LOG_WARNING, "%s: alarm, %s", m->name, m->detail);
    } else if (judge->news.recovered) {
        log_line(LOG_NOTICE, "%s: recovered", m->name);
    }
}
