/* SPDX-License-Identifier: MIT */
/*
 * /api/changes: what is new since a cursor. Runs in httpd's worker threads;
 * two indexed reads.
 *
 * A cursor is the newest time told so far. Reading begins 10 s before it: a
 * row may be committed after a younger one was told. So the same things are
 * told again for a while and clients go by ids; while nothing is new the
 * answer is the same to the byte, and its ETag makes that a 304.
 */
#include <apr_strings.h>

#include "answer.h"
#include "endpoints.h"
#include "validate.h"
#include "view.h"

#define OVERLAP    apr_time_from_sec(10)
#define OPENS_MAX  500
#define TRACKS_MAX 200
#define CURSOR_MAX 20

typedef struct news_t {
    apr_array_header_t *opens;
    apr_array_header_t *tracks;
    apr_array_header_t *quiet;  /* int beside each of opens */
    apr_int64_t newest;
    int more;
} news_t;

/* Digits alone; -1: no cursor of ours. */
static apr_int64_t cursor_of(const char *text)
{
    apr_size_t n = strspn(text, "0123456789");

    return n && n <= 16 && !text[n] ? apr_atoi64(text) : -1;
}

/* Does somebody want quiet: for the mail, or for each of its people? */
static apr_status_t quiet_read(news_t *news, call_t *call)
{
    const open_t *last = NULL;
    apr_status_t rv = APR_SUCCESS;
    int i, quiet = 0;

    news->quiet = apr_array_make(call->r->pool, news->opens->nelts + 1,
                                 sizeof(int));
    for (i = 0; !rv && i < news->opens->nelts; i++) {
        const open_t *open = &APR_ARRAY_IDX(news->opens, i, open_t);

        if (!last || last->track_id != open->track_id)
            rv = recipients_quiet(&quiet, call->store, open->track_id);
        APR_ARRAY_PUSH(news->quiet, int) = quiet;
        last = open;
    }
    return rv;
}

static apr_status_t news_read(news_t *news, call_t *call, apr_int64_t after)
{
    apr_int64_t since = after > OVERLAP ? after - OVERLAP : 0;
    apr_status_t rv;
    int i;

    rv = opens_recorded_since(&news->opens, call->store, since, OPENS_MAX,
                              call->r->pool);
    if (!rv)
        rv = tracks_changed(&news->tracks, call->store, since, TRACKS_MAX,
                            call->r->pool);
    if (!rv)
        rv = quiet_read(news, call);
    if (rv)
        return rv;
    news->newest = after;
    for (i = 0; i < news->opens->nelts; i++) {
        open_t *open = &APR_ARRAY_IDX(news->opens, i, open_t);

        if (open->recorded_at > news->newest)
            news->newest = open->recorded_at;
    }
    for (i = 0; i < news->tracks->nelts; i++) {
        track_t *track = &APR_ARRAY_IDX(news->tracks, i, track_t);

        if (track->updated_at > news->newest)
            news->newest = track->updated_at;
    }
    news->more = news->opens->nelts >= OPENS_MAX ||
                 news->tracks->nelts >= TRACKS_MAX;
    return APR_SUCCESS;
}

/* An open changes its mail, so both are news. */
static int track_muted(const news_t *news, const open_t *open)
{
    int i;

    for (i = 0; i < news->tracks->nelts; i++) {
        const track_t *track = &APR_ARRAY_IDX(news->tracks, i, track_t);

        if (track->id == open->track_id)
            return track->muted;
    }
    return 0;
}

/* Everything again is simpler than a backlog: the client reads its lists
 * anew and goes on from now. */
static json_t *news_body(call_t *call, const news_t *news)
{
    json_t *body = json_object();
    json_t *opens = json_array();
    apr_int64_t cursor = news->more ? call->r->request_time : news->newest;
    int i;

    for (i = 0; i < news->opens->nelts; i++) {
        const open_t *open = &APR_ARRAY_IDX(news->opens, i, open_t);
        json_t *one = view_open(call, open);

        json_object_set_new(one, "track_id",
                            view_text(open->track_public_id));
        json_object_set_new(one, "recipient", view_text(open->recipient));
        json_object_set_new(one, "subject", view_text(open->subject));
        json_object_set_new(one, "muted", json_boolean(
            APR_ARRAY_IDX(news->quiet, i, int) || track_muted(news, open)));
        json_array_append_new(opens, one);
    }
    json_object_set_new(body, "cursor", view_text(apr_psprintf(call->r->pool,
                        "%" APR_INT64_T_FMT, cursor)));
    json_object_set_new(body, "incomplete", json_boolean(news->more));
    json_object_set_new(body, "opens", opens);
    json_object_set_new(body, "tracks", view_tracks(call, news->tracks));
    return body;
}

int endpoint_changes(call_t *call)
{
    const char *text = request_arg_text(call->input, "after", CURSOR_MAX);
    apr_int64_t after = text ? cursor_of(text) : 0;
    news_t news = { NULL };
    apr_status_t rv;
    int status;

    if (after < 0)
        request_fault(call->input, "after", "This is no cursor of ours. Begin "
                      "without.");
    if (request_end(call->input))
        return answer_faults(call);
    if (!text)
        return answer_json(call, HTTP_OK, json_pack("{s:s, s:b, s:[], s:[]}",
                           "cursor", apr_psprintf(call->r->pool,
                                                  "%" APR_INT64_T_FMT,
                                                  call->r->request_time),
                           "incomplete", 0, "opens", "tracks"));
    if ((status = call_store(call)) != OK)
        return status;
    rv = news_read(&news, call, after);
    if (rv)
        return answer_store(call, rv, "change");
    return validate_answer(call, news_body(call, &news));
}
