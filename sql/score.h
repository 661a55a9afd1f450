/* SPDX-License-Identifier: MIT */
/*
 * The score of a person, 0 to 100: half for the rate of opened mails, a quarter
 * for how lately they opened one, a quarter for consistency. Pure, but for
 * score_write. Private to sql/; recipients.h has what others may ask.
 *
 * In units of 1/3600 point all parts are whole numbers. Mails one cannot tell
 * of are left out; who has no others has no score (-1).
 *   rate         180000 * opened / mails
 *   consistency   90000 * opened / mails, among the newest 20 mails (in the
 *                 order they were put in; none of them to tell of: all mails)
 *   recency        1000 a day of the 90 days after the last open (UTC days)
 * The last one falls with time. So a row has `base`, the first two, and `key` =
 * base + 1000 * day of the last open: at any day the score is
 * max(base, key - 1000 * (today - 90)), and a list in order of the score is two
 * indexes merged.
 */
#ifndef MAILTRACK_SCORE_H
#define MAILTRACK_SCORE_H

#include "recipients.h"

#define SCORE_RECENT 20         /* mails */

/** From the row's other fields. */
void score_set(recipient_t *r);

/** What a key is above the score of that day. */
apr_int64_t score_offset(apr_int64_t today);

/** A person's columns anew from their row and newest mails. */
apr_status_t score_write(store_t *store, apr_int64_t recipient_id);

/** The people of a mail, each. */
apr_status_t score_write_people(store_t *store, apr_int64_t track_id);

/** They opened a mail at a time: the key moves on with the day. */
apr_status_t score_touch(store_t *store, apr_int64_t track_id,
                         apr_int64_t opened_at);

#endif
