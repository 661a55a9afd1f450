/* SPDX-License-Identifier: MIT */
/*
 * A delivery taken, its facts gathered and worded, unless it is no longer
 * worth telling. Store thread. What is said is true at this moment, however
 * long the delivery has waited.
 */
#include "deliver_plan.h"

#include <string.h>

#include <apr_strings.h>

#include "address.h"
#include "settings.h"

/** So many that nobody needs any more are passed over in one go. */
#define PASSED_MAX 50

/* What to do with a delivery whose facts are known. */
typedef enum { TELL, WAIT, PASS } fate_t;

typedef struct claim_t {
    store_t *store;
    const plan_t *plan;
    const plan_channel_t *channel;
    apr_time_t now;
    apr_pool_t *pool;
    plan_item_t *item;
    fate_t fate;
    apr_int64_t until;          /* WAIT */
    const char *why;            /* WAIT, PASS */
} claim_t;

static void pass(claim_t *claim, const char *why)
{
    claim->fate = PASS;
    claim->why = why;
}

/* -- mails ----------------------------------------------------------------- */

/* Domains of a mail's recipients: address_t. */
static apr_array_header_t *recipients_of(const outbox_mail_t *mail,
                                         apr_pool_t *pool)
{
    apr_array_header_t *list;
    const char *error;

    if (address_parse_list(&list, &error, mail->recipient,
                           strlen(mail->recipient), pool) != APR_SUCCESS) {
        list = apr_array_make(pool, 1, sizeof(address_t));
    }
    return list;
}

/* The route that says most: one that fails or failed, else one that is known,
 * else the first. */
static apr_status_t find_route(claim_t *claim, const outbox_mail_t *mail)
{
    const apr_array_header_t *list = recipients_of(mail, claim->pool);
    wording_facts_t *facts = &claim->item->facts;
    apr_int64_t due = mail->created_at + claim->plan->follow_up_after;
    apr_status_t rv = APR_SUCCESS;
    int i, best = -1;

    for (i = 0; i < list->nelts && rv == APR_SUCCESS; i++) {
        const char *domain = APR_ARRAY_IDX(list, i, address_t).domain;
        route_state_t *r = apr_pcalloc(claim->pool, 3 * sizeof(*r));
        int failed, weight;

        rv = monitors_route(&r[0], claim->store, domain, claim->now,
                            claim->pool);
        if (rv == APR_SUCCESS) {
            rv = monitors_route(&r[1], claim->store, domain,
                                mail->created_at, claim->pool);
        }
        if (rv == APR_SUCCESS) {
            rv = monitors_route(&r[2], claim->store, domain, due,
                                claim->pool);
        }
        if (rv != APR_SUCCESS) {
            break;
        }
        failed = plan_route_fails(&r[0]) || plan_route_fails(&r[1])
                 || plan_route_fails(&r[2]);
        weight = failed ? 2 : r[0].state != NULL;
        if (weight > best) {
            best = weight;
            facts->domain = domain;
            facts->route = &r[0];
            facts->route_then = &r[1];
        }
        if (plan_route_fails(&r[2]) && claim->now - due > APR_USEC_PER_SEC) {
            facts->held_since = due;
        }
    }
    return rv;
}

