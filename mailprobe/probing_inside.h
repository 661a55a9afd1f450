/* SPDX-License-Identifier: MIT */
/*
 * What the files of probing share: probing.c (start, reload), once.c,
 * schedule.c and round.c (leases, who is due), launch.c and flight.c (a probe
 * on its way), arrival.c (mails that were seen), box.c (mailboxes), judge.c
 * (the transaction that writes and decides; store thread). For them alone. Loop
 * thread but for what is named *_work.
 */
#ifndef MAILPROBE_PROBING_INSIDE_H
#define MAILPROBE_PROBING_INSIDE_H

#include <apr_hash.h>

#include "decide.h"
#include "dsn.h"
#include "headers.h"
#include "probing.h"
#include "smtp.h"
#include "watch.h"

/** Leases last so long, and are renewed so often. */
#define PROBING_LEASE apr_time_from_sec(30)
#define PROBING_RENEW apr_time_from_sec(10)

/** A mailbox that somebody watches. Lives as long as probing. */
typedef struct box_t {
    probing_t *probing;
    const char *name;           /* of the account */
    const account_t *account;   /* NULL: not in the configuration (any more) */
    apr_pool_t *pool;           /* of watch; NULL: not watched */
    watch_t *watch;
    int used;                   /* schedule.c: somebody needs it */
    int up;
    char words[400];            /* why it is not */
    apr_int64_t turned_at;      /* loop_clock() of the last up or down */
    apr_int64_t blind_us;       /* all time down, up to turned_at */
    int waiting;                /* probes in flight to it */
    int told;                   /* monitors there are blind by it */
    loop_timer_t *patience;     /* a minute of blindness is a state */
} box_t;

/** How fast an account may send. */
typedef struct gate_t {
    apr_int64_t next;           /* loop_clock() of the next free place */
} gate_t;

/** A monitor we hold the lease of. */
typedef struct seat_t {
    probing_t *probing;
    apr_int64_t id;
    apr_pool_t *pool;
    apr_pool_t *m_pool;
    monitor_t *m;               /* as it was read or written last */
    box_t *box;                 /* NULL: no such account */
    box_t *reports;             /* of the sender; NULL: none */
    loop_timer_t *due;
    int has_place;              /* at its account's gate */
    int beginning;              /* a row is being written */
    int busy;                   /* schedule.c: something of it is being done */
    int flights;
    int left;                   /* no longer ours: goes with its last flight */
} seat_t;

typedef struct flight_copy_t {
    const char *folder;
    apr_uint64_t uid;
    apr_uint64_t uidvalidity;
} flight_copy_t;

/** A probe from its row to its fate. */
typedef struct flight_t {
    probing_t *probing;
    seat_t *seat;
    box_t *box;                 /* where it is awaited */
    apr_pool_t *pool;
    probe_t p;                  /* strings in pool */
    apr_time_t base_wall;       /* its own time: the wall's when it began, */
    apr_int64_t base_clock;     /* and from then on loop_clock() */
    apr_int64_t blind_base;     /* the box's blindness at that time */
    apr_int64_t blind_before;   /* time of its life that we were not there */
    apr_int64_t asked;          /* "probe now" of this time is answered */
    apr_int64_t retry_at;       /* loop_clock(); 0: none */
    int attempts;
    int sending;
    apr_pool_t *mail_pool;      /* of the attempt */
    int writing;                /* a job is out */
    int dirty;                  /* there is more to write */
    int again;                  /* send when that is written */
    int old;                    /* its route was changed: history alone */
    int unwatched;              /* its time ran out while nobody was there */
    int lost;                   /* another process has it */
    const char *verdict;        /* headers_verdict */
    const char *last_hop;
    apr_array_header_t *copies; /* flight_copy_t, to be removed */
    loop_timer_t *timer;
    probing_once_fn once;
    void *once_data;
} flight_t;

struct probing_t {
    loop_t *loop;
    storage_t *storage;
    deliver_t *deliver;
    const configuration_t *configuration;
    const char *owner;
    apr_pool_t *pool;
    int scheduled;              /* 0: --once */
    int quiet;                  /* the end is near */
    apr_hash_t *seats;          /* &id -> seat_t */
    apr_hash_t *boxes;          /* account -> box_t */
    apr_hash_t *gates;          /* account -> gate_t */
    apr_hash_t *flights;        /* token -> flight_t */
    loop_timer_t *round;
    int rounding;               /* a round is with the store */
    apr_int64_t edition;
    apr_int64_t renewed_at;     /* loop_clock(); 0: never */
    apr_int64_t live;           /* processes */
    apr_int64_t enabled;        /* monitors, when they were read last */
};

