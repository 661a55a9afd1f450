/* SPDX-License-Identifier: MIT */
/*
 * The two folders of a watch: which one is junk, which one is selected, and
 * whether there is more in them than was looked at (by UIDVALIDITY and UIDNEXT,
 * so that nothing is searched and nothing of others is fetched). Loop thread.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "imap_name.h"
#include "watch_inside.h"

#define NAME_MAX_OCTETS 1024

/* A folder that turned out to be another one is looked through for what came
 * since the old one was last seen, and a little before. */
#define REVIEW_MARGIN apr_time_from_sec(3600)

/* -- names ----------------------------------------------------------------- */

static char *copy_of(const char *text)
{
    char *copy = strdup(text);

    if (!copy) {
        abort();
    }
    return copy;
}

/* @return 0: no such name can be */
static int name_folder(watch_folder_t *folder, const char *wire,
                       apr_pool_t *pool)
{
    const char *quoted = wire ? imap_name_quote(wire, pool) : NULL;

    free(folder->wire);
    free(folder->name);
    folder->wire = folder->name = NULL;
    if (quoted) {
        folder->wire = copy_of(quoted);
        folder->name = copy_of(imap_name_decode(wire, pool));
    }
    return quoted != NULL;
}

apr_status_t watch_folders_setup(watch_t *watch)
{
    const account_t *account = watch->account;
    const char *junk = account->junk ? account->junk : "auto";
    apr_pool_t *pool;
    apr_status_t rv = apr_pool_create(&pool, watch->pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!name_folder(&watch->inbox,
                     imap_name_encode(account->inbox ? account->inbox
                                                     : "INBOX", pool), pool)) {
        rv = APR_EINVAL;
    }
    if (strcmp(junk, "auto") && strcmp(junk, "none")
        && !name_folder(&watch->junk, imap_name_encode(junk, pool), pool)) {
        rv = APR_EINVAL;
    }
    apr_pool_destroy(pool);
    return rv;
}

void watch_folders_free(watch_t *watch)
{
    free(watch->inbox.wire);
    free(watch->inbox.name);
    free(watch->junk.wire);
    free(watch->junk.name);
}

/* -- what the server can --------------------------------------------------- */

static void capability(watch_t *watch, const imap_response_t *response)
{
    const imap_value_t *value;

    if (strcmp(response->name, "CAPABILITY")) {
        return;
    }
    watch->can_idle = watch->can_expunge = watch->special_use = 0;
    for (value = response->values; value; value = value->next) {
        int all = imap_value_is(value, "IMAP4rev2");

        watch->can_idle |= all || imap_value_is(value, "IDLE");
        watch->can_expunge |= all || imap_value_is(value, "UIDPLUS");
        watch->special_use |= imap_value_is(value, "SPECIAL-USE");
    }
}

static void capability_done(watch_t *watch, const imap_response_t *answer)
{
    (void)answer;               /* without it there are the plain ways */
    watch->capable = 1;
}

int watch_learn(watch_t *watch)
{
    if (watch->capable) {
        return 0;
    }
    watch_ask(watch, capability_done, capability, "CAPABILITY");
    return 1;
}

/* -- which one is junk ----------------------------------------------------- */

/* * LIST (attributes) delimiter name. By attribute counts more than by name. */
static void listed(watch_t *watch, const imap_response_t *response)
{
    const imap_value_t *attributes = response->values;
    const imap_value_t *delimiter = attributes ? attributes->next : NULL;
    const imap_value_t *name = delimiter ? delimiter->next : NULL;
    const imap_value_t *value;
    char wire[NAME_MAX_OCTETS];
    int junk = 0;

    if (strcmp(response->name, "LIST") || !name
        || attributes->kind != IMAP_LIST || name->kind == IMAP_LIST
        || !name->length || name->length >= sizeof(wire)
        || memchr(name->bytes, '\0', name->length)) {
        return;
    }
    for (value = attributes->first; value; value = value->next) {
        junk |= imap_value_is(value, "\\Junk");
        if (imap_value_is(value, "\\Noselect")
            || imap_value_is(value, "\\NonExistent")) {
            return;
        }
    }
    memcpy(wire, name->bytes, name->length);
    wire[name->length] = '\0';
    if (!junk && watch->sought == 2 && !watch->junk.wire) {
        junk = imap_name_is_junk(wire, delimiter->length == 1
                                       ? *delimiter->bytes : '\0');
    }
    if (junk) {
        name_folder(&watch->junk, wire, watch->connection);
    }
}

