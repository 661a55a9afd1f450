/* SPDX-License-Identifier: MIT */
/*
 * mailprobe.yaml as a whole: the file, its keys at the top, and what only the
 * whole of it shows. Runs in main before the loop, and at SIGHUP in it.
 */
#include <stddef.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "config_parts.h"
#include "configuration.h"
#include "monitors.h"
#include "store.h"

/* A thousand monitors are 150 KiB. */
#define FILE_MAX (4 * 1024 * 1024)

static const char *const drivers[] = { "sqlite3", "pgsql", "mysql", NULL };

int configuration_loopback(const char *host)
{
    apr_size_t dotted = strspn(host, "0123456789.");

    return !strcasecmp(host, "localhost") || !strcmp(host, "::1")
           || (!strncmp(host, "127.", 4) && !host[dotted]);
}

int configuration_loopback_url(const char *url)
{
    char host[256];
    const char *at = strstr(url, "://");
    apr_size_t length;

    at = at ? at + 3 : url;
    at += *at == '[';
    length = strcspn(at, at[-1] == '[' ? "]" : ":/?#");
    if (length >= sizeof(host) || memchr(at, '@', strcspn(at, "/?#"))) {
        return 0;
    }
    memcpy(host, at, length);
    host[length] = '\0';
    return configuration_loopback(host);
}

/* -- references ------------------------------------------------------------ */

void config_refer(form_t *form, const form_node_t *node, const char *name,
                  config_need_t need)
{
    config_build_t *build = form_user(form);
    config_reference_t *reference = apr_array_push(build->references);

    reference->line = form_line(node);
    reference->key = form_key(form);
    reference->name = name;
    reference->need = need;
}

static const channel_t *channel_named(const config_build_t *build,
                                      const char *name)
{
    int i;

    for (i = 0; i < build->channels->nelts; i++) {
        const channel_t *channel = APR_ARRAY_IDX(build->channels, i,
                                                 const channel_t *);

        if (!strcmp(channel->name, name)) {
            return channel;
        }
    }
    return NULL;
}

/* NULL: it is what is needed. A name may be a secret in the wrong place: it is
 * not repeated. */
static const char *why_not(const config_build_t *build,
                           const config_reference_t *reference)
{
    const account_t *account;

    if (reference->need == NEED_CHANNEL) {
        return channel_named(build, reference->name) ? NULL
               : "\"channels_off\" names no channel; expected names of "
                 "\"channels\"";
    }
    account = apr_hash_get(build->configuration->accounts, reference->name,
                           APR_HASH_KEY_STRING);
    if (!account) {
        return reference->need == NEED_SENDER
               ? "the account to send by is not there; expected a name of "
                 "\"accounts\""
               : "the account to watch is not there; expected a name of "
                 "\"accounts\"";
    }
    if (reference->need == NEED_SENDER && !account->smtp) {
        return "the account to send by has no \"smtp\"; expected one that "
               "has";
    }
    if (reference->need == NEED_WATCHER && !account->imap) {
        return "the account to watch has no \"imap\"; expected one that has";
    }
    return NULL;
}

static apr_status_t check_references(form_t *form, config_build_t *build)
{
    int i;

    for (i = 0; i < build->references->nelts; i++) {
        const config_reference_t *reference =
            &APR_ARRAY_IDX(build->references, i, config_reference_t);
        const char *problem = why_not(build, reference);

        if (problem) {
            return form_fail_at(form, reference->line, reference->key,
                                problem);
        }
    }
    for (i = 0; i < build->mailers->nelts; i++) {
        APR_ARRAY_IDX(build->mailers, i, channel_t *)->account =
            apr_hash_get(build->configuration->accounts,
                         APR_ARRAY_IDX(build->mailer_accounts, i,
                                       const char *), APR_HASH_KEY_STRING);
    }
    return APR_SUCCESS;
}

/* -- the top --------------------------------------------------------------- */

typedef struct {
    configuration_t c;
    int driver;
    form_node_t *params;        /* a secret, if it is not a path */
} top_t;

#define AT(field) offsetof(top_t, field)

static apr_status_t read_params(form_t *form, form_node_t *node,
                                const form_field_t *field, void *into)
{
    top_t *top = into;

    top->params = node;
    return form_text(form, node, field, &top->c.store.params);
}

static const form_field_t store_fields[] = {
    { "driver", form_word, AT(driver), 0, 0, 0, drivers },
    { "params", read_params, 0, 0, 0, 0, NULL },
    { NULL, NULL, 0, 0, 0, 0, NULL }
};

static const form_field_t alerts_fields[] = {
    { "gather", form_duration, AT(c.gather), 0, 0, SECONDS(120), NULL },
    { NULL, NULL, 0, 0, 0, 0, NULL }
};

