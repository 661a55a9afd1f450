/* SPDX-License-Identifier: MIT */
/*
 * cidr: parsing of prefixes, and lookups checked against a plain scan.
 */
#include <apr_general.h>

#include "cidr.h"
#include "tap.h"

static apr_pool_t *pool;

static const char *parsed(const char *text)
{
    cidr_t cidr;
    const char *why = "?";

    return cidr_parse(&cidr, &why, text, strlen(text)) == APR_SUCCESS
           ? cidr_text(&cidr, pool) : why;
}

static void parse(void)
{
    static const char *const good[][2] = {
        { "0.0.0.0/0", "0.0.0.0/0" },
        { "192.0.2.0/24", "192.0.2.0/24" },
        { "192.0.2.1", "192.0.2.1/32" },
        { "192.0.2.1/32", "192.0.2.1/32" },
        { "128.0.0.0/1", "128.0.0.0/1" },
        { "::/0", "::/0" },
        { "2001:DB8::/32", "2001:db8::/32" },
        { "2001:db8::1", "2001:db8::1/128" },
        { "::ffff:192.0.2.0/120", "192.0.2.0/24" },
        { "::ffff:0:0/96", "0.0.0.0/0" },
        { "::ffff:192.0.2.1", "192.0.2.1/32" },
    };
    static const char *const bad[][2] = {
        { "", "not an address" },
        { "/", "not an address" },
        { "/8", "not an address" },
        { "example.org", "not an address" },
        { "192.0.2/24", "not an address" },
        { "192.0.2.01/32", "not an address" },
        { "192.0.2.256", "not an address" },
        { " 192.0.2.0/24", "not an address" },
        { "192.0.2.0 /24", "not an address" },
        { "[2001:db8::]/32", "not an address" },
        { "fe80::1%eth0", "not an address" },
        { "2001:db8:::/32", "not an address" },
        { "192.0.2.0/", "prefix length is not 0 to 32" },
        { "192.0.2.0/33", "prefix length is not 0 to 32" },
        { "192.0.2.0/-1", "prefix length is not 0 to 32" },
        { "192.0.2.0/024", "prefix length is not 0 to 32" },
        { "192.0.2.0/24 ", "prefix length is not 0 to 32" },
        { "192.0.2.0/24/8", "prefix length is not 0 to 32" },
        { "192.0.2.0/255.255.255.0", "prefix length is not 0 to 32" },
        { "2001:db8::/129", "prefix length is not 0 to 128" },
        { "2001:db8::/9999999999", "prefix length is not 0 to 128" },
        { "192.0.2.1/24", "bits are set past the prefix" },
        { "128.0.0.0/0", "bits are set past the prefix" },
        { "2001:db8::1/127", "bits are set past the prefix" },
        { "::ffff:0:0/95", "bits are set past the prefix" },
    };
    cidr_t cidr;
    const char *why;
    size_t i;

    for (i = 0; i < sizeof good / sizeof *good; i++) {
        is_str(parsed(good[i][0]), good[i][1], "good: %s", good[i][0]);
    }
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        is_str(parsed(bad[i][0]), bad[i][1], "bad: \"%s\"", bad[i][0]);
    }
    ok(cidr_parse(&cidr, &why, "10.0.0.0/8junk", 10) == APR_SUCCESS,
       "only len bytes are read");
    ok(cidr_parse(&cidr, &why, "10.0.0.0\0/8", 11) == APR_EINVAL,
       "NUL inside is refused");
    ok(cidr_parse(&cidr, &why, "10.1.2.3/8", 10) == APR_EINVAL
       && strcmp(cidr_text(&cidr, pool), "10.0.0.0/8") == 0,
       "host bits: the prefix meant is given for a hint");
}

static void add(cidr_tree_t *tree, const char *text, unsigned network)
{
    cidr_t cidr;
    const char *why = "";

    if (cidr_parse(&cidr, &why, text, strlen(text)) != APR_SUCCESS
        || cidr_add(tree, &cidr, network) != APR_SUCCESS) {
        ok(0, "adding %s: %s", text, why);
    }
}

/* The numbers of the networks, as "0 3 127". */
static const char *found(const cidr_tree_t *tree, const char *address)
{
    static char text[CIDR_NETWORKS_MAX * 4 + 1];
    cidr_set_t set;
    unsigned i;

    *text = '\0';
    cidr_lookup(&set, tree, address);
    for (i = 0; i < CIDR_NETWORKS_MAX; i++) {
        if (cidr_set_has(&set, i)) {
            sprintf(text + strlen(text), "%s%u", *text ? " " : "", i);
        }
    }
    return text;
}

