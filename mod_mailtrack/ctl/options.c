/* SPDX-License-Identifier: MIT */
/*
 * The command line: which subcommand, its options and operand. Every fault is
 * one line that names what was expected. Options may stand anywhere after the
 * command's name, those of the store before it too; `--` ends them.
 */
#include "ctl.h"

#include <string.h>

#include <apr_strings.h>

const ctl_option_t ctl_global_options[] = {
    { "store", "STORE", "path of a SQLite file, or DRIVER:PARAMS (pgsql, "
      "mysql)" },
    { "store-file", "FILE", "file whose first line is STORE; for params "
      "with a password" },
    { "help", NULL, "say how the command is used" },
    { "version", NULL, "print the release" },
    { NULL, NULL, NULL }
};

const char *ctl_option(const ctl_t *ctl, const char *name)
{
    return apr_table_get(ctl->options, name);
}

static const ctl_option_t *look(const ctl_option_t *o, const char *name,
                                apr_size_t len)
{
    for (; o && o->name; o++) {
        if (strlen(o->name) == len && !memcmp(o->name, name, len)) {
            return o;
        }
    }
    return NULL;
}

static const char *names(const ctl_option_t *o, apr_pool_t *pool)
{
    const char *list = "";

    for (; o && o->name; o++) {
        list = apr_pstrcat(pool, list, *list ? ", --" : "--", o->name, NULL);
    }
    return list;
}

static int unknown_option(const ctl_t *ctl, const char *word)
{
    const ctl_option_t *own = ctl->command ? ctl->command->options : NULL;
    const char *list = names(own ? own : ctl_global_options, ctl->pool);

    return ctl_usage(ctl, "unknown option '%s': expected %s%s",
                     ctl_clean(word, ctl->pool), list,
                     own ? ", --store, --store-file or --help" : "");
}

/* argv[*i] begins with "--"; *i moves over its value. */
static int read_option(ctl_t *ctl, int argc, const char *const *argv, int *i)
{
    const char *name = argv[*i] + 2;
    const char *value = strchr(name, '=');
    apr_size_t len = value ? (apr_size_t)(value - name) : strlen(name);
    const ctl_option_t *o = look(ctl->command ? ctl->command->options : NULL,
                                 name, len);

    if (!o) {
        o = look(ctl_global_options, name, len);
    }
    if (!o) {
        return unknown_option(ctl, argv[*i]);
    }
    if (!o->value && value) {
        return ctl_usage(ctl, "--%s takes no value", o->name);
    }
    if (o->value && value) {
        value++;
    } else if (o->value && *i + 1 < argc) {
        value = argv[++*i];
    } else if (o->value) {
        return ctl_usage(ctl, "--%s: expected %s", o->name, o->value);
    }
    if (apr_table_get(ctl->options, o->name)) {
        return ctl_usage(ctl, "--%s: expected once", o->name);
    }
    apr_table_setn(ctl->options, o->name, value ? value : "");
    return CTL_OK;
}

static const char *all_commands(const ctl_command_t *table, const char *group,
                                apr_pool_t *pool)
{
    const char *list = "";
    apr_size_t n = strlen(group);

    for (; table->name; table++) {
        if (n == 0 || (!strncmp(table->name, group, n)
                       && table->name[n] == ' ')) {
            list = apr_pstrcat(pool, list, *list ? ", " : "", table->name,
                               NULL);
        }
    }
    return list;
}

/* argv[*i] is the command's first word; *i ends on its last. */
static int read_command(ctl_t *ctl, int argc, const char *const *argv, int *i,
                        const ctl_command_t *table)
{
    const char *first = argv[*i];
    const char *second = *i + 1 < argc ? argv[*i + 1] : "";
    const char *both = apr_pstrcat(ctl->pool, first, " ", second, NULL);
    const char *group;
    const ctl_command_t *c;

    for (c = table; c->name; c++) {
        if (!strcmp(c->name, first) || !strcmp(c->name, both)) {
            *i += strchr(c->name, ' ') ? 1 : 0;
            ctl->command = c;
            return CTL_OK;
        }
    }
    group = all_commands(table, first, ctl->pool);
    if (*first && *group) {
        return ctl_usage(ctl, "%s: expected one of %s", first, group);
    }
    return ctl_usage(ctl, "unknown command '%s': expected one of %s",
                     ctl_clean(first, ctl->pool),
                     all_commands(table, "", ctl->pool));
}

static int read_operand(ctl_t *ctl, const char *word)
{
    if (!ctl->command->operand || ctl->operand) {
        return ctl_usage(ctl, "unexpected '%s': expected %s%s",
                         ctl_clean(word, ctl->pool),
                         ctl->command->operand ? "one " : "no operand",
                         ctl->command->operand ? ctl->command->operand : "");
    }
    ctl->operand = word;
    return CTL_OK;
}

int ctl_read_arguments(ctl_t *ctl, int argc, const char *const *argv,
                       const ctl_command_t *table)
{
    int options = 1;
    int code = CTL_OK;
    int i;

    for (i = 1; i < argc && code == CTL_OK; i++) {
        if (options && !strcmp(argv[i], "--")) {
            options = 0;
        } else if (options && !strncmp(argv[i], "--", 2)) {
            code = read_option(ctl, argc, argv, &i);
        } else if (options && argv[i][0] == '-' && argv[i][1]) {
            code = unknown_option(ctl, argv[i]);
        } else if (!ctl->command) {
            code = read_command(ctl, argc, argv, &i, table);
        } else {
            code = read_operand(ctl, argv[i]);
        }
    }
    if (code != CTL_OK || ctl_option(ctl, "help")
        || ctl_option(ctl, "version")) {
        return code;
    }
    if (!ctl->command) {
        return ctl_usage(ctl, "expected a command: %s; see mailtrackctl "
                         "--help", all_commands(table, "", ctl->pool));
    }
    if (ctl->command->operand && !ctl->operand) {
        return ctl_usage(ctl, "expected %s", ctl->command->operand);
    }
    return CTL_OK;
}
