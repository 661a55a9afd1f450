/* SPDX-License-Identifier: MIT */
/*
 * channels: of mailprobe.yaml: how people are told. Runs where a configuration
 * is loaded. What a channel is called for people has no secret in it: of a URL
 * the host alone, as its path is often the key.
 */
#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include "config_parts.h"

typedef struct {
    int kind;
    channel_t channel;
    const char *account;
} entry_t;

const char *const channel_kinds[] = {
    "email", "discord", "webhook", "ntfy", NULL
};

static const char *const event_words[] = {
    "opens", "follow_ups", "alerts", NULL
};

static const char *host_of(const char *url, apr_pool_t *pool)
{
    const char *host = strstr(url, "://") + 3;
    const char *end = host + strcspn(host, "/?#");
    const char *at;

    while ((at = memchr(host, '@', (apr_size_t)(end - host))) != NULL) {
        host = at + 1;          /* user:password@ */
    }
    return apr_pstrmemdup(pool, host, (apr_size_t)(end - host));
}

/* Without a port. */
static const char *name_of(const char *host, apr_pool_t *pool)
{
    return *host == '[' ? apr_pstrmemdup(pool, host + 1,
                                         strcspn(host + 1, "]"))
                        : apr_pstrmemdup(pool, host, strcspn(host, ":"));
}

/* What each kind must have. */
static apr_status_t check_kind(form_t *form, const form_node_t *node,
                               const entry_t *entry)
{
    const channel_t *c = &entry->channel;
    const char *missing = NULL;

    if (entry->kind == CHANNEL_EMAIL) {
        missing = !entry->account ? "account"
                  : !c->to || !c->to->nelts ? "to" : NULL;
    }
    else if (!c->url) {
        missing = "url";
    }
    if (missing) {
        return form_fail(form, node, "\"%s\" is missing, which a channel of "
                         "type %s needs", missing, channel_kinds[entry->kind]);
    }
    return APR_SUCCESS;
}

/* What a kind has no use for is a mistake, not a remark. */
static apr_status_t check_foreign(form_t *form, const form_node_t *node,
                                  const entry_t *entry)
{
    const channel_t *c = &entry->channel;
    const char *foreign = NULL;
    int kind = entry->kind;

    if (kind != CHANNEL_EMAIL && (entry->account || c->to)) {
        foreign = entry->account ? "account" : "to";
    }
    else if (kind == CHANNEL_EMAIL && (c->url || c->ca_file)) {
        foreign = c->url ? "url" : "ca_file";
    }
    else if (kind != CHANNEL_WEBHOOK && c->secret) {
        foreign = "secret";
    }
    else if (kind != CHANNEL_NTFY && c->token) {
        foreign = "token";
    }
    if (foreign) {
        return form_fail(form, node, "\"%s\" is nothing for type %s; expected "
                         "it to be left out", foreign, channel_kinds[kind]);
    }
    return APR_SUCCESS;
}

/* A secret goes over the net by https alone. */
static apr_status_t check_url(form_t *form, const form_node_t *node,
                              const channel_t *c)
{
    if ((c->kind == CHANNEL_DISCORD || c->token)
        && !strncmp(c->url, "http://", 7)
        && !configuration_loopback(name_of(host_of(c->url, form_pool(form)),
                                           form_pool(form)))) {
        return form_fail(form, node, "\"url\" would show a secret to the "
                         "network; expected https://");
    }
    return APR_SUCCESS;
}

static apr_status_t finish(form_t *form, const form_node_t *node,
                           entry_t *entry, channel_t *channel)
{
    config_build_t *build = form_user(form);
    apr_pool_t *pool = form_pool(form);
    apr_status_t rv = APR_SUCCESS;

    *channel = entry->channel;
    channel->kind = (channel_kind_t)entry->kind;
    if (channel->kind == CHANNEL_EMAIL) {
        channel->target = apr_array_pstrcat(pool, channel->to, ' ');
        config_refer(form, node, entry->account, NEED_SENDER);
        APR_ARRAY_PUSH(build->mailers, channel_t *) = channel;
        APR_ARRAY_PUSH(build->mailer_accounts, const char *) = entry->account;
    }
    else {
        channel->target = host_of(channel->url, pool);
        rv = check_url(form, node, channel);
    }
    APR_ARRAY_PUSH(build->channels, channel_t *) = channel;
    return rv;
}

static apr_status_t read_channel(form_t *form, form_node_t *node,
                                 const char *name, void *into)
{
    apr_array_header_t *all = apr_array_make(form_pool(form), 3,
                                             sizeof(const char *));
    channel_t *channel = apr_pcalloc(form_pool(form), sizeof(*channel));
    entry_t entry = { 0 };
    apr_status_t rv;
    int i;

    (void)into;
    for (i = 0; event_words[i]; i++) {
        APR_ARRAY_PUSH(all, const char *) = event_words[i];
    }
    entry.channel.name = name;
    entry.channel.events = all;
    rv = form_fill(form, node, config_channel_fields, &entry);
    if (rv == APR_SUCCESS) {
        rv = check_kind(form, node, &entry);
    }
    if (rv == APR_SUCCESS) {
        rv = check_foreign(form, node, &entry);
    }
    return rv == APR_SUCCESS ? finish(form, node, &entry, channel) : rv;
}

const form_names_t config_channel_names = { read_channel, 64, 0 };

const form_field_t config_channel_fields[] = {
    { "type", form_word, offsetof(entry_t, kind), 1, 0, 0, channel_kinds },
    { "account", form_text, offsetof(entry_t, account), 0, 0, 0, NULL },
    { "to", form_addresses, offsetof(entry_t, channel.to), 0, 0, 0, NULL },
    { "url", form_secret_url, offsetof(entry_t, channel.url), 0, 0, 0, NULL },
    { "secret", form_secret_text, offsetof(entry_t, channel.secret), 0, 0, 0,
      NULL },
    { "token", form_secret_text, offsetof(entry_t, channel.token), 0, 0, 0,
      NULL },
    { "ca_file", form_text, offsetof(entry_t, channel.ca_file), 0, 0, 0,
      NULL },
    { "events", form_words, offsetof(entry_t, channel.events), 0, 0, 0,
      event_words },
    { NULL, NULL, 0, 0, 0, 0, NULL }
};