static void lookup(void)
{
    cidr_tree_t *tree;
    cidr_t cidr;
    const char *why;

    cidr_tree_create(&tree, pool);
    is_str(found(tree, "192.0.2.1"), "", "an empty tree holds nothing");
    add(tree, "10.1.2.3/32", 3);
    add(tree, "10.1.0.0/16", 2);
    add(tree, "10.0.0.0/8", 1);
    add(tree, "10.1.2.3", 127);
    add(tree, "10.1.2.3", 127);
    add(tree, "10.1.2.2/31", 64);
    is_str(found(tree, "10.1.2.3"), "1 2 3 64 127", "all that overlap");
    is_str(found(tree, "10.1.2.2"), "1 2 64", "the sibling of a /32");
    is_str(found(tree, "10.1.2.4"), "1 2", "past the /31");
    is_str(found(tree, "10.2.0.0"), "1", "past the /16");
    is_str(found(tree, "11.0.0.0"), "", "past the /8");
    is_str(found(tree, "9.255.255.255"), "", "before the /8");
    is_str(found(tree, "::ffff:10.1.2.3"), "1 2 3 64 127", "mapped");
    is_str(found(tree, "::FFFF:0A01:0203"), "1 2 3 64 127", "mapped, hex");
    is_str(found(tree, "::10.1.2.3"), "", "compatible is not mapped");
    is_str(found(tree, NULL), "", "NULL");
    is_str(found(tree, ""), "", "empty");
    is_str(found(tree, "10.1.2.3:80"), "", "with a port");

    add(tree, "::/0", 5);
    is_str(found(tree, "10.9.9.9"), "1", "IPv4 is not in ::/0");
    is_str(found(tree, "2001:db8::1"), "5", "IPv6 is in ::/0");
    add(tree, "0.0.0.0/0", 6);
    is_str(found(tree, "255.255.255.255"), "6", "0.0.0.0/0 holds IPv4");
    is_str(found(tree, "::ffff:1.2.3.4"), "6", "0.0.0.0/0 holds mapped");
    is_str(found(tree, "::1"), "5", "0.0.0.0/0 does not hold IPv6");
    add(tree, "2001:db8::1/128", 7);
    add(tree, "2001:db8:0:1::/64", 8);
    add(tree, "2001:db8::/64", 9);
    add(tree, "2001:db8::/63", 10);
    is_str(found(tree, "2001:DB8::1"), "5 7 9 10", "/128 in /64 in /63");
    is_str(found(tree, "2001:db8::"), "5 9 10", "beside the /128");
    is_str(found(tree, "2001:db8:0:1::"), "5 8 10", "the upper /64");
    is_str(found(tree, "2001:db8:0:2::"), "5", "past the /63");

    ok(cidr_parse(&cidr, &why, "10.0.0.0/8", 10) == APR_SUCCESS
       && cidr_add(tree, &cidr, CIDR_NETWORKS_MAX) == APR_EINVAL,
       "a number out of range is refused");
}

/* A small generator: the same numbers in every run. */
static apr_uint64_t next_random(void)
{
    static apr_uint64_t state = 88172645463325252ULL;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Few distinct bytes, so that prefixes overlap and lookups hit. */
static void random_address(unsigned char *byte, int v4)
{
    static const unsigned char head[12] = { [10] = 0xff, [11] = 0xff };
    int i;

    memcpy(byte, head, 12);
    for (i = v4 ? 12 : 0; i < 16; i++) {
        byte[i] = (unsigned char)(next_random() % 3 * 0x55);
    }
}

static int within(const cidr_t *cidr, const unsigned char *byte)
{
    int i;

    for (i = 0; i < cidr->bits; i++) {
        if ((cidr->byte[i / 8] ^ byte[i / 8]) & (0x80 >> (i % 8))) {
            return 0;
        }
    }
    return 1;
}

static void against_scan(void)
{
    static cidr_t cidrs[2000];
    cidr_tree_t *tree;
    cidr_set_t got, want;
    int i, j, wrong = 0, hits = 0;

    cidr_tree_create(&tree, pool);
    for (i = 0; i < 2000; i++) {
        cidr_t *cidr = &cidrs[i];
        int v4 = i % 2;

        random_address(cidr->byte, v4);
        cidr->bits = v4 ? 96 + (int)(next_random() % 33)
                        : 8 + (int)(next_random() % 121);
        for (j = cidr->bits; j < 128; j++) {
            cidr->byte[j / 8] &= (unsigned char)~(0x80 >> (j % 8));
        }
        cidr_add(tree, cidr, (unsigned)i % CIDR_NETWORKS_MAX);
    }
    for (i = 0; i < 5000; i++) {
        unsigned char byte[16];

        random_address(byte, i % 2);
        memset(&want, 0, sizeof want);
        for (j = 0; j < 2000; j++) {
            if (j % 2 == i % 2 && within(&cidrs[j], byte)) {
                cidr_set_put(&want, (unsigned)j % CIDR_NETWORKS_MAX);
                hits++;
            }
        }
        cidr_lookup_bytes(&got, tree, byte);
        wrong += memcmp(&got, &want, sizeof got) != 0;
    }
    ok(hits > 5000, "the random prefixes do overlap (%d hits)", hits);
    is_int(wrong, 0, "5,000 lookups among 2,000 prefixes agree with a scan");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    parse();
    lookup();
    against_scan();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
