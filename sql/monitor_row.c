/* SPDX-License-Identifier: MIT */
/*
 * A monitor's row read, and what people set checked; contract in
 * monitor_row.h. httpd's request threads and mailprobe's store thread.
 */
#include "monitor_row.h"

#include <string.h>

#include <apr_strings.h>

#include "address.h"
#include "dialect.h"
#include "engine.h"
#include "settings.h"
#include "token.h"
#include "utf8.h"

#define SECONDS(n) apr_time_from_sec(n)
#define DAY SECONDS(86400)
#define IN_A_ROW_MAX 100

/* What alert_on may name. */
static const char *const alerts[] = {
    STATE_SLOW, STATE_LATE, STATE_MISSING, STATE_SPAM, STATE_BOUNCED,
    STATE_SEND_FAILED, STATE_BLIND, "auth", "certificate"
};
#define ALERTS (sizeof(alerts) / sizeof(*alerts))

void monitors_default(monitor_t *m)
{
    static const monitor_t standard = {
        .interval_us = SECONDS(300), .retry_us = SECONDS(60), .late_us = 0,
        .missing_us = SECONDS(900), .failures_needed = 2,
        .successes_needed = 1,
        .alert_on = "missing,bounced,send-failed,spam,late,blind,auth,"
                    "certificate",
        .enabled = 1, .muted_until = STORE_NULL,
        .probe_asked_at = STORE_NULL, .state = STATE_NEW, .detail = "",
        .last_probe_at = STORE_NULL, .last_ok_at = STORE_NULL,
        .last_latency_us = STORE_NULL, .usual_us = STORE_NULL,
        .auth_state = "", .cert_until = STORE_NULL
    };

    *m = standard;
}

static void read_state(monitor_t *m, store_rows_t *rows, apr_pool_t *pool)
{
    m->state = store_text(rows, 21, pool);
    m->state_since = store_int(rows, 22);
    m->detail = store_text(rows, 23, pool);
    m->failures = store_int(rows, 24);
    m->successes = store_int(rows, 25);
    m->alarmed = store_int(rows, 26) != 0;
    m->decided_to = store_int(rows, 27);
    m->failed_to = store_int(rows, 28);
    m->next_at = store_int(rows, 29);
    m->last_probe_at = dialect_int(rows, 30);
    m->last_ok_at = dialect_int(rows, 31);
    m->last_latency_us = dialect_int(rows, 32);
    m->usual_us = dialect_int(rows, 33);
    m->auth_state = store_text(rows, 34, pool);
    m->cert_until = dialect_int(rows, 35);
}

void monitor_row_read(monitor_t *m, store_rows_t *rows, apr_pool_t *pool)
{
    m->id = store_int(rows, 0);
    m->public_id = store_text(rows, 1, pool);
    m->name = store_text(rows, 2, pool);
    m->recipient = store_text(rows, 3, pool);
    m->domain = store_text(rows, 4, pool);
    m->send_account = store_text(rows, 5, pool);
    m->watch_account = store_text(rows, 6, pool);
    m->interval_us = store_int(rows, 7);
    m->retry_us = store_int(rows, 8);
    m->late_us = store_int(rows, 9);
    m->missing_us = store_int(rows, 10);
    m->failures_needed = (int)store_int(rows, 11);
    m->successes_needed = (int)store_int(rows, 12);
    m->alert_on = store_text(rows, 13, pool);
    m->keep_mail = store_int(rows, 14) != 0;
    m->enabled = store_int(rows, 15) != 0;
    m->declared = store_int(rows, 16) != 0;
    m->muted_until = dialect_int(rows, 17);
    m->probe_asked_at = dialect_int(rows, 18);
    m->created_at = store_int(rows, 19);
    m->updated_at = store_int(rows, 20);
    read_state(m, rows, pool);
}

/* -- what people set ------------------------------------------------------- */

static apr_status_t check_name(store_t *store, const char *name)
{
    apr_size_t len = name ? strlen(name) : 0, i;

    for (i = 0; i < len && (unsigned char)name[i] >= ' '
         && name[i] != '\x7f'; i++) {
    }
    if (len == 0 || i < len || name[0] == ' ' || name[len - 1] == ' '
        || !utf8_valid(name, len) || utf8_length(name) > MONITOR_NAME_MAX) {
        return store_fail(store, APR_EINVAL, "name: 1 to 128 printable "
                          "characters, no space at its ends");
    }
    return APR_SUCCESS;
}

static apr_status_t check_recipient(store_t *store, monitor_t *m,
                                    apr_pool_t *pool)
{
    apr_array_header_t *list = NULL;
    const char *words = "an address is needed";
    const address_t *a;
    apr_status_t rv;

    rv = m->recipient ? address_parse_list(&list, &words, m->recipient,
                                           strlen(m->recipient), pool)
         : APR_EINVAL;
    if (rv != APR_SUCCESS || list->nelts != 1) {
        return store_fail(store, APR_EINVAL, apr_pstrcat(pool, "recipient: ",
                          rv == APR_SUCCESS ? "one address" : words, NULL));
    }
    a = &APR_ARRAY_IDX(list, 0, address_t);
    m->recipient = a->address;
    m->domain = a->domain;
    return APR_SUCCESS;
}

