/* SPDX-License-Identifier: MIT */
/*
 * A message put together, and its lines as text and as HTML. Pure; any thread.
 * What each event says is in wording_mail.c and wording_incident.c.
 */
#include "wording.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "plain.h"

void wording_add(wording_t *w, const char *label, const char *value,
                 apr_pool_t *pool)
{
    wording_line_t *line = apr_array_push(w->lines);

    line->label = label;
    line->value = plain_line(value, WORDING_VALUE, pool);
}

static void of_test(wording_t *w, const wording_facts_t *facts,
                    apr_pool_t *pool)
{
    w->title = "Mailtrack: a test";
    w->lead = "You asked whether this channel works. It does.";
    wording_add(w, "Channel", facts->channel, pool);
    wording_add(w, "Sent", moment_local(facts->now, facts->now, &facts->zone,
                                        pool), pool);
}

/* -- rendering ------------------------------------------------------------- */

static const char *text_of(const wording_t *w, apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, 64, sizeof(char *));
    int i;

#define PUT(piece) (APR_ARRAY_PUSH(parts, const char *) = (piece))
    PUT(w->lead);
    PUT("\n");
    for (i = 0; i < w->lines->nelts; i++) {
        const wording_line_t *line = &APR_ARRAY_IDX(w->lines, i,
                                                    wording_line_t);

        PUT(i == 0 || !*line->label ? "\n" : "");
        PUT(line->label);
        PUT(*line->label ? ": " : "");
        PUT(line->value);
        PUT("\n");
    }
    if (*w->note) {
        PUT("\n");
        PUT(w->note);
        PUT("\n");
    }
    if (w->link) {
        PUT("\n");
        PUT(w->link);
        PUT("\n");
    }
#undef PUT
    return apr_array_pstrcat(pool, parts, '\0');
}

/* Colours that stand on white and on black alike: nobody knows what a mail
 * program makes of the background. */
static const char *colour_of(wording_tone_t tone)
{
    static const char *const colours[] = {
        "#3b76d6", "#23864a", "#b26a00", "#cf3a3a"
    };

    return colours[tone];
}

static const char *html_line(const wording_line_t *line, apr_pool_t *pool)
{
    const char *value = plain_html(line->value, pool);

    if (!*line->label) {
        return apr_pstrcat(pool, "<p style=\"margin:16px 0 4px\"><strong>",
                           value, "</strong></p>\n", NULL);
    }
    return apr_pstrcat(pool, "<p style=\"margin:2px 0\"><span style=\""
                       "opacity:.7\">", plain_html(line->label, pool),
                       ":</span> ", value, "</p>\n", NULL);
}

static const char *html_of(const wording_t *w, apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, 64, sizeof(char *));
    const char *title = plain_html(w->title, pool);
    int i;

#define PUT(piece) (APR_ARRAY_PUSH(parts, const char *) = (piece))
    PUT("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\"><title>");
    PUT(title);
    PUT("</title></head>\n<body style=\"font:16px/1.45 system-ui,sans-serif;"
        "margin:0;padding:16px\">\n<div style=\"max-width:34em;border-left:"
        "4px solid ");
    PUT(colour_of(w->tone));
    PUT(";padding-left:14px\">\n<h1 style=\"font-size:20px;margin:0 0 8px\">");
    PUT(title);
    PUT("</h1>\n<p style=\"margin:0 0 12px\">");
    PUT(plain_html(w->lead, pool));
    PUT("</p>\n");
    for (i = 0; i < w->lines->nelts; i++) {
        PUT(html_line(&APR_ARRAY_IDX(w->lines, i, wording_line_t), pool));
    }
    if (*w->note) {
        PUT("<p style=\"margin:12px 0 0\">");
        PUT(plain_html(w->note, pool));
        PUT("</p>\n");
    }
    if (w->link) {
        PUT("<p style=\"margin:16px 0 0\"><a href=\"");
        PUT(plain_html(w->link, pool));
        PUT("\">Open in Mailtrack</a></p>\n");
    }
    PUT("</div>\n</body></html>\n");
#undef PUT
    return apr_array_pstrcat(pool, parts, '\0');
}

/* -- all of it ------------------------------------------------------------- */

/* Identifiers are UUIDs, but this one stands in a header and in a URL. */
static const char *thread_of(const char *kind, const char *id,
                             apr_pool_t *pool)
{
    char *out = apr_pstrcat(pool, kind, id, NULL), *c;

    for (c = out; *c; c++) {
        if (!apr_isalnum(*c) && *c != '-' && *c != '.') {
            *c = '-';
        }
    }
    return out;
}

static void place(wording_t *w, const wording_facts_t *facts,
                  apr_pool_t *pool)
{
    const char *page = "/channels", *id = "";

    if (facts->incident) {
        page = facts->incident->closed_at == STORE_NULL ? "/alerts?id="
               : "/alerts?state=past&id=";
        id = facts->incident->public_id;
        w->thread = thread_of("incident-", id, pool);
    }
    else if (facts->mail) {
        page = "/mail?id=";
        id = facts->mail->public_id;
        w->thread = thread_of("mail-", id, pool);
    }
    else {
        w->thread = thread_of("test-", facts->key, pool);
    }
    if (facts->base_url) {
        w->link = apr_pstrcat(pool, facts->base_url, page, id, NULL);
    }
}

wording_t *wording_make(const wording_facts_t *facts, apr_pool_t *pool)
{
    wording_t *w = apr_pcalloc(pool, sizeof(*w));

    w->event = facts->event;
    w->lines = apr_array_make(pool, 8, sizeof(wording_line_t));
    w->note = "";
    if (facts->incident) {
        wording_of_incident(w, facts, pool);
    }
    else if (facts->mail) {
        wording_of_mail(w, facts, pool);
    }
    else {
        of_test(w, facts, pool);
    }
    w->title = plain_line(w->title, WORDING_TITLE, pool);
    place(w, facts, pool);
    w->text = text_of(w, pool);
    w->html = html_of(w, pool);
    return w;
}
