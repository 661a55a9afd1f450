/* SPDX-License-Identifier: MIT */
/*
 * /api/monitors: listed, made, read, changed, deleted, and asked to probe now.
 * Runs in httpd's worker threads; indexed reads and short transactions. What
 * mailprobe knows of a monitor is never written here.
 */
#include <apr_strings.h>
#include <string.h>

#include "accounts.h"
#include "answer.h"
#include "endpoints.h"
#include "monitor_input.h"
#include "monitor_view.h"
#include "prober.h"
#include "view.h"

static int not_found(call_t *call)
{
    return answer_problem(call, HTTP_NOT_FOUND, "There is no such monitor.");
}

static int answer_failed(call_t *call, apr_status_t rv)
{
    return rv == APR_NOTFOUND ? not_found(call)
                              : answer_store(call, rv, "monitor");
}

/* What the store says of a field: "recipient: words". */
static int answer_refused(call_t *call, apr_status_t rv)
{
    const char *said = store_error(call->store);
    const char *colon = said ? strstr(said, ": ") : NULL;

    if (rv == STORE_ECONFLICT)
        return answer_problem(call, HTTP_CONFLICT, "There is another monitor "
                              "of this name.");
    if (rv != APR_EINVAL || !colon)
        return answer_failed(call, rv);
    return answer_fault(call, apr_pstrmemdup(call->r->pool, said,
                        (apr_size_t)(colon - said)),
                        apr_pstrdup(call->r->pool, colon + 2));
}

static apr_status_t view_of(json_t **body, call_t *call, const monitor_t *m,
                            const apr_array_header_t *windows)
{
    apr_array_header_t *off;
    apr_status_t rv = monitors_channels_off(&off, call->store, m->id,
                                            call->r->pool);

    if (!rv)
        *body = monitor_view(call, m, windows, off);
    return rv;
}

static int answer_monitor(call_t *call, const monitor_t *m, int status)
{
    apr_array_header_t *windows;
    json_t *body;
    apr_status_t rv = windows_list(&windows, call->store,
                                   call->r->request_time, call->r->pool);

    if (!rv)
        rv = view_of(&body, call, m, windows);
    if (rv)
        return answer_store(call, rv, "monitor");
    if (status == HTTP_CREATED)
        apr_table_setn(call->r->headers_out, "Location",
                       apr_pstrcat(call->r->pool, call->conf->base_url,
                                   "/api/monitors/", m->public_id, NULL));
    return answer_json(call, status, body);
}

/* -- read ------------------------------------------------------------------ */

int endpoint_monitors_list(call_t *call)
{
    apr_array_header_t *list, *windows;
    json_t *body, *one;
    apr_status_t rv;
    int status, i;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = monitors_list(&list, call->store, call->r->pool);
    if (!rv)
        rv = windows_list(&windows, call->store, call->r->request_time,
                          call->r->pool);
    body = json_array();
    for (i = 0; !rv && i < list->nelts; i++) {
        rv = view_of(&one, call, &APR_ARRAY_IDX(list, i, monitor_t),
                     windows);
        if (!rv)
            json_array_append_new(body, one);
    }
    if (!rv)
        return answer_json(call, HTTP_OK, body);
    json_decref(body);
    return answer_store(call, rv, "list of monitors");
}

/* The monitor that the path names. @return OK, or what to return */
static int named(monitor_t **m, call_t *call)
{
    const char *id = view_id(call, call->id);
    apr_status_t rv;
    int status;

    if (!id)
        return not_found(call), DONE;
    if (request_end(call->input))
        return answer_faults(call), DONE;
    if ((status = call_store(call)) != OK)
        return status;
    rv = monitors_get(m, call->store, id, call->r->pool);
    return rv ? answer_failed(call, rv), DONE : OK;
}

int endpoint_monitors_get(call_t *call)
{
    monitor_t *m;
    int status = named(&m, call);

    return status != OK ? status : answer_monitor(call, m, HTTP_OK);
}

/* -- made, changed --------------------------------------------------------- */

static const account_row_t *account_of(const apr_array_header_t *list,
                                       const char *name)
{
    int i;

    for (i = 0; i < list->nelts; i++) {
        const account_row_t *row = &APR_ARRAY_IDX(list, i, account_row_t);

        if (!strcmp(row->name, name))
            return row;
    }
    return NULL;
}

/* Are its accounts there, and able to do their part? */
static apr_status_t check_accounts(call_t *call, const monitor_t *m)
{
    apr_array_header_t *list;
    const account_row_t *row;
    apr_status_t rv = accounts_list(&list, call->store, call->r->pool);

    if (rv)
        return rv;
    row = account_of(list, m->send_account);
    if (!row || !*row->smtp)
        request_fault(call->input, "send_account", row
                      ? "This account has no smtp server in mailprobe.yaml."
                      : "mailprobe.yaml has no account of this name.");
    row = account_of(list, m->watch_account);
    if (!row || !*row->imap)
        request_fault(call->input, "watch_account", row
                      ? "This account has no imap server in mailprobe.yaml."
                      : "mailprobe.yaml has no account of this name.");
    return APR_SUCCESS;
}

