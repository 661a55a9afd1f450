/* SPDX-License-Identifier: MIT */
/*
 * An event and its facts in words: what a person reads on a phone. Written
 * from the facts of the moment it is sent, so that a message that waited says
 * what is true then. Pure; any thread; results in the caller's pool. Texts of
 * strangers (subjects, servers' replies) come out as one bounded line each
 * and, in html, escaped; a channel escapes them for itself.
 */
#ifndef MAILPROBE_WORDING_H
#define MAILPROBE_WORDING_H

#include <apr_tables.h>

#include "incidents.h"
#include "moment.h"
#include "monitors.h"
#include "outbox.h"

/** So many monitors of an incident are named, the others counted. */
#define WORDING_MEMBERS 20
#define WORDING_TITLE   120     /* characters */
#define WORDING_VALUE   300

typedef struct wording_facts_t {
    const char *event;          /* EVENT_* of outbox.h */
    const char *key;            /* the outbox row's dedupe key */
    apr_int64_t created_at;     /* of the outbox row */
    apr_int64_t now;
    moment_zone_t zone;
    const char *base_url;       /* without a slash at its end; NULL: no link */
    const char *channel;        /* whom this is for */
    const outbox_mail_t *mail;  /* opens, follow-ups; else NULL */
    const route_state_t *route; /* follow-ups: of the recipient's domain now;
                                 * NULL or state NULL: nothing is known */
    const route_state_t *route_then;    /* ... and when the mail was made */
    const char *domain;         /* whose route that is */
    apr_int64_t held_since;     /* follow-ups: it was due then, and was held
                                 * because the route failed; STORE_NULL: not */
    const incident_t *incident; /* alarm, repeat, recovered; else NULL */
    const apr_array_header_t *members;  /* incident_member_t of it */
} wording_facts_t;

typedef enum {
    TONE_NEWS, TONE_GOOD, TONE_WARN, TONE_BAD
} wording_tone_t;

typedef struct wording_line_t {
    const char *label;          /* our own word; "": a heading of lines */
    const char *value;          /* may be a stranger's */
} wording_line_t;

typedef struct wording_t {
    const char *event;
    wording_tone_t tone;
    const char *title;          /* one line: what, and of whom */
    const char *lead;           /* a sentence or two */
    apr_array_header_t *lines;  /* wording_line_t */
    const char *note;           /* what to make of it; "" */
    const char *link;           /* NULL: no base URL is known */
    const char *thread;         /* the same for all messages about one thing:
                                 * letters, digits, dots and dashes */
    const char *text;           /* all of it but the title, plain, LF */
    const char *html;           /* all of it, a whole document */
} wording_t;

/** @return never NULL; an event of facts that are missing is told by what
 * there is */
wording_t *wording_make(const wording_facts_t *facts, apr_pool_t *pool);

/** Add a line; value is made plain here. For wording_*.c. */
void wording_add(wording_t *w, const char *label, const char *value,
                 apr_pool_t *pool);
/** Title, lead, lines and note of a kind of event. For wording.c. */
void wording_of_mail(wording_t *w, const wording_facts_t *facts,
                     apr_pool_t *pool);
void wording_of_incident(wording_t *w, const wording_facts_t *facts,
                         apr_pool_t *pool);

#endif
