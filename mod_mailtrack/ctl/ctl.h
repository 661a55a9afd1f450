/* SPDX-License-Identifier: MIT */
/*
 * mailtrackctl: what its files share. The command is one thread of one
 * process of its own, run by an administrator, often beside a busy httpd: no
 * subcommand may hold the store's write lock for longer than a batch.
 *
 * Nothing here prints a secret; `key add` alone shows the key it made. No
 * secret is taken from the command line, which every user can read in ps.
 */
#ifndef MAILTRACK_CTL_H
#define MAILTRACK_CTL_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "sql/store.h"

/* Exit codes, as mailtrackctl(8) promises them. */
#define CTL_OK     0
#define CTL_FAILED 1
#define CTL_USAGE  2

/* Rollup rows that this command writes are its own: each httpd node has its
 * rows too, and they are added when read. */
#define CTL_NODE "mailtrackctl"

typedef struct ctl_t ctl_t;

typedef struct ctl_option_t {
    const char *name;           /* without the dashes; NULL ends a list */
    const char *value;          /* what its value is called; NULL: none */
    const char *help;
} ctl_option_t;

/* What must be true before run() is called. */
typedef enum {
    CTL_NOTHING,                /* the command opens the store itself */
    CTL_READY                   /* opened, ours and of this schema */
} ctl_need_e;

typedef struct ctl_command_t {
    const char *name;           /* "user add": NULL ends the table */
    const char *operand;        /* what its one operand is called, or NULL */
    const char *summary;        /* begins lower-case, no full stop */
    const char *text;           /* what `help` says more, or "" */
    const ctl_option_t *options;        /* or NULL */
    ctl_need_e need;
    int (*run)(ctl_t *ctl);     /* @return CTL_* */
} ctl_command_t;

struct ctl_t {
    apr_pool_t *pool;           /* of the process */
    const char *driver;         /* apr_dbd's name */
    const char *params;         /* may hold a password: never shown */
    store_t *store;             /* NULL until ctl_open */
    const ctl_command_t *command;       /* NULL until one was read */
    const char *operand;
    apr_table_t *options;       /* name -> value, "" for a switch */
};

/* -- store.c: where the store is ---------------------------------------- */

/** Fills driver and params from --store, --store-file, MAILTRACK_STORE or the
 * default path. @return CTL_OK, or what to exit with; it has been said */
int ctl_find_store(ctl_t *ctl);

/** Opens it; ctl->store is set wherever there are words to be had from it. */
apr_status_t ctl_open(ctl_t *ctl);

/** ctl_open and store_ready; says what is wrong. @return CTL_* */
int ctl_need_ready(ctl_t *ctl);

/** Is it SQLite's? Then params is the path. */
int ctl_is_file(const ctl_t *ctl);

/* -- options.c ---------------------------------------------------------- */

extern const ctl_option_t ctl_global_options[];

/** Reads argv; says what was expected. Where it returns CTL_OK without a
 * command, --help or --version is among the options. */
int ctl_read_arguments(ctl_t *ctl, int argc, const char *const *argv,
                       const ctl_command_t *table);

/** An option's value, NULL when it was not given. */
const char *ctl_option(const ctl_t *ctl, const char *name);

/* -- say.c -------------------------------------------------------------- */

/** Says "mailtrackctl: [COMMAND:] ..." on stderr, one line. @return
 * CTL_USAGE */
int ctl_usage(const ctl_t *ctl, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** The same with what rv stands for: the store's words and the command that
 * mends it, or the system's. @return CTL_FAILED */
int ctl_fail(const ctl_t *ctl, apr_status_t rv, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The same, the words alone. @return CTL_FAILED */
int ctl_refuse(const ctl_t *ctl, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** The words of ctl_fail for rv, in the pool. */
const char *ctl_reason(const ctl_t *ctl, apr_status_t rv);

/** Text for a terminal: control characters and what is no UTF-8 as \xNN, cut
 * after 80 characters. */
const char *ctl_clean(const char *text, apr_pool_t *pool);

/** "2026-11-20T12:34:56Z"; "never" for STORE_NULL. */
const char *ctl_time(apr_int64_t at, apr_pool_t *pool);

/** "12.3 MB (12912345 bytes)" */
const char *ctl_size(apr_int64_t bytes, apr_pool_t *pool);

/** Prints rows of `columns` texts in aligned columns; the first row is the
 * heading. @param cells const char *, row by row */
void ctl_table(const apr_array_header_t *cells, int columns,
               apr_pool_t *pool);

/** Asks "QUESTION [y/N]" when stdin is a terminal; elsewhere --yes must be
 * there. @return CTL_OK to go on */
int ctl_confirm(const ctl_t *ctl, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** A name that goes into the store: valid UTF-8 of 1 to max characters, none
 * of them a control character. what names it in the words. @return CTL_* */
int ctl_check_text(const ctl_t *ctl, const char *what, const char *text,
                   apr_size_t max);

/* -- progress.c --------------------------------------------------------- */

typedef struct ctl_progress_t ctl_progress_t;

/** A bar on stderr; silent where that is no terminal. */
ctl_progress_t *ctl_progress_start(const ctl_t *ctl, const char *what);
/** Fits progress_t: context is the ctl_progress_t. */
void ctl_progress(void *context, apr_int64_t done, apr_int64_t total);
/** Takes the bar away. */
void ctl_progress_end(ctl_progress_t *progress);

/* -- password.c --------------------------------------------------------- */

/** One line of stdin, or asked for twice on the terminal. @return CTL_* */
int ctl_read_password(const ctl_t *ctl, const char **password);

/* -- the subcommands ---------------------------------------------------- */

int ctl_init(ctl_t *ctl);
int ctl_migrate(ctl_t *ctl);
int ctl_status(ctl_t *ctl);
int ctl_user_add(ctl_t *ctl);
int ctl_user_passwd(ctl_t *ctl);
int ctl_user_totp_reset(ctl_t *ctl);
int ctl_user_remove(ctl_t *ctl);
int ctl_user_list(ctl_t *ctl);
int ctl_key_add(ctl_t *ctl);
int ctl_key_revoke(ctl_t *ctl);
int ctl_key_list(ctl_t *ctl);
int ctl_check(ctl_t *ctl);
int ctl_reclassify(ctl_t *ctl);
int ctl_erase(ctl_t *ctl);
int ctl_verify(ctl_t *ctl);
int ctl_backup(ctl_t *ctl);
int ctl_restore(ctl_t *ctl);

#endif
