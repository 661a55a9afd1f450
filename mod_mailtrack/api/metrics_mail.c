/* SPDX-License-Identifier: MIT */
/*
 * Metrics of delivery; see metrics_mail.h. Runs in httpd's worker threads; a
 * handful of reads, however many probes there were.
 */
#include <apr_strings.h>
#include <string.h>

#include "incidents.h"
#include "metrics_mail.h"
#include "outbox.h"
#include "probes.h"

#define OPEN_MAX 1000

static const char *const states[] = {
    STATE_NEW, STATE_OK, STATE_SLOW, STATE_LATE, STATE_MISSING, STATE_SPAM,
    STATE_BOUNCED, STATE_SEND_FAILED, STATE_BLIND, STATE_PAUSED, NULL
};
static const char *const kinds[] = {
    INCIDENT_DELIVERY, INCIDENT_AUTH, INCIDENT_CERTIFICATE, INCIDENT_HOUSE,
    NULL
};

typedef struct mail_t {
    apr_array_header_t *monitors;
    apr_array_header_t *totals;         /* probe_rollup_t, all time */
} mail_t;

/* Sums of a monitor; zeros before its first probe. */
static probe_rollup_t total_of(const mail_t *mail, apr_int64_t id)
{
    probe_rollup_t none;
    int i;

    for (i = 0; i < mail->totals->nelts; i++) {
        const probe_rollup_t *one = &APR_ARRAY_IDX(mail->totals, i,
                                                   probe_rollup_t);

        if (one->monitor_id == id)
            return *one;
    }
    memset(&none, 0, sizeof(none));
    return none;
}

#define EACH_MONITOR(m) \
    for (i = 0; i < mail->monitors->nelts && \
         (m = &APR_ARRAY_IDX(mail->monitors, i, monitor_t)); i++)

static void add_probes(metrics_t *out, const mail_t *mail)
{
    const monitor_t *m;
    apr_size_t k;
    int i;

    metrics_family(out, "mailtrack_probes", "gauge", "Probes decided, by "
                   "outcome. One that arrives late moves from missing to "
                   "late.");
    EACH_MONITOR(m) {
        probe_rollup_t sums = total_of(mail, m->id);
        const struct {
            const char *name;
            apr_int64_t count;
        } all[] = {
            { STATE_OK, sums.ok }, { STATE_SLOW, sums.slow },
            { STATE_LATE, sums.late }, { STATE_MISSING, sums.missing },
            { STATE_SPAM, sums.spam }, { STATE_BOUNCED, sums.bounced },
            { STATE_SEND_FAILED, sums.send_failed },
            { STATE_BLIND, sums.blind }
        };

        for (k = 0; k < sizeof(all) / sizeof(*all); k++) {
            const char *const labels[] = { "monitor", m->name, "outcome",
                                           all[k].name, NULL };

            metrics_int(out, "", labels, all[k].count);
        }
    }
}

/* "2.5" of 2,500,000 microseconds; without trailing zeros. */
static const char *bound_text(apr_int64_t us, apr_pool_t *pool)
{
    char *text;
    apr_size_t len;

    if (us < 0)
        return "+Inf";
    text = apr_psprintf(pool, "%" APR_INT64_T_FMT ".%06" APR_INT64_T_FMT,
                        us / APR_USEC_PER_SEC, us % APR_USEC_PER_SEC);
    for (len = strlen(text); text[len - 1] == '0'; len--)
        text[len - 1] = '\0';
    if (text[len - 1] == '.')
        text[len - 1] = '\0';
    return text;
}

static void add_latency(metrics_t *out, const mail_t *mail, apr_pool_t *pool)
{
    const monitor_t *m;
    int i, k;

    metrics_family(out, "mailtrack_probe_latency_seconds", "histogram",
                   "From the server's acceptance to the mailbox.");
    EACH_MONITOR(m) {
        const char *const plain[] = { "monitor", m->name, NULL };
        probe_rollup_t sums = total_of(mail, m->id);
        apr_int64_t count = 0;

        for (k = 0; k < PROBE_BUCKETS; k++) {
            const char *const labels[] = { "monitor", m->name, "le",
                                           bound_text(probe_bounds[k], pool),
                                           NULL };

            count += sums.le[k];
            metrics_int(out, "_bucket", labels, count);
        }
        metrics_us(out, "_sum", plain, sums.latency_us);
        metrics_int(out, "_count", plain, count);
    }
}

static void add_states(metrics_t *out, const mail_t *mail)
{
    const monitor_t *m;
    int i, k;

    metrics_family(out, "mailtrack_monitor_state", "gauge", "1 for the state "
                   "a monitor is in.");
    EACH_MONITOR(m) {
        const char *now = m->enabled ? m->state : STATE_PAUSED;

        for (k = 0; states[k]; k++) {
            const char *const labels[] = { "monitor", m->name, "state",
                                           states[k], NULL };

            metrics_int(out, "", labels, !strcmp(states[k], now));
        }
    }
}

