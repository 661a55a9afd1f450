/* SPDX-License-Identifier: MIT */
/*
 * POST /api/tracks/{id}/self: the sender has looked at this mail himself, and
 * the picture came through. Which hit that was nobody knows but by when it was
 * and from where; those become the sender's. Runs in httpd's worker threads;
 * one transaction.
 */
#include <apr_strings.h>
#include <string.h>

#include "answer.h"
#include "claim.h"
#include "classify.h"
#include "endpoints.h"
#include "hit.h"
#include "instance.h"
#include "view.h"

/* The reporter's seconds are counted, not compared with our clock, so what is
 * between view and hit is a network and a proxy. */
#define NEAR apr_time_from_sec(15)
#define AGO_MAX 86400
/* Hits of one mail within NEAR of one another; more is no person. */
#define HITS_MAX 50

/*
 * Can this hit have been made by who asks? From the same address it can; a
 * proxy that fetches for its readers hides which of them it was, and Google's
 * is one soon after sending too, when the rules cannot tell.
 */
static int may_be_own(const open_t *open, const char *address, const char *cut)
{
    if (open->context & CLASSIFY_SENDER_SESSION)
        return 0;
    if (open->verdict == VERDICT_PROXIED || !strcmp(open->vendor, "google"))
        return 1;
    return open->ip_address && (!strcmp(open->ip_address, address) ||
                                (*cut && !strcmp(open->ip_address, cut)));
}

static apr_status_t claim_near(int *claimed, call_t *call, recorder_t *rec,
                               const track_t *track, apr_time_t at)
{
    const char *address = call->r->useragent_ip;
    apr_array_header_t *opens;
    char cut[46];
    apr_status_t rv;
    int i;

    /* as MailtrackAnonymizeIP stores it; also of hits from when it was on */
    hit_anonymize(cut, address);
    rv = record_window(&opens, rec, track->id, at - NEAR, at + NEAR,
                       HITS_MAX);
    for (i = 0; !rv && i < opens->nelts; i++) {
        open_t *open = &APR_ARRAY_IDX(opens, i, open_t);

        if (!may_be_own(open, address, cut))
            continue;
        open->track_created_at = track->created_at;
        rv = claim_open(call, rec, open, 1);
        ++*claimed;
    }
    return rv;
}

/* One transaction: what is judged is what is stored. */
static apr_status_t claim_stored(int *claimed, call_t *call, const char *id,
                                 apr_time_t at)
{
    apr_pool_t *pool = call->r->pool;
    recorder_t *rec;
    track_t *track;
    apr_status_t rv = store_begin(call->store);

    if (rv)
        return rv;
    rec = record_start(call->store, call->conf->instance->node, pool);
    rv = tracks_get(&track, call->store, id, pool);
    if (!rv)
        rv = claim_near(claimed, call, rec, track, at);
    if (!rv)
        rv = record_finish(rec, 0, apr_time_now());
    return store_end(call->store, rv);
}

int endpoint_tracks_self(call_t *call)
{
    const char *id = view_id(call, call->id);
    apr_int64_t ago = request_int(call->input, "seconds_ago", 0, AGO_MAX, 0);
    track_t *track;
    json_t *body;
    apr_status_t rv;
    int status, claimed = 0;

    if (!id)
        return answer_problem(call, HTTP_NOT_FOUND, "There is no such mail.");
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = claim_stored(&claimed, call, id, call->r->request_time
                                          - apr_time_from_sec(ago));
    if (!rv)
        rv = tracks_get(&track, call->store, id, call->r->pool);
    if (rv)
        return claim_answer(call, rv, "mail");
    body = json_pack("{s:i}", "claimed", claimed);
    json_object_set_new(body, "track", view_track(call, track));
    return answer_json(call, HTTP_OK, body);
}
