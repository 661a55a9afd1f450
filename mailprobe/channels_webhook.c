/* SPDX-License-Identifier: MIT */
/*
 * A message as JSON for programs, signed. Pure: the time comes with the facts.
 * mailprobe/README.md documents the fields and how to check the signature.
 */
#include "channels.h"

#include <string.h>

#include <apr_strings.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "plain.h"

#define VALUE_MAX 2000          /* characters of any one text */

const char *channels_signature(const char *secret, apr_int64_t timestamp,
                               const char *body, apr_size_t length,
                               apr_pool_t *pool)
{
    const char *head = apr_psprintf(pool, "%" APR_INT64_T_FMT ".", timestamp);
    apr_size_t head_len = strlen(head);
    unsigned char *text = apr_palloc(pool, head_len + length);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0, i;
    char *hex;

    memcpy(text, head, head_len);
    memcpy(text + head_len, body, length);
    if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), text,
              head_len + length, digest, &size)) {
        size = 0;               /* no memory: a signature nobody accepts */
    }
    hex = apr_palloc(pool, 2 * size + 1);
    for (i = 0; i < size; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[2 * size] = '\0';
    return hex;
}

/* -- the body -------------------------------------------------------------- */

static void put_text(json_t *json, const char *name, const char *value,
                     apr_pool_t *pool)
{
    json_object_set_new(json, name, value
                        ? json_string(plain_line(value, VALUE_MAX, pool))
                        : json_null());
}

static void put_time(json_t *json, const char *name, apr_int64_t at,
                     apr_pool_t *pool)
{
    json_object_set_new(json, name, at == STORE_NULL ? json_null()
                        : json_string(moment_iso(at, pool)));
}

static json_t *mail_json(const outbox_mail_t *mail, apr_pool_t *pool)
{
    json_t *json = json_object();

    put_text(json, "id", mail->public_id, pool);
    put_text(json, "recipient", mail->recipient, pool);
    put_text(json, "subject", mail->subject, pool);
    put_text(json, "owner", mail->owner_name, pool);
    put_time(json, "created_at", mail->created_at, pool);
    json_object_set_new(json, "real_open_count",
                        json_integer(mail->real_open_count));
    put_time(json, "opened_at", mail->opened_at, pool);
    put_text(json, "country", mail->country, pool);
    put_text(json, "city", mail->city, pool);
    put_text(json, "verdict", mail->verdict, pool);
    put_text(json, "user_agent", mail->user_agent, pool);
    return json;
}

static json_t *member_json(const incident_member_t *m, apr_pool_t *pool)
{
    json_t *json = json_object();

    put_text(json, "id", m->monitor_public_id, pool);
    put_text(json, "name", m->monitor_name, pool);
    put_text(json, "recipient", m->recipient, pool);
    put_text(json, "state", m->state, pool);
    put_text(json, "detail", m->detail, pool);
    put_text(json, "last_hop", m->last_hop, pool);
    put_time(json, "failing_since", m->failing_since, pool);
    put_time(json, "last_ok_at", m->last_ok_at, pool);
    put_time(json, "recovered_at", m->recovered_at, pool);
    return json;
}

static json_t *incident_json(const wording_facts_t *facts, apr_pool_t *pool)
{
    const incident_t *incident = facts->incident;
    json_t *json = json_object(), *list = json_array();
    int i;

    put_text(json, "id", incident->public_id, pool);
    put_text(json, "kind", incident->kind, pool);
    put_text(json, "subject", incident->subject, pool);
    put_text(json, "title", incident->title, pool);
    put_text(json, "detail", incident->detail, pool);
    put_time(json, "opened_at", incident->opened_at, pool);
    put_time(json, "closed_at", incident->closed_at, pool);
    put_time(json, "acknowledged_at", incident->acked_at, pool);
    for (i = 0; facts->members && i < facts->members->nelts; i++) {
        json_array_append_new(list, member_json(
            &APR_ARRAY_IDX(facts->members, i, incident_member_t), pool));
    }
    json_object_set_new(json, "monitors", list);
    return json;
}

static json_t *body_of(const channel_t *channel, const wording_facts_t *facts,
                       const wording_t *wording, apr_pool_t *pool)
{
    json_t *json = json_object();

    json_object_set_new(json, "version", json_integer(1));
    put_text(json, "id", facts->key, pool);
    put_text(json, "event", facts->event, pool);
    put_text(json, "channel", channel->name, pool);
    put_time(json, "created_at", facts->created_at, pool);
    put_time(json, "sent_at", facts->now, pool);
    put_text(json, "title", wording->title, pool);
    put_text(json, "summary", wording->lead, pool);
    json_object_set_new(json, "text", json_string(wording->text));
    put_text(json, "link", wording->link, pool);
    json_object_set_new(json, "mail", facts->mail
                        ? mail_json(facts->mail, pool) : json_null());
    json_object_set_new(json, "incident", facts->incident
                        ? incident_json(facts, pool) : json_null());
    return json;
}

void channels_webhook(channel_request_t *request, const channel_t *channel,
                      const wording_facts_t *facts, const wording_t *wording,
                      apr_pool_t *pool)
{
    apr_int64_t timestamp = facts->now / APR_USEC_PER_SEC;
    json_t *json = body_of(channel, facts, wording, pool);
    char *body = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    request->url = channel->url;
    request->body = apr_pstrdup(pool, body ? body : "{}");
    request->length = strlen(request->body);
    free(body);
    channels_header(request, "Content-Type", "application/json", pool);
    channels_header(request, "X-Mailtrack-Event", facts->event, pool);
    channels_header(request, "X-Mailtrack-Delivery",
                    plain_line(facts->key, 128, pool), pool);
    channels_header(request, "X-Mailtrack-Timestamp",
                    apr_psprintf(pool, "%" APR_INT64_T_FMT, timestamp), pool);
    if (channel->secret) {
        channels_header(request, "X-Mailtrack-Signature",
                        apr_pstrcat(pool, "sha256=",
                            channels_signature(channel->secret, timestamp,
                                               request->body, request->length,
                                               pool), NULL), pool);
    }
}
