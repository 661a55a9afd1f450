/* SPDX-License-Identifier: MIT */
/*
 * The store thread: the one connection of mailprobe and a queue of work for it,
 * so that the loop never waits for the store. Jobs run in order, one at a time.
 */
#ifndef MAILPROBE_STORAGE_H
#define MAILPROBE_STORAGE_H

#include "configuration.h"
#include "loop.h"
#include "store.h"

typedef struct storage_t storage_t;

/** Runs in the store thread, with a store that is ready; pool lives until done
 * has returned, and is where results go. Begins and commits by itself. */
typedef apr_status_t (*storage_work_fn)(store_t *store, void *job,
                                        apr_pool_t *pool);
/** Runs in the loop thread. error: the store's words, or "". */
typedef void (*storage_done_fn)(apr_status_t rv, const char *error,
                                void *job);

#define STORAGE_ONCE  0 /* a transient failure is told at once, also when
                         * it is that of an UNTIL that is first in line */
#define STORAGE_UNTIL 1 /* stays first in line until the store takes it; a
                         * failure that is not transient is told. It may run
                         * again although it was committed (the connection
                         * was lost on the way), so it must bear that */

/** Start the thread. The store is opened by it, and anew when it was lost: a
 * store that is not there is a state (storage_trouble), not an end. Says in
 * the log when trouble begins and ends.
 * @param pool lives as long as the loop runs; stops the thread with it */
apr_status_t storage_start(storage_t **storage, loop_t *loop,
                           const config_store_t *store, apr_pool_t *pool);

/** Loop thread; never blocks. Dropped after storage_stop.
 * @param done may be NULL */
void storage_submit(storage_t *storage, int how, storage_work_fn work,
                    storage_done_fn done, void *job);

/** What keeps the store from working, with what mends it; NULL: nothing. Lives
 * until the next call. Loop thread. */
const char *storage_trouble(storage_t *storage);

/** Finish what is queued, at most within so long (and a tenth of a second),
 * tell who asked, and end the thread. Loop thread, or its creator's after it.
 * @return how many jobs were left undone, not told; above 0 a statement may
 *         still hang in the thread: then end by _exit, not by exit */
int storage_stop(storage_t *storage, apr_interval_time_t within);

#endif
