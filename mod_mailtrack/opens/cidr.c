/* SPDX-License-Identifier: MIT */
/*
 * cidr: prefixes and the tree that finds them (contract in cidr.h).
 *
 * Filled by one thread while rules are loaded, read by all afterwards.
 * Must not open files, log, or allocate in a lookup.
 */
#include <arpa/inet.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "cidr.h"

/* An address as two numbers, most significant first, so that comparing
 * prefixes is a shift and not a loop over bytes. */
typedef struct {
    apr_uint64_t high;
    apr_uint64_t low;
} bits_t;

/* The set holds what was added at this very prefix; a lookup collects the
 * sets on its way down. A node made only to branch has an empty set. */
typedef struct node_t node_t;
struct node_t {
    bits_t key;
    int bits;
    cidr_set_t set;
    node_t *child[2];
};

/* IPv4 has a root of its own: it must not be found under "::/0". */
struct cidr_tree_t {
    apr_pool_t *pool;
    node_t *root[2];
};

static const unsigned char mapped[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

static int is_mapped(const unsigned char *byte)
{
    return memcmp(byte, mapped, sizeof mapped) == 0;
}

static bits_t bits_of(const unsigned char *byte)
{
    bits_t b = { 0, 0 };
    int i;

    for (i = 0; i < 8; i++) {
        b.high = b.high << 8 | byte[i];
        b.low = b.low << 8 | byte[i + 8];
    }
    return b;
}

static int bit_at(bits_t b, int at)
{
    return at < 64 ? (int)(b.high >> (63 - at) & 1)
                   : (int)(b.low >> (127 - at) & 1);
}

static int leading_zeros(apr_uint64_t x)
{
    int n = 0;

    while (!(x >> 63)) {
        x <<= 1;
        n++;
    }
    return n;
}

/* How many leading bits a and b share, at most limit. */
static int shared_bits(bits_t a, bits_t b, int limit)
{
    apr_uint64_t high = a.high ^ b.high, low = a.low ^ b.low;
    int n = high ? leading_zeros(high)
                 : low ? 64 + leading_zeros(low) : 128;

    return n < limit ? n : limit;
}

static int starts_with(bits_t address, const node_t *node)
{
    apr_uint64_t high = address.high ^ node->key.high;
    apr_uint64_t low = address.low ^ node->key.low;
    int bits = node->bits;

    /* A shift by the full width is undefined, hence the cases. */
    if (bits == 0) {
        return 1;
    }
    if (bits <= 64) {
        return high >> (64 - bits) == 0;
    }
    return high == 0 && low >> (128 - bits) == 0;
}

apr_status_t cidr_address(unsigned char out[16], const char *text)
{
    if (text == NULL) {
        return APR_EINVAL;
    }
    if (inet_pton(AF_INET, text, out + 12) == 1) {
        memcpy(out, mapped, sizeof mapped);
        return APR_SUCCESS;
    }
    return inet_pton(AF_INET6, text, out) == 1 ? APR_SUCCESS : APR_EINVAL;
}

/* A decimal number of at most three digits without leading zero; -1. */
static int prefix_length(const char *text)
{
    apr_size_t i, len = strlen(text);
    int n = 0;

    if (len == 0 || len > 3 || (text[0] == '0' && len > 1)) {
        return -1;
    }
    for (i = 0; i < len; i++) {
        if (!apr_isdigit(text[i])) {
            return -1;
        }
        n = n * 10 + (text[i] - '0');
    }
    return n;
}

/* Clear what lies past the prefix; was anything set there? */
static int clear_host_bits(cidr_t *cidr)
{
    int i, found = 0;

    for (i = cidr->bits; i < 128; i++) {
        unsigned char mask = (unsigned char)(0x80 >> (i % 8));

        if (cidr->byte[i / 8] & mask) {
            cidr->byte[i / 8] = (unsigned char)(cidr->byte[i / 8] & ~mask);
            found = 1;
        }
    }
    return found;
}

apr_status_t cidr_parse(cidr_t *out, const char **why, const char *text,
                        apr_size_t len)
{
    char copy[64];
    char *slash;
    int colon, width, bits;

    if (len == 0 || len >= sizeof copy || memchr(text, '\0', len)) {
        *why = "not an address";
        return APR_EINVAL;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    slash = strchr(copy, '/');
    if (slash) {
        *slash++ = '\0';
    }
    if (cidr_address(out->byte, copy) != APR_SUCCESS) {
        *why = "not an address";
        return APR_EINVAL;
    }
    colon = strchr(copy, ':') != NULL;
    width = colon ? 128 : 32;
    bits = slash ? prefix_length(slash) : width;
    if (bits < 0 || bits > width) {
        *why = colon ? "prefix length is not 0 to 128"
                     : "prefix length is not 0 to 32";
        return APR_EINVAL;
    }
    out->bits = bits + 128 - width;
    if (clear_host_bits(out)) {
        *why = "bits are set past the prefix";
        return APR_EINVAL;
    }
    return APR_SUCCESS;
}

const char *cidr_text(const cidr_t *cidr, apr_pool_t *pool)
{
    char text[INET6_ADDRSTRLEN];
    int v4 = cidr->bits >= 96 && is_mapped(cidr->byte);

    if (inet_ntop(v4 ? AF_INET : AF_INET6, cidr->byte + (v4 ? 12 : 0), text,
                  sizeof text) == NULL) {
        return "?";
    }
    return apr_psprintf(pool, "%s/%d", text, cidr->bits - (v4 ? 96 : 0));
}

apr_status_t cidr_tree_create(cidr_tree_t **out, apr_pool_t *pool)
{
    *out = apr_pcalloc(pool, sizeof **out);
    (*out)->pool = pool;
    return APR_SUCCESS;
}

static node_t *make_node(const cidr_tree_t *tree, bits_t key, int bits)
{
    node_t *node = apr_pcalloc(tree->pool, sizeof *node);

    node->key = key;
    node->bits = bits;
    return node;
}

apr_status_t cidr_add(cidr_tree_t *tree, const cidr_t *cidr, unsigned network)
{
    bits_t key = bits_of(cidr->byte);
    node_t **link = &tree->root[cidr->bits >= 96 && is_mapped(cidr->byte)];
    node_t *node, *above;
    int shared;

    if (network >= CIDR_NETWORKS_MAX) {
        return APR_EINVAL;
    }
    for (;;) {
        node = *link;
        if (node == NULL) {
            node = *link = make_node(tree, key, cidr->bits);
            break;
        }
        shared = shared_bits(node->key, key, node->bits < cidr->bits
                                             ? node->bits : cidr->bits);
        if (shared == node->bits && shared == cidr->bits) {
            break;
        }
        if (shared < node->bits) {
            /* The ways part inside this node's run of bits. */
            above = *link = make_node(tree, key, shared);
            above->child[bit_at(node->key, shared)] = node;
            if (shared == cidr->bits) {
                node = above;
                break;
            }
            node = above;
        }
        link = &node->child[bit_at(key, node->bits)];
    }
    cidr_set_put(&node->set, network);
    return APR_SUCCESS;
}

void cidr_lookup_bytes(cidr_set_t *out, const cidr_tree_t *tree,
                       const unsigned char address[16])
{
    bits_t key = bits_of(address);
    const node_t *node = tree->root[is_mapped(address)];
    int i;

    memset(out, 0, sizeof *out);
    while (node && starts_with(key, node)) {
        for (i = 0; i < CIDR_SET_WORDS; i++) {
            out->word[i] |= node->set.word[i];
        }
        node = node->bits < 128 ? node->child[bit_at(key, node->bits)] : NULL;
    }
}

void cidr_lookup(cidr_set_t *out, const cidr_tree_t *tree,
                 const char *address)
{
    unsigned char byte[16];

    if (cidr_address(byte, address) == APR_SUCCESS) {
        cidr_lookup_bytes(out, tree, byte);
    }
    else {
        memset(out, 0, sizeof *out);
    }
}

int cidr_set_has(const cidr_set_t *set, unsigned network)
{
    return network < CIDR_NETWORKS_MAX
           && (set->word[network / 64] >> (network % 64) & 1);
}

void cidr_set_put(cidr_set_t *set, unsigned network)
{
    set->word[network / 64] |= (apr_uint64_t)1 << (network % 64);
}

int cidr_set_meets(const cidr_set_t *a, const cidr_set_t *b)
{
    int i;

    for (i = 0; i < CIDR_SET_WORDS; i++) {
        if (a->word[i] & b->word[i]) {
            return 1;
        }
    }
    return 0;
}
