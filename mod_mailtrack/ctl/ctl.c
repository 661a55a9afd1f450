/* SPDX-License-Identifier: MIT */
/*
 * mailtrackctl, the operator's command: the table of its subcommands, help,
 * and main. Whatever is long lives in the subcommand's own file.
 */
#include "ctl.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "config.h"

static const ctl_option_t role_option[] = {
    { "role", "ROLE", "admin (manages users, keys, settings) or user; "
      "default user" },
    { NULL, NULL, NULL }
};

static const ctl_option_t key_options[] = {
    { "scope", "SCOPE", "track (make and read mails) or admin; default "
      "track" },
    { "user", "USER", "whose key it is; it is revoked with the user" },
    { NULL, NULL, NULL }
};

static const ctl_option_t check_options[] = {
    { "url", "URL", "base URL, instead of the one httpd noted in the store" },
    { NULL, NULL, NULL }
};

static const ctl_option_t reclassify_options[] = {
    { "rules", "FILE", "rules file, instead of the one httpd uses" },
    { NULL, NULL, NULL }
};

static const ctl_option_t yes_option[] = {
    { "yes", NULL, "do not ask" },
    { NULL, NULL, NULL }
};

static const ctl_option_t force_option[] = {
    { "force", NULL, "replace FILE when it is there" },
    { NULL, NULL, NULL }
};

static const ctl_command_t commands[] = {
    { "init", NULL, "make the store, or say that it is there",
      "For SQLite the file is made with mode 0660 in its directory, which "
      "must exist. Other databases are made by their administrator.",
      NULL, CTL_NOTHING, ctl_init },
    { "migrate", NULL, "bring the schema to this release's version", "",
      NULL, CTL_NOTHING, ctl_migrate },
    { "status", NULL, "show the store's state, size and counts",
      "Exits 0 only when the store is ready.",
      NULL, CTL_NOTHING, ctl_status },
    { "user add", "NAME", "add a user",
      "The password is one line of standard input, or asked for twice.",
      role_option, CTL_READY, ctl_user_add },
    { "user passwd", "NAME", "give a user another password",
      "The password is one line of standard input, or asked for twice. The "
      "user's sessions end.",
      NULL, CTL_READY, ctl_user_passwd },
    { "user totp-reset", "NAME", "take a user's second factor away",
      "For who has lost the authenticator and the recovery codes.",
      NULL, CTL_READY, ctl_user_totp_reset },
    { "user remove", "NAME", "remove a user and revoke the user's keys",
      "Mails stay.", NULL, CTL_READY, ctl_user_remove },
    { "user list", NULL, "list users", "", NULL, CTL_READY, ctl_user_list },
    { "key add", "NAME", "make an API key and print it",
      "The key is the only thing on standard output. It is kept nowhere and "
      "cannot be shown again.", key_options, CTL_READY, ctl_key_add },
    { "key revoke", "PREFIX", "make a key invalid at once",
      "PREFIX is the first column of `key list`.",
      NULL, CTL_READY, ctl_key_revoke },
    { "key list", NULL, "list keys by their public prefix", "",
      NULL, CTL_READY, ctl_key_list },
    { "check", NULL, "follow a pixel from the base URL into the store",
      "Looks at the store, its file modes, the place database, DNS, the "
      "certificate, /health, the pixel, caches and the recorded address. "
      "Makes a mail, fetches its pixel twice and deletes it again.",
      check_options, CTL_NOTHING, ctl_check },
    { "reclassify", NULL, "judge history by the present rules",
      "Opens whose rules version differs are judged again, counters "
      "included. Nobody is told anything. Cut off, it goes on where it was "
      "when run again.", reclassify_options, CTL_READY, ctl_reclassify },
    { "erase", "ADDRESS", "remove every trace of a person",
      "Mails to ADDRESS alone are deleted with their opens; from others it "
      "is taken out. Backups made before still hold it.",
      yes_option, CTL_READY, ctl_erase },
    { "verify", NULL, "recount every counter and say what differs",
      "Exits 1 when something differs.", NULL, CTL_READY, ctl_verify },
    { "backup", "FILE", "copy a SQLite store to FILE while httpd writes",
      "FILE is mode 0600, checked, and appears only when complete.",
      force_option, CTL_NOTHING, ctl_backup },
    { "restore", "FILE", "put a backup's content in place of the store's",
      "FILE is checked first. httpd may go on running. Hits recorded since "
      "the backup are stored again as far as the spool still holds them. "
      "Passwords and keys are the backup's, those revoked since included.",
      yes_option, CTL_NOTHING, ctl_restore },
    { NULL, NULL, NULL, NULL, NULL, CTL_NOTHING, NULL }
};

