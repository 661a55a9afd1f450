/* SPDX-License-Identifier: MIT */
/*
 * /api/monitors/{id}/probes: history in pages, and one probe's anatomy. Runs
 * in httpd's worker threads; indexed reads.
 */
#include <apr_strings.h>
#include <string.h>

#include "answer.h"
#include "endpoints.h"
#include "monitor_view.h"
#include "page.h"
#include "view.h"

#define LIST_DEFAULT 50
#define LIST_MAX     200

static int not_found(call_t *call, const char *words)
{
    return answer_problem(call, HTTP_NOT_FOUND, words);
}

static int answer_failed(call_t *call, apr_status_t rv, const char *words)
{
    return rv == APR_NOTFOUND ? not_found(call, words)
                              : answer_store(call, rv, "probes");
}

static const char *const outcomes[] = {
    OUTCOME_SENDING, OUTCOME_SENT, STATE_OK, STATE_SLOW, STATE_LATE,
    STATE_MISSING, STATE_SPAM, STATE_BOUNCED, STATE_SEND_FAILED, STATE_BLIND,
    NULL
};

static int answer_page(call_t *call, const apr_array_header_t *list,
                       int limit)
{
    json_t *body = json_array();
    int i;

    for (i = 0; i < list->nelts && i < limit; i++)
        json_array_append_new(body, probe_view(call, &APR_ARRAY_IDX(list, i,
                                                            probe_t), 0));
    if (list->nelts > limit)
        page_next(call, APR_ARRAY_IDX(list, limit - 1, probe_t).due_at);
    return answer_json(call, HTTP_OK, body);
}

int endpoint_probes_list(call_t *call)
{
    request_t *in = call->input;
    const char *id = view_id(call, call->id);
    int outcome = request_arg_choice(in, "outcome", outcomes, -1);
    int limit = (int)request_arg_int(in, "limit", 1, LIST_MAX, LIST_DEFAULT);
    apr_int64_t before = page_before(call);
    apr_array_header_t *list;
    monitor_t *m;
    apr_status_t rv;
    int status;

    if (!id)
        return not_found(call, "There is no such monitor.");
    if (request_end(in))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = monitors_get(&m, call->store, id, call->r->pool);
    if (!rv)
        rv = probes_page(&list, call->store, m->id,
                         outcome < 0 ? NULL : outcomes[outcome], before,
                         limit + 1, call->r->pool);
    return rv ? answer_failed(call, rv, "There is no such monitor.")
              : answer_page(call, list, limit);
}

int endpoint_probes_get(call_t *call)
{
    const char *id = view_id(call, call->id);
    apr_size_t digits = strspn(call->part, "0123456789");
    probe_t *probe;
    monitor_t *m;
    apr_status_t rv;
    int status;

    if (!id || !digits || digits > 18 || call->part[digits])
        return not_found(call, "There is no such probe.");
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = monitors_get(&m, call->store, id, call->r->pool);
    if (!rv)
        rv = probes_get(&probe, call->store, m->id, apr_atoi64(call->part),
                        call->r->pool);
    return rv ? answer_failed(call, rv, "There is no such probe.")
              : answer_json(call, HTTP_OK, probe_view(call, probe, 1));
}
