/* SPDX-License-Identifier: MIT */
/*
 * What those need who look after the house (heartbeat, housewatch, refresh,
 * retention), and how they are let go at a reload while the store may still
 * owe them an answer. Loop thread.
 */
#ifndef MAILPROBE_HOUSE_H
#define MAILPROBE_HOUSE_H

#include "configuration.h"
#include "loop.h"
#include "storage.h"

typedef struct house_t {
    loop_t *loop;
    storage_t *storage;
    const configuration_t *configuration;
    const char *owner;          /* this process's UUID */
    apr_pool_t *pool;           /* of all of them and the configuration */
    int gone;                   /* nothing is submitted any more */
} house_t;

/** Make a house and start all of its parts.
 * @param pool taken over: house_end destroys it */
apr_status_t house_start(house_t **house, const house_t *with,
                         apr_pool_t *pool);

/** storage_submit for a part: STORAGE_ONCE. done finds the part alive. */
void house_submit(house_t *house, storage_work_fn work, storage_done_fn done,
                  void *job);

/** Let it go: its pool is destroyed behind the last answer of the store. */
void house_end(house_t *house);

#endif
