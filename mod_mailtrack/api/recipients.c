/* SPDX-License-Identifier: MIT */
/*
 * /api/recipients: people, by any of their counters; and one of them with the
 * newest mails and habits; muted, erased. Runs in httpd's worker threads;
 * indexed reads, and short transactions.
 */
#include <apr_strings.h>
#include <httpd.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "delivery.h"
#include "endpoints.h"
#include "instance.h"
#include "utf8.h"
#include "view.h"
#include "zone.h"

#define LIST_DEFAULT 50
#define LIST_MAX     200
#define MAILS_LATEST 20
#define HABITS_OF    200
#define SEARCH_MAX   256
#define CURSOR_MAX   512

int endpoint_recipients_list(call_t *call)
{
    static const char *const sorts[] = { "mails", "opened", "rate",
                                         "last_mail", "last_open", "address",
                                         "score", NULL };
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
    filter.today = apr_time_sec(call->r->request_time) / 86400;
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

/* -- one of them ---------------------------------------------------------- */

/* The newest mails to an address. */
static apr_status_t latest_mails(apr_array_header_t **tracks,
                                 const char **next, call_t *call,
                                 const char *address)
{
    track_filter_t filter = { NULL };

    filter.recipient = address;
    filter.seen = -1;
    filter.pinned = -1;
    filter.created_by = STORE_NULL;
    filter.since = STORE_NULL;
    filter.until = STORE_NULL;
    filter.limit = MAILS_LATEST;
    return tracks_list(tracks, next, call->store, &filter, call->r->pool);
}

static int by_size(const void *a, const void *b)
{
    apr_int64_t x = *(const apr_int64_t *)a, y = *(const apr_int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Of the first opens of the newest mails: by local hour, and the median time
 * they took. */
static void set_habits(json_t *out, const apr_array_header_t *opens,
                       const zone_t *zone, apr_pool_t *pool)
{
    apr_int64_t *delays = apr_palloc(pool, sizeof(*delays)
                                     * (apr_size_t)(opens->nelts + 1));
    apr_int64_t hours[24] = { 0 };
    json_t *list = json_array();
    int i;

    for (i = 0; i < opens->nelts; i++) {
        const first_open_t *one = &APR_ARRAY_IDX(opens, i, first_open_t);
        apr_int64_t at = apr_time_sec(one->first_open_at);
        apr_int64_t local = at + zone_offset(zone, at);

        hours[(local % 86400 + 86400) % 86400 / 3600]++;
        delays[i] = one->first_open_at > one->created_at
            ? (one->first_open_at - one->created_at) / APR_USEC_PER_SEC : 0;
    }
    qsort(delays, (size_t)opens->nelts, sizeof(*delays), by_size);
    for (i = 0; i < 24; i++)
        json_array_append_new(list, json_integer(hours[i]));
    json_object_set_new(out, "opening_hours", list);
    json_object_set_new(out, "median_first_open", opens->nelts
                        ? json_integer(delays[(opens->nelts - 1) / 2])
                        : json_null());
}

static int not_found(call_t *call)
{
    return answer_problem(call, HTTP_NOT_FOUND, "There is no such "
                          "recipient.");
}

/* Can this be an address? */
static int address_good(const char *text)
{
    return utf8_valid(text, strlen(text)) && strlen(text) <= ADDRESS_MAX;
}

static int answer_recipient(call_t *call, const recipient_t *recipient,
                            const zone_t *zone)
{
    apr_pool_t *pool = call->r->pool;
    apr_array_header_t *tracks, *opens;
    const char *next, *url = NULL;
    json_t *body, *mails;
    apr_status_t rv = latest_mails(&tracks, &next, call, recipient->address);

    if (!rv)
        rv = recipients_habits(&opens, call->store, recipient->id,
                               HABITS_OF, pool);
    if (rv)
        return answer_store(call, rv, "recipient");
    mails = view_tracks(call, tracks);
    if ((rv = delivery_add(mails, call, tracks)) != 0) {
        json_decref(mails);
        return answer_store(call, rv, "recipient");
    }
    if (next)
        url = apr_pstrcat(pool, call->conf->base_url,
                          "/api/tracks?recipient=",
                          ap_escape_urlencoded(pool, recipient->address),
                          "&cursor=", ap_escape_urlencoded(pool, next), NULL);
    body = view_recipient(call, recipient);
    set_habits(body, opens, zone, pool);
    json_object_set_new(body, "tracks", mails);
    json_object_set_new(body, "tracks_next", view_text(url));
    return answer_json(call, HTTP_OK, body);
}

int endpoint_recipients_get(call_t *call)
{
    const char *tz = request_arg_text(call->input, "tz", ZONE_NAME_MAX);
    recipient_t *recipient;
    zone_t *zone;
    apr_status_t rv;
    int status;

    if (!address_good(call->id))
        return not_found(call);
    if (zone_load(&zone, tz ? tz : "UTC", ZONE_DIR, call->r->pool))
        request_fault(call->input, "tz", "Expected a time zone such as "
                      "Europe/Berlin, or an offset such as +05:30.");
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = recipients_get(&recipient, call->store, call->id, call->r->pool);
    return rv ? answer_store(call, rv, "recipient")
              : answer_recipient(call, recipient, zone);
}

int endpoint_recipients_update(call_t *call)
{
    int muted = request_bool(call->input, "muted");
    recipient_t *recipient;
    apr_status_t rv;
    int status;

    if (!address_good(call->id))
        return not_found(call);
    if (muted < 0 && !request_faults(call->input)->nelts)
        request_fault(call->input, "muted", "Expected true or false.");
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = recipients_mute(&recipient, call->store, call->id, muted,
                         call->r->pool);
    return rv ? answer_store(call, rv, "recipient")
              : answer_json(call, HTTP_OK, view_recipient(call, recipient));
}

int endpoint_recipients_erase(call_t *call)
{
    erased_t erased;
    json_t *body;
    apr_status_t rv;
    int status;

    if (!address_good(call->id))
        return not_found(call);
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = recipients_erase(&erased, call->store, call->id,
                          call->conf->instance->node, NULL, NULL,
                          call->r->pool);
    /* STORE_EBUSY: nothing of it is in the store, but old pages in its log
     * until the next checkpoint. Whether that is so, the counts tell. */
    if (rv && !(rv == STORE_EBUSY && (erased.mails_deleted ||
                                      erased.mails_changed)))
        return answer_store(call, rv, "recipient");
    body = json_object();
    json_object_set_new(body, "mails_deleted",
                        json_integer(erased.mails_deleted));
    json_object_set_new(body, "mails_changed",
                        json_integer(erased.mails_changed));
    json_object_set_new(body, "opens_deleted",
                        json_integer(erased.opens_deleted));
    json_object_set_new(body, "complete", json_boolean(!rv));
    return answer_json(call, HTTP_OK, body);
}
