/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a character above ASCII in a search word. A range that is
 * not named is letters that stay as they are. Private to words.c; pure.
 */
#ifndef MAILTRACK_FOLDS_H
#define MAILTRACK_FOLDS_H

#include <apr.h>

typedef enum fold_e {
    FOLD_SEPARATE,  /* no part of a word */
    FOLD_DROP,      /* belongs to the word, is not written */
    FOLD_SINGLE,    /* a word of its own */
    FOLD_SAME,      /* all of the range become `to` */
    FOLD_SHIFT,     /* first becomes `to`, the others follow it */
    FOLD_PAIRS,     /* capital and small alternate, a capital first */
    FOLD_LATIN      /* becomes the two or three ASCII letters in `to` */
} fold_e;

typedef struct fold_t {
    apr_uint32_t first, last;
    fold_e how;
    apr_uint32_t to;
} fold_t;

/** The range that code is in; NULL for a letter that stays. */
const fold_t *folds_find(apr_uint32_t code);

#endif