static void list_done(watch_t *watch, const imap_response_t *answer)
{
    (void)answer;
    if (watch->junk.wire) {
        watch->sought = 2;
    } else if (watch->sought == 2) {
        watch->junk.missing = 1;
        watch->junk.clear_at = watch->asked_at;
    }
}

int watch_seek_junk(watch_t *watch)
{
    const char *junk = watch->account->junk;

    if (watch->sought == 2 || (junk && strcmp(junk, "auto"))
        || watch->junk.wire) {
        watch->sought = 2;
        return 0;
    }
    if (!watch->sought && watch->special_use) {
        watch->sought = 1;
        watch_ask(watch, list_done, listed, "LIST (SPECIAL-USE) \"\" \"*\"");
    } else {
        watch->sought = 2;
        watch_ask(watch, list_done, listed, "LIST \"\" \"*\"");
    }
    return 1;
}

/* -- what is new ----------------------------------------------------------- */

/* There is something, and we know it only now. */
static void tell_of(watch_folder_t *folder)
{
    if (!folder->dirty) {
        folder->told_at = apr_time_now();
        folder->resolution = folder->clear_at
                             ? loop_clock() - folder->clear_at : 0;
        folder->dirty = 1;
    }
}

/* What SELECT or STATUS said of a folder. */
static void compare(watch_t *watch, watch_folder_t *folder)
{
    apr_uint64_t validity = watch->said_validity ? watch->said_validity : 1;
    apr_uint64_t next = watch->said_next;

    if (folder->validity && validity != folder->validity) {
        apr_time_t since = apr_time_now() - REVIEW_MARGIN
                           - (loop_clock() - folder->clear_at);

        watch_mails_forget(watch, folder);
        watch_removals_forget(watch, folder);
        if (watch->searched == folder) {
            watch_search_forget(watch);
        }
        folder->dirty = 0;
        folder->next = next;
        if (!folder->review || folder->review > since) {
            folder->review = since;
        }
    } else if (!folder->validity) {
        /* that what appears later is new as a whole */
        folder->next = folder->missing ? 1 : next;
    }
    folder->validity = validity;
    folder->missing = 0;
    if (!folder->next) {
        folder->next = next;
    }
    if (folder->next && (next > folder->next
                         || (!next && folder == watch->selected))) {
        tell_of(folder);
    }
    folder->clear_at = watch->asked_at;
}

static void heard_select(watch_t *watch, const imap_response_t *response)
{
    if (response->status == IMAP_OK) {
        if (!strcmp(response->code, "UIDVALIDITY")) {
            watch->said_validity = response->code_number;
        } else if (!strcmp(response->code, "UIDNEXT")) {
            watch->said_next = response->code_number;
        }
    } else if (response->status == IMAP_DATA
               && !strcmp(response->name, "EXISTS")) {
        watch->exists = response->number;
    }
}

/* selected is what was asked for: it is so from the answer on, and until then
 * there is none (on_response does not let a folder hear of another). */
static void selected(watch_t *watch, const imap_response_t *answer)
{
    watch_folder_t *folder = watch->selected;

    if (answer->status != IMAP_OK) {
        watch->selected = NULL;
        if (folder == &watch->junk) {
            folder->missing = 1;
            folder->dirty = 0;
            folder->review = 0;
            watch_mails_forget(watch, folder);
            watch_removals_forget(watch, folder);
            return;
        }
        watch_fail(watch, folder->name, answer->text);
        return;
    }
    watch->read_only = !strcmp(answer->code, "READ-ONLY");
    compare(watch, folder);
}