static const form_field_t follow_ups_fields[] = {
    { "after", form_duration, AT(c.follow_up_after), 0, 0, DAYS(365), NULL },
    { NULL, NULL, 0, 0, 0, 0, NULL }
};

static const form_field_t retention_fields[] = {
    { "probes", form_duration, AT(c.keep_probes), 0, DAYS(1), DAYS(3650),
      NULL },
    { "opens", form_duration, AT(c.keep_opens), 0, 0, DAYS(3650), NULL },
    { NULL, NULL, 0, 0, 0, 0, NULL }
};

static const form_field_t heartbeat_fields[] = {
    { "url", form_secret_url, AT(c.heartbeat_url), 0, 0, 0, NULL },
    { "every", form_duration, AT(c.heartbeat_every), 0, SECONDS(10), DAYS(1),
      NULL },
    { NULL, NULL, 0, 0, 0, 0, NULL }
};

static const form_field_t watch_fields[] = {
    { "health_url", form_url, AT(c.health_url), 0, 0, 0, NULL },
    { "ca_file", form_text, AT(c.health_ca_file), 0, 0, 0, NULL },
    { "place_age", form_duration, AT(c.place_age), 0, DAYS(1), DAYS(3650),
      NULL },
    { NULL, NULL, 0, 0, 0, 0, NULL }
};

static const form_field_t refresh_fields[] = {
    { "places", config_places, AT(c.places), 0, 0, 0, NULL },
    { "apple_relay", config_relay, AT(c.relays), 0, 0, 0, NULL },
    { NULL, NULL, 0, 0, 0, 0, NULL }
};

/* A mapping whose keys are fields of the same struct. */
static apr_status_t within(form_t *form, form_node_t *node,
                           const form_field_t *field, void *into)
{
    return form_fill(form, node, field->more, into);
}

#define WITHIN(key, fields) { key, within, 0, 0, 0, 0, fields }

static const form_field_t top_fields[] = {
    WITHIN("store", store_fields),
    { "base_url", form_url, AT(c.base_url), 0, 0, 0, NULL },
    { "time_zone", form_zone, AT(c.time_zone), 0, 0, 0, NULL },
    { "accounts", form_named, 0, 0, 0, 0, &config_account_names },
    { "monitors", form_named, 0, 0, 0, 0, &config_monitor_names },
    { "channels", form_named, 0, 0, 0, 0, &config_channel_names },
    WITHIN("alerts", alerts_fields),
    WITHIN("follow_ups", follow_ups_fields),
    WITHIN("retention", retention_fields),
    WITHIN("heartbeat", heartbeat_fields),
    WITHIN("watch", watch_fields),
    WITHIN("refresh", refresh_fields),
    { NULL, NULL, 0, 0, 0, 0, NULL }
};

static const struct {
    const char *above;
    const form_field_t *fields;
} tables[] = {
    { "", top_fields },
    { "store.", store_fields },
    { "accounts.NAME.", config_account_fields },
    { "accounts.NAME.smtp.", config_smtp_fields },
    { "accounts.NAME.imap.", config_imap_fields },
    { "monitors.NAME.", config_monitor_fields },
    { "channels.NAME.", config_channel_fields },
    { "alerts.", alerts_fields },
    { "follow_ups.", follow_ups_fields },
    { "retention.", retention_fields },
    { "heartbeat.", heartbeat_fields },
    { "watch.", watch_fields },
    { "refresh.", refresh_fields },
    { "refresh.places.", config_places_fields },
    { "refresh.apple_relay.", config_relay_fields },
    { NULL, NULL }
};

apr_array_header_t *configuration_keys(apr_pool_t *pool)
{
    apr_array_header_t *keys = apr_array_make(pool, 80, sizeof(const char *));
    int i, j;

    for (i = 0; tables[i].above; i++) {
        for (j = 0; tables[i].fields[j].key; j++) {
            APR_ARRAY_PUSH(keys, const char *) =
                apr_pstrcat(pool, tables[i].above, tables[i].fields[j].key,
                            NULL);
        }
    }
    return keys;
}

/* -- reading --------------------------------------------------------------- */

static void set_defaults(top_t *top, config_build_t *build, apr_pool_t *pool)
{
    configuration_t *c = &top->c;

    c->time_zone = "UTC";
    c->gather = SECONDS(30);
    c->follow_up_after = DAYS(3);
    c->keep_probes = DAYS(7);
    c->heartbeat_every = SECONDS(60);
    c->place_age = DAYS(45);
    c->accounts = apr_hash_make(pool);
    c->monitor_channels_off = apr_hash_make(pool);
    build->configuration = c;
    build->channels = apr_array_make(pool, 4, sizeof(channel_t *));
    build->monitors = apr_array_make(pool, 4, sizeof(monitor_t));
    build->references = apr_array_make(pool, 8, sizeof(config_reference_t));
    build->mailers = apr_array_make(pool, 2, sizeof(channel_t *));
    build->mailer_accounts = apr_array_make(pool, 2, sizeof(const char *));
    c->channels = build->channels;
    c->monitors = build->monitors;
}

