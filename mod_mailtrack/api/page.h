/* SPDX-License-Identifier: MIT */
/*
 * Cursors of lists that go down a number (a time, an id): digits, good for
 * nothing but the next page.
 */
#ifndef MAILTRACK_API_PAGE_H
#define MAILTRACK_API_PAGE_H

#include "route.h"

/** The parameter cursor; STORE_NULL: from the newest. */
apr_int64_t page_before(call_t *call);

/** Link to the page below a number. */
void page_next(call_t *call, apr_int64_t below);

#endif
