/* SPDX-License-Identifier: MIT */
/*
 * /api/alerts: what is or was wrong, who was hit, acknowledged and muted. Runs
 * in httpd's worker threads; a page, the members of each of its alerts, and
 * short transactions.
 */
#include <apr_strings.h>

#include "answer.h"
#include "endpoints.h"
#include "incidents.h"
#include "page.h"
#include "view.h"

#define LIST_DEFAULT 20
#define LIST_MAX     50

static json_t *member_view(call_t *call, const incident_member_t *member)
{
    json_t *out = json_object();

    json_object_set_new(out, "id", view_text(member->monitor_public_id));
    json_object_set_new(out, "name", view_text(member->monitor_name));
    json_object_set_new(out, "recipient", view_text(member->recipient));
    json_object_set_new(out, "state", view_text(member->state));
    json_object_set_new(out, "detail", view_text(member->detail));
    json_object_set_new(out, "last_hop", member->last_hop &&
                        *member->last_hop ? view_text(member->last_hop)
                                          : json_null());
    json_object_set_new(out, "failing_since",
                        view_time(call, member->failing_since));
    json_object_set_new(out, "last_ok_at",
                        view_time(call, member->last_ok_at));
    json_object_set_new(out, "recovered_at",
                        view_time(call, member->recovered_at));
    return out;
}

static json_t *alert_view(call_t *call, const incident_t *incident,
                          const apr_array_header_t *members)
{
    json_t *out = json_object(), *monitors = json_array();
    int i;

    for (i = 0; i < members->nelts; i++)
        json_array_append_new(monitors, member_view(call,
                              &APR_ARRAY_IDX(members, i,
                                             incident_member_t)));
    json_object_set_new(out, "id", view_text(incident->public_id));
    json_object_set_new(out, "kind", view_text(incident->kind));
    json_object_set_new(out, "subject", incident->subject &&
                        *incident->subject ? view_text(incident->subject)
                                           : json_null());
    json_object_set_new(out, "title", view_text(incident->title));
    json_object_set_new(out, "detail", view_text(incident->detail));
    json_object_set_new(out, "opened_at",
                        view_time(call, incident->opened_at));
    json_object_set_new(out, "closed_at",
                        view_time(call, incident->closed_at));
    json_object_set_new(out, "acknowledged_at",
                        view_time(call, incident->acked_at));
    json_object_set_new(out, "acknowledged_by",
                        view_text(incident->acked_by));
    json_object_set_new(out, "muted", json_boolean(incident->muted));
    json_object_set_new(out, "told", json_integer(incident->told));
    json_object_set_new(out, "repeat_at",
                        view_time(call, incident->repeat_at));
    json_object_set_new(out, "monitors", monitors);
    return out;
}

static apr_status_t alert_read(json_t **out, call_t *call,
                               const incident_t *incident)
{
    apr_array_header_t *members;
    apr_status_t rv = incidents_members(&members, call->store, incident->id,
                                        call->r->pool);

    if (!rv)
        *out = alert_view(call, incident, members);
    return rv;
}

/* -- list ------------------------------------------------------------------ */

int endpoint_alerts_list(call_t *call)
{
    static const char *const states[] = { "past", "open", NULL };
    request_t *in = call->input;
    int open = request_arg_choice(in, "state", states, -1);
    int limit = (int)request_arg_int(in, "limit", 1, LIST_MAX, LIST_DEFAULT);
    apr_int64_t before = page_before(call);
    apr_array_header_t *list;
    json_t *body, *one;
    apr_status_t rv;
    int status, i;

    if (request_end(in))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = incidents_page(&list, call->store, open, before, limit + 1,
                        call->r->pool);
    body = json_array();
    for (i = 0; !rv && i < list->nelts && i < limit; i++) {
        rv = alert_read(&one, call, &APR_ARRAY_IDX(list, i, incident_t));
        if (!rv)
            json_array_append_new(body, one);
    }
    if (rv) {
        json_decref(body);
        return answer_store(call, rv, "alerts");
    }
    if (list->nelts > limit)
        page_next(call, APR_ARRAY_IDX(list, limit - 1, incident_t).id);
    return answer_json(call, HTTP_OK, body);
}

/* -- one of them ----------------------------------------------------------- */

static int not_found(call_t *call)
{
    return answer_problem(call, HTTP_NOT_FOUND, "There is no such alert.");
}

static int answer_alert(call_t *call, const char *id)
{
    incident_t *incident;
    json_t *body;
    apr_status_t rv = incidents_get(&incident, call->store, id,
                                    call->r->pool);

    if (!rv)
        rv = alert_read(&body, call, incident);
    if (rv == APR_NOTFOUND)
        return not_found(call);
    return rv ? answer_store(call, rv, "alert")
              : answer_json(call, HTTP_OK, body);
}

int endpoint_alerts_get(call_t *call)
{
    const char *id = view_id(call, call->id);
    int status;

    if (!id)
        return not_found(call);
    if (request_end(call->input))
        return answer_faults(call);
    status = call_store(call);
    return status != OK ? status : answer_alert(call, id);
}

static const char *who(const call_t *call)
{
    return call->actor.user ? call->actor.user : "an API key";
}

/* Both in one transaction. */
static apr_status_t change(call_t *call, const char *id, int acknowledged,
                           int muted)
{
    apr_time_t now = apr_time_now();
    incident_t *incident;
    apr_status_t rv = store_begin(call->store);

    if (rv)
        return rv;
    rv = incidents_get(&incident, call->store, id, call->r->pool);
    if (!rv && acknowledged > 0 && incident->acked_at == STORE_NULL)
        rv = incidents_acknowledge(call->store, incident->id, who(call), now);
    if (!rv && muted >= 0 && muted != !!incident->muted)
        rv = incidents_mute(call->store, incident->id, muted, now);
    return store_end(call->store, rv);
}

int endpoint_alerts_update(call_t *call)
{
    const char *id = view_id(call, call->id);
    int acknowledged = request_bool(call->input, "acknowledged");
    int muted = request_bool(call->input, "muted");
    apr_status_t rv;
    int status;

    if (!id)
        return not_found(call);
    if (!acknowledged)
        request_fault(call->input, "acknowledged", "Expected true: what was "
                      "said cannot be unsaid.");
    if (!request_end(call->input) && acknowledged < 0 && muted < 0)
        request_fault(call->input, "body", "Expected acknowledged or muted.");
    if (request_faults(call->input)->nelts)
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = change(call, id, acknowledged, muted);
    if (rv == APR_NOTFOUND)
        return not_found(call);
    return rv ? answer_store(call, rv, "alert") : answer_alert(call, id);
}
