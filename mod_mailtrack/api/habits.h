/* SPDX-License-Identifier: MIT */
/*
 * What the figures say of people's habits: hours of the week, the best of them
 * to send in, how long a first open takes, what machines fetched; in JSON and
 * in rows of CSV. Pure; every JSON is a new reference.
 */
#ifndef MAILTRACK_API_HABITS_H
#define MAILTRACK_API_HABITS_H

#include <jansson.h>

#include "csv.h"
#include "reports.h"

/** Mails one can tell of that an hour needs to be called good. */
#define HABITS_SAMPLE 20
/** Hours named. */
#define HABITS_BEST   5

/** {"mails": 7 x 24, "opens": 7 x 24}, Monday first. */
json_t *habits_week(const hour_t *week);

/**
 * The hours in which mails are opened most, by the lower end of the 95 %
 * interval (Wilson) of their rate: 9 of 10 is worth less than 80 of 100.
 */
json_t *habits_best(const hour_t *week);

/** Classes of the time to the first open, and its median. */
json_t *habits_first(const rollup_t *sums);
/** Estimated within its class, evenly by its logarithm; seconds. 0 mails: -1;
 * in the last class: where that begins. */
double habits_median(const rollup_t *sums);

/** Hits of prefetching, scanners and robots among all but the sender's. */
json_t *habits_automated(const rollup_t *sums);
apr_int64_t habits_machines(const rollup_t *sums);

/** One row an hour of the week. @param row 0: the heads of the columns */
void habits_hour_row(csv_t *csv, const hour_t *week, int row);

#endif
