/* SPDX-License-Identifier: MIT */
/*
 * /api/tracks: mails made, listed, read, changed, deleted, and one's hits.
 * Runs in httpd's worker threads; each call is one or two indexed reads or one
 * transaction of the store.
 */
#include <apr_lib.h>
#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "answer.h"
#include "delivery.h"
#include "endpoints.h"
#include "filter.h"
#include "instance.h"
#include "view.h"
#include "when.h"

#define LIST_DEFAULT 50
#define LIST_MAX     200
#define OPENS_FIRST  100
#define CURSOR_MAX   512
#define IDS_LENGTH_MAX (37 * TRACKS_IDS_MAX)

/* -- list ---------------------------------------------------------------- */

/* "a,b,c": ids in lower case, without those that are none of ours. */
static apr_array_header_t *ids_of(call_t *call, const char *text)
{
    apr_pool_t *pool = call->r->pool;
    apr_array_header_t *ids = apr_array_make(pool, 16, sizeof(char *));
    char *copy = apr_pstrdup(pool, text);
    char *state;
    char *word;

    for (word = apr_strtok(copy, ",", &state); word;
         word = apr_strtok(NULL, ",", &state)) {
        const char *id = view_id(call, word);

        if (!id || ids->nelts >= TRACKS_IDS_MAX) {
            request_fault(call->input, "ids", "Expected at most "
                          APR_STRINGIFY(TRACKS_IDS_MAX) " ids of mails, with "
                          "commas between.");
            break;
        }
        APR_ARRAY_PUSH(ids, const char *) = id;
    }
    return ids;
}

/* Certain mails: there is no page and no other condition. */
static int list_certain(call_t *call, const char *text)
{
    apr_array_header_t *ids = ids_of(call, text);
    apr_array_header_t *tracks;
    apr_status_t rv;
    int status;

    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = tracks_by_ids(&tracks, call->store, ids, call->r->pool);
    return rv ? answer_store(call, rv, "list of mails")
              : answer_json(call, HTTP_OK, view_tracks(call, tracks));
}

int endpoint_tracks_list(call_t *call)
{
    const char *ids = request_arg_text(call->input, "ids", IDS_LENGTH_MAX);
    track_filter_t filter;
    apr_array_header_t *tracks;
    const char *next;
    json_t *body;
    apr_status_t rv;
    int status;

    if (ids)
        return list_certain(call, ids);
    filter_read(&filter, call);
    filter_read_page(&filter, call);
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = tracks_list(&tracks, &next, call->store, &filter, call->r->pool);
    if (rv)
        return answer_store(call, rv, "list of mails");
    body = view_tracks(call, tracks);
    if ((rv = delivery_add(body, call, tracks)) != 0) {
        json_decref(body);
        return answer_store(call, rv, "list of mails");
    }
    answer_next(call, next);
    return answer_json(call, HTTP_OK, body);
}

/* -- create -------------------------------------------------------------- */

/* A random UUID (RFC 9562, version 4): who can guess one can forge opens. */
static const char *new_id(apr_pool_t *pool)
{
    unsigned char b[16];

    if (RAND_bytes(b, sizeof(b)) != 1)
        return NULL;
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    return apr_psprintf(pool, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                        "%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
                        b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                        b[12], b[13], b[14], b[15]);
}

static const char *sha256_hex(const char *text, apr_pool_t *pool)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int len, i;
    char *out = apr_pcalloc(pool, 2 * EVP_MAX_MD_SIZE + 1);

    if (EVP_Digest(text, strlen(text), hash, &len, EVP_sha256(), NULL) != 1)
        return NULL;
    for (i = 0; i < len; i++)
        apr_snprintf(out + 2 * i, 3, "%02x", hash[i]);
    return out;
}

/* What was asked for, in one form however it was written. */
static const char *hash_of(const track_new_t *in, apr_pool_t *pool)
{
    json_t *asked = json_pack("[s, s, s, s?, b]",
                              address_format_list(in->recipients, pool),
                              in->subject, in->notes, in->message_group_id,
                              in->pinned);
    const char *hash = NULL;
    char *text;

    if (asked && in->muted)
        json_array_append_new(asked, json_true());
    text = asked ? json_dumps(asked, JSON_COMPACT) : NULL;
    if (text)
        hash = sha256_hex(text, pool);
    free(text);
    json_decref(asked);
    return hash;
}