static int has_work(const watch_t *watch, const watch_folder_t *folder)
{
    return folder->wire && !folder->missing
           && (folder->dirty || folder->review
               || folder->waiting
               || watch_removals_wait(watch, folder));
}

int watch_select(watch_t *watch)
{
    watch_folder_t *wanted = &watch->inbox;

    if (watch->selected && has_work(watch, watch->selected)) {
        return 0;
    }
    if (watch->selected && watch->up && !has_work(watch, &watch->inbox)
        && has_work(watch, &watch->junk)) {
        wanted = &watch->junk;
    }
    if (wanted == watch->selected) {
        return 0;
    }
    watch->selected = wanted;
    watch->exists = watch->said_next = watch->said_validity = 0;
    watch_ask(watch, selected, heard_select, "SELECT %s", wanted->wire);
    return 1;
}

/* -- servers that do not say UIDNEXT --------------------------------------- */

static void heard_last(watch_t *watch, const imap_response_t *response)
{
    imap_fetch_t mail;

    if (imap_fetch_read(&mail, response) && mail.uid >= watch->said_next) {
        watch->said_next = mail.uid + 1;
    }
}

static void last_known(watch_t *watch, const imap_response_t *answer)
{
    if (answer->status != IMAP_OK) {
        watch_fail(watch, "FETCH refused", answer->text);
        return;
    }
    watch->selected->next = watch->said_next ? watch->said_next : 1;
}

int watch_baseline(watch_t *watch)
{
    if (watch->selected->next) {
        return 0;
    }
    if (!watch->exists) {
        watch->selected->next = 1;
        return 0;
    }
    watch->said_next = 0;
    watch_ask(watch, last_known, heard_last, "FETCH * (UID)");
    return 1;
}

/* -- junk, from outside ---------------------------------------------------- */

static void heard_status(watch_t *watch, const imap_response_t *response)
{
    const imap_value_t *items = response->values ? response->values->next
                                                 : NULL;
    const imap_value_t *item;

    if (response->status != IMAP_DATA || strcmp(response->name, "STATUS")
        || !items || items->kind != IMAP_LIST) {
        return;
    }
    for (item = items->first; item && item->next; item = item->next->next) {
        if (imap_value_is(item, "UIDNEXT")) {
            imap_value_number(&watch->said_next, item->next);
        } else if (imap_value_is(item, "UIDVALIDITY")) {
            imap_value_number(&watch->said_validity, item->next);
        }
    }
}

static void status_done(watch_t *watch, const imap_response_t *answer)
{
    if (answer->status == IMAP_OK && watch->said_validity) {
        compare(watch, &watch->junk);
        return;
    }
    watch->junk.missing = 1;
    watch->junk.clear_at = watch->asked_at;
    if (watch->tried) {
        watch_fail(watch, watch->junk.name, answer->text);
    }
}

void watch_ask_junk(watch_t *watch)
{
    watch->said_next = watch->said_validity = 0;
    watch_ask(watch, status_done, heard_status,
              "STATUS %s (UIDNEXT UIDVALIDITY)", watch->junk.wire);
}

int watch_junk_first(watch_t *watch)
{
    if (!watch->junk.wire || watch->junk_at) {
        return 0;
    }
    watch->junk_at = loop_clock();
    watch_ask_junk(watch);
    return 1;
}

/* -- said by itself -------------------------------------------------------- */

void watch_folders_hear(watch_t *watch, const imap_response_t *response)
{
    watch_folder_t *folder = watch->selected;

    if (!folder || (watch->busy && watch->answer == selected)) {
        return;
    }
    if (response->status == IMAP_OK && !strcmp(response->code, "UIDVALIDITY")
        && response->code_number != folder->validity) {
        watch_fail(watch, folder->name, "it was made anew");
    } else if (response->status != IMAP_DATA) {
        return;
    } else if (!strcmp(response->name, "EXISTS")) {
        if (response->number > watch->exists) {
            tell_of(folder);
        }
        watch->exists = response->number;
    } else if (!strcmp(response->name, "EXPUNGE") && watch->exists) {
        watch->exists--;
    }
}
