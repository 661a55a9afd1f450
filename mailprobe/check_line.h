/* SPDX-License-Identifier: MIT */
/*
 * What check.c and check_try.c share: the lines of --check, in the order they
 * are told, and the trials that fill them. One thread.
 */
#ifndef MAILPROBE_CHECK_LINE_H
#define MAILPROBE_CHECK_LINE_H

#include <apr_tables.h>

#include "configuration.h"
#include "loop.h"

typedef struct check_t check_t;

typedef struct check_line_t {
    check_t *check;
    const char *what;           /* "smtp office" */
    const char *words;          /* NULL: not known yet */
    int fault;                  /* 0: tick, 1: cross */
    apr_pool_t *pool;           /* of its trial */
} check_line_t;

struct check_t {
    apr_pool_t *pool;
    loop_t *loop;
    const configuration_t *configuration;
    apr_array_header_t *lines;  /* check_line_t * */
    int told;                   /* lines printed */
    int faults;
    int waiting;                /* trials under way */
};

check_line_t *check_line(check_t *check, const char *what);
/** A line is known; it and those behind it that are known too are printed. */
void check_known(check_line_t *line, int fault, const char *words);

/** Begin to try each account's servers, and each channel. */
void check_accounts(check_t *check);
void check_channels(check_t *check);

#endif