/* From Idempotency-Key or client_id, which mean the same. */
static const char *replay_key(call_t *call)
{
    request_t *in = call->input;
    const char *id = request_text(in, "client_id", TRACK_KEY_MAX,
                                  REQUEST_LINE);
    const char *key = apr_table_get(call->r->headers_in, "Idempotency-Key");
    const char *c;

    if (id && !*id)
        request_fault(in, "client_id", "Expected at least one character.");
    if (!key)
        return id;
    for (c = key; *c > 0x20 && *c < 0x7f; c++)
        continue;
    if (*c || c == key || c - key > TRACK_KEY_MAX)
        request_fault(in, "Idempotency-Key", "Expected 1 to 255 visible "
                      "ASCII characters.");
    else if (id && strcmp(id, key))
        request_fault(in, "client_id", "It differs from Idempotency-Key.");
    return key;
}

static void read_new(track_new_t *new, call_t *call)
{
    request_t *in = call->input;
    const char *replaces = request_text(in, "replaces", TRACK_KEY_MAX,
                                        REQUEST_LINE);
    const char *key;

    new->recipients = request_recipients(in);
    if (!new->recipients && !request_faults(in)->nelts)
        request_fault(in, "recipient", "A mail needs at least one "
                      "recipient.");
    new->subject = request_text(in, "subject", TRACK_SUBJECT_MAX,
                                REQUEST_LINE);
    new->notes = request_text(in, "notes", TRACK_NOTES_MAX, 0);
    new->message_group_id = request_text(in, "message_group_id",
                                         TRACK_GROUP_MAX, REQUEST_LINE);
    new->pinned = request_bool(in, "pinned") > 0;
    new->muted = request_bool(in, "muted") > 0;
    if (!new->subject)
        new->subject = "";
    if (!new->notes)
        new->notes = "";
    if (new->message_group_id && !*new->message_group_id)
        new->message_group_id = NULL;
    key = replay_key(call);
    if (key)
        new->idempotency_key = apr_pstrcat(call->r->pool, call->actor.name,
                                           "/", key, NULL);
    if (replaces)
        new->replaces = apr_pstrcat(call->r->pool, call->actor.name, "/",
                                    replaces, NULL);
}

static int answer_made(call_t *call, const track_t *track, int replayed)
{
    apr_table_t *out = call->r->headers_out;
    json_t *body = view_track(call, track);

    json_object_set_new(body, "opens", json_array());
    apr_table_setn(out, "Location", apr_pstrcat(call->r->pool,
                   call->conf->base_url, "/api/tracks/", track->public_id,
                   NULL));
    if (replayed)
        apr_table_setn(out, "Idempotency-Replayed", "true");
    return answer_json(call, replayed ? HTTP_OK : HTTP_CREATED, body);
}

int endpoint_tracks_create(call_t *call)
{
    apr_pool_t *pool = call->r->pool;
    track_new_t new = { NULL };
    track_t *track;
    apr_status_t rv;
    int status;

    read_new(&new, call);
    if (request_end(call->input))
        return answer_faults(call);
    new.public_id = new_id(pool);
    new.request_hash = hash_of(&new, pool);
    if (!new.public_id || !new.request_hash)
        return answer_problem(call, HTTP_INTERNAL_SERVER_ERROR, "There is no "
                              "randomness on this server.");
    if ((status = call_store(call)) != OK)
        return status;
    new.created_at = apr_time_now();
    new.created_by = call->actor.user_id;
    rv = tracks_create(&track, call->store, &new, call->conf->instance->node,
                       pool);
    if (rv == STORE_ECONFLICT && new.idempotency_key)
        return answer_problem(call, HTTP_CONFLICT, "This Idempotency-Key or "
                              "client_id stands for another mail.");
    if (rv && rv != APR_EEXIST)
        return answer_store(call, rv, "mail");
    return answer_made(call, track, rv == APR_EEXIST);
}

/* -- one mail ------------------------------------------------------------ */

