/* SPDX-License-Identifier: MIT */
/*
 * /api/recipients: people, by any of their counters; and one of them with the
 * newest mails. Runs in httpd's worker threads; indexed reads.
 */
#include <apr_strings.h>

#include "answer.h"
#include "endpoints.h"
#include "utf8.h"
#include "view.h"

#define LIST_DEFAULT 50
#define LIST_MAX     200
#define MAILS_LATEST 20
#define SEARCH_MAX   256
#define CURSOR_MAX   512

int endpoint_recipients_list(call_t *call)
{
    static const char *const sorts[] = { "mails", "opened", "rate",
                                         "last_mail", "last_open", "address",
                                         NULL };
    static const char *const orders[] = { "desc", "asc", NULL };
    request_t *in = call->input;
    recipient_filter_t filter;
    apr_array_header_t *list;
    const char *next;
    json_t *body;
    apr_status_t rv;
    int status, i;

    i = request_arg_choice(in, "sort", sorts, 3);
    filter.sort = sorts[i];
    filter.ascending = request_arg_choice(in, "order", orders, i == 5);
    filter.search = request_arg_text(in, "search", SEARCH_MAX);
    filter.cursor = request_arg_text(in, "cursor", CURSOR_MAX);
    filter.limit = (int)request_arg_int(in, "limit", 1, LIST_MAX,
                                        LIST_DEFAULT);
    if (request_end(in))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = recipients_list(&list, &next, call->store, &filter, call->r->pool);
    if (rv)
        return answer_store(call, rv, "list of recipients");
    answer_next(call, next);
    body = json_array();
    for (i = 0; i < list->nelts; i++)
        json_array_append_new(body,
                              view_recipient(call, &APR_ARRAY_IDX(list, i,
                                                             recipient_t)));
    return answer_json(call, HTTP_OK, body);
}

/* The newest mails to an address. */
static apr_status_t latest_mails(apr_array_header_t **tracks, call_t *call,
                                 const char *address)
{
    track_filter_t filter = { NULL };
    const char *next;

    filter.recipient = address;
    filter.seen = -1;
    filter.pinned = -1;
    filter.created_by = STORE_NULL;
    filter.since = STORE_NULL;
    filter.until = STORE_NULL;
    filter.limit = MAILS_LATEST;
    return tracks_list(tracks, &next, call->store, &filter, call->r->pool);
}

int endpoint_recipients_get(call_t *call)
{
    recipient_t *recipient;
    apr_array_header_t *tracks;
    json_t *body;
    apr_status_t rv;
    int status;

    if (!utf8_valid(call->id, strlen(call->id)) ||
        strlen(call->id) > ADDRESS_MAX)
        return answer_problem(call, HTTP_NOT_FOUND, "There is no such "
                              "recipient.");
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = recipients_get(&recipient, call->store, call->id, call->r->pool);
    if (!rv)
        rv = latest_mails(&tracks, call, recipient->address);
    if (rv)
        return answer_store(call, rv, "recipient");
    body = view_recipient(call, recipient);
    json_object_set_new(body, "tracks", view_tracks(call, tracks));
    return answer_json(call, HTTP_OK, body);
}
