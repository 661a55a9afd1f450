/* SPDX-License-Identifier: MIT */
/*
 * Mails, hits and people in JSON; see view.h. Runs in httpd's worker threads;
 * reads no store.
 */
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "classify.h"
#include "instance.h"
#include "view.h"
#include "when.h"

json_t *view_text(const char *text)
{
    json_t *value = text ? json_string(text) : NULL;

    return value ? value : json_null();
}

json_t *view_time(call_t *call, apr_int64_t time)
{
    return view_text(when_format(time, call->r->pool));
}

const char *view_state(int seen)
{
    return seen == TRACK_OPENED ? "opened"
         : seen == TRACK_POSSIBLE ? "possible" : "unopened";
}

const char *view_pixel_base(call_t *call)
{
    return apr_pstrcat(call->r->pool, call->conf->base_url, "/",
                       call->conf->pixel_path, "/", NULL);
}

const char *view_pixel_url(call_t *call, const char *public_id)
{
    return apr_pstrcat(call->r->pool, view_pixel_base(call), public_id,
                       ".gif", NULL);
}

const char *view_id(call_t *call, const char *text)
{
    char *id = apr_pstrdup(call->r->pool, text);
    int i;

    for (i = 0; i < 36; i++) {
        int dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? id[i] != '-' : !apr_isxdigit(id[i]))
            return NULL;
        id[i] = (char)apr_tolower(id[i]);
    }
    return id[36] ? NULL : id;
}

/* -- mails --------------------------------------------------------------- */

static json_t *addresses(const apr_array_header_t *list)
{
    json_t *out = json_array();
    int i;

    for (i = 0; list && i < list->nelts; i++) {
        const address_t *address = &APR_ARRAY_IDX(list, i, address_t);
        json_t *one = json_object();

        json_object_set_new(one, "address", view_text(address->address));
        json_object_set_new(one, "name", view_text(address->name));
        json_array_append_new(out, one);
    }
    return out;
}

apr_int64_t view_delay(const track_t *track)
{
    apr_int64_t delay = track->first_open_at - track->created_at;

    return delay < 0 ? 0 : delay / APR_USEC_PER_SEC;
}

apr_int64_t view_automated(const track_t *track)
{
    return track->open_count - track->real_open_count - track->possible_count
           - track->self_count;
}

/* What is said of a mail beside its numbers. */
static void set_words(json_t *out, const track_t *track)
{
    json_object_set_new(out, "automated_count",
                        json_integer(view_automated(track)));
    json_object_set_new(out, "self_count", json_integer(track->self_count));
    json_object_set_new(out, "reached", *track->reached
                        ? view_text(track->reached) : json_null());
    json_object_set_new(out, "last_country", view_text(track->last_country));
    json_object_set_new(out, "last_city", view_text(track->last_city));
    json_object_set_new(out, "first_open_delay",
                        track->first_open_at == STORE_NULL ? json_null()
                        : json_integer(view_delay(track)));
    json_object_set_new(out, "muted", json_boolean(track->muted));
}

static void set_times(call_t *call, json_t *out, const track_t *track)
{
    json_object_set_new(out, "created_at",
                        view_time(call, track->created_at));
    json_object_set_new(out, "updated_at",
                        view_time(call, track->updated_at));
    json_object_set_new(out, "first_open_at",
                        view_time(call, track->first_open_at));
    json_object_set_new(out, "last_open_at",
                        view_time(call, track->last_open_at));
}

json_t *view_track(call_t *call, const track_t *track)
{
    json_t *out = json_object();

    json_object_set_new(out, "id", view_text(track->public_id));
    json_object_set_new(out, "recipient", view_text(track->recipient));
    json_object_set_new(out, "recipients", addresses(track->recipients));
    json_object_set_new(out, "subject", view_text(track->subject));
    json_object_set_new(out, "notes", view_text(track->notes));
    json_object_set_new(out, "message_group_id",
                        view_text(track->message_group_id));
    json_object_set_new(out, "pinned", json_boolean(track->pinned));
    json_object_set_new(out, "state", view_text(view_state(track->seen)));
    json_object_set_new(out, "open_count", json_integer(track->open_count));
    json_object_set_new(out, "real_open_count",
                        json_integer(track->real_open_count));
    json_object_set_new(out, "possible_count",
                        json_integer(track->possible_count));
    set_words(out, track);
    set_times(call, out, track);
    json_object_set_new(out, "pixel_url",
                        view_text(view_pixel_url(call, track->public_id)));
    return out;
}

json_t *view_tracks(call_t *call, const apr_array_header_t *tracks)
{
    json_t *out = json_array();
    int i;

    for (i = 0; i < tracks->nelts; i++)
        json_array_append_new(out, view_track(call, &APR_ARRAY_IDX(tracks, i,
                                                                 track_t)));
    return out;
}