static apr_status_t check_store(form_t *form, top_t *top)
{
    top->c.store.driver = drivers[top->driver];
    if (!top->c.store.params) {
        if (top->driver != 0) {
            return form_fail_at(form, 1, "store", "\"params\" is missing; "
                                "expected what the driver needs, such as "
                                "\"host=localhost dbname=mailtrack\"");
        }
        top->c.store.params = STORE_DEFAULT_PATH;
    }
    return top->driver != 0
           ? form_note_secret(form, top->params, "store.params")
           : APR_SUCCESS;
}

static apr_status_t read_all(form_t *form, top_t *top, config_build_t *build)
{
    apr_status_t rv = form_fill(form, form_root(form), top_fields, top);

    if (rv == APR_SUCCESS) {
        rv = check_store(form, top);
    }
    return rv == APR_SUCCESS ? check_references(form, build) : rv;
}

static apr_status_t parse(form_t **form, configuration_t **out,
                          const form_source_t *source, apr_pool_t *pool)
{
    top_t *top = apr_pcalloc(pool, sizeof(*top));
    config_build_t build;
    form_source_t with = *source;
    apr_status_t rv;

    set_defaults(top, &build, pool);
    with.user = &build;
    *out = NULL;
    rv = form_open(form, &with, pool);
    if (rv == APR_SUCCESS) {
        rv = read_all(*form, top, &build);
    }
    if (rv == APR_SUCCESS) {
        *out = &top->c;
    }
    return rv;
}

apr_status_t configuration_parse(configuration_t **configuration,
                                 const char **problem, const char *text,
                                 apr_size_t len, apr_pool_t *pool)
{
    form_source_t source = { "mailprobe.yaml", text, len, NULL };
    form_t *form;
    apr_status_t rv = parse(&form, configuration, &source, pool);

    *problem = form_error(form);
    return rv;
}

static int mode_fits(form_t *form, apr_fileperms_t mode)
{
    const char *key;
    int line = form_secret(form, &key);

    if (!line || !(mode & (APR_FPROT_WREAD | APR_FPROT_WWRITE))) {
        return 1;
    }
    form_fail_at(form, line, key, "a secret in a file that everybody may "
                 "read; expected mode 0640 or 0600, or the secret as ${NAME} "
                 "from the environment");
    return 0;
}

static apr_status_t slurp(char **text, apr_finfo_t *info, apr_file_t *file,
                          apr_pool_t *pool)
{
    apr_size_t length;
    apr_status_t rv = apr_file_info_get(info, APR_FINFO_PROT | APR_FINFO_SIZE
                                        | APR_FINFO_TYPE, file);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (info->filetype != APR_REG || info->size > FILE_MAX) {
        return APR_EINVAL;
    }
    length = (apr_size_t)info->size;
    *text = apr_palloc(pool, length + 1);
    rv = apr_file_read_full(file, *text, length, &length);
    info->size = (apr_off_t)length;
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

static apr_status_t no_file(const char **problem, const char *path,
                            apr_status_t rv, apr_pool_t *pool)
{
    char words[128];

    *problem = apr_psprintf(pool, "%s:0: %s; expected a file that can be "
                            "read", path, rv == APR_EINVAL ? "no file, or "
                            "larger than 4 MiB"
                            : apr_strerror(rv, words, sizeof(words)));
    return rv;
}

apr_status_t configuration_read(configuration_t **configuration,
                                const char **problem, const char *path,
                                apr_pool_t *pool)
{
    form_source_t source = { path, NULL, 0, NULL };
    apr_file_t *file;
    apr_finfo_t info = { 0 };
    form_t *form;
    char *text = NULL;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ
                                    | APR_FOPEN_NOCLEANUP, 0, pool);

    *configuration = NULL;
    *problem = NULL;
    if (rv == APR_SUCCESS) {
        rv = slurp(&text, &info, file, pool);
        apr_file_close(file);
    }
    if (rv != APR_SUCCESS) {
        return no_file(problem, path, rv, pool);
    }
    source.text = text;
    source.len = (apr_size_t)info.size;
    rv = parse(&form, configuration, &source, pool);
    if (rv == APR_SUCCESS && !mode_fits(form, info.protection)) {
        *configuration = NULL;
        rv = APR_EINVAL;
    }
    if (rv == APR_SUCCESS) {
        (*configuration)->path = apr_pstrdup(pool, path);
    }
    *problem = form_error(form);
    return rv;
}
