/* SPDX-License-Identifier: MIT */
/*
 * Mails, people and fetches as arrays (contract in story.h). Times and numbers
 * of hits are skewed as those of real mail are.
 */
#include "story.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void *room_for(int count, size_t size)
{
    void *room = calloc((size_t)count + 1, size);

    if (!room) {
        fprintf(stderr, "generate: no memory for %d of %zu\n", count, size);
        exit(1);
    }
    return room;
}

static void make_readers(story_t *s)
{
    int i;

    s->readers = room_for(s->world->people_count, sizeof(reader_t));
    for (i = 0; i < s->world->people_count; i++) {
        world_person(&s->readers[i].is, s->world, i);
        s->readers[i].last_open_at = STORE_NULL;
    }
}

static void add_person(story_t *s, mail_t *mail)
{
    int person = world_pick_person(s->world);
    int i;

    for (i = 0; i < mail->people; i++) {
        if (mail->person[i] == person) {
            return;
        }
    }
    mail->person[mail->people++] = person;
}

static void make_mails(story_t *s)
{
    apr_int64_t step = YEARS_TWO / s->mail_count;
    int i, n;

    s->mails = room_for(s->mail_count, sizeof(mail_t));
    for (i = 0; i < s->mail_count; i++) {
        mail_t *mail = &s->mails[i];

        mail->created_at = s->now - YEARS_TWO + step * i
            + (apr_int64_t)(world_fraction(s->world) * (double)step);
        mail->first_open_at = mail->last_open_at = mail->last_hit_at
            = STORE_NULL;
        n = world_fraction(s->world) < 0.85 ? 1
            : 2 + (int)(world_random(s->world) % (RECIPIENTS_MAX - 1));
        while (n-- > 0) {
            add_person(s, mail);
        }
    }
}

/* Mostly within hours, some weeks later; never in the future. */
static apr_int64_t hit_time(story_t *s, const mail_t *mail)
{
    double seconds = exp(9.2 + 2.4 * world_normal(s->world));
    double left = (double)(s->now - mail->created_at) / 1e6;

    if (seconds >= left) {
        seconds = left * world_fraction(s->world);
    }
    return mail->created_at + (apr_int64_t)(seconds * 1e6);
}

/* A third of the mails is never fetched, few are very often. */
static int hits_of(story_t *s, int average)
{
    double n;

    if (world_fraction(s->world) < 0.33) {
        return 0;
    }
    n = exp(log(average) - 0.1 + 1.0 * world_normal(s->world));
    return n > 2000 ? 2000 : (int)n;
}

static void add_fetches(story_t *s, int mail, int count, int most)
{
    mail_t *m = &s->mails[mail];

    for (; count > 0 && s->fetch_count < most; count--) {
        fetch_t *f = &s->fetches[s->fetch_count++];

        f->mail = mail;
        f->person = m->person[world_random(s->world)
                              % (apr_uint64_t)m->people];
        f->agent = world_pick_agent(s->world, &s->readers[f->person].is);
        f->at = hit_time(s, m);
    }
}

static int by_time(const void *a, const void *b)
{
    apr_int64_t x = ((const fetch_t *)a)->at, y = ((const fetch_t *)b)->at;

    return x < y ? -1 : x > y;
}

static void make_fetches(story_t *s, int average)
{
    int most = s->mail_count * average;
    int i;

    s->fetches = room_for(most, sizeof(fetch_t));
    for (i = 0; average && i < s->mail_count; i++) {
        add_fetches(s, i, hits_of(s, average), most);
    }
    while (s->fetch_count < most) {
        add_fetches(s, (int)(world_random(s->world)
                             % (apr_uint64_t)s->mail_count), 3, most);
    }
    qsort(s->fetches, (size_t)most, sizeof(fetch_t), by_time);
}

void story_make(story_t *s, world_t *world, int mails, int average)
{
    s->world = world;
    s->mail_count = mails;
    s->now = apr_time_now();
    make_readers(s);
    make_mails(s);
    make_fetches(s, average);
}
