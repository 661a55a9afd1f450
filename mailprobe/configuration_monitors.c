/* SPDX-License-Identifier: MIT */
/*
 * monitors: of mailprobe.yaml: routes that are declared here instead of in the
 * dashboard. Runs where a configuration is loaded; the store learns of them
 * later (monitors_declare).
 */
#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include "config_parts.h"
#include "monitors.h"

typedef struct {
    monitor_t monitor;
    const apr_array_header_t *alert_on;
    const apr_array_header_t *channels_off;
} entry_t;

static const char *const alert_words[] = {
    STATE_MISSING, STATE_BOUNCED, STATE_SEND_FAILED, STATE_SPAM, STATE_LATE,
    STATE_SLOW, STATE_BLIND, "auth", "certificate", NULL
};

static apr_status_t check_times(form_t *form, const form_node_t *node,
                                const monitor_t *m)
{
    if (m->late_us && m->late_us >= m->missing_us) {
        return form_fail(form, node, "\"late_after\" is not shorter than "
                         "\"missing_after\"; expected it to be");
    }
    return APR_SUCCESS;
}

static void keep_toggles(config_build_t *build, form_t *form,
                         const form_node_t *node, const entry_t *entry)
{
    int i;

    if (!entry->channels_off) {
        return;
    }
    for (i = 0; i < entry->channels_off->nelts; i++) {
        config_refer(form, node,
                     APR_ARRAY_IDX(entry->channels_off, i, const char *),
                     NEED_CHANNEL);
    }
    apr_hash_set(build->configuration->monitor_channels_off,
                 entry->monitor.name, APR_HASH_KEY_STRING,
                 entry->channels_off);
}

static apr_status_t read_monitor(form_t *form, form_node_t *node,
                                 const char *name, void *into)
{
    config_build_t *build = form_user(form);
    apr_pool_t *pool = form_pool(form);
    entry_t entry = { .alert_on = NULL };
    monitor_t *m = &entry.monitor;
    apr_status_t rv;

    (void)into;
    monitors_default(m);
    m->declared = 1;
    rv = form_fill(form, node, config_monitor_fields, &entry);
    if (rv == APR_SUCCESS) {
        rv = check_times(form, node, m);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    m->name = name;
    m->domain = strrchr(m->recipient, '@') + 1;
    if (!m->watch_account || !*m->watch_account) {
        m->watch_account = m->send_account;
    }
    if (entry.alert_on) {
        m->alert_on = apr_array_pstrcat(pool, entry.alert_on, ',');
    }
    config_refer(form, node, m->send_account, NEED_SENDER);
    config_refer(form, node, m->watch_account, NEED_WATCHER);
    keep_toggles(build, form, node, &entry);
    APR_ARRAY_PUSH(build->monitors, monitor_t) = *m;
    return APR_SUCCESS;
}

const form_names_t config_monitor_names = {
    read_monitor, MONITOR_NAME_MAX, 1
};

#define AT(field) offsetof(entry_t, field)

const form_field_t config_monitor_fields[] = {
    { "recipient", form_address, AT(monitor.recipient), 1, 0, 0, NULL },
    { "send", form_text, AT(monitor.send_account), 1, 0, 0, NULL },
    { "watch", form_text, AT(monitor.watch_account), 0, 0, 0, NULL },
    { "interval", form_duration, AT(monitor.interval_us), 0, SECONDS(10),
      DAYS(1), NULL },
    { "retry_interval", form_duration, AT(monitor.retry_us), 0, SECONDS(10),
      DAYS(1), NULL },
    { "late_after", form_duration, AT(monitor.late_us), 0, 0, DAYS(1), NULL },
    { "missing_after", form_duration, AT(monitor.missing_us), 0, SECONDS(30),
      DAYS(1), NULL },
    { "failures", form_number, AT(monitor.failures_needed), 0, 1, 100, NULL },
    { "successes", form_number, AT(monitor.successes_needed), 0, 1, 100,
      NULL },
    { "alert_on", form_words, AT(alert_on), 0, 0, 0, alert_words },
    { "keep_mail", form_flag, AT(monitor.keep_mail), 0, 0, 0, NULL },
    { "enabled", form_flag, AT(monitor.enabled), 0, 0, 0, NULL },
    { "channels_off", form_list, AT(channels_off), 0, 0, 0, NULL },
    { NULL, NULL, 0, 0, 0, 0, NULL }
};