static int not_found(call_t *call)
{
    return answer_problem(call, HTTP_NOT_FOUND, "There is no such mail.");
}

/* A mail and its newest hits. */
static int answer_track(call_t *call, const track_t *track)
{
    apr_array_header_t *opens;
    const char *next;
    const char *url = NULL;
    json_t *body;
    apr_status_t rv = opens_of_track(&opens, &next, call->store, track->id,
                                     NULL, OPENS_FIRST, call->r->pool);

    if (rv)
        return answer_store(call, rv, "mail");
    if (next)
        url = apr_pstrcat(call->r->pool, call->conf->base_url,
                          "/api/tracks/", track->public_id, "/opens?cursor=",
                          ap_escape_urlencoded(call->r->pool, next), NULL);
    body = view_track(call, track);
    if ((rv = delivery_add_one(body, call, track)) != 0) {
        json_decref(body);
        return answer_store(call, rv, "mail");
    }
    json_object_set_new(body, "opens", view_opens(call, opens));
    json_object_set_new(body, "opens_next", view_text(url));
    return answer_json(call, HTTP_OK, body);
}

int endpoint_tracks_get(call_t *call)
{
    const char *id = view_id(call, call->id);
    track_t *track;
    apr_status_t rv;
    int status;

    if (!id)
        return not_found(call);
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = tracks_get(&track, call->store, id, call->r->pool);
    return rv ? answer_store(call, rv, "mail") : answer_track(call, track);
}

int endpoint_tracks_opens(call_t *call)
{
    request_t *in = call->input;
    const char *id = view_id(call, call->id);
    const char *cursor = request_arg_text(in, "cursor", CURSOR_MAX);
    int limit = (int)request_arg_int(in, "limit", 1, LIST_MAX, LIST_DEFAULT);
    apr_array_header_t *opens;
    const char *next;
    track_t *track;
    apr_status_t rv;
    int status;

    if (!id)
        return not_found(call);
    if (request_end(in))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = tracks_get(&track, call->store, id, call->r->pool);
    if (!rv)
        rv = opens_of_track(&opens, &next, call->store, track->id, cursor,
                            limit, call->r->pool);
    if (rv)
        return answer_store(call, rv, "mail");
    answer_next(call, next);
    return answer_json(call, HTTP_OK, view_opens(call, opens));
}

/* -- change, delete ------------------------------------------------------ */

/* null and "" empty a text; NULL leaves it. */
static const char *changed_text(request_t *in, const char *name,
                                apr_size_t max, int flags)
{
    const char *text = request_text(in, name, max, flags);

    return text || !request_has(in, name) ? text : "";
}

static void read_change(track_change_t *change, request_t *in)
{
    int any;

    change->recipients = request_recipients(in);
    change->subject = changed_text(in, "subject", TRACK_SUBJECT_MAX,
                                   REQUEST_LINE);
    change->notes = changed_text(in, "notes", TRACK_NOTES_MAX, 0);
    change->pinned = request_bool(in, "pinned");
    change->muted = request_bool(in, "muted");
    any = change->recipients || change->subject || change->notes ||
          change->pinned >= 0 || change->muted >= 0;
    if (!request_end(in) && !any)
        request_fault(in, "body", "Expected at least one of: notes, pinned, "
                      "muted, subject, recipient, recipients.");
}

int endpoint_tracks_update(call_t *call)
{
    const char *id = view_id(call, call->id);
    track_change_t change;
    track_t *track;
    apr_status_t rv;
    int status;

    if (!id)
        return not_found(call);
    read_change(&change, call->input);
    if (request_faults(call->input)->nelts)
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = tracks_update(&track, call->store, id, &change, apr_time_now(),
                       call->r->pool);
    return rv ? answer_store(call, rv, "mail") : answer_track(call, track);
}

int endpoint_tracks_delete(call_t *call)
{
    const char *id = view_id(call, call->id);
    apr_status_t rv;
    int status;

    if (!id)
        return not_found(call);
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = tracks_delete(call->store, id, call->conf->instance->node,
                       call->r->pool);
    return rv ? answer_store(call, rv, "mail")
              : answer_empty(call, HTTP_NO_CONTENT);
}