static int has_name(const apr_array_header_t *list, const char *name)
{
    int i;

    for (i = 0; i < list->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(list, i, const char *), name))
            return 1;
    return 0;
}

/* Make the toggles say what was asked for. @param off NULL: as they are */
static apr_status_t set_channels(call_t *call, apr_int64_t id,
                                 const apr_array_header_t *off)
{
    apr_array_header_t *was;
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (off)
        rv = monitors_channels_off(&was, call->store, id, call->r->pool);
    for (i = 0; off && !rv && i < was->nelts; i++) {
        const char *name = APR_ARRAY_IDX(was, i, const char *);

        if (!has_name(off, name))
            rv = monitors_channel_set(call->store, id, name, 1);
    }
    for (i = 0; off && !rv && i < off->nelts; i++) {
        const char *name = APR_ARRAY_IDX(off, i, const char *);

        if (!has_name(was, name))
            rv = monitors_channel_set(call->store, id, name, 0);
    }
    return rv;
}

/* Written, with its toggles; then as it is. @param add new */
static int write_monitor(call_t *call, monitor_t *m,
                         const apr_array_header_t *off, int add)
{
    apr_pool_t *pool = call->r->pool;
    apr_status_t rv = check_accounts(call, m);

    if (rv)
        return answer_store(call, rv, "accounts");
    if (m->late_us >= m->missing_us)
        request_fault(call->input, "late_after_seconds", "It must be shorter "
                      "than missing_after_seconds.");
    if (request_faults(call->input)->nelts)
        return answer_faults(call);
    rv = add ? monitors_add(call->store, m, apr_time_now(), pool)
             : monitors_update(call->store, m, apr_time_now(), pool);
    if (rv)
        return answer_refused(call, rv);
    rv = set_channels(call, m->id, off);
    if (!rv)
        rv = monitors_by_id(&m, call->store, m->id, pool);
    return rv ? answer_failed(call, rv)
              : answer_monitor(call, m, add ? HTTP_CREATED : HTTP_OK);
}

int endpoint_monitors_create(call_t *call)
{
    const apr_array_header_t *off;
    monitor_t m;
    int status;

    monitors_default(&m);
    m.muted_until = STORE_NULL;
    monitor_input_read(&m, &off, call);
    monitor_input_needs(&m, call);
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    return write_monitor(call, &m, off, 1);
}

int endpoint_monitors_update(call_t *call)
{
    const apr_array_header_t *off;
    monitor_t scratch, *m;
    const char *id = view_id(call, call->id);
    apr_status_t rv;
    int status, asked;

    if (!id)
        return not_found(call);
    monitors_default(&scratch);
    asked = monitor_input_read(&scratch, &off, call);
    if (request_end(call->input))
        return answer_faults(call);
    if (!asked)
        return answer_fault(call, "body", "Expected at least one field of a "
                            "monitor.");
    if ((status = call_store(call)) != OK)
        return status;
    if ((rv = monitors_get(&m, call->store, id, call->r->pool)) != 0)
        return answer_failed(call, rv);
    if (m->declared && asked != MONITOR_INPUT_MUTE)
        return answer_problem(call, HTTP_CONFLICT, "This monitor is declared "
                              "in mailprobe.yaml and is changed there. Here "
                              "it can be muted.");
    (void)monitor_input_read(m, &off, call);
    if (asked != MONITOR_INPUT_MUTE)
        return write_monitor(call, m, off, 0);
    rv = monitors_update(call->store, m, apr_time_now(), call->r->pool);
    return rv ? answer_refused(call, rv) : answer_monitor(call, m, HTTP_OK);
}

int endpoint_monitors_delete(call_t *call)
{
    monitor_t *m;
    int status = named(&m, call);
    apr_status_t rv;

    if (status != OK)
        return status;
    if (m->declared)
        return answer_problem(call, HTTP_CONFLICT, "This monitor is declared "
                              "in mailprobe.yaml: take it out there, then "
                              "delete it here.");
    rv = monitors_remove(call->store, m->id);
    return rv ? answer_failed(call, rv)
              : answer_empty(call, HTTP_NO_CONTENT);
}

/* -- probe now ------------------------------------------------------------- */

int endpoint_monitors_probe(call_t *call)
{
    apr_time_t now = apr_time_now();
    prober_t prober;
    monitor_t *m;
    json_t *body;
    int status = named(&m, call);
    apr_status_t rv;

    if (status != OK)
        return status;
    if (!m->enabled)
        return answer_problem(call, HTTP_CONFLICT, "This monitor is paused. "
                              "Switch it on first.");
    rv = monitors_ask(call->store, m->id, now);
    if (!rv)
        rv = prober_read(&prober, call->store);
    if (rv)
        return answer_failed(call, rv);
    body = json_object();
    json_object_set_new(body, "asked_at", view_time(call, now));
    json_object_set_new(body, "prober", prober_view(call, &prober));
    return answer_json(call, HTTP_ACCEPTED, body);
}
