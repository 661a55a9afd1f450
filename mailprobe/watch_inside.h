/* SPDX-License-Identifier: MIT */
/*
 * What the files of a watch share: watch.c (life, polling), watch_folders.c
 * (which folders, what is new in them), watch_mails.c (new mails, their
 * headers, review), watch_remove.c. For them alone; loop thread.
 *
 * One command is out at a time. watch_advance() goes through the steps in their
 * order, and the first that has something to ask asks it; its answer leads to
 * watch_advance() again. So a lost connection needs no unwinding: what is
 * known and what is left to do are kept, and the steps find it.
 */
#ifndef MAILPROBE_WATCH_INSIDE_H
#define MAILPROBE_WATCH_INSIDE_H

#include "imap.h"
#include "imap_fetch.h"
#include "watch.h"

#define WATCH_BATCH 50          /* mails a command is about, at most */
#define WATCH_QUEUE_MAX 200     /* mails noted of a folder, not looked at */
#define WATCH_SET_MAX (WATCH_BATCH * 21 + 1)

typedef struct watch_folder_t {
    char *wire;                 /* quoted for a command; NULL: there is none */
    char *name;                 /* for people */
    apr_uint64_t validity;      /* 0: never seen */
    apr_uint64_t next;          /* the first UID not looked at; 0: not known */
    int dirty;                  /* there is something not looked at */
    int missing;                /* it is not there */
    int tries;                  /* in vain, to look at what is new */
    int waiting;                /* mails of it in the queue */
    apr_int64_t clear_at;       /* loop_clock(): nothing more was there */
    apr_time_t told_at;         /* of what is not looked at */
    apr_interval_time_t resolution;
    apr_time_t review;          /* look through from then on; 0: no need */
} watch_folder_t;

/** A mail that seems to be for us, its bytes not fetched yet. */
typedef struct watch_item_t watch_item_t;
struct watch_item_t {
    watch_item_t *next;
    watch_folder_t *folder;
    apr_uint64_t validity;      /* a removal's: the caller's word */
    apr_uint64_t uid;
    char token[IMAP_TOKEN_LENGTH + 1];  /* "": a report */
    apr_time_t seen_at;
    apr_interval_time_t resolution;
    apr_time_t date;
    int tries;
    int asked;
    int verified;               /* a removal: the token is in its header */
};

typedef void (*watch_answer_fn)(watch_t *watch, const imap_response_t *answer);
typedef void (*watch_response_fn)(watch_t *watch,
                                  const imap_response_t *response);

struct watch_t {
    loop_t *loop;
    const account_t *account;
    watch_events_t events;
    apr_pool_t *pool;
    watch_tried_fn tried;       /* watch_try */
    void *tried_data;

    apr_pool_t *connection;     /* of imap; NULL: there was none */
    imap_t *imap;               /* NULL: not connected */
    loop_timer_t *timer;        /* next poll, or next attempt */
    int ready;                  /* logged in */
    int up;
    int told;                   /* a state was told */
    int attempts;               /* failed since it was up */
    apr_int64_t up_at;
    char words[400];            /* of the state told last */

    int busy;                   /* a command is out */
    apr_int64_t asked_at;
    watch_answer_fn answer;
    watch_response_fn response; /* untagged data of it; or NULL */
    int capable;                /* the capabilities are known */
    int can_idle;
    int can_expunge;            /* UIDPLUS */
    int special_use;
    int sought;                 /* the junk folder was looked for: 1 by use,
                                 * 2 by name too */
    apr_int64_t idle_at;

    watch_folder_t inbox;
    watch_folder_t junk;
    watch_folder_t *selected;
    apr_uint64_t exists;
    apr_uint64_t said_validity; /* by SELECT or STATUS, while it is out */
    apr_uint64_t said_next;
    int read_only;

    apr_uint64_t fetch_exists;  /* when the look at new mails began */
    apr_time_t fetch_told;
    apr_interval_time_t fetch_resolution;
    apr_uint64_t fetch_last;    /* the highest UID seen in it */
    apr_uint64_t fetch_stop;    /* the queue was full from here on; 0: not */

    watch_item_t *mails;
    watch_item_t *removals;
    watch_folder_t *searched;   /* whose review is under way */
    apr_uint64_t *found;        /* what SEARCH found in it */
    int found_count;
    int found_at;

    int in_flight;
    apr_int64_t expect_at;
    apr_int64_t poll_at;
    apr_int64_t junk_at;        /* its STATUS was asked last; 0: not yet on
                                 * this connection */
    unsigned spread;            /* so that mailboxes do not march in step */
};

/* -- watch.c --------------------------------------------------------------- */

/** Give a command; answer is called with what comes of it, then
 * watch_advance(). @param response may be NULL */
__attribute__((format(printf, 4, 5)))
void watch_ask(watch_t *watch, watch_answer_fn answer,
               watch_response_fn response, const char *fmt, ...);

/** Do what is next. */
void watch_advance(watch_t *watch);

/** This connection is of no use: close it, come back later. */
void watch_fail(watch_t *watch, const char *what, const char *words);

/* -- steps: 1: something was asked ----------------------------------------- */

int watch_learn(watch_t *watch);        /* CAPABILITY */
int watch_seek_junk(watch_t *watch);    /* LIST */
int watch_select(watch_t *watch);
int watch_baseline(watch_t *watch);     /* servers without UIDNEXT */
int watch_junk_first(watch_t *watch);
int watch_fetch_new(watch_t *watch);
int watch_fetch_mails(watch_t *watch);
int watch_remove_mails(watch_t *watch);
int watch_search(watch_t *watch);

/* -- folders --------------------------------------------------------------- */

apr_status_t watch_folders_setup(watch_t *watch);
void watch_folders_free(watch_t *watch);
void watch_ask_junk(watch_t *watch);    /* STATUS */
/** Something was said outside of what we asked for. */
void watch_folders_hear(watch_t *watch, const imap_response_t *response);

/* -- mails ----------------------------------------------------------------- */

/** What is known of mails in a folder is void: it is another one now. */
void watch_mails_forget(watch_t *watch, const watch_folder_t *folder);
void watch_search_forget(watch_t *watch);
void watch_removals_forget(watch_t *watch, const watch_folder_t *folder);
int watch_removals_wait(const watch_t *watch, const watch_folder_t *folder);

/** The UIDs of those asked for (and verified, where that is wanted) as a set
 * for a command; set has WATCH_SET_MAX octets. */
void watch_set(char *set, const watch_item_t *first, int verified);
/** The item asked for that has this UID, or NULL. */
watch_item_t *watch_find(watch_item_t *first, apr_uint64_t uid);

#endif
