/* SPDX-License-Identifier: MIT */
/*
 * New mails: two header fields of each tell whether it is ours, and only then
 * its header (a report: all of it) is fetched, bounded. BODY.PEEK everywhere:
 * nobody's mail becomes read. Review: the same for what is there already.
 * Loop thread.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "watch_inside.h"

#define TRIES 3
#define FIELDS_MAX "2048"
#define SEARCH_MAX 20000        /* mails of ours in a folder; the newest */
#define SEARCH_BATCH 100
#define REVIEW_SLACK apr_time_from_sec(3600)    /* the server's clock */

/* -- the queue ------------------------------------------------------------- */

void watch_mails_forget(watch_t *watch, const watch_folder_t *folder)
{
    watch_item_t **at = &watch->mails;

    while (*at) {
        watch_item_t *item = *at;

        if (!folder || item->folder == folder) {
            *at = item->next;
            item->folder->waiting--;
            free(item);
        } else {
            at = &item->next;
        }
    }
}

void watch_set(char *set, const watch_item_t *first, int verified)
{
    apr_size_t length = 0;

    *set = '\0';
    for (; first; first = first->next) {
        if (first->asked && (first->verified || !verified)) {
            length += (apr_size_t)apr_snprintf(set + length,
                                               WATCH_SET_MAX - length,
                                               "%s%" APR_UINT64_T_FMT,
                                               length ? "," : "", first->uid);
        }
    }
}

watch_item_t *watch_find(watch_item_t *first, apr_uint64_t uid)
{
    for (; first; first = first->next) {
        if (first->asked && first->uid == uid) {
            return first;
        }
    }
    return NULL;
}

/* Is it ours? Then its turn comes. */
static void note(watch_t *watch, const imap_fetch_t *mail, apr_time_t seen_at,
                 apr_interval_time_t resolution)
{
    char token[IMAP_TOKEN_LENGTH + 1] = "";
    const char *found = NULL;
    watch_item_t **last = &watch->mails;
    watch_item_t *item;
    apr_pool_t *pool;

    if (!mail->body || apr_pool_create(&pool, watch->pool) != APR_SUCCESS) {
        return;
    }
    found = imap_fetch_token(mail->body, mail->length, pool);
    if (found) {
        apr_cpystrn(token, found, sizeof(token));
    } else if (!imap_fetch_is_report(mail->body, mail->length, pool)) {
        apr_pool_destroy(pool);
        return;
    }
    apr_pool_destroy(pool);
    item = calloc(1, sizeof(*item));
    if (!item) {
        abort();
    }
    item->folder = watch->selected;
    item->uid = mail->uid;
    item->date = mail->date;
    item->seen_at = seen_at;
    item->resolution = resolution;
    memcpy(item->token, token, sizeof(token));
    while (*last) {
        last = &(*last)->next;
    }
    *last = item;
    item->folder->waiting++;
}

/* -- what is new ----------------------------------------------------------- */

static void heard_new(watch_t *watch, const imap_response_t *response)
{
    watch_folder_t *folder = watch->selected;
    imap_fetch_t mail;
    int early;

    /* n:* names the last mail even where that is before n */
    if (!imap_fetch_read(&mail, response) || mail.uid < folder->next) {
        return;
    }
    if (mail.uid > watch->fetch_last) {
        watch->fetch_last = mail.uid;
    }
    if (folder->waiting >= WATCH_QUEUE_MAX) {
        if (!watch->fetch_stop || mail.uid < watch->fetch_stop) {
            watch->fetch_stop = mail.uid;
        }
        return;
    }
    early = mail.sequence <= watch->fetch_exists;
    note(watch, &mail, early ? watch->fetch_told : folder->told_at,
         early ? watch->fetch_resolution : folder->resolution);
}

