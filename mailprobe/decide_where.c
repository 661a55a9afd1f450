/* SPDX-License-Identifier: MIT */
/*
 * Where a mail stopped, in words a phone can show. What servers said is quoted
 * after a colon and cut; it is never more than one line. Pure; any thread.
 */
#include "decide.h"

#include <string.h>

#include <apr_strings.h>
#include <jansson.h>

#include "utf8.h"

#define QUOTE_CHARS 200

static const char *quote(const char *words, apr_pool_t *pool)
{
    return words && *words ? apr_pstrcat(pool, ": ", utf8_clean(words,
                                         strlen(words), QUOTE_CHARS, pool),
                                         NULL) : "";
}

static const char *refused(const probe_t *p, apr_pool_t *pool)
{
    static const struct {
        const char *state;
        const char *words;
        int phase;              /* say where */
    } table[] = {
        { "temporary", "put off until time ran out", 1 },
        { "permanent", "refused", 1 },
        { "unreachable", "no connection", 1 },
        { "timeout", "no answer", 1 },
        { "tls", "TLS failed", 0 },
        { "auth", "sign-in failed", 0 },
        { NULL, "not sent", 1 }
    };
    const char *phase = p->send_phase ? p->send_phase : "";
    int i = 0;

    while (table[i].state && strcmp(table[i].state, p->send_state)) {
        i++;
    }
    return apr_pstrcat(pool, table[i].words,
                       table[i].phase && *phase ? " at " : "",
                       table[i].phase ? phase : "",
                       quote(p->send_reply, pool), NULL);
}

static const char *member(json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));

    return text ? text : "";
}

static const char *bounced(const probe_t *p, apr_pool_t *pool)
{
    json_t *json = p->bounce ? json_loads(p->bounce, 0, NULL) : NULL;
    const char *mta = member(json, "remote_mta");
    const char *words = member(json, "diagnostic");
    const char *said;

    if (!*mta) {
        mta = member(json, "reporting_mta");
    }
    if (!*words) {
        words = member(json, "status");
    }
    said = apr_pstrcat(pool, "bounced", *mta ? " by " : "", mta,
                       quote(words, pool), NULL);
    json_decref(json);
    return said;
}

/* "0.34 s", "12 s", "3 min 5 s", "2 h 10 min" */
static const char *duration(apr_int64_t us, apr_pool_t *pool)
{
    apr_int64_t s = (us + 500000) / 1000000;

    if (us < 0) {
        return "0 s";
    }
    if (us < 9995000) {
        return apr_psprintf(pool, "%d.%02d s", (int)((us + 5000) / 1000000),
                            (int)((us + 5000) / 10000 % 100));
    }
    if (s < 60) {
        return apr_psprintf(pool, "%d s", (int)s);
    }
    if (s < 3600) {
        return apr_psprintf(pool, "%d min %d s", (int)(s / 60),
                            (int)(s % 60));
    }
    return apr_psprintf(pool, "%" APR_INT64_T_FMT " h %d min", s / 3600,
                        (int)(s / 60 % 60));
}

static const char *accepted(const probe_t *p, const char *then,
                            apr_pool_t *pool)
{
    if (!strcmp(p->send_state, "unknown")) {
        return apr_pstrcat(pool, "handed over without an answer, ", then,
                           NULL);
    }
    return apr_pstrcat(pool, "accepted", p->queue_id && *p->queue_id ? " as "
                       : "", p->queue_id ? p->queue_id : "", ", ", then,
                       NULL);
}

static const char *arrived(const probe_t *p, apr_pool_t *pool)
{
    return p->latency_us == STORE_NULL
           ? "arrived" : apr_pstrcat(pool, "arrived after ",
                                     duration(p->latency_us, pool), NULL);
}

const char *decide_where(const probe_t *p, apr_pool_t *pool)
{
    const char *outcome = p->outcome;

    if (!strcmp(outcome, OUTCOME_SENDING)) {
        return strcmp(p->send_state, "temporary") ? "being sent"
               : apr_pstrcat(pool, "put off, will be tried again",
                             quote(p->send_reply, pool), NULL);
    }
    if (!strcmp(outcome, OUTCOME_SENT)) {
        return accepted(p, "not seen yet", pool);
    }
    if (!strcmp(outcome, STATE_SEND_FAILED)) {
        return refused(p, pool);
    }
    if (!strcmp(outcome, STATE_MISSING)) {
        return accepted(p, "then unseen", pool);
    }
    if (!strcmp(outcome, STATE_BOUNCED)) {
        return bounced(p, pool);
    }
    if (!strcmp(outcome, STATE_BLIND)) {
        return p->sent_at == STORE_NULL
               ? "mailprobe ended while it was sent, and it was not seen"
               : accepted(p, "but the mailbox could not be seen", pool);
    }
    if (!strcmp(outcome, STATE_SPAM)) {
        return apr_pstrcat(pool, arrived(p, pool), ", in junk",
                           p->folder ? " (" : "", p->folder ? p->folder : "",
                           p->folder ? ")" : "", NULL);
    }
    return arrived(p, pool);
}
