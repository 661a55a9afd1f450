/* SPDX-License-Identifier: MIT */
/*
 * A monitor's fields out of a body; see monitor_input.h. Runs in httpd's
 * worker threads; reads no store. The store checks again what it must.
 */
#include <apr_strings.h>
#include <string.h>

#include "monitor_input.h"
#include "when.h"

#define ADDRESS_LENGTH 320
#define ACCOUNT_LENGTH 64
#define DAY            86400
#define CHANNELS_MOST  64

static const char *const alert_words[] = {
    STATE_MISSING, STATE_BOUNCED, STATE_SEND_FAILED, STATE_SPAM, STATE_LATE,
    STATE_SLOW, STATE_BLIND, "auth", "certificate", NULL
};

static int known(const char *const *words, const char *word)
{
    for (; *words; words++)
        if (!strcmp(*words, word))
            return 1;
    return 0;
}

/* One line of text that may not be empty. */
static void read_line(const char **value, call_t *call, const char *name,
                      apr_size_t max)
{
    const char *text = request_text(call->input, name, max, REQUEST_LINE);

    if (text && !*text)
        request_fault(call->input, name, "Expected at least one character.");
    else if (text)
        *value = text;
}

static void read_seconds(apr_int64_t *us, call_t *call, const char *name,
                         apr_int64_t min)
{
    *us = apr_time_from_sec(request_int(call->input, name, min, DAY,
                                        apr_time_sec(*us)));
}

static void read_alert_on(monitor_t *m, call_t *call)
{
    json_t *list = request_array(call->input, "alert_on"), *value;
    const char *text = "";
    size_t i;

    json_array_foreach(list, i, value) {
        const char *word = json_string_value(value);

        if (!word || !known(alert_words, word)) {
            request_fault(call->input, "alert_on", "Expected some of: "
                          "missing, bounced, send-failed, spam, late, slow, "
                          "blind, auth, certificate.");
            return;
        }
        if (!strstr(apr_pstrcat(call->r->pool, ",", text, ",", NULL),
                    apr_pstrcat(call->r->pool, ",", word, ",", NULL)))
            text = apr_pstrcat(call->r->pool, text, *text ? "," : "", word,
                               NULL);
    }
    if (list)
        m->alert_on = text;
}

static const apr_array_header_t *read_channels(call_t *call)
{
    json_t *list = request_array(call->input, "channels_off"), *value;
    apr_array_header_t *off = apr_array_make(call->r->pool, 4,
                                             sizeof(const char *));
    size_t i;

    if (json_array_size(list) > CHANNELS_MOST) {
        request_fault(call->input, "channels_off", "These are too many.");
        return NULL;
    }
    json_array_foreach(list, i, value) {
        const char *name = json_string_value(value);

        if (!name || !*name || strlen(name) > ACCOUNT_LENGTH) {
            request_fault(call->input, "channels_off", "Expected names of "
                          "channels.");
            return NULL;
        }
        APR_ARRAY_PUSH(off, const char *) = name;
    }
    return list ? off : NULL;
}

/* null ends it. */
static void read_muted(monitor_t *m, call_t *call)
{
    const char *text = request_text(call->input, "muted_until", 40,
                                    REQUEST_LINE);
    apr_int64_t at = text ? when_parse(text) : WHEN_NONE;

    if (text && at == WHEN_NONE)
        request_fault(call->input, "muted_until", "Expected a time such as "
                      "2026-01-31T12:00:00Z, or null.");
    if (text || request_has(call->input, "muted_until"))
        m->muted_until = at;
}

static void read_flag(int *value, call_t *call, const char *name)
{
    int flag = request_bool(call->input, name);

    if (flag >= 0)
        *value = flag;
}

static void read_late(monitor_t *m, call_t *call)
{
    if (request_has(call->input, "late_after_seconds"))
        m->late_us = apr_time_from_sec(request_int(call->input,
                                       "late_after_seconds", 1, DAY, 0));
}

static void read_numbers(monitor_t *m, call_t *call)
{
    read_seconds(&m->interval_us, call, "interval_seconds", 10);
    read_seconds(&m->retry_us, call, "retry_seconds", 10);
    read_seconds(&m->missing_us, call, "missing_after_seconds", 30);
    read_late(m, call);
    m->failures_needed = (int)request_int(call->input, "failures_needed", 1,
                                          100, m->failures_needed);
    m->successes_needed = (int)request_int(call->input, "successes_needed",
                                           1, 100, m->successes_needed);
}

/* What was there? */
static int asked_for(call_t *call)
{
    static const char *const fields[] = {
        "name", "recipient", "send_account", "watch_account",
        "interval_seconds", "retry_seconds", "missing_after_seconds",
        "late_after_seconds", "failures_needed", "successes_needed",
        "alert_on", "keep_mail", "enabled", "channels_off", NULL
    };
    int asked = request_has(call->input, "muted_until") ? MONITOR_INPUT_MUTE
                                                        : 0;
    int i;

    for (i = 0; fields[i]; i++)
        if (request_has(call->input, fields[i]))
            asked |= MONITOR_INPUT_MORE;
    return asked;
}

int monitor_input_read(monitor_t *m, const apr_array_header_t **off,
                       call_t *call)
{
    read_line(&m->name, call, "name", MONITOR_NAME_MAX);
    read_line(&m->recipient, call, "recipient", ADDRESS_LENGTH);
    read_line(&m->send_account, call, "send_account", ACCOUNT_LENGTH);
    read_line(&m->watch_account, call, "watch_account", ACCOUNT_LENGTH);
    read_numbers(m, call);
    read_alert_on(m, call);
    read_flag(&m->keep_mail, call, "keep_mail");
    read_flag(&m->enabled, call, "enabled");
    read_muted(m, call);
    *off = read_channels(call);
    return asked_for(call);
}

static int missing(const char *text)
{
    return !text || !*text;
}

void monitor_input_needs(monitor_t *m, call_t *call)
{
    if (request_faults(call->input)->nelts)
        return;
    if (missing(m->recipient))
        request_fault(call->input, "recipient", "A monitor needs the address "
                      "its probes go to.");
    if (missing(m->send_account))
        request_fault(call->input, "send_account", "A monitor needs an "
                      "account of mailprobe.yaml to send with.");
    if (missing(m->name))
        m->name = m->recipient;
    if (missing(m->watch_account))
        m->watch_account = m->send_account;
}
