/* SPDX-License-Identifier: MIT */
/*
 * What happens in the benchmarks' world: who mails whom in two years, and who
 * fetches what when. The same numbers make the same story. One thread; not part
 * of an installation.
 */
#ifndef MAILTRACK_BENCH_STORY_H
#define MAILTRACK_BENCH_STORY_H

#include "store.h"
#include "world.h"

/** How long it has been going on, in microseconds. */
#define YEARS_TWO (APR_INT64_C(730) * 86400 * APR_USEC_PER_SEC)
#define RECIPIENTS_MAX 4

typedef struct mail_t {
    apr_int64_t created_at;
    apr_int64_t first_open_at, last_open_at, last_hit_at;
    int hits, real, possible, self;
    const char *reached;        /* whose prefetch was seen; NULL: nobody's */
    const person_t *place;      /* whose place is the last */
    int person[RECIPIENTS_MAX];
    int people;
} mail_t;

typedef struct fetch_t {
    apr_int64_t at;
    int mail, person, agent;
} fetch_t;

typedef struct reader_t {
    person_t is;
    int mails, opened, possible;
    apr_int64_t last_mail_at, last_open_at;
} reader_t;

typedef struct story_t {
    world_t *world;
    mail_t *mails;              /* in the order of time */
    fetch_t *fetches;           /* in the order of time */
    reader_t *readers;          /* by their number in the world */
    int mail_count, fetch_count;
    apr_int64_t now;            /* when it ends; microseconds */
} story_t;

/**
 * Make all of it up to now, so many hits a mail on average. Memory is of the
 * process and is never given back: a million mails take some 400 MB.
 */
void story_make(story_t *story, world_t *world, int mails, int average);

#endif
