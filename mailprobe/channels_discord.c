/* SPDX-License-Identifier: MIT */
/*
 * A message as Discord's "execute webhook" wants it: the title as content
 * (what a phone's lock screen shows), the rest as one embed. Pure. Nobody is
 * pinged, whatever a subject says, and no text becomes Markdown or a link.
 */
#include "channels.h"

#include <string.h>

#include <apr_strings.h>
#include <jansson.h>

#include "plain.h"
#include "utf8.h"

/* Does the character at text begin, or end, something of Markdown? A backslash
 * then takes its meaning. Addresses and names should stay readable where the
 * backslash is shown, so there are no more than it needs. */
static int has_meaning(const char *text, int first)
{
    if (strchr("\\`*_~|<[]", *text)) {
        return 1;
    }
    if (first && strchr("#>-+", *text)) {
        return 1;
    }
    return !strncmp(text, "://", 3) || !strncmp(text, "@everyone", 9)
           || !strncmp(text, "@here", 5);
}

static const char *escaped(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, 2 * strlen(text) + 1), *to = out;
    const char *start = text;

    for (; *text; text++) {
        if (has_meaning(text, text == start)) {
            *to++ = '\\';
        }
        *to++ = *text;
    }
    *to = '\0';
    return out;
}

/* Length as Discord counts: characters beyond the first plane are two. */
static apr_size_t units_of(const char *text)
{
    apr_size_t len = strlen(text), units = 0, used;
    apr_uint32_t c;

    for (; len; text += used, len -= used) {
        used = utf8_next(&c, text, len);
        units += c > 0xffff && c != (apr_uint32_t)-1 ? 2 : 1;
    }
    return units;
}

/* Escaped, and within a limit: the text is cut, not an escape. */
static const char *fitted(const char *text, apr_size_t limit,
                          apr_pool_t *pool)
{
    const char *out = escaped(text, pool);
    apr_size_t keep = limit;

    while (units_of(out) > limit) {
        keep = keep * 3 / 4;
        out = escaped(plain_cut(text, keep, pool), pool);
    }
    return out;
}

static const char *line_of(const wording_line_t *line, apr_pool_t *pool)
{
    const char *value = escaped(line->value, pool);

    return *line->label
           ? apr_pstrcat(pool, line->label, ": ", value, "\n", NULL)
           : apr_pstrcat(pool, "\n**", value, "**\n", NULL);
}

/* Whole lines, as many as there is room for. */
static const char *description_of(const wording_t *wording,
                                  apr_size_t limit, apr_pool_t *pool)
{
    static const char more[] = "\xe2\x80\xa6\n";
    apr_array_header_t *parts = apr_array_make(pool, 32, sizeof(char *));
    const char *piece = fitted(wording->lead, limit / 2, pool);
    const char *note = fitted(wording->note, limit / 8, pool);
    apr_size_t left = limit - units_of(piece) - units_of(note) - 8;
    int i;

    APR_ARRAY_PUSH(parts, const char *) = piece;
    APR_ARRAY_PUSH(parts, const char *) = "\n\n";
    for (i = 0; i < wording->lines->nelts; i++) {
        piece = line_of(&APR_ARRAY_IDX(wording->lines, i, wording_line_t),
                        pool);
        if (units_of(piece) > left) {
            APR_ARRAY_PUSH(parts, const char *) = more;
            break;
        }
        left -= units_of(piece);
        APR_ARRAY_PUSH(parts, const char *) = piece;
    }
    APR_ARRAY_PUSH(parts, const char *) = *note ? "\n" : "";
    APR_ARRAY_PUSH(parts, const char *) = note;
    return apr_array_pstrcat(pool, parts, '\0');
}

static int colour_of(wording_tone_t tone)
{
    static const int colours[] = { 0x3b76d6, 0x23864a, 0xd08700, 0xcf3a3a };

    return colours[tone];
}

void channels_discord(channel_request_t *request, const channel_t *channel,
                      const wording_facts_t *facts, const wording_t *wording,
                      apr_pool_t *pool)
{
    json_t *embed, *json;
    char *body;

    embed = json_pack("{s:s, s:i, s:s}",
                      "description", description_of(wording,
                          DISCORD_DESCRIPTION, pool),
                      "color", colour_of(wording->tone),
                      "timestamp", moment_iso(facts->now, pool));
    if (wording->link) {
        json_object_set_new(embed, "title", json_string("Open in Mailtrack"));
        json_object_set_new(embed, "url", json_string(wording->link));
    }
    json = json_pack("{s:s, s:[o], s:{s:[]}}",
                     "content", fitted(wording->title, DISCORD_CONTENT, pool),
                     "embeds", embed, "allowed_mentions", "parse");
    body = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    /* "wait": a message that was not kept is then an error, not a 204 */
    request->url = apr_pstrcat(pool, channel->url,
                               strchr(channel->url, '?') ? "&" : "?",
                               "wait=true", NULL);
    channels_header(request, "Content-Type", "application/json", pool);
    request->body = apr_pstrdup(pool, body ? body : "{}");
    request->length = strlen(request->body);
    free(body);
}
