/* SPDX-License-Identifier: MIT */
/*
 * A stored hit's facts put to the rules: the one way for the drain and for
 * reclassify, so that judging history anew gives what the drain would have
 * given. Pure but for the memo.
 */
#ifndef MAILTRACK_JUDGE_H
#define MAILTRACK_JUDGE_H

#include "classify.h"
#include "opens.h"


/**
 * Set verdict, counts, rule, vendor and rules_version from the hit's other
 * fields. @param sent_at when the mail was made
 * @param memo of the calling thread, or NULL
 * The texts set live as long as the rules. @param pool scratch
 */
void judge_open(open_t *open, apr_int64_t sent_at, const rules_t *rules,
                classify_memo_t *memo, apr_pool_t *pool);

#endif
