/* SPDX-License-Identifier: MIT */
/*
 * refresh: of mailprobe.yaml: what is downloaded to stay fresh. Runs where a
 * configuration is loaded.
 */
#include <stddef.h>
#include <string.h>

#include "config_parts.h"

/* Apple publishes it here, "geo" for where each prefix says it is. */
#define RELAY_URL "https://mask-api.icloud.com/egress-ip-ranges.csv"

static int plain(const char *url)
{
    return url && !strncmp(url, "http://", 7);
}

apr_status_t config_places(form_t *form, form_node_t *node,
                           const form_field_t *field, void *into)
{
    refresh_t *refresh = apr_pcalloc(form_pool(form), sizeof(*refresh));
    apr_status_t rv;

    (void)field;
    refresh->edition = "GeoLite2-City";
    refresh->every = DAYS(1);
    rv = form_fill(form, node, config_places_fields, refresh);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!refresh->account_id != !refresh->license_key) {
        return form_fail(form, node, "\"%s\" is missing; expected account_id "
                         "and license_key, or neither",
                         refresh->account_id ? "license_key" : "account_id");
    }
    if (!refresh->url && !refresh->account_id) {
        return form_fail(form, node, "expected account_id and license_key of "
                         "MaxMind, or url");
    }
    if (strspn(refresh->edition, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
               "rstuvwxyz0123456789-_") != strlen(refresh->edition)) {
        return form_fail(form, node, "\"edition\" is no name of a database; "
                         "expected one such as GeoLite2-City");
    }
    if (plain(refresh->url) && refresh->license_key
        && !configuration_loopback_url(refresh->url)) {
        return form_fail(form, node, "\"url\" would show the license key to "
                         "the network; expected https://");
    }
    *(const refresh_t **)into = refresh;
    return APR_SUCCESS;
}

apr_status_t config_relay(form_t *form, form_node_t *node,
                          const form_field_t *field, void *into)
{
    refresh_t *refresh = apr_pcalloc(form_pool(form), sizeof(*refresh));
    apr_status_t rv;

    (void)field;
    refresh->url = RELAY_URL;
    refresh->every = DAYS(1);
    rv = form_fill(form, node, config_relay_fields, refresh);
    *(const refresh_t **)into = refresh;
    return rv;
}

#define COMMON_FIELDS \
    { "ca_file", form_text, offsetof(refresh_t, ca_file), 0, 0, 0, NULL }, \
    { "every", form_duration, offsetof(refresh_t, every), 0, SECONDS(3600), \
      DAYS(30), NULL }, \
    { NULL, NULL, 0, 0, 0, 0, NULL }

const form_field_t config_places_fields[] = {
    { "file", form_text, offsetof(refresh_t, file), 0, 0, 0, NULL },
    { "account_id", form_text, offsetof(refresh_t, account_id), 0, 0, 0,
      NULL },
    { "license_key", form_secret_text, offsetof(refresh_t, license_key), 0, 0,
      0, NULL },
    { "edition", form_text, offsetof(refresh_t, edition), 0, 0, 0, NULL },
    { "url", form_secret_url, offsetof(refresh_t, url), 0, 0, 0, NULL },
    COMMON_FIELDS
};

const form_field_t config_relay_fields[] = {
    { "directory", form_text, offsetof(refresh_t, file), 0, 0, 0, NULL },
    { "url", form_url, offsetof(refresh_t, url), 0, 0, 0, NULL },
    COMMON_FIELDS
};