static const char *synopsis(const ctl_command_t *c, apr_pool_t *pool)
{
    const char *text = c->name;
    const ctl_option_t *o;

    for (o = c->options; o && o->name; o++) {
        text = apr_psprintf(pool, "%s [--%s%s%s]", text, o->name,
                            o->value ? " " : "", o->value ? o->value : "");
    }
    return c->operand ? apr_pstrcat(pool, text, " ", c->operand, NULL) : text;
}

static void print_options(const ctl_option_t *o, apr_pool_t *pool)
{
    for (; o && o->name; o++) {
        printf("  %-21s %s\n",
               apr_pstrcat(pool, "--", o->name, o->value ? " " : "",
                           o->value, NULL), o->help);
    }
}

static void help_all(apr_pool_t *pool)
{
    const ctl_command_t *c;

    printf("usage: mailtrackctl [--store STORE] COMMAND [...]\n\n");
    for (c = commands; c->name; c++) {
        printf("  %-21s %s\n",
               c->operand ? apr_pstrcat(pool, c->name, " ", c->operand, NULL)
               : c->name, c->summary);
    }
    printf("  %-21s %s\n", "help [COMMAND]", "say more of a command");
    printf("\nOptions:\n");
    print_options(ctl_global_options, pool);
    printf("\nThe store is %s unless --store, --store-file or the environment"
           "\nvariable MAILTRACK_STORE names another.\n"
           "Exit status: 0 done, 1 failed, 2 wrong command line. "
           "See mailtrackctl(8).\n", STORE_DEFAULT_PATH);
}

static void help_one(const ctl_command_t *c, apr_pool_t *pool)
{
    printf("usage: mailtrackctl %s\n\n%c%s.\n", synopsis(c, pool),
           c->name[0] ? c->summary[0] & ~0x20 : ' ', c->summary + 1);
    if (*c->text) {
        printf("%s\n", c->text);
    }
    if (c->options) {
        printf("\nOptions:\n");
        print_options(c->options, pool);
    }
}

/* "help user add", "help user", "help". */
static int help(const ctl_t *ctl, int argc, const char *const *argv)
{
    const ctl_command_t *c;
    const char *want = argc > 0 ? argv[0] : "";
    int found = 0;

    if (argc > 1) {
        want = apr_pstrcat(ctl->pool, argv[0], " ", argv[1], NULL);
    }
    if (argc == 0) {
        help_all(ctl->pool);
        return CTL_OK;
    }
    for (c = commands; c->name; c++) {
        apr_size_t n = strlen(want);

        if (!strncmp(c->name, want, n)
            && (c->name[n] == '\0' || c->name[n] == ' ') && argc < 3) {
            printf("%s", found++ ? "\n" : "");
            help_one(c, ctl->pool);
        }
    }
    if (!found) {
        return ctl_usage(ctl, "help: no command '%s': expected one that "
                         "`mailtrackctl help` lists",
                         ctl_clean(want, ctl->pool));
    }
    return CTL_OK;
}

static int dispatch(ctl_t *ctl, int argc, const char *const *argv)
{
    int code;

    if (argc > 1 && !strcmp(argv[1], "help")) {
        return help(ctl, argc - 2, argv + 2);
    }
    code = ctl_read_arguments(ctl, argc, argv, commands);
    if (code != CTL_OK) {
        return code;
    }
    if (ctl_option(ctl, "version")) {
        printf("mailtrackctl %s\n", MAILTRACK_VERSION);
        return CTL_OK;
    }
    if (ctl_option(ctl, "help")) {
        if (ctl->command) {
            help_one(ctl->command, ctl->pool);
        } else {
            help_all(ctl->pool);
        }
        return CTL_OK;
    }
    code = ctl_find_store(ctl);
    if (code == CTL_OK && ctl->command->need == CTL_READY) {
        code = ctl_need_ready(ctl);
    }
    return code == CTL_OK ? ctl->command->run(ctl) : code;
}

int main(int argc, const char *const *argv)
{
    ctl_t ctl = { 0 };
    int code;

    /* the group that httpd and mailprobe share may write, others not read */
    umask(0007);
    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS
        || apr_pool_create(&ctl.pool, NULL) != APR_SUCCESS
        || store_initialize(ctl.pool) != APR_SUCCESS) {
        fputs("mailtrackctl: APR cannot be initialised\n", stderr);
        return CTL_FAILED;
    }
    ctl.options = apr_table_make(ctl.pool, 4);
    code = dispatch(&ctl, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("mailtrackctl: standard output cannot be written\n", stderr);
        code = code == CTL_OK ? CTL_FAILED : code;
    }
    apr_terminate();
    return code;
}
