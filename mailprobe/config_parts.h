/* SPDX-License-Identifier: MIT */
/*
 * The parts of mailprobe.yaml, a table of keys each, and what is checked when
 * all of the file is known: names of accounts and channels. Included by
 * configuration*.c alone. One thread.
 */
#ifndef MAILPROBE_CONFIG_PARTS_H
#define MAILPROBE_CONFIG_PARTS_H

#include "config_form.h"
#include "configuration.h"

/** What a name must be the name of. */
typedef enum { NEED_SENDER, NEED_WATCHER, NEED_CHANNEL } config_need_t;

typedef struct config_reference_t {
    int line;
    const char *key;
    const char *name;
    config_need_t need;
} config_reference_t;

/** form_user of a reading. */
typedef struct config_build_t {
    configuration_t *configuration;
    apr_array_header_t *channels;       /* channel_t * */
    apr_array_header_t *monitors;       /* monitor_t */
    apr_array_header_t *references;     /* config_reference_t */
    apr_array_header_t *mailers;        /* channel_t *: of kind email; */
    apr_array_header_t *mailer_accounts; /* const char *, beside it */
} config_build_t;

/** Have a name checked at the end. */
void config_refer(form_t *form, const form_node_t *node, const char *name,
                  config_need_t need);

extern const form_field_t config_account_fields[];
extern const form_field_t config_smtp_fields[];
extern const form_field_t config_imap_fields[];
extern const form_names_t config_account_names;

extern const form_field_t config_monitor_fields[];
extern const form_names_t config_monitor_names;

extern const form_field_t config_channel_fields[];
extern const form_names_t config_channel_names;

extern const form_field_t config_places_fields[];
extern const form_field_t config_relay_fields[];
form_read_fn config_places;
form_read_fn config_relay;

#define SECONDS(n) ((apr_int64_t)(n) * 1000000)
#define DAYS(n)    SECONDS((n) * 86400)

#endif