/* -- hits ---------------------------------------------------------------- */

const char *view_proxy(const open_t *open)
{
    if (open->verdict == VERDICT_HUMAN || open->verdict == VERDICT_SELF)
        return NULL;
    return open->vendor && *open->vendor ? open->vendor : NULL;
}

/* What the rule says of itself, while the rules still have it. */
static const char *meaning_of(call_t *call, const char *rule)
{
    const rules_t *rules = call->conf->instance->rules;
    const verdict_t *verdict;
    apr_size_t i;

    for (i = 0; rule && (verdict = rules_at(rules, i)) != NULL; i++)
        if (!strcmp(verdict->rule, rule))
            return *verdict->meaning ? verdict->meaning : NULL;
    return NULL;
}

json_t *view_open(call_t *call, const open_t *open)
{
    json_t *out = json_object();

    json_object_set_new(out, "id", json_integer(open->id));
    json_object_set_new(out, "opened_at", view_time(call, open->opened_at));
    json_object_set_new(out, "recorded_at",
                        view_time(call, open->recorded_at));
    json_object_set_new(out, "ip_address", view_text(open->ip_address));
    json_object_set_new(out, "user_agent", view_text(open->user_agent));
    json_object_set_new(out, "referer", view_text(open->referer));
    json_object_set_new(out, "country", view_text(open->country));
    json_object_set_new(out, "city", view_text(open->city));
    json_object_set_new(out, "proxy_type", view_text(view_proxy(open)));
    json_object_set_new(out, "is_real_open",
                        json_boolean(open->counts == OPEN_REAL));
    json_object_set_new(out, "verdict",
                        view_text(verdict_name((verdict_e)open->verdict)));
    json_object_set_new(out, "counts",
                        view_text(counts_name((counts_e)open->counts)));
    json_object_set_new(out, "rule", view_text(open->rule));
    json_object_set_new(out, "self",
                        json_boolean(open->context
                                     & CLASSIFY_SENDER_SESSION));
    json_object_set_new(out, "rule_meaning",
                        view_text(meaning_of(call, open->rule)));
    return out;
}

json_t *view_opens(call_t *call, const apr_array_header_t *opens)
{
    json_t *out = json_array();
    int i;

    for (i = 0; i < opens->nelts; i++)
        json_array_append_new(out, view_open(call, &APR_ARRAY_IDX(opens, i,
                                                               open_t)));
    return out;
}

json_t *view_recent(call_t *call, const open_t *open)
{
    json_t *out = json_object();

    json_object_set_new(out, "open_id", json_integer(open->id));
    json_object_set_new(out, "opened_at", view_time(call, open->opened_at));
    json_object_set_new(out, "recorded_at",
                        view_time(call, open->recorded_at));
    json_object_set_new(out, "recipient", view_text(open->recipient));
    json_object_set_new(out, "subject", view_text(open->subject));
    json_object_set_new(out, "country", view_text(open->country));
    json_object_set_new(out, "city", view_text(open->city));
    json_object_set_new(out, "track_id", view_text(open->track_public_id));
    return out;
}

/* -- people -------------------------------------------------------------- */

/* Points with one decimal. */
static json_t *points(double value)
{
    return json_real((double)(apr_int64_t)(value * 10 + 0.5) / 10);
}

static json_t *score_view(call_t *call, const recipient_t *recipient)
{
    json_t *out;
    score_t score;

    if (!recipients_score(&score, recipient,
                          apr_time_sec(call->r->request_time) / 86400))
        return json_null();
    out = json_object();
    json_object_set_new(out, "value", points(score.value));
    json_object_set_new(out, "open_rate", points(score.rate));
    json_object_set_new(out, "recency", points(score.recency));
    json_object_set_new(out, "consistency", points(score.consistency));
    return out;
}

json_t *view_recipient(call_t *call, const recipient_t *recipient)
{
    json_t *out = json_object();

    json_object_set_new(out, "address", view_text(recipient->address));
    json_object_set_new(out, "name", view_text(recipient->name));
    json_object_set_new(out, "domain", view_text(recipient->domain));
    json_object_set_new(out, "mails", json_integer(recipient->mails));
    json_object_set_new(out, "mails_opened",
                        json_integer(recipient->mails_opened));
    json_object_set_new(out, "mails_possible",
                        json_integer(recipient->mails_possible));
    json_object_set_new(out, "open_rate", recipient->rate < 0 ? json_null()
                        : json_real((double)recipient->rate / 1000));
    json_object_set_new(out, "last_mail_at",
                        view_time(call, recipient->last_mail_at));
    json_object_set_new(out, "last_open_at",
                        view_time(call, recipient->last_open_at));
    json_object_set_new(out, "score", score_view(call, recipient));
    json_object_set_new(out, "muted", json_boolean(recipient->muted));
    return out;
}
