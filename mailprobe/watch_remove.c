/* SPDX-License-Identifier: MIT */
/*
 * Removal of probes, and of nothing else: by UID, under the UIDVALIDITY it was
 * seen with, after its header was read again and has the token, and by UID
 * EXPUNGE (RFC 4315), which takes no mail of others with it. Where the server
 * cannot do that it is marked as deleted and left: a bare EXPUNGE or CLOSE
 * would remove whatever else is marked. Loop thread.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "watch_inside.h"

/* Forget one, or those asked for, or all of a folder. */
static void drop(watch_t *watch, const watch_folder_t *folder, int asked)
{
    watch_item_t **at = &watch->removals;

    while (*at) {
        watch_item_t *item = *at;

        if ((!folder || item->folder == folder) && (!asked || item->asked)) {
            *at = item->next;
            free(item);
        } else {
            at = &item->next;
        }
    }
}

void watch_removals_forget(watch_t *watch, const watch_folder_t *folder)
{
    drop(watch, folder, 0);
}

int watch_removals_wait(const watch_t *watch, const watch_folder_t *folder)
{
    const watch_item_t *item;

    for (item = watch->removals; item; item = item->next) {
        if (item->folder == folder) {
            return 1;
        }
    }
    return 0;
}

static void expunged(watch_t *watch, const imap_response_t *answer)
{
    (void)answer;               /* refused: it stays, marked */
    drop(watch, watch->selected, 1);
}

static void marked(watch_t *watch, const imap_response_t *answer)
{
    char set[WATCH_SET_MAX];

    if (answer->status != IMAP_OK || !watch->can_expunge) {
        drop(watch, watch->selected, 1);
        return;
    }
    watch_set(set, watch->removals, 1);
    watch_ask(watch, expunged, NULL, "UID EXPUNGE %s", set);
}

static void heard_token(watch_t *watch, const imap_response_t *response)
{
    watch_item_t *item;
    const char *token;
    imap_fetch_t got;
    apr_pool_t *pool;

    if (!imap_fetch_read(&got, response) || !got.body
        || !(item = watch_find(watch->removals, got.uid))
        || apr_pool_create(&pool, watch->pool) != APR_SUCCESS) {
        return;
    }
    token = imap_fetch_token(got.body, got.length, pool);
    item->verified = token && !strcmp(token, item->token);
    apr_pool_destroy(pool);
}

static void verified(watch_t *watch, const imap_response_t *answer)
{
    char set[WATCH_SET_MAX];

    watch_set(set, watch->removals, 1);
    if (!*set || (answer->status != IMAP_OK
                  && strcmp(answer->code, "EXPUNGEISSUED"))) {
        drop(watch, watch->selected, 1);
        return;
    }
    watch_ask(watch, marked, NULL, "UID STORE %s +FLAGS.SILENT (\\Deleted)",
              set);
}

int watch_remove_mails(watch_t *watch)
{
    char set[WATCH_SET_MAX];
    watch_item_t *item;
    int count = 0;
    int stale = 0;

    for (item = watch->removals; item; item = item->next) {
        item->verified = 0;
        item->asked = item->folder == watch->selected
                      && (watch->read_only
                          || item->validity != item->folder->validity);
        stale |= item->asked;
    }
    if (stale) {
        drop(watch, watch->selected, 1);
    }
    for (item = watch->removals; item; item = item->next) {
        item->asked = item->folder == watch->selected && count < WATCH_BATCH;
        count += item->asked;
    }
    if (!count) {
        return 0;
    }
    watch_set(set, watch->removals, 0);
    watch_ask(watch, verified, heard_token,
              "UID FETCH %s (UID BODY.PEEK[HEADER.FIELDS (X-Mailtrack-Probe)]"
              "<0.2048>)", set);
    return 1;
}

void watch_remove(watch_t *watch, const char *folder,
                  apr_uint64_t uidvalidity, apr_uint64_t uid,
                  const char *token)
{
    watch_folder_t *which = &watch->inbox;
    watch_item_t *item;

    if (watch->junk.name && !strcmp(folder, watch->junk.name)) {
        which = &watch->junk;
    } else if (strcmp(folder, watch->inbox.name)) {
        return;
    }
    item = calloc(1, sizeof(*item));
    if (!item) {
        abort();
    }
    item->folder = which;
    item->validity = uidvalidity;
    item->uid = uid;
    apr_cpystrn(item->token, token, sizeof(item->token));
    item->next = watch->removals;
    watch->removals = item;
    if (watch->imap && !watch->busy) {
        loop_timer_set(watch->timer, 0);
    }
}
