/* SPDX-License-Identifier: MIT */
/*
 * A message by mail: one transaction for each address of the channel, one
 * after the other. Loop thread. Who has it already is not written to again
 * when the rest is tried anew.
 */
#include "channels.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "message.h"
#include "plain.h"
#include "smtp.h"

typedef struct mailing_t {
    loop_t *loop;
    const channel_message_t *message;
    channels_done_fn done;
    void *data;
    apr_pool_t *pool;
    smtp_mail_t mail;
    loop_timer_t *next;
    int at;                     /* index of the address */
    channel_result_t result;    /* the worst of all */
} mailing_t;

/* The same for each try, so that a mail that came twice can be known; and no
 * other's, as some mail systems keep but one of an id: with its time it is not
 * that of another store's first alarm. */
static const char *id_of(const wording_facts_t *facts, const char *channel,
                         apr_pool_t *pool)
{
    char *id = apr_psprintf(pool, "%s.%s.%" APR_INT64_T_FMT, facts->key,
                            channel, facts->created_at);
    char *c;

    for (c = id; *c; c++) {
        if (!apr_isalnum(*c) && *c != '-' && *c != '.') {
            *c = '-';
        }
    }
    return id;
}

static const char *compose(apr_size_t *length, const channel_message_t *m,
                           apr_pool_t *pool)
{
    const channel_t *channel = m->channel;
    message_t mail;

    memset(&mail, 0, sizeof(mail));
    mail.from = channel->account->from;
    mail.to = apr_array_pstrcat(pool, channel->to, ',');
    mail.subject = m->wording->title;
    mail.text = m->wording->text;
    mail.html = m->wording->html;
    mail.id = id_of(m->facts, channel->name, pool);
    mail.date = m->facts->now;
    mail.thread = m->wording->thread;
    return message_make(length, &mail, pool);
}

static const char *words_of(const smtp_result_t *result, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s%s%s%s%s", smtp_states[result->state],
                        *result->phase ? " at " : "", result->phase,
                        *result->reply ? ": " : "",
                        plain_line(result->reply, 200, pool));
}

static void on_mail(const smtp_result_t *result, void *data)
{
    mailing_t *m = data;
    const char *to = APR_ARRAY_IDX(m->message->channel->to, m->at,
                                   const char *);
    channel_state_t state = result->state == SMTP_ACCEPTED ? CHANNEL_SENT
                            : result->state == SMTP_PERMANENT
                            || result->state == SMTP_TEMPORARY
                            ? CHANNEL_REFUSED : CHANNEL_DOWN;

    if (state == CHANNEL_SENT) {
        apr_pool_t *keep = apr_hash_pool_get(m->message->accepted);

        apr_hash_set(m->message->accepted, apr_pstrdup(keep, to),
                     APR_HASH_KEY_STRING, "");
    }
    else if (state > m->result.state) {
        m->result.state = state;
        m->result.detail = apr_pstrcat(m->pool, to, ": ",
                                       words_of(result, m->pool), NULL);
    }
    m->at++;
    /* not from within smtp's callback: its handle is still at work */
    loop_timer_set(m->next, 0);
}

static void on_next(void *data)
{
    mailing_t *m = data;
    const apr_array_header_t *to = m->message->channel->to;

    while (m->at < to->nelts
           && apr_hash_get(m->message->accepted,
                           APR_ARRAY_IDX(to, m->at, const char *),
                           APR_HASH_KEY_STRING)) {
        m->at++;
    }
    /* a server that is not there is not asked once more for each address */
    if (m->at >= to->nelts || m->result.state == CHANNEL_DOWN) {
        m->done(&m->result, m->data);
        return;
    }
    m->mail.recipient = APR_ARRAY_IDX(to, m->at, const char *);
    if (smtp_send(m->loop, m->message->channel->account, &m->mail, on_mail, m,
                  m->pool) != APR_SUCCESS) {
        m->result.state = CHANNEL_REFUSED;
        m->result.detail = apr_pstrcat(m->pool, m->mail.recipient,
                                       ": no mail can be sent there", NULL);
        m->at++;
        loop_timer_set(m->next, 0);
    }
}

void channels_mail(loop_t *loop, const channel_message_t *message,
                   channels_done_fn done, void *data, apr_pool_t *pool)
{
    mailing_t *m = apr_pcalloc(pool, sizeof(*m));

    m->loop = loop;
    m->message = message;
    m->done = done;
    m->data = data;
    m->pool = pool;
    m->result.state = CHANNEL_SENT;
    m->result.detail = "";
    m->mail.text = compose(&m->mail.length, message, pool);
    m->next = loop_timer(loop, on_next, m, pool);
    loop_timer_set(m->next, 0);
}
