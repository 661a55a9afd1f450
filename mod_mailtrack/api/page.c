/* SPDX-License-Identifier: MIT */
/*
 * Numbers as cursors; see page.h. Runs in httpd's worker threads; reads no
 * store.
 */
#include <apr_strings.h>
#include <string.h>

#include "answer.h"
#include "page.h"

#define CURSOR_MAX 20

apr_int64_t page_before(call_t *call)
{
    const char *text = request_arg_text(call->input, "cursor", CURSOR_MAX);
    apr_size_t digits = text ? strspn(text, "0123456789") : 0;

    if (!text)
        return STORE_NULL;
    if (digits && digits <= 18 && !text[digits])
        return apr_atoi64(text);
    request_fault(call->input, "cursor", "This is no cursor of this list. "
                  "Follow the Link of a page, or begin without.");
    return STORE_NULL;
}

void page_next(call_t *call, apr_int64_t below)
{
    answer_next(call, apr_psprintf(call->r->pool, "%" APR_INT64_T_FMT,
                                   below));
}
