/* SPDX-License-Identifier: MIT */
/*
 * A message as ntfy wants it: plain text as the body, the rest in headers,
 * those in ASCII by RFC 2047 (ntfy 2.4 and later read that). Pure.
 */
#include "channels.h"

#include <string.h>

#include <apr_strings.h>

#include "plain.h"

#define TITLE_MAX 120           /* characters: base64 triples the worst */

static const char *priority_of(wording_tone_t tone)
{
    return tone == TONE_BAD ? "4" : "3";
}

static const char *tag_of(const wording_t *wording)
{
    if (!strcmp(wording->event, EVENT_HOT)) {
        return "fire";
    }
    if (!strcmp(wording->event, EVENT_FOLLOW_UP)) {
        return "hourglass";
    }
    switch (wording->tone) {
    case TONE_BAD: return "rotating_light";
    case TONE_WARN: return "warning";
    case TONE_GOOD: return "white_check_mark";
    default: return "envelope_with_arrow";
    }
}

void channels_ntfy(channel_request_t *request, const channel_t *channel,
                   const wording_facts_t *facts, const wording_t *wording,
                   apr_pool_t *pool)
{
    (void)facts;
    request->url = channel->url;
    channels_header(request, "Content-Type", "text/plain; charset=utf-8",
                    pool);
    channels_header(request, "Title",
                    plain_header(plain_line(wording->title, TITLE_MAX, pool),
                                 pool), pool);
    channels_header(request, "Priority", priority_of(wording->tone), pool);
    channels_header(request, "Tags", tag_of(wording), pool);
    if (wording->link) {
        channels_header(request, "Click",
                        plain_header(plain_line(wording->link, 2000, pool),
                                     pool), pool);
    }
    if (channel->token) {
        channels_header(request, "Authorization",
                        apr_pstrcat(pool, "Bearer ",
                                    plain_line(channel->token, 1000, pool),
                                    NULL), pool);
    }
    request->body = plain_cut_bytes(wording->text, NTFY_MESSAGE, pool);
    request->length = strlen(request->body);
}
