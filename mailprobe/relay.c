/* SPDX-License-Identifier: MIT */
/*
 * Prefixes read, sorted, and merged where two halves make a whole (contract in
 * relay.h). Pure. Both families are 16 bytes with their bits from the left.
 */
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "relay.h"

typedef struct {
    unsigned char at[16];
    int bits;
} prefix_t;

static int bit(const prefix_t *p, int index)
{
    return p->at[index / 8] >> (7 - index % 8) & 1;
}

static int contains(const prefix_t *outer, const prefix_t *inner)
{
    int i = outer->bits / 8;

    if (outer->bits > inner->bits || memcmp(outer->at, inner->at, (size_t)i)) {
        return 0;
    }
    for (i *= 8; i < outer->bits; i++) {
        if (bit(outer, i) != bit(inner, i)) {
            return 0;
        }
    }
    return 1;
}

/* two is the second half of what one is the first of */
static int halves(const prefix_t *one, const prefix_t *two)
{
    prefix_t whole = *one;

    whole.bits--;
    return one->bits == two->bits && one->bits > 0 && !bit(one, whole.bits)
           && bit(two, whole.bits) && contains(&whole, two);
}

static int by_place(const void *a, const void *b)
{
    const prefix_t *one = a, *two = b;
    int order = memcmp(one->at, two->at, sizeof(one->at));

    return order ? order : one->bits - two->bits;
}

/* In place: sorted, without those that others contain, halves joined. */
static void merge(apr_array_header_t *list)
{
    prefix_t *all = (prefix_t *)(void *)list->elts;
    int i, n = 0;

    qsort(all, (size_t)list->nelts, sizeof(*all), by_place);
    for (i = 0; i < list->nelts; i++) {
        if (n && contains(&all[n - 1], &all[i])) {
            continue;
        }
        all[n++] = all[i];
        while (n > 1 && halves(&all[n - 2], &all[n - 1])) {
            all[--n - 1].bits--;
        }
    }
    list->nelts = n;
}

/* -- reading -------------------------------------------------------------- */

static int no_host_bits(const prefix_t *p)
{
    int i;

    for (i = p->bits; i < 128; i++) {
        if (i % 8 == 0 && !p->at[i / 8]) {
            i += 7;
        }
        else if (bit(p, i)) {
            return 0;
        }
    }
    return 1;
}

/* "172.224.224.0/31"; @return 4 or 6; 0: no prefix */
static int read_prefix(prefix_t *p, const char *text, apr_size_t len)
{
    char copy[64], *slash;
    int family;

    if (len >= sizeof(copy)) {
        return 0;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    slash = strchr(copy, '/');
    if (!slash || strspn(slash + 1, "0123456789") != strlen(slash + 1)
        || !slash[1] || strlen(slash + 1) > 3) {
        return 0;
    }
    *slash = '\0';
    memset(p, 0, sizeof(*p));
    p->bits = atoi(slash + 1);
    family = strchr(copy, ':') ? 6 : 4;
    if (inet_pton(family == 6 ? AF_INET6 : AF_INET, copy, p->at) != 1
        || p->bits < 8 || p->bits > (family == 6 ? 128 : 32)) {
        return 0;
    }
    return no_host_bits(p) ? family : 0;
}

static const char *write_list(const apr_array_header_t *list, int family,
                              apr_pool_t *pool)
{
    char *out = apr_palloc(pool, (apr_size_t)list->nelts * 52 + 1);
    char *at = out;
    int i;

    for (i = 0; i < list->nelts; i++) {
        const prefix_t *p = &APR_ARRAY_IDX(list, i, prefix_t);

        inet_ntop(family == 6 ? AF_INET6 : AF_INET, p->at, at, 46);
        at += strlen(at);
        at += apr_snprintf(at, 6, "/%d\n", p->bits);
    }
    *at = '\0';
    return out;
}

apr_status_t relay_convert(relay_lists_t *lists, const char **problem,
                           const char *text, apr_size_t len, apr_pool_t *pool)
{
    apr_array_header_t *four = apr_array_make(pool, 4096, sizeof(prefix_t));
    apr_array_header_t *six = apr_array_make(pool, 4096, sizeof(prefix_t));
    const char *end = text + len, *line, *next;
    int number = 0;

    for (line = text; line < end; line = next) {
        const char *stop = memchr(line, '\n', (apr_size_t)(end - line));
        apr_size_t comma = 0;
        prefix_t prefix;
        int family;

        number++;
        next = stop ? stop + 1 : end;
        while (line + comma < next && !strchr(",\r\n", line[comma])) {
            comma++;
        }
        family = read_prefix(&prefix, line, comma);
        if (!stop || !family) {
            *problem = apr_psprintf(pool, "line %d is %s", number,
                                    stop ? "no network" : "cut off");
            return APR_EINVAL;
        }
        APR_ARRAY_PUSH(family == 6 ? six : four, prefix_t) = prefix;
    }
    if (!four->nelts || !six->nelts) {
        *problem = "it has no networks of IPv4, or none of IPv6";
        return APR_EINVAL;
    }
    merge(four);
    merge(six);
    lists->ipv4 = write_list(four, 4, pool);
    lists->ipv6 = write_list(six, 6, pool);
    lists->ipv4_count = four->nelts;
    lists->ipv6_count = six->nelts;
    return APR_SUCCESS;
}
