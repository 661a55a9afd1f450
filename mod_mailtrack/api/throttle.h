/* SPDX-License-Identifier: MIT */
/*
 * How often and how many at a time passwords may be tried, across httpd's
 * children: shared memory of a fixed size, made before they fork. Knows no
 * httpd and no names: keys are keyed hashes, so nobody can aim at a slot.
 *
 * - THROTTLE_PAIR failures in a minute of one user from one address;
 * - THROTTLE_USER failures in a minute of one user from all addresses. This one
 *   does not hold for an address from which the user has signed in before
 *   (`known`): nobody can lock a user out of where they usually are;
 * - THROTTLE_WORK checks at a time for strangers, a few more for the known.
 *
 * The tables cannot overflow within a minute: a failure costs a bcrypt, and
 * THROTTLE_WORK of them at a time make fewer failures a minute than there are
 * places. Each node of a cluster counts for itself.
 */
#ifndef MAILTRACK_API_THROTTLE_H
#define MAILTRACK_API_THROTTLE_H

#include <apr_pools.h>
#include <apr_time.h>

#define THROTTLE_PAIR   5
#define THROTTLE_USER   50
#define THROTTLE_WINDOW 60              /* seconds */
#define THROTTLE_WORK   4
#define THROTTLE_MORE   2               /* for known addresses alone */
#define THROTTLE_STALE  20              /* seconds after which a check's child
                                         * is taken for dead */

typedef struct throttle_t throttle_t;

/** How an attempt ended. */
typedef enum {
    THROTTLE_WRONG,             /* it counts */
    THROTTLE_OPEN,              /* neither: the password was right, the code is
                                 * not there yet */
    THROTTLE_GOOD               /* earlier failures are forgotten */
} throttle_end_t;

typedef struct throttle_try_t {
    unsigned char pair[16];
    unsigned char user[16];
    int known;
    int slot;
    apr_uint32_t stamp;         /* in the slot */
} throttle_try_t;

/** @param pool as long as children may use it */
apr_status_t throttle_make(throttle_t **out, apr_pool_t *pool);

/**
 * May a password be checked now? Counted as a failure at once, so that many at
 * a time are not more than one after the other.
 * @return 0: check, then throttle_rest() and throttle_end(); else seconds to
 *         wait, and nothing was counted
 */
int throttle_begin(throttle_try_t *attempt, throttle_t *throttle,
                   const char *user, const char *address, int known,
                   apr_time_t now);

/** The costly part is over. */
void throttle_rest(throttle_try_t *attempt, throttle_t *throttle);

/** What became of it. */
void throttle_end(const throttle_try_t *attempt, throttle_t *throttle,
                  throttle_end_t end);

#endif
