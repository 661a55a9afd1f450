/* SPDX-License-Identifier: MIT */
/*
 * /api/notifications: what the signed-in user wants to be told, how, and when
 * not. Stored for whoever delivers. Runs in httpd's worker threads; two indexed
 * reads, or one short transaction.
 */
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "answer.h"
#include "endpoints.h"
#include "notifications.h"
#include "view.h"
#include "zone.h"

/* -- what is asked for ---------------------------------------------------- */

static int place_of(const char *const *names, int count, const char *name)
{
    int i = 0;

    while (i < count && strcmp(names[i], name))
        i++;
    return i;
}

static void read_channels(notify_prefs_t *prefs, call_t *call, int event,
                          json_t *channels)
{
    const char *name;
    json_t *value;

    json_object_foreach(channels, name, value) {
        int channel = place_of(notify_channels, NOTIFY_CHANNELS, name);
        const char *field = apr_pstrcat(call->r->pool, "events.",
                                        notify_events[event], ".",
                                        channel < NOTIFY_CHANNELS ? name
                                                                  : "...",
                                        NULL);

        if (channel == NOTIFY_CHANNELS)
            request_fault(call->input, field, "Expected email, discord, "
                          "webhook or ntfy.");
        else if (!json_is_boolean(value))
            request_fault(call->input, field, "Expected true or false.");
        else
            prefs->on[event][channel] = json_is_true(value);
    }
}

static void read_events(notify_prefs_t *prefs, call_t *call)
{
    json_t *events = request_object(call->input, "events"), *value;
    const char *name;

    json_object_foreach(events, name, value) {
        int event = place_of(notify_events, NOTIFY_EVENTS, name);

        if (event == NOTIFY_EVENTS)
            request_fault(call->input, "events", "Expected first_open, hot, "
                          "revived or follow_up.");
        else if (!json_is_object(value))
            request_fault(call->input, "events", "Expected an object for "
                          "each event.");
        else
            read_channels(prefs, call, event, value);
    }
}

/* "22:30" as a minute of the day; -1: it is none. */
static int minute_of(const char *text)
{
    int hours, minutes;

    if (!text || strlen(text) != 5 || text[2] != ':' ||
        !apr_isdigit(text[0]) || !apr_isdigit(text[1]) ||
        !apr_isdigit(text[3]) || !apr_isdigit(text[4]))
        return -1;
    hours = (text[0] - '0') * 10 + text[1] - '0';
    minutes = (text[3] - '0') * 10 + text[4] - '0';
    return hours < 24 && minutes < 60 ? hours * 60 + minutes : -1;
}

static void read_quiet(notify_prefs_t *prefs, call_t *call)
{
    json_t *quiet = request_object(call->input, "quiet"), *value;
    const char *tz, *name;
    zone_t *zone;

    if (!quiet)
        return;
    json_object_foreach(quiet, name, value)
        if (strcmp(name, "from") && strcmp(name, "to") && strcmp(name, "tz"))
            request_fault(call->input, "quiet", "Expected from, to and tz "
                          "alone.");
    prefs->quiet_from = minute_of(json_string_value(json_object_get(quiet,
                                                                    "from")));
    prefs->quiet_to = minute_of(json_string_value(json_object_get(quiet,
                                                                  "to")));
    tz = json_string_value(json_object_get(quiet, "tz"));
    if (prefs->quiet_from < 0)
        request_fault(call->input, "quiet.from", "Expected a time such as "
                      "22:00.");
    if (prefs->quiet_to < 0 || prefs->quiet_to == prefs->quiet_from)
        request_fault(call->input, "quiet.to", "Expected another time, such "
                      "as 07:00.");
    if (!tz || strlen(tz) > ZONE_NAME_MAX ||
        zone_load(&zone, tz, ZONE_DIR, call->r->pool))
        request_fault(call->input, "quiet.tz", "Expected a time zone such as "
                      "Europe/Berlin.");
    prefs->quiet_tz = tz;
}

/* -- the answer ----------------------------------------------------------- */

static json_t *minute_view(call_t *call, int minute)
{
    return view_text(apr_psprintf(call->r->pool, "%02d:%02d", minute / 60,
                                  minute % 60));
}

static json_t *prefs_view(call_t *call, const notify_prefs_t *prefs)
{
    json_t *out = json_object(), *events = json_object();
    json_t *quiet = json_null();
    int e, c;

    for (e = 0; e < NOTIFY_EVENTS; e++) {
        json_t *one = json_object();

        for (c = 0; c < NOTIFY_CHANNELS; c++)
            json_object_set_new(one, notify_channels[c],
                                json_boolean(prefs->on[e][c]));
        json_object_set_new(events, notify_events[e], one);
    }
    if (prefs->quiet_tz) {
        quiet = json_object();
        json_object_set_new(quiet, "from",
                            minute_view(call, prefs->quiet_from));
        json_object_set_new(quiet, "to", minute_view(call, prefs->quiet_to));
        json_object_set_new(quiet, "tz", view_text(prefs->quiet_tz));
    }
    json_object_set_new(out, "events", events);
    json_object_set_new(out, "quiet", quiet);
    return out;
}

int endpoint_notifications_get(call_t *call)
{
    notify_prefs_t prefs;
    apr_status_t rv;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = notifications_get(&prefs, call->store, call->actor.user_id,
                           call->r->pool);
    return rv ? answer_store(call, rv, "notifications")
              : answer_json(call, HTTP_OK, prefs_view(call, &prefs));
}

int endpoint_notifications_set(call_t *call)
{
    notify_prefs_t prefs;
    apr_status_t rv;
    int status;

    notifications_default(&prefs);
    read_events(&prefs, call);
    read_quiet(&prefs, call);
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = notifications_set(call->store, call->actor.user_id, &prefs);
    return rv ? answer_store(call, rv, "notifications")
              : answer_json(call, HTTP_OK, prefs_view(call, &prefs));
}
