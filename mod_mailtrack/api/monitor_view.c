/* SPDX-License-Identifier: MIT */
/*
 * Monitors, probes and windows in JSON; see monitor_view.h. Runs in httpd's
 * worker threads; reads no store.
 */
#include <apr_strings.h>
#include <string.h>

#include "monitor_view.h"
#include "view.h"

json_t *monitor_view_int(apr_int64_t number)
{
    return number == STORE_NULL ? json_null() : json_integer(number);
}

static json_t *seconds(apr_int64_t us)
{
    return json_integer(us / APR_USEC_PER_SEC);
}

apr_int64_t monitor_told_within(const monitor_t *m)
{
    apr_int64_t us = m->interval_us + m->retry_us * (m->failures_needed - 1)
                     + m->missing_us + MONITOR_GATHER;

    return us / APR_USEC_PER_SEC;
}

/* -- a monitor ------------------------------------------------------------ */

static void set_times(call_t *call, json_t *out, const monitor_t *m)
{
    json_object_set_new(out, "state_since", view_time(call, m->state_since
                        ? m->state_since : STORE_NULL));
    json_object_set_new(out, "next_probe_at", view_time(call, m->enabled &&
                        m->next_at ? m->next_at : STORE_NULL));
    json_object_set_new(out, "last_probe_at",
                        view_time(call, m->last_probe_at));
    json_object_set_new(out, "last_ok_at", view_time(call, m->last_ok_at));
    json_object_set_new(out, "muted_until", view_time(call, m->muted_until));
    json_object_set_new(out, "certificate_until",
                        view_time(call, m->cert_until));
}

json_t *monitor_view_state(call_t *call, const monitor_t *m,
                           const apr_array_header_t *windows)
{
    json_t *out = json_object();

    json_object_set_new(out, "id", view_text(m->public_id));
    json_object_set_new(out, "name", view_text(m->name));
    json_object_set_new(out, "recipient", view_text(m->recipient));
    json_object_set_new(out, "domain", view_text(m->domain));
    json_object_set_new(out, "enabled", json_boolean(m->enabled));
    json_object_set_new(out, "declared", json_boolean(m->declared));
    json_object_set_new(out, "state", view_text(m->enabled ? m->state
                                                           : STATE_PAUSED));
    json_object_set_new(out, "detail", view_text(m->detail));
    json_object_set_new(out, "alarmed", json_boolean(m->alarmed));
    json_object_set_new(out, "failures", json_integer(m->failures));
    json_object_set_new(out, "last_latency_us",
                        monitor_view_int(m->last_latency_us));
    json_object_set_new(out, "usual_us", monitor_view_int(m->usual_us));
    json_object_set_new(out, "authentication", m->auth_state && *m->auth_state
                        ? view_text(m->auth_state) : json_null());
    json_object_set_new(out, "in_maintenance", json_boolean(
        windows_cover(windows, m->id, call->r->request_time, call->r->pool)));
    set_times(call, out, m);
    return out;
}

static json_t *names(const apr_array_header_t *list)
{
    json_t *out = json_array();
    int i;

    for (i = 0; list && i < list->nelts; i++)
        json_array_append_new(out, view_text(APR_ARRAY_IDX(list, i,
                                                           const char *)));
    return out;
}

static json_t *words(const char *text, apr_pool_t *pool)
{
    char *rest, *copy = apr_pstrdup(pool, text ? text : "");
    json_t *out = json_array();
    char *word = apr_strtok(copy, ", ", &rest);

    for (; word; word = apr_strtok(NULL, ", ", &rest))
        json_array_append_new(out, view_text(word));
    return out;
}

json_t *monitor_view(call_t *call, const monitor_t *m,
                     const apr_array_header_t *windows,
                     const apr_array_header_t *off)
{
    json_t *out = monitor_view_state(call, m, windows);

    json_object_set_new(out, "send_account", view_text(m->send_account));
    json_object_set_new(out, "watch_account", view_text(m->watch_account));
    json_object_set_new(out, "interval_seconds", seconds(m->interval_us));
    json_object_set_new(out, "retry_seconds", seconds(m->retry_us));
    json_object_set_new(out, "late_after_seconds", m->late_us
                        ? seconds(m->late_us) : json_null());
    json_object_set_new(out, "missing_after_seconds",
                        seconds(m->missing_us));
    json_object_set_new(out, "failures_needed",
                        json_integer(m->failures_needed));
    json_object_set_new(out, "successes_needed",
                        json_integer(m->successes_needed));
    json_object_set_new(out, "alert_on", words(m->alert_on, call->r->pool));
    json_object_set_new(out, "keep_mail", json_boolean(m->keep_mail));
    json_object_set_new(out, "channels_off", names(off));
    json_object_set_new(out, "told_within_seconds",
                        json_integer(monitor_told_within(m)));
    json_object_set_new(out, "created_at", view_time(call, m->created_at));
    json_object_set_new(out, "updated_at", view_time(call, m->updated_at));
    return out;
}

