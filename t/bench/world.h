/* SPDX-License-Identifier: MIT */
/*
 * The made-up world the benchmarks' stores are filled with: people and their
 * mail programs, places, subjects. The same seed makes the same world. One
 * thread; not part of an installation.
 */
#ifndef MAILTRACK_BENCH_WORLD_H
#define MAILTRACK_BENCH_WORLD_H

#include <apr_pools.h>
#include <apr_tables.h>

/** What fetches a pixel. Strings live as long as the world. */
typedef struct agent_t {
    const char *user_agent;
    const char *referer;
    const char *address;        /* NULL: the reader's own */
} agent_t;

/** A reader. What a reader is follows from the number alone, so that none of
 * them has to be kept. */
typedef struct person_t {
    char name[64];
    char domain[64];
    char address[160];
    char ip[16];
    int agent;                  /* of their mail program */
    const char *country;
    char city[32];
} person_t;

typedef struct world_t {
    apr_pool_t *pool;
    apr_uint64_t state;         /* of the random numbers */
    apr_array_header_t *agents; /* agent_t */
    int humans;                 /* the first so many are people's programs */
    int google;                 /* Gmail's proxy */
    int apple;                  /* Apple's prefetch */
    double *words;              /* cumulated frequencies */
    double *people;
    int people_count;
} world_t;

/**
 * @param vectors a CSV of user agents (t/data/vectors.csv)
 * @return NULL: it cannot be read
 */
world_t *world_make(int people, const char *vectors, apr_pool_t *pool);

apr_uint64_t world_random(world_t *world);
/** In [0, 1). */
double world_fraction(world_t *world);
/** Normal distribution, mean 0, deviation 1. */
double world_normal(world_t *world);

/** Someone, the few popular ones far more often than the rest. */
int world_pick_person(world_t *world);
void world_person(person_t *person, const world_t *world, int number);
/** The agent of a hit on a mail to that person. */
int world_pick_agent(world_t *world, const person_t *person);

/** `words` words of a language, the common ones most often, into out. */
void world_text(char *out, size_t room, world_t *world, int words);

#endif
