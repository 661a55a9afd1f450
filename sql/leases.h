/* SPDX-License-Identifier: MIT */
/*
 * Who does what, among several mailprobes on one store: a name is held by one
 * owner until a time of the database's own clock, so that clocks of machines
 * need not agree. Store thread.
 */
#ifndef MAILTRACK_LEASES_H
#define MAILTRACK_LEASES_H

#include "store.h"

/** Lease of a running mailprobe itself, followed by its owner id. */
#define LEASE_PROCESS "process:"
/** Lease of a monitor, followed by its integer id. */
#define LEASE_MONITOR "monitor:"

/**
 * Take, or renew, a lease. One statement; joins the caller's transaction.
 * @param owner the process's UUID
 * @param lasts microseconds from the database's now
 * @return APR_SUCCESS: held; STORE_ECONFLICT: somebody else holds it
 */
apr_status_t leases_take(store_t *store, const char *name, const char *owner,
                         apr_interval_time_t lasts);

/** Renew all of an owner's that have not ended, in one statement.
 * @param held how many those are */
apr_status_t leases_renew(apr_int64_t *held, store_t *store,
                          const char *owner, apr_interval_time_t lasts);

/** Do I hold it at this moment? Asked inside the transaction that acts.
 * @return APR_SUCCESS or STORE_ECONFLICT */
apr_status_t leases_held(store_t *store, const char *name, const char *owner);

/** Give it up; harmless when not held. */
apr_status_t leases_drop(store_t *store, const char *name, const char *owner);

/** Give up all of an owner's (SIGTERM). */
apr_status_t leases_drop_all(store_t *store, const char *owner);

/** How many live leases begin with prefix (LEASE_PROCESS: live processes). */
apr_status_t leases_count(apr_int64_t *count, store_t *store,
                          const char *prefix);

/** The latest end of those that begin with prefix, and the database's clock:
 * until > now means somebody lives. until is 0 when there is none. */
apr_status_t leases_newest(apr_int64_t *until, apr_int64_t *now,
                           store_t *store, const char *prefix);

#endif
