/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as what an IMAP server says. They are cut into
 * responses as the connection does it, whole and octet by octet (which must
 * agree), each is read, and every octet of it looked at. Then the same bytes as
 * a mailbox's name, a date and header lines. Build and run as t/README.md says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "imap_fetch.h"
#include "imap_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sum;

static void need(int good)
{
    if (!good) {
        abort();
    }
}

static void touch(const imap_value_t *value, apr_pool_t *pool)
{
    for (; value; value = value->next) {
        apr_uint64_t number;
        apr_size_t i;

        for (i = 0; i < value->length; i++) {
            sum += (unsigned char)value->bytes[i];
        }
        imap_value_number(&number, value);
        if (imap_value_text(value, pool)) {
            need(value->kind != IMAP_LIST);
        }
        touch(value->first, pool);
    }
}

static void response(const char *bytes, apr_size_t length, apr_pool_t *pool)
{
    imap_response_t in;
    imap_fetch_t mail;
    apr_size_t i;

    if (imap_parse(&in, bytes, length, pool) != APR_SUCCESS) {
        return;
    }
    need(!strpbrk(in.text, "\r\n\t"));
    touch(in.values, pool);
    if (imap_fetch_read(&mail, &in) && mail.body) {
        for (i = 0; i < mail.length; i++) {
            sum += (unsigned char)mail.body[i];
        }
    }
}

static void frames(const char *bytes, apr_size_t size, apr_pool_t *pool)
{
    while (size) {
        imap_frame_t whole = { 0, 0 }, slow = { 0, 0 };
        apr_size_t length, other = 0, have;
        apr_status_t rv = imap_frame_end(&length, &whole, bytes, size);
        apr_status_t again = APR_INCOMPLETE;

        for (have = 1; have <= size && again == APR_INCOMPLETE; have++) {
            again = imap_frame_end(&other, &slow, bytes, have);
        }
        need(again == rv && other == length);
        if (rv != APR_SUCCESS) {
            break;
        }
        need(length > 0 && length <= size);
        response(bytes, length, pool);
        bytes += length;
        size -= length;
    }
}

static void names(const char *text, apr_pool_t *pool)
{
    const char *name = imap_name_decode(text, pool);
    const char *wire = imap_name_encode(name, pool);
    const char *own = imap_name_encode(text, pool);

    need(wire != NULL && !strpbrk(name, "\r\n"));
    imap_name_quote(text, pool);
    sum += (unsigned)imap_name_is_junk(text, '/');
    if (own && strlen(text) < 200 && !strpbrk(own, "\r\n\t")) {
        const char *at;

        for (at = text; *at > 31 && *at < 127; at++) {
        }
        /* what is all printable comes back as it was */
        need(*at || !strcmp(imap_name_decode(own, pool), text)
             || at[-1] == ' ');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int started;
    const char *bytes = (const char *)data;
    apr_pool_t *pool;

    if (!started) {
        apr_initialize();
        started = 1;
    }
    need(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    frames(bytes, size, pool);
    names(apr_pstrmemdup(pool, bytes, size), pool);
    imap_fetch_date(bytes, size);
    imap_fetch_is_report(bytes, size, pool);
    if (imap_fetch_token(bytes, size, pool)) {
        need(size >= IMAP_TOKEN_LENGTH);
    }
    apr_pool_destroy(pool);
    return 0;
}
