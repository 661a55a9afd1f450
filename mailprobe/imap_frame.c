/* SPDX-License-Identifier: MIT */
/*
 * The end of a response, found in a buffer that grows, each octet looked at
 * once. The length of a literal is the only thing that says where a response
 * goes on, so this is strict where imap_parse.c is lenient. Pure; any thread.
 */
#include <string.h>
#include <strings.h>

#include <apr_lib.h>

#include "imap_frame.h"

int imap_frame_number(apr_uint64_t *number, const char *bytes,
                      apr_size_t length)
{
    apr_uint64_t sum = 0;
    apr_size_t i;

    *number = 0;
    if (!length || length > 18) {
        return 0;
    }
    for (i = 0; i < length; i++) {
        if (!apr_isdigit(bytes[i])) {
            return 0;
        }
        sum = sum * 10 + (apr_uint64_t)(bytes[i] - '0');
    }
    *number = sum;
    return 1;
}

/* Does this line begin something whose end is text for people? Then "{5}" at
 * its end announces nothing. */
static int is_words(const char *line, apr_size_t length)
{
    static const char *const statuses[] = { "OK", "NO", "BAD", "BYE",
                                            "PREAUTH" };
    apr_size_t i;

    if (length < 2 || line[0] != '*' || line[1] != ' ') {
        return 1;               /* tagged, or a continuation */
    }
    for (i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
        apr_size_t word = strlen(statuses[i]);

        if (length > word + 2 && !strncasecmp(line + 2, statuses[i], word)
            && !apr_isalnum(line[2 + word])) {
            return 1;
        }
    }
    return 0;
}

static apr_size_t without_end(const char *line, apr_size_t length)
{
    if (length && line[length - 1] == '\n') {
        length--;
    }
    if (length && line[length - 1] == '\r') {
        length--;
    }
    return length;
}

apr_int64_t imap_frame_literal(const char *line, apr_size_t length)
{
    apr_size_t end = without_end(line, length);
    apr_size_t at;
    apr_uint64_t number;

    if (end < 3 || line[--end] != '}') {
        return -1;
    }
    if (line[end - 1] == '+') {
        end--;
    }
    for (at = end; at > 0 && apr_isdigit(line[at - 1]); at--) {
    }
    if (!at || at == end || line[at - 1] != '{') {
        return -1;
    }
    return imap_frame_number(&number, line + at, end - at)
           ? (apr_int64_t)number : APR_INT64_MAX;
}

apr_status_t imap_frame_end(apr_size_t *length, imap_frame_t *frame,
                            const char *bytes, apr_size_t have)
{
    const char *end;

    *length = 0;
    while (frame->scanned < have
           && (end = memchr(bytes + frame->scanned, '\n',
                            have - frame->scanned)) != NULL) {
        apr_size_t next = (apr_size_t)(end - bytes) + 1;
        apr_int64_t literal;

        if (next > IMAP_RESPONSE_MAX) {
            return APR_ENOSPC;
        }
        literal = imap_frame_literal(bytes + frame->line,
                                     next - frame->line);
        if (literal < 0 || is_words(bytes, next)) {
            *length = next;
            return APR_SUCCESS;
        }
        if (literal > (apr_int64_t)(IMAP_RESPONSE_MAX - next)) {
            return APR_ENOSPC;
        }
        frame->line = next + (apr_size_t)literal;
        frame->scanned = frame->line;
    }
    if (frame->scanned < have) {
        frame->scanned = have;
    }
    return have > IMAP_RESPONSE_MAX ? APR_ENOSPC : APR_INCOMPLETE;
}
