/* SPDX-License-Identifier: MIT */
/*
 * Was our own address recorded, or that of a proxy in front of httpd? The end
 * of our connection is compared with what the store got. Pure but for the
 * line it prints.
 */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <apr_strings.h>

typedef enum { PUBLIC, PRIVATE, LOOPBACK } kind_e;

/* As 16 bytes, IPv4 mapped into IPv6. @return 0: no address */
static int parse(unsigned char out[16], const char *text)
{
    static const unsigned char mapped[12] =
        { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

    memcpy(out, mapped, sizeof(mapped));
    return inet_pton(AF_INET, text, out + 12) == 1
           || inet_pton(AF_INET6, text, out) == 1;
}

static int is_v4(const unsigned char a[16])
{
    unsigned char none[16];

    return parse(none, "0.0.0.0") && !memcmp(a, none, 12);
}

/* RFC 1918, 6598, 3927 (IPv4); 4193, 4291 (IPv6). */
static kind_e kind_of(const unsigned char a[16])
{
    static const unsigned char loopback6[16] =
        { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
    const unsigned char *v4 = a + 12;

    if (!is_v4(a)) {
        if (!memcmp(a, loopback6, 16)) {
            return LOOPBACK;
        }
        return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
               ? PRIVATE : PUBLIC;
    }
    if (v4[0] == 127) {
        return LOOPBACK;
    }
    return v4[0] == 10 || (v4[0] == 172 && (v4[1] & 0xf0) == 16)
           || (v4[0] == 192 && v4[1] == 168)
           || (v4[0] == 100 && (v4[1] & 0xc0) == 64)
           || (v4[0] == 169 && v4[1] == 254) ? PRIVATE : PUBLIC;
}

/* The same one, or what MailtrackAnonymizeIP leaves of it (/24, /48)? */
static int is_ours(const unsigned char recorded[16],
                   const unsigned char local[16])
{
    unsigned char cut[16];

    memcpy(cut, local, 16);
    if (is_v4(local)) {
        cut[15] = 0;
    } else {
        memset(cut + 6, 0, 10);
    }
    return !memcmp(recorded, local, 16) || !memcmp(recorded, cut, 16);
}

static void blame_proxy(check_t *check, const fetch_t *fetch,
                        const char *recorded)
{
    check_bad(check, "address",
              apr_psprintf(check->pool, "mod_remoteip: RemoteIPHeader "
                           "X-Forwarded-For, RemoteIPInternalProxy %s",
                           recorded),
              "%s was recorded, but we came from %s: every reader will look "
              "like the proxy in front of httpd", recorded, fetch->local);
}

void check_address(check_t *check, const fetch_t *fetch,
                   const char *recorded)
{
    const char *shown = recorded ? ctl_clean(recorded, check->pool) : "";
    unsigned char rec[16];
    unsigned char local[16];
    unsigned char remote[16];

    if (!recorded || !parse(rec, recorded) || !parse(local, fetch->local)
        || !parse(remote, fetch->remote)) {
        check_note(check, "address", "recorded '%s', not to be compared",
                   shown);
    } else if (is_ours(rec, local)) {
        check_good(check, "address", "%s was recorded, as we came%s", shown,
                   kind_of(local) == LOOPBACK ? " (over loopback: a proxy "
                   "that others come through is not seen)" : "");
    } else if (kind_of(remote) == LOOPBACK && kind_of(rec) == LOOPBACK) {
        check_good(check, "address", "%s was recorded (loopback)", shown);
    } else if (kind_of(rec) == PUBLIC && kind_of(local) == PRIVATE
               && memcmp(rec, remote, 16)) {
        check_good(check, "address", "%s was recorded, we are %s behind NAT; "
                   "if it is not your network's public address, a proxy in "
                   "front of httpd needs mod_remoteip", shown, fetch->local);
    } else {
        blame_proxy(check, fetch, shown);
    }
}