static void new_done(watch_t *watch, const imap_response_t *answer)
{
    watch_folder_t *folder = watch->selected;

    if (answer->status != IMAP_OK && strcmp(answer->code, "EXPUNGEISSUED")) {
        folder->dirty = 1;
        if (++folder->tries >= TRIES) {
            /* one mail that cannot be read must not hide all after it */
            folder->tries = 0;
            folder->next = watch->fetch_last >= folder->next
                           ? watch->fetch_last + 2 : 0;
        }
        watch_fail(watch, "FETCH refused", answer->text);
        return;
    }
    folder->tries = 0;
    if (watch->fetch_stop) {
        folder->next = watch->fetch_stop;
        folder->dirty = 1;
    } else if (watch->fetch_last >= folder->next) {
        folder->next = watch->fetch_last + 1;
    }
}

int watch_fetch_new(watch_t *watch)
{
    watch_folder_t *folder = watch->selected;

    if (!folder->dirty || folder->waiting >= WATCH_QUEUE_MAX) {
        return 0;
    }
    folder->dirty = 0;
    watch->fetch_told = folder->told_at;
    watch->fetch_resolution = folder->resolution;
    watch->fetch_exists = watch->exists;
    watch->fetch_last = watch->fetch_stop = 0;
    watch_ask(watch, new_done, heard_new,
              "UID FETCH %" APR_UINT64_T_FMT ":* (UID INTERNALDATE "
              "BODY.PEEK[HEADER.FIELDS " IMAP_FIELDS "]<0." FIELDS_MAX ">)",
              folder->next);
    return 1;
}

/* -- header, or all of it -------------------------------------------------- */

static void unlink_item(watch_t *watch, const watch_item_t *item)
{
    watch_item_t **at = &watch->mails;

    while (*at != item) {
        at = &(*at)->next;
    }
    *at = item->next;
    item->folder->waiting--;
}

static void heard_mail(watch_t *watch, const imap_response_t *response)
{
    watch_item_t *item;
    imap_fetch_t got;
    watch_mail_t mail;

    if (!imap_fetch_read(&got, response) || !got.body) {
        return;
    }
    item = watch_find(watch->mails, got.uid);
    if (!item) {
        return;
    }
    unlink_item(watch, item);
    memset(&mail, 0, sizeof(mail));
    mail.token = *item->token ? item->token : NULL;
    mail.junk = item->folder == &watch->junk;
    mail.folder = item->folder->name;
    mail.uid = item->uid;
    mail.uidvalidity = item->folder->validity;
    mail.seen_at = item->seen_at;
    mail.resolution = item->resolution;
    mail.delivered_at = item->date;
    mail.bytes = got.body;
    mail.length = got.length < WATCH_BYTES_MAX ? got.length : WATCH_BYTES_MAX;
    watch->events.mail(watch->events.data, &mail);
    free(item);
}

/* What was asked for and did not come is gone; unless the server says no. */
static void mails_done(watch_t *watch, const imap_response_t *answer)
{
    int failed = answer->status != IMAP_OK
                 && strcmp(answer->code, "EXPUNGEISSUED");
    watch_item_t **at = &watch->mails;

    while (*at) {
        watch_item_t *item = *at;

        if (item->asked && (!failed || ++item->tries >= TRIES)) {
            *at = item->next;
            item->folder->waiting--;
            free(item);
        } else {
            item->asked = 0;
            at = &item->next;
        }
    }
    if (failed) {
        watch_fail(watch, "FETCH refused", answer->text);
    }
}

int watch_fetch_mails(watch_t *watch)
{
    char set[WATCH_SET_MAX];
    watch_item_t *item;
    watch_item_t *first = NULL;
    int count = 0;

    for (item = watch->mails; item; item = item->next) {
        item->asked = item->folder == watch->selected && count < WATCH_BATCH
                      && (!first || !*first->token == !*item->token);
        if (item->asked) {
            first = first ? first : item;
            count++;
        }
    }
    if (!first) {
        return 0;
    }
    watch_set(set, watch->mails, 0);
    watch_ask(watch, mails_done, heard_mail,
              "UID FETCH %s (UID BODY.PEEK[%s]<0.%d>)", set,
              *first->token ? "HEADER" : "", WATCH_BYTES_MAX);
    return 1;
}

/* -- review ---------------------------------------------------------------- */

void watch_search_forget(watch_t *watch)
{
    free(watch->found);
    watch->found = NULL;
    watch->found_count = watch->found_at = 0;
    watch->searched = NULL;
}