static apr_status_t look_at_mail(claim_t *claim)
{
    const outbox_row_t *row = &claim->item->delivery->row;
    outbox_mail_t *mail;
    apr_int64_t at = claim->now;
    int wanted = 0;
    apr_status_t rv;

    rv = outbox_mail(&mail, claim->store, row, claim->pool);
    if (rv == APR_NOTFOUND) {
        pass(claim, "the mail was deleted");
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS) {
        rv = plan_wanted(&wanted, &at, claim->store, mail, row->event,
                         claim->channel->kind, claim->pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    claim->item->facts.mail = mail;
    if (!wanted) {
        pass(claim, "no longer wanted");
        return APR_SUCCESS;
    }
    if (at > claim->now) {
        claim->fate = WAIT;
        claim->until = at;
        claim->why = "quiet hours";
        return APR_SUCCESS;
    }
    if (strcmp(row->event, EVENT_FOLLOW_UP)) {
        return APR_SUCCESS;
    }
    if (mail->real_open_count > 0) {
        pass(claim, "opened meanwhile");
        return APR_SUCCESS;
    }
    return find_route(claim, mail);
}

/* -- incidents ------------------------------------------------------------- */

/* Somebody in it fails, and may be told of; the house has no members. */
static int still_fails(const incident_t *incident,
                       const apr_array_header_t *members)
{
    int i;

    for (i = 0; i < members->nelts; i++) {
        const incident_member_t *m = &APR_ARRAY_IDX(members, i,
                                                    incident_member_t);

        if (m->recovered_at == STORE_NULL && !m->quiet) {
            return 1;
        }
    }
    return !strcmp(incident->kind, INCIDENT_HOUSE);
}

static apr_status_t look_at_incident(claim_t *claim)
{
    const outbox_row_t *row = &claim->item->delivery->row;
    int recovery = !strcmp(row->event, EVENT_RECOVERED);
    apr_array_header_t *members;
    incident_t *incident;
    apr_status_t rv;

    rv = incidents_by_id(&incident, claim->store, row->incident_id,
                         claim->pool);
    if (rv == APR_NOTFOUND) {
        pass(claim, "the incident is gone");
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS) {
        rv = incidents_members(&members, claim->store, row->incident_id,
                               claim->pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    claim->item->facts.incident = incident;
    claim->item->facts.members = members;
    if (recovery) {
        return APR_SUCCESS;
    }
    if (incident->closed_at != STORE_NULL || !still_fails(incident, members)) {
        pass(claim, "over before it could be said");
    }
    else if (incident->muted) {
        pass(claim, "muted");
    }
    else if (!strcmp(row->event, EVENT_REPEAT)
             && incident->acked_at != STORE_NULL) {
        pass(claim, "acknowledged");
    }
    return APR_SUCCESS;
}

/* -- all of it ------------------------------------------------------------- */

static apr_status_t base_of(const char **base, store_t *store,
                            const plan_t *plan, apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;

    *base = plan->base_url;
    if (!*base) {
        rv = settings_get(base, store, "base_url", pool);
        if (rv == APR_NOTFOUND) {
            *base = NULL;
            rv = APR_SUCCESS;
        }
    }
    return rv;
}

static apr_status_t look_at(claim_t *claim)
{
    const outbox_row_t *row = &claim->item->delivery->row;
    wording_facts_t *facts = &claim->item->facts;
    apr_status_t rv;

    memset(facts, 0, sizeof(*facts));
    facts->event = row->event;
    facts->key = row->dedupe_key;
    facts->created_at = row->created_at;
    facts->now = claim->now;
    facts->zone = claim->plan->zone;
    facts->channel = claim->channel->name;
    facts->held_since = STORE_NULL;
    claim->fate = TELL;
    rv = base_of(&facts->base_url, claim->store, claim->plan, claim->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (row->incident_id != STORE_NULL) {
        return look_at_incident(claim);
    }
    if (row->track_id != STORE_NULL) {
        return look_at_mail(claim);
    }
    if (strcmp(row->event, EVENT_TEST)) {
        pass(claim, "nothing is known of it any more");
    }
    return APR_SUCCESS;
}

apr_status_t plan_claim(plan_item_t *item, store_t *store, const plan_t *plan,
                        const plan_channel_t *channel,
                        apr_interval_time_t lasts, apr_time_t now,
                        apr_pool_t *pool)
{
    claim_t claim = { store, plan, channel, now, pool, item, TELL, 0, NULL };
    apr_status_t rv;
    int i;

    for (i = 0; i < PASSED_MAX; i++) {
        rv = outbox_claim(&item->delivery, store, channel->name, plan->owner,
                          lasts, now, pool);
        if (rv == APR_SUCCESS) {
            rv = look_at(&claim);
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (claim.fate == TELL) {
            item->wording = wording_make(&item->facts, pool);
            return APR_SUCCESS;
        }
        rv = outbox_skip(store, item->delivery, plan->owner, claim.why,
                         claim.fate == WAIT ? claim.until : STORE_NULL, now);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_NOTFOUND;
}
