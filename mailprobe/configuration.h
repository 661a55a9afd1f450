/* SPDX-License-Identifier: MIT */
/*
 * mailprobe.yaml, read and checked. Nothing here is printed whole: passwords
 * are in it. Runs before the loop, and in it at SIGHUP: a file of a few KiB.
 * (Not "config.h": that is autoconf's.)
 */
#ifndef MAILPROBE_CONFIGURATION_H
#define MAILPROBE_CONFIGURATION_H

#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

typedef enum {
    SECURITY_NONE,              /* loopback only */
    SECURITY_STARTTLS,          /* required */
    SECURITY_OPPORTUNISTIC,     /* STARTTLS where offered, and required where
                                 * there is a password; must be asked for */
    SECURITY_TLS                /* smtps, imaps */
} security_t;

/** One server of an account. */
typedef struct endpoint_t {
    const char *host;
    int port;
    security_t security;
    const char *username;       /* NULL: no authentication */
    const char *password;       /* a secret */
    const char *ca_file;        /* NULL: the system's */
    const char *hello;          /* EHLO's argument; NULL: libcurl's own */
    apr_interval_time_t timeout;        /* connect and login */
} endpoint_t;

typedef struct account_t {
    const char *name;
    const char *from;           /* sender and From; NULL: watches only */
    endpoint_t *smtp;           /* NULL: cannot send */
    endpoint_t *imap;           /* NULL: cannot watch */
    int rate;                   /* mails a minute at most; 0: no limit */
    const char *inbox;          /* "INBOX" */
    const char *junk;           /* a mailbox's name; "auto": by special-use;
                                 * "none" */
    const apr_array_header_t *authserv_ids;     /* const char *; whose
                                 * Authentication-Results are believed */
} account_t;

typedef enum {
    CHANNEL_EMAIL, CHANNEL_DISCORD, CHANNEL_WEBHOOK, CHANNEL_NTFY
} channel_kind_t;
/** "email", "discord", "webhook", "ntfy": by channel_kind_t. */
extern const char *const channel_kinds[];

typedef struct channel_t {
    const char *name;
    channel_kind_t kind;
    const account_t *account;   /* email: sent through */
    const apr_array_header_t *to;       /* email: const char * */
    const char *url;            /* discord, webhook, ntfy (with topic); a
                                 * secret for discord */
    const char *secret;         /* webhook: HMAC key; NULL: not signed */
    const char *token;          /* ntfy: access token; NULL: none */
    const char *ca_file;        /* https; NULL: the system's */
    const apr_array_header_t *events;   /* const char *: "opens" (first open,
                                 * hot, revived), "follow_ups", "alerts" */
    const char *target;         /* for people: no secret in it */
} channel_t;

typedef struct config_store_t {
    const char *driver;
    const char *params;         /* a secret for pgsql, mysql */
} config_store_t;

/** Something kept fresh by download. */
typedef struct refresh_t {
    const char *file;           /* where it lies; of the relays the directory
                                 * of both lists; NULL: as httpd wrote it */
    const char *url;            /* NULL with account_id: MaxMind's own */
    const char *account_id;
    const char *license_key;    /* a secret */
    const char *edition;        /* "GeoLite2-City" */
    const char *ca_file;
    apr_interval_time_t every;
} refresh_t;

typedef struct configuration_t {
    const char *path;
    config_store_t store;
    const char *base_url;       /* for links; NULL: what httpd wrote */
    const char *time_zone;      /* "UTC" */
    apr_hash_t *accounts;       /* name -> account_t */
    const apr_array_header_t *channels; /* channel_t * */
    const apr_array_header_t *monitors; /* monitor_t (sql/monitors.h),
                                 * declared = 1, and .off: see below */
    apr_hash_t *monitor_channels_off;   /* monitor name -> array of names */
    apr_interval_time_t gather; /* alerts wait so long for company: 30 s */
    apr_interval_time_t follow_up_after;        /* 3 days; 0: never */
    apr_interval_time_t keep_probes;    /* 7 days */
    apr_interval_time_t keep_opens;     /* 0: for ever */
    const char *heartbeat_url;  /* NULL: none. A secret */
    apr_interval_time_t heartbeat_every;        /* 1 min */
    const char *health_url;     /* NULL: base_url's /health */
    const char *health_ca_file;
    apr_interval_time_t place_age;      /* older than this is an alert; 45 d */
    const refresh_t *places;    /* NULL: not kept fresh */
    const refresh_t *relays;    /* Apple's list; NULL */
} configuration_t;

/**
 * Read a file. ${NAME} in a value is the environment's; ${NAME:-x} has a
 * default. Refused: unknown keys, keys given twice, values out of range, names
 * of accounts that are not there, a file with a secret that others than owner
 * and group may read.
 * @param problem set on failure: "FILE:LINE: key: what was expected", in pool
 * @return APR_EINVAL, or the file's own error
 */
apr_status_t configuration_read(configuration_t **configuration,
                                const char **problem, const char *path,
                                apr_pool_t *pool);

/** Every key there is, as "accounts.NAME.smtp.host": const char *. */
apr_array_header_t *configuration_keys(apr_pool_t *pool);

/** A host that is this machine: "localhost", 127.0.0.0/8, ::1. */
int configuration_loopback(const char *host);
int configuration_loopback_url(const char *url);

/** The same over text, for tests and fuzzing; modes of a file are not asked
 * here. */
apr_status_t configuration_parse(configuration_t **configuration,
                                 const char **problem, const char *text,
                                 apr_size_t len, apr_pool_t *pool);

#endif