static void heard_search(watch_t *watch, const imap_response_t *response)
{
    const imap_value_t *value;
    apr_uint64_t uid;
    int count = 0;

    if (response->status != IMAP_DATA || strcmp(response->name, "SEARCH")) {
        return;
    }
    for (value = response->values; value; value = value->next) {
        count++;
    }
    free(watch->found);
    watch->found = calloc((apr_size_t)count + 1, sizeof(*watch->found));
    if (!watch->found) {
        abort();
    }
    watch->found_count = 0;
    for (value = response->values; value; value = value->next) {
        if (imap_value_number(&uid, value) && uid < watch->selected->next) {
            watch->found[watch->found_count++] = uid;
        }
    }
    watch->found_at = watch->found_count > SEARCH_MAX
                      ? watch->found_count - SEARCH_MAX : 0;
}

static void search_done(watch_t *watch, const imap_response_t *answer)
{
    if (answer->status != IMAP_OK) {
        watch_search_forget(watch);
        watch->selected->review = 0;
        watch_fail(watch, "SEARCH refused", answer->text);
    }
}

/* It came when the server says it did, not when we look. */
static void heard_found(watch_t *watch, const imap_response_t *response)
{
    apr_time_t now = apr_time_now();
    imap_fetch_t mail;

    if (!watch->searched || !imap_fetch_read(&mail, response) || !mail.uid
        || mail.date < watch->searched->review - REVIEW_SLACK) {
        return;
    }
    note(watch, &mail, now, now > mail.date ? now - mail.date : 0);
}

static void found_done(watch_t *watch, const imap_response_t *answer)
{
    if (answer->status != IMAP_OK && strcmp(answer->code, "EXPUNGEISSUED")) {
        watch_fail(watch, "FETCH refused", answer->text);
    }
}

static void look_at_found(watch_t *watch)
{
    char set[SEARCH_BATCH * 21 + 1];
    apr_size_t length = 0;
    int i;

    for (i = 0; i < SEARCH_BATCH && watch->found_at < watch->found_count;
         i++) {
        length += (apr_size_t)apr_snprintf(set + length, sizeof(set) - length,
                                           "%s%" APR_UINT64_T_FMT,
                                           length ? "," : "",
                                           watch->found[watch->found_at++]);
    }
    watch_ask(watch, found_done, heard_found,
              "UID FETCH %s (UID INTERNALDATE BODY.PEEK[HEADER.FIELDS "
              IMAP_FIELDS "]<0." FIELDS_MAX ">)", set);
}

int watch_search(watch_t *watch)
{
    watch_folder_t *folder = watch->selected;
    apr_pool_t *pool;

    if (!folder->review) {
        return 0;
    }
    if (watch->searched == folder) {
        if (watch->found_at < watch->found_count) {
            look_at_found(watch);
            return 1;
        }
        watch_search_forget(watch);
        folder->review = 0;
        watch_advance(watch);   /* the other folder may wait for its own */
        return 1;
    }
    if (apr_pool_create(&pool, watch->pool) != APR_SUCCESS) {
        return 0;
    }
    watch_search_forget(watch);
    watch->searched = folder;
    /* days are the server's, in its zone: one earlier */
    watch_ask(watch, search_done, heard_search,
              "UID SEARCH SINCE %s OR HEADER X-Mailtrack-Probe \"\" "
              "HEADER Content-Type \"multipart/report\"",
              imap_fetch_day(folder->review - apr_time_from_sec(86400), pool));
    apr_pool_destroy(pool);
    return 1;
}

void watch_review(watch_t *watch, apr_time_t since)
{
    watch_folder_t *folders[] = { &watch->inbox, &watch->junk };
    int i;

    since = since > apr_time_from_sec(86400 * 2) ? since
                                                 : apr_time_from_sec(86400 * 2);
    for (i = 0; i < 2; i++) {
        if (!folders[i]->review || folders[i]->review > since) {
            folders[i]->review = since;
        }
        if (watch->searched == folders[i]) {
            watch_search_forget(watch);         /* from the beginning */
        }
    }
    if (watch->imap) {
        loop_timer_set(watch->timer, 0);
    }
}
