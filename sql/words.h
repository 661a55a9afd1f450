/* SPDX-License-Identifier: MIT */
/*
 * The search words of a text. What is stored and what is asked for go through
 * the same function, so that both agree. Pure; any thread.
 *
 * A word is a run of letters and digits (ASCII; every character from U+00AA up
 * that is no punctuation, space or symbol; combining marks belong to it);
 * everything else, invalid UTF-8 included, separates. Written small: ASCII,
 * Latin-1, Latin Extended-A and Additional, Greek and Cyrillic in lower case;
 * Latin, Greek and Cyrillic letters without their accents ("Müller" is
 * "muller", "Ærø" is "aero", "Straße" is "strasse"), combining marks dropped.
 * Chinese, Japanese and Korean characters are a word each. An address is
 * words like any text: "jane.doe@example.org" is doe, example, jane, org.
 */
#ifndef MAILTRACK_WORDS_H
#define MAILTRACK_WORDS_H

#include <apr_pools.h>
#include <apr_tables.h>

/** Octets of a word; a longer one is cut at a character. */
#define WORDS_MAX_LENGTH 64
/** Different words of one call; the ones after are left out. */
#define WORDS_MAX_COUNT  512

/**
 * The different words of n texts.
 * @param words array of const char *, sorted bytewise, no word twice
 * @param texts NUL-terminated; NULL counts as empty
 */
apr_status_t words_split(apr_array_header_t **words, const char *const *texts,
                         int n, apr_pool_t *pool);

#endif
