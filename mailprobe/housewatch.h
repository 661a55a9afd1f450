/* SPDX-License-Identifier: MIT */
/*
 * The house watched: httpd's /health tells whether hits are drained, kept and
 * placed. What is wrong becomes an incident like any other. Loop thread; one
 * process of a store at a time.
 */
#ifndef MAILPROBE_HOUSEWATCH_H
#define MAILPROBE_HOUSEWATCH_H

#include "house.h"

/** Asked every minute, unless neither watch.health_url nor base_url is known.
 * Subjects: httpd, drain, spool, places. */
apr_status_t housewatch_start(house_t *house, apr_pool_t *pool);

/** What an answer of /health says is wrong; a NULL title: all is well. */
typedef struct housewatch_verdict_t {
    const char *subject;
    const char *title;
    const char *detail;
} housewatch_verdict_t;
#define HOUSEWATCH_SUBJECTS 4

/**
 * Judge an answer. Pure. Subjects that the answer says nothing of are left out
 * (their incident stays as it is).
 * @param problem "" or why there was no answer
 * @param place_age of the configuration
 * @return how many verdicts
 */
int housewatch_judge(housewatch_verdict_t *verdicts, const char *problem,
                     const char *body, apr_interval_time_t place_age,
                     apr_time_t now, apr_pool_t *pool);

#endif
