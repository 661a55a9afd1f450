/* SPDX-License-Identifier: MIT */
/*
 * The people of a mail, for tracks.c. Everything runs inside the caller's
 * transaction. Private to sql/.
 */
#ifndef MAILTRACK_PEOPLE_H
#define MAILTRACK_PEOPLE_H

#include <apr_tables.h>

#include "address.h"
#include "store.h"

/** Link a mail to its people, making those who are new. */
apr_status_t people_add(store_t *store, apr_int64_t track_id,
                        const apr_array_header_t *list /* address_t */,
                        apr_int64_t mail_at);

/** A new mail of theirs, not opened yet: their rows need no recount. */
apr_status_t people_count_mail(store_t *store, apr_int64_t track_id,
                               apr_int64_t mail_at);

/** recipients.id of a mail's people. */
apr_status_t people_of(apr_array_header_t **ids /* apr_int64_t */,
                       store_t *store, apr_int64_t track_id,
                       apr_pool_t *pool);

/** Count each anew from their mails; who has none goes. */
apr_status_t people_recount(store_t *store, const apr_array_header_t *ids);

#endif