/* -- a probe -------------------------------------------------------------- */

static json_t *sending(call_t *call, const probe_t *p)
{
    json_t *out = json_object();

    json_object_set_new(out, "state", p->send_state && *p->send_state
                        ? view_text(p->send_state) : json_null());
    json_object_set_new(out, "phase", p->send_phase && *p->send_phase
                        ? view_text(p->send_phase) : json_null());
    json_object_set_new(out, "code", monitor_view_int(p->send_code));
    json_object_set_new(out, "reply", view_text(p->send_reply));
    json_object_set_new(out, "queue_id", view_text(p->queue_id));
    json_object_set_new(out, "tls", view_text(p->tls));
    json_object_set_new(out, "certificate_until",
                        view_time(call, p->cert_until));
    return out;
}

/* A text that mailprobe wrote as JSON; null when it is not. */
static json_t *parsed(const char *text)
{
    json_t *value = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL)
                         : NULL;

    return value ? value : json_null();
}

/* Hops carry their time as microseconds: said as all times are. */
static json_t *hops_of(call_t *call, const char *text)
{
    json_t *hops = parsed(text), *hop, *at;
    size_t i;

    json_array_foreach(hops, i, hop) {
        at = json_object_get(hop, "at");
        if (json_is_integer(at))
            json_object_set_new(hop, "at", view_time(call,
                                json_integer_value(at) > 0
                                ? (apr_int64_t)json_integer_value(at)
                                : STORE_NULL));
    }
    return hops;
}

json_t *probe_view(call_t *call, const probe_t *p, int anatomy)
{
    json_t *out = json_object();

    json_object_set_new(out, "id", json_integer(p->id));
    json_object_set_new(out, "outcome", view_text(p->outcome));
    json_object_set_new(out, "detail", view_text(p->detail));
    json_object_set_new(out, "due_at", view_time(call, p->due_at));
    json_object_set_new(out, "started_at", view_time(call, p->started_at));
    json_object_set_new(out, "sent_at", view_time(call, p->sent_at));
    json_object_set_new(out, "seen_at", view_time(call, p->seen_at));
    json_object_set_new(out, "decided_at", view_time(call, p->decided_at));
    json_object_set_new(out, "latency_us", monitor_view_int(p->latency_us));
    json_object_set_new(out, "resolution_us",
                        monitor_view_int(p->resolution_us));
    json_object_set_new(out, "blind_us", monitor_view_int(p->blind_us));
    json_object_set_new(out, "folder", view_text(p->folder));
    json_object_set_new(out, "sending", sending(call, p));
    if (!anatomy)
        return out;
    json_object_set_new(out, "delivered_at",
                        view_time(call, p->delivered_at));
    json_object_set_new(out, "phases", parsed(p->phases));
    json_object_set_new(out, "hops", hops_of(call, p->hops));
    json_object_set_new(out, "authentication", parsed(p->auth));
    json_object_set_new(out, "spam", parsed(p->spam));
    json_object_set_new(out, "bounce", parsed(p->bounce));
    return out;
}

/* -- a window ------------------------------------------------------------- */

json_t *window_view_minute(call_t *call, int minute)
{
    return view_text(apr_psprintf(call->r->pool, "%02d:%02d", minute / 60,
                                  minute % 60));
}

json_t *window_view(call_t *call, const window_t *w,
                    const char *monitor_public_id)
{
    json_t *out = json_object(), *days = json_array();
    int weekly = w->starts_at == STORE_NULL, i;

    for (i = 0; weekly && i < 7; i++)
        if (w->weekdays & 1 << i)
            json_array_append_new(days, json_integer(i + 1));
    json_object_set_new(out, "id", json_integer(w->id));
    json_object_set_new(out, "monitor", view_text(monitor_public_id));
    json_object_set_new(out, "note", view_text(w->note));
    json_object_set_new(out, "starts_at", view_time(call, w->starts_at));
    json_object_set_new(out, "ends_at", view_time(call, w->ends_at));
    json_object_set_new(out, "weekdays", days);
    json_object_set_new(out, "from", weekly
                        ? window_view_minute(call, w->from_minute)
                        : json_null());
    json_object_set_new(out, "to", weekly
                        ? window_view_minute(call, w->to_minute)
                        : json_null());
    json_object_set_new(out, "tz", weekly ? view_text(w->tz) : json_null());
    return out;
}
