/* SPDX-License-Identifier: MIT */
/*
 * Query parameters of lists of mails; see filter.h. Runs in httpd's worker
 * threads; reads no store.
 */
#include "filter.h"

#define LIST_MAX   200
#define SEARCH_MAX 256
#define CURSOR_MAX 512

void filter_read(track_filter_t *filter, call_t *call)
{
    /* the order is TRACK_UNSEEN, TRACK_POSSIBLE, TRACK_OPENED */
    static const char *const states[] = { "unopened", "possible", "opened",
                                          NULL };
    static const char *const sorts[] = { "newest", "pinned_first", NULL };
    request_t *in = call->input;
    int mine = request_arg_bool(in, "mine") > 0;

    filter->search = request_arg_text(in, "search", SEARCH_MAX);
    filter->recipient = request_arg_text(in, "recipient", ADDRESS_MAX);
    filter->group = request_arg_text(in, "message_group_id",
                                     TRACK_GROUP_MAX);
    filter->seen = request_arg_choice(in, "filter", states, -1);
    filter->pinned = request_arg_bool(in, "pinned");
    filter->created_by = mine ? call->actor.user_id : STORE_NULL;
    if (mine && filter->created_by == STORE_NULL)
        request_fault(in, "mine", "This API key is nobody's.");
    filter->since = request_arg_time(in, "since");
    filter->until = request_arg_time(in, "until");
    filter->pinned_first = request_arg_choice(in, "sort", sorts, 0);
    filter->cursor = NULL;
    filter->limit = FILTER_PAGE;
}

void filter_read_page(track_filter_t *filter, call_t *call)
{
    request_t *in = call->input;

    filter->cursor = request_arg_text(in, "cursor", CURSOR_MAX);
    filter->limit = (int)request_arg_int(in, "limit", 1, LIST_MAX,
                                         FILTER_PAGE);
}

int filter_narrows(const track_filter_t *filter)
{
    return filter->search || filter->recipient || filter->group ||
           filter->seen >= 0 || filter->pinned >= 0 ||
           filter->created_by != STORE_NULL || filter->pinned_first;
}