/* -- judge.c -------------------------------------------------------------- */

/** What is to be written and decided, and what came of it. In its own pool;
 * strings may be a flight's, which stays until done. */
typedef struct judge_t {
    apr_pool_t *pool;
    const char *owner;
    apr_interval_time_t gather;
    probe_t p;                  /* in and out; new strings live until done */
    int blind;                  /* the box cannot be seen now */
    apr_time_t now;             /* the flight's */
    int old;
    const char *verdict;        /* or NULL */
    const char *last_hop;       /* or NULL */
    unsigned int spread;
    monitor_t *m;               /* out; NULL: it is not the monitor's matter */
    decide_news_t news;
    int told;                   /* something is in the outbox */
} judge_t;

/** Inside a transaction of the caller, who holds the lease. */
apr_status_t judge_apply(store_t *store, judge_t *judge, apr_pool_t *pool);

/** The same as a job: begins, asks for the lease, commits. */
apr_status_t judge_work(store_t *store, void *judge, apr_pool_t *pool);

/** Say in the log what came of it. */
void judge_log(const judge_t *judge);

/** "monitor:ID" */
const char *judge_lease(apr_int64_t monitor_id, apr_pool_t *pool);

/* -- flight.c -------------------------------------------------------------- */

/** Take up one that another process began. */
void flight_adopt(seat_t *seat, const probe_t *probe);
/** It was seen, or bounced: look at it again. */
void flight_news(flight_t *flight);
/** Set its timer by what it waits for. */
void flight_plan(flight_t *flight);
/** Another process has it now: it ends when its mail is out. */
void flight_lose(flight_t *flight);
/** Drop it, whatever it waits for; nothing is written. */
void flight_end(flight_t *flight);
/** Its own time, which no jump of the wall clock moves. */
apr_time_t flight_now(const flight_t *flight);
/** For launch.c: an empty one; all it knows to the store; the end to who waits
 * for it (--once). */
flight_t *flight_make(seat_t *seat);
void flight_write(flight_t *flight);
void flight_told(flight_t *flight, const monitor_t *m, const char *problem);

/* -- launch.c -------------------------------------------------------------- */

/** A probe of a seat, now. @param asked of monitor_t, or STORE_NULL */
flight_t *launch_begin(seat_t *seat, apr_int64_t asked);
/** Send it, for the first time or again. */
void launch_mail(flight_t *flight);

/* -- arrival.c ------------------------------------------------------------ */

/** Of watch: a mail that may be ours is in a box. */
void arrival_mail(void *box, const watch_mail_t *mail);
/** Remove what the store has of it, unless it is to be kept. */
void arrival_remove(box_t *box, const flight_copy_t *copy,
                    const char *token);

/* -- box.c ---------------------------------------------------------------- */

/** The box of an account, watched from now on. NULL: no such mailbox. */
box_t *box_get(probing_t *probing, const char *account);
/** Nobody needs it: close. */
void box_close(box_t *box);
/** The configuration is another: open anew. */
void box_reopen(box_t *box);
/** Blindness so far, microseconds. */
apr_int64_t box_blind(const box_t *box);
/** One more, or one less, in flight to it. 0: it was just sent. */
void box_expect(box_t *box, int change);

/* -- schedule.c ----------------------------------------------------------- */

void schedule_start(probing_t *probing);
/** Look at the store now. */
void schedule_hurry(probing_t *probing);
/** Probe a seat when it is due, counted from now. */
void schedule_due(seat_t *seat);
/** A box sees again: who waits at it probes within seconds. */
void schedule_soon(const box_t *box);
/** Take what was written of its monitor. */
void schedule_update(seat_t *seat, const monitor_t *m);
/** A monitor whose lease we have. */
seat_t *schedule_seat(probing_t *probing, const monitor_t *m);
/** A flight of it has ended. */
void schedule_landed(seat_t *seat);
/** Find the boxes of all seats anew. */
void schedule_boxes(probing_t *probing);
monitor_t *schedule_copy(const monitor_t *m, apr_pool_t *pool);
unsigned int schedule_random(void);

#endif