/* One number of each monitor; STORE_NULL is 0. */
static void add_numbers(metrics_t *out, const mail_t *mail,
                        apr_size_t offset)
{
    const monitor_t *m;
    int i;

    EACH_MONITOR(m) {
        const char *const labels[] = { "monitor", m->name, NULL };
        apr_int64_t us = *(const apr_int64_t *)((const char *)m + offset);

        metrics_us(out, "", labels, us == STORE_NULL ? 0 : us);
    }
}

static void add_times(metrics_t *out, const mail_t *mail)
{
    static const struct {
        const char *name;
        const char *help;
        apr_size_t offset;
    } families[] = {
        { "mailtrack_monitor_last_success_timestamp_seconds",
          "When a probe last arrived in the inbox; 0: never.",
          APR_OFFSETOF(monitor_t, last_ok_at) },
        { "mailtrack_monitor_last_probe_timestamp_seconds",
          "When the last probe was due; 0: never.",
          APR_OFFSETOF(monitor_t, last_probe_at) },
        { "mailtrack_monitor_last_latency_seconds",
          "How long the last probe that arrived took; 0: none did.",
          APR_OFFSETOF(monitor_t, last_latency_us) },
        { "mailtrack_monitor_certificate_expiry_timestamp_seconds",
          "When the certificate of its SMTP server ends; 0: not known.",
          APR_OFFSETOF(monitor_t, cert_until) }
    };
    apr_size_t k;

    for (k = 0; k < sizeof(families) / sizeof(*families); k++) {
        metrics_family(out, families[k].name, "gauge", families[k].help);
        add_numbers(out, mail, families[k].offset);
    }
}

static void add_alarms(metrics_t *out, const mail_t *mail)
{
    const monitor_t *m;
    int i;

    metrics_family(out, "mailtrack_monitor_alarmed", "gauge", "1 while a "
                   "monitor's alarm is on.");
    EACH_MONITOR(m) {
        const char *const labels[] = { "monitor", m->name, NULL };

        metrics_int(out, "", labels, m->alarmed != 0);
    }
}

static apr_status_t add_alerts(metrics_t *out, store_t *store,
                               apr_pool_t *pool)
{
    apr_array_header_t *list;
    apr_status_t rv = incidents_page(&list, store, 1, STORE_NULL, OPEN_MAX,
                                     pool);
    int i, k;

    if (rv)
        return rv;
    metrics_family(out, "mailtrack_alerts_open", "gauge", "Alerts that are "
                   "not over.");
    for (k = 0; kinds[k]; k++) {
        const char *const labels[] = { "kind", kinds[k], NULL };
        apr_int64_t count = 0;

        for (i = 0; i < list->nelts; i++)
            count += !strcmp(APR_ARRAY_IDX(list, i, incident_t).kind,
                             kinds[k]);
        metrics_int(out, "", labels, count);
    }
    return APR_SUCCESS;
}

static apr_status_t add_channels(metrics_t *out, store_t *store,
                                 apr_pool_t *pool)
{
    apr_array_header_t *list;
    apr_int64_t depth;
    apr_status_t rv = channels_list(&list, store, pool);
    int i, pass;

    if (!rv)
        rv = outbox_depth(&depth, store);
    if (rv)
        return rv;
    metrics_family(out, "mailtrack_outbox_depth", "gauge", "Messages that "
                   "wait to be sent.");
    metrics_int(out, "", NULL, depth);
    for (pass = 0; pass < 2; pass++) {
        if (pass)
            metrics_family(out, "mailtrack_channel_pending", "gauge",
                           "Messages that wait for a channel.");
        else
            metrics_family(out, "mailtrack_channel_failing", "gauge",
                           "1 while a channel cannot deliver.");
        for (i = 0; i < list->nelts; i++) {
            const channel_row_t *row = &APR_ARRAY_IDX(list, i,
                                                      channel_row_t);
            const char *const labels[] = { "channel", row->name, "kind",
                                           row->kind, NULL };

            metrics_int(out, "", labels, pass ? row->pending
                        : row->failing_since != STORE_NULL);
        }
    }
    return APR_SUCCESS;
}

apr_status_t metrics_mail(metrics_t *out, store_t *store, apr_pool_t *pool)
{
    mail_t mail;
    apr_status_t rv = monitors_list(&mail.monitors, store, pool);

    if (!rv)
        rv = probes_totals(&mail.totals, store, pool);
    if (rv)
        return rv;
    add_probes(out, &mail);
    add_latency(out, &mail, pool);
    add_states(out, &mail);
    add_alarms(out, &mail);
    add_times(out, &mail);
    rv = add_alerts(out, store, pool);
    return rv ? rv : add_channels(out, store, pool);
}
