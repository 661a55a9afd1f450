/* SPDX-License-Identifier: MIT */
/*
 * /api/windows: maintenance, during which nobody is told. Once, or every week
 * in somebody's time zone; of one monitor, or of all. Runs in httpd's worker
 * threads; small reads and short transactions.
 */
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "answer.h"
#include "endpoints.h"
#include "monitor_view.h"
#include "view.h"
#include "when.h"
#include "zone.h"

#define NOTE_MAX 255
#define SPAN_MAX apr_time_from_sec(366 * 86400)

/* -- list ------------------------------------------------------------------ */

static const char *public_id_of(const apr_array_header_t *monitors,
                                apr_int64_t id)
{
    int i;

    for (i = 0; i < monitors->nelts; i++) {
        const monitor_t *m = &APR_ARRAY_IDX(monitors, i, monitor_t);

        if (m->id == id)
            return m->public_id;
    }
    return NULL;
}

int endpoint_windows_list(call_t *call)
{
    apr_array_header_t *list, *monitors;
    json_t *body;
    apr_status_t rv;
    int status, i;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = windows_list(&list, call->store, call->r->request_time,
                      call->r->pool);
    if (!rv)
        rv = monitors_list(&monitors, call->store, call->r->pool);
    if (rv)
        return answer_store(call, rv, "maintenance windows");
    body = json_array();
    for (i = 0; i < list->nelts; i++) {
        const window_t *window = &APR_ARRAY_IDX(list, i, window_t);

        json_array_append_new(body, window_view(call, window,
                              public_id_of(monitors, window->monitor_id)));
    }
    return answer_json(call, HTTP_OK, body);
}

/* -- new ------------------------------------------------------------------- */

static apr_int64_t read_time(call_t *call, const char *name)
{
    const char *text = request_text(call->input, name, 40, REQUEST_LINE);
    apr_int64_t at = text ? when_parse(text) : WHEN_NONE;

    if (text && at == WHEN_NONE)
        request_fault(call->input, name, "Expected a time such as "
                      "2026-01-31T12:00:00Z.");
    return at;
}

/* "22:30" as a minute of the day. */
static int read_minute(call_t *call, const char *name)
{
    const char *t = request_text(call->input, name, 5, REQUEST_LINE);
    int minute = -1;

    if (t && strlen(t) == 5 && t[2] == ':' && apr_isdigit(t[0]) &&
        apr_isdigit(t[1]) && apr_isdigit(t[3]) && apr_isdigit(t[4]) &&
        t[3] < '6')
        minute = ((t[0] - '0') * 10 + t[1] - '0') * 60 + (t[3] - '0') * 10
                 + t[4] - '0';
    if (minute < 0 || minute >= 1440) {
        request_fault(call->input, name, "Expected a time of the day such as "
                      "22:00.");
        return 0;
    }
    return minute;
}

static int read_weekdays(call_t *call)
{
    json_t *list = request_array(call->input, "weekdays"), *value;
    int mask = 0;
    size_t i;

    json_array_foreach(list, i, value) {
        json_int_t day = json_integer_value(value);

        if (!json_is_integer(value) || day < 1 || day > 7) {
            request_fault(call->input, "weekdays", "Expected numbers from 1, "
                          "Monday, to 7, Sunday.");
            return 0;
        }
        mask |= 1 << (day - 1);
    }
    return mask;
}

static void read_weekly(window_t *window, call_t *call)
{
    const char *tz = request_text(call->input, "tz", ZONE_NAME_MAX,
                                  REQUEST_LINE);
    zone_t *zone;

    window->from_minute = read_minute(call, "from");
    window->to_minute = read_minute(call, "to");
    window->tz = tz ? tz : "UTC";
    if (zone_load(&zone, window->tz, ZONE_DIR, call->r->pool))
        request_fault(call->input, "tz", "Expected a time zone such as "
                      "Europe/Berlin.");
}

static void read_window(window_t *window, call_t *call)
{
    request_t *in = call->input;
    const char *note = request_text(in, "note", NOTE_MAX, REQUEST_LINE);

    window->note = note ? note : "";
    window->tz = "UTC";
    window->starts_at = read_time(call, "starts_at");
    window->ends_at = read_time(call, "ends_at");
    window->weekdays = read_weekdays(call);
    if (window->weekdays)
        read_weekly(window, call);
    else if (request_has(in, "from") + request_has(in, "to")
             + request_has(in, "tz"))
        request_fault(in, "weekdays", "It goes with from, to and tz.");
    if (request_end(in))
        return;
    if (window->weekdays && (window->starts_at != STORE_NULL ||
                             window->ends_at != STORE_NULL))
        request_fault(in, "weekdays", "Give weekdays, or starts_at and "
                      "ends_at, not both.");
    else if (!window->weekdays && (window->starts_at == STORE_NULL ||
                                   window->ends_at == STORE_NULL))
        request_fault(in, "starts_at", "Give starts_at and ends_at, or "
                      "weekdays, from and to.");
    else if (!window->weekdays && (window->ends_at <= window->starts_at ||
             window->ends_at - window->starts_at > SPAN_MAX))
        request_fault(in, "ends_at", "It ends after it begins, within 366 "
                      "days.");
}

/* The monitor it is for, if one is named. @return OK, or what to return */
static int find_monitor(window_t *window, call_t *call, const char *text)
{
    const char *id = text ? view_id(call, text) : NULL;
    monitor_t *m;
    apr_status_t rv = APR_NOTFOUND;

    window->monitor_id = STORE_NULL;
    if (!text)
        return OK;
    if (id)
        rv = monitors_get(&m, call->store, id, call->r->pool);
    if (rv == APR_NOTFOUND) {
        (void)answer_fault(call, "monitor", "There is no such monitor.");
        return DONE;
    }
    if (rv) {
        (void)answer_store(call, rv, "monitor");
        return DONE;
    }
    window->monitor_id = m->id;
    return OK;
}

int endpoint_windows_create(call_t *call)
{
    const char *monitor = request_text(call->input, "monitor", 64,
                                       REQUEST_LINE);
    window_t window = { 0 };
    apr_status_t rv;
    int status;

    read_window(&window, call);
    if (request_faults(call->input)->nelts)
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    if ((status = find_monitor(&window, call, monitor)) != OK)
        return status;
    rv = windows_add(call->store, &window, apr_time_now());
    return rv ? answer_store(call, rv, "maintenance window")
              : answer_json(call, HTTP_CREATED,
                            window_view(call, &window, monitor));
}

/* -- delete ---------------------------------------------------------------- */

int endpoint_windows_delete(call_t *call)
{
    apr_size_t digits = strspn(call->id, "0123456789");
    apr_status_t rv = APR_NOTFOUND;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    if (digits && digits <= 18 && !call->id[digits])
        rv = windows_remove(call->store, apr_atoi64(call->id));
    if (rv == APR_NOTFOUND)
        return answer_problem(call, HTTP_NOT_FOUND, "There is no such "
                              "window.");
    return rv ? answer_store(call, rv, "maintenance window")
              : answer_empty(call, HTTP_NO_CONTENT);
}