static apr_status_t check_account(store_t *store, const monitor_t *m,
                                  const char *field, const char *sql,
                                  const char *name)
{
    apr_int64_t found = 0;
    apr_status_t rv = APR_SUCCESS;

    if (!name || !*name || !utf8_valid(name, strlen(name))
        || utf8_length(name) > 64) {
        return store_fail(store, APR_EINVAL, apr_pstrcat(store->pool, field,
                          ": the name of an account", NULL));
    }
    if (!m->declared) {
        rv = store_get_int(store, &found, sql, "t", name);
    }
    return rv != APR_NOTFOUND ? rv
           : store_fail(store, APR_EINVAL,
                        !strcmp(field, "send_account")
                        ? "send_account: mailprobe.yaml has no account of "
                          "that name that sends"
                        : "watch_account: mailprobe.yaml has no account of "
                          "that name that is watched");
}

static apr_status_t check_times(store_t *store, const monitor_t *m)
{
    const char *words = NULL;

    if (m->interval_us < SECONDS(10) || m->interval_us > DAY) {
        words = "interval: 10 seconds to 24 hours";
    } else if (m->retry_us < SECONDS(10) || m->retry_us > DAY) {
        words = "retry: 10 seconds to 24 hours";
    } else if (m->missing_us < SECONDS(30) || m->missing_us > DAY) {
        words = "missing: 30 seconds to 24 hours";
    } else if (m->late_us < 0 || m->late_us >= m->missing_us) {
        words = "late: shorter than missing, or 0 for never";
    } else if (m->failures_needed < 1 || m->failures_needed > IN_A_ROW_MAX) {
        words = "failures_needed: 1 to 100";
    } else if (m->successes_needed < 1
               || m->successes_needed > IN_A_ROW_MAX) {
        words = "successes_needed: 1 to 100";
    }
    return words ? store_fail(store, APR_EINVAL, words) : APR_SUCCESS;
}

static int is_alert(const char *word, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < ALERTS; i++) {
        if (strlen(alerts[i]) == len && !memcmp(alerts[i], word, len)) {
            return 1;
        }
    }
    return 0;
}

static apr_status_t check_alerts(store_t *store, const char *list)
{
    const char *word = list;

    while (word && *word) {
        apr_size_t len = strcspn(word, ",");

        if (!is_alert(word, len)) {
            word = NULL;
            break;
        }
        word += len + (word[len] == ',');
    }
    return word && strlen(list) <= 255 ? APR_SUCCESS
           : store_fail(store, APR_EINVAL, "alert_on: slow, late, missing, "
                        "spam, bounced, send-failed, blind, auth, "
                        "certificate");
}

apr_status_t monitor_row_check(store_t *store, monitor_t *m, apr_pool_t *pool)
{
    apr_status_t rv = check_name(store, m->name);

    if (rv == APR_SUCCESS) {
        rv = check_recipient(store, m, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = check_account(store, m, "send_account", "SELECT 1 FROM accounts"
                           " WHERE name = ? AND present = 1 AND smtp <> ''",
                           m->send_account);
    }
    if (rv == APR_SUCCESS) {
        rv = check_account(store, m, "watch_account", "SELECT 1 FROM accounts"
                           " WHERE name = ? AND present = 1 AND imap <> ''",
                           m->watch_account);
    }
    if (rv == APR_SUCCESS) {
        rv = check_times(store, m);
    }
    return rv == APR_SUCCESS ? check_alerts(store, m->alert_on) : rv;
}

/* -- edition --------------------------------------------------------------- */

/* Counting up would lose one where two transactions read the same number; a
 * random one is another each time. */
apr_status_t monitor_row_edited(store_t *store, apr_pool_t *pool)
{
    const char *random = NULL;
    unsigned char bytes[8];
    apr_uint64_t edition = 0;
    apr_status_t rv;
    int i;

    rv = token_bytes(bytes, store, sizeof(bytes));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (i = 0; i < 8; i++) {
        edition = edition << 8 | bytes[i];
    }
    random = apr_psprintf(pool, "%" APR_UINT64_T_FMT, edition >> 2);
    return settings_set(store, "monitors_edition", random, pool);
}

apr_status_t monitors_edition(apr_int64_t *edition, store_t *store)
{
    apr_status_t rv;

    rv = store_get_int(store, edition, "SELECT value FROM settings"
                       " WHERE name = 'monitors_edition'", NULL);
    if (rv == APR_NOTFOUND) {
        *edition = 0;
        return APR_SUCCESS;
    }
    return rv;
}
