/* SPDX-License-Identifier: MIT */
/*
 * A hit claimed by the sender; see claim.h. Runs in httpd's worker threads,
 * within a transaction of the caller's.
 */
#include <httpd.h>

#include "answer.h"
#include "claim.h"
#include "instance.h"
#include "judge.h"

/* What the rules read of it is gone: retention emptied it. */
static int is_emptied(const open_t *open)
{
    return !open->user_agent && !open->ip_address;
}

apr_status_t claim_open(call_t *call, recorder_t *rec, const open_t *was,
                        int self)
{
    open_t now = *was;
    apr_status_t rv;

    now.context = self ? was->context | CLASSIFY_SENDER_SESSION
                       : was->context & ~CLASSIFY_SENDER_SESSION;
    if (now.context == was->context)
        return APR_SUCCESS;
    if (!self && is_emptied(was))
        return APR_EGENERAL;
    judge_open(&now, was->track_created_at, call->conf->instance->rules, NULL,
               call->r->pool);
    if (self && now.counts == COUNTS_OPEN)
        return APR_ENOTIMPL;
    rv = record_rejudge(rec, was, &now);
    return rv ? rv : record_claimed(rec, was->track_id, apr_time_now());
}

int claim_answer(call_t *call, apr_status_t status, const char *what)
{
    if (status == APR_EGENERAL)
        return answer_problem(call, HTTP_CONFLICT, "What this hit was judged "
                              "by has been removed by age.");
    if (status == APR_ENOTIMPL)
        return answer_problem(call, HTTP_CONFLICT, "The rules of this server "
                              "have none for the sender's own hits "
                              "(sender_session).");
    return answer_store(call, status, what);
}
