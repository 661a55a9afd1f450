/* SPDX-License-Identifier: MIT */
/*
 * accounts: of mailprobe.yaml: where mail is sent and watched. Runs where a
 * configuration is loaded. Passwords come from here and go to smtp.c and imap*
 * alone.
 */
#include <stddef.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "config_parts.h"

/* One endpoint and, of imap, what belongs to its account. */
typedef struct {
    endpoint_t end;
    int security;
    const char *inbox, *junk;
    const apr_array_header_t *authserv_ids;
} server_t;

typedef struct {
    const char *from;
    int rate;
    server_t *smtp, *imap;
} entry_t;

static const char *const securities[] = {
    "none", "starttls", "opportunistic", "tls", NULL
};

#define ENDPOINT_FIELDS \
    { "host", form_text, offsetof(server_t, end.host), 1, 0, 0, NULL }, \
    { "port", form_number, offsetof(server_t, end.port), 0, 1, 65535, NULL }, \
    { "security", form_word, offsetof(server_t, security), 0, 0, 0, \
      securities }, \
    { "username", form_text, offsetof(server_t, end.username), 0, 0, 0, \
      NULL }, \
    { "password", form_secret_text, offsetof(server_t, end.password), 0, 0, \
      0, NULL }, \
    { "ca_file", form_text, offsetof(server_t, end.ca_file), 0, 0, 0, NULL }, \
    { "timeout", form_duration, offsetof(server_t, end.timeout), 0, \
      SECONDS(1), SECONDS(600), NULL }

static apr_status_t check_server(form_t *form, const form_node_t *node,
                                 server_t *server, int imap)
{
    static const int ports[2][4] = { { 25, 587, 25, 465 },
                                     { 143, 143, 143, 993 } };
    endpoint_t *end = &server->end;
    const char *at;

    end->security = (security_t)server->security;
    if (!end->port) {
        end->port = ports[imap][server->security];
    }
    for (at = end->host; *at; at++) {
        if (!apr_isalnum(*at) && !strchr(".-_:", *at)) {
            return form_fail(form, node, "\"host\" is no host; expected a "
                             "name or an address alone");
        }
    }
    if (end->security == SECURITY_NONE && !configuration_loopback(end->host)) {
        return form_fail(form, node, "\"security: none\" is for this machine "
                         "alone; expected tls or starttls");
    }
    if (!end->username != !end->password) {
        return form_fail(form, node, "\"%s\" is missing; expected username "
                         "and password, or neither",
                         end->username ? "password" : "username");
    }
    return APR_SUCCESS;
}

static apr_status_t read_server(form_t *form, form_node_t *node,
                                const form_field_t *fields, server_t **into)
{
    server_t *server = apr_pcalloc(form_pool(form), sizeof(*server));
    apr_status_t rv;

    server->security = SECURITY_TLS;
    server->end.timeout = SECONDS(30);
    server->inbox = "INBOX";
    server->junk = "auto";
    server->authserv_ids = apr_array_make(form_pool(form), 0,
                                          sizeof(const char *));
    rv = form_fill(form, node, fields, server);
    if (rv == APR_SUCCESS) {
        rv = check_server(form, node, server, fields == config_imap_fields);
    }
    *into = server;
    return rv;
}

static apr_status_t read_smtp(form_t *form, form_node_t *node,
                              const form_field_t *field, void *into)
{
    (void)field;
    return read_server(form, node, config_smtp_fields, into);
}

static apr_status_t read_imap(form_t *form, form_node_t *node,
                              const form_field_t *field, void *into)
{
    (void)field;
    return read_server(form, node, config_imap_fields, into);
}

static apr_status_t read_account(form_t *form, form_node_t *node,
                                 const char *name, void *into)
{
    config_build_t *build = form_user(form);
    account_t *account = apr_pcalloc(form_pool(form), sizeof(*account));
    entry_t entry = { 0 };
    apr_status_t rv = form_fill(form, node, config_account_fields, &entry);

    (void)into;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!entry.smtp && !entry.imap) {
        return form_fail(form, node, "neither \"smtp\" nor \"imap\"; expected "
                         "at least one");
    }
    if (entry.smtp && !entry.from) {
        return form_fail(form, node, "\"from\" is missing; expected the "
                         "sender's address beside \"smtp\"");
    }
    account->name = name;
    account->from = entry.from;
    account->rate = entry.rate;
    account->smtp = entry.smtp ? &entry.smtp->end : NULL;
    if (entry.imap) {
        account->imap = &entry.imap->end;
        account->inbox = entry.imap->inbox;
        account->junk = entry.imap->junk;
        account->authserv_ids = entry.imap->authserv_ids;
    }
    apr_hash_set(build->configuration->accounts, name, APR_HASH_KEY_STRING,
                 account);
    return APR_SUCCESS;
}

const form_names_t config_account_names = { read_account, 64, 0 };

const form_field_t config_account_fields[] = {
    { "from", form_address, offsetof(entry_t, from), 0, 0, 0, NULL },
    { "rate", form_number, offsetof(entry_t, rate), 0, 0, 100000, NULL },
    { "smtp", read_smtp, offsetof(entry_t, smtp), 0, 0, 0, NULL },
    { "imap", read_imap, offsetof(entry_t, imap), 0, 0, 0, NULL },
    { NULL, NULL, 0, 0, 0, 0, NULL }
};

const form_field_t config_smtp_fields[] = {
    ENDPOINT_FIELDS,
    { "hello", form_text, offsetof(server_t, end.hello), 0, 0, 0, NULL },
    { NULL, NULL, 0, 0, 0, 0, NULL }
};

const form_field_t config_imap_fields[] = {
    ENDPOINT_FIELDS,
    { "inbox", form_text, offsetof(server_t, inbox), 0, 0, 0, NULL },
    { "junk", form_text, offsetof(server_t, junk), 0, 0, 0, NULL },
    { "authserv_id", form_list, offsetof(server_t, authserv_ids), 0, 0, 0,
      NULL },
    { NULL, NULL, 0, 0, 0, 0, NULL }
};
