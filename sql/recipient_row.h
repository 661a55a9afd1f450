/* SPDX-License-Identifier: MIT */
/*
 * A person out of a result row. Shared by the files of recipients.h; private to
 * sql/.
 */
#ifndef MAILTRACK_RECIPIENT_ROW_H
#define MAILTRACK_RECIPIENT_ROW_H

#include "recipients.h"

/** What a statement that recipient_row_read follows begins with. */
#define SELECT_RECIPIENTS \
    "SELECT " RECIPIENT_COLUMNS " FROM recipients"
#define RECIPIENT_COLUMNS \
    "id, address, name, domain, mails, mails_opened, mails_possible, rate," \
    " last_mail_at, last_open_at, recent, recent_opened, score_base," \
    " score_key, muted"

void recipient_row_read(recipient_t *r, store_rows_t *rows, apr_pool_t *pool);

/** All rows of a query under way, appended to out in its pool; ends it. */
apr_status_t recipient_rows_read(apr_array_header_t *out, store_rows_t *rows);

/** An address as recipients.address has it. */
const char *recipient_key(const char *text, apr_pool_t *pool);

#endif
