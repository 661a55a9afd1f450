/* SPDX-License-Identifier: MIT */
/*
 * Who is told of a row of the outbox, by which channel, and not before when.
 * Store thread; plan_class, plan_quiet and plan_route_fails are pure.
 */
#include "deliver_plan.h"

#include <string.h>

#include <apr_strings.h>

#include "log.h"

#define DISPATCH_MAX  50        /* rows of one round */
#define BACKOFF_FIRST apr_time_from_sec(15)
#define BACKOFF_LAST  apr_time_from_sec(3600)

static int wants_of(const apr_array_header_t *events)
{
    int wants = 0, i;

    for (i = 0; i < events->nelts; i++) {
        const char *word = APR_ARRAY_IDX(events, i, const char *);

        wants |= !strcmp(word, "opens") ? WANTS_OPENS
                 : !strcmp(word, "follow_ups") ? WANTS_FOLLOW_UPS
                 : !strcmp(word, "alerts") ? WANTS_ALERTS : 0;
    }
    return wants;
}

plan_t *plan_make(const configuration_t *configuration, const char *owner,
                  apr_pool_t *pool)
{
    plan_t *plan = apr_pcalloc(pool, sizeof(*plan));
    const apr_array_header_t *channels = configuration->channels;
    zone_t *zone = NULL;
    int i;

    plan->owner = apr_pstrdup(pool, owner);
    plan->base_url = apr_pstrdup(pool, configuration->base_url);
    plan->follow_up_after = configuration->follow_up_after;
    plan->zone.name = apr_pstrdup(pool, configuration->time_zone);
    if (zone_load(&zone, plan->zone.name, ZONE_DIR, pool) == APR_SUCCESS) {
        plan->zone.zone = zone;
    }
    else {
        log_line(LOG_WARNING, "time zone %s is not known here: messages say"
                 " UTC", plan->zone.name);
    }
    plan->channels = apr_array_make(pool, channels->nelts,
                                    sizeof(plan_channel_t));
    for (i = 0; i < channels->nelts; i++) {
        const channel_t *channel = APR_ARRAY_IDX(channels, i,
                                                 const channel_t *);
        plan_channel_t *copy = apr_array_push(plan->channels);

        copy->name = apr_pstrdup(pool, channel->name);
        copy->kind = channel->kind;
        copy->target = apr_pstrdup(pool, channel->target);
        copy->wants = wants_of(channel->events);
    }
    return plan;
}

int plan_class(const char *event)
{
    static const struct {
        const char *event;
        int wants;
    } classes[] = {
        { EVENT_FIRST_OPEN, WANTS_OPENS }, { EVENT_HOT, WANTS_OPENS },
        { EVENT_REVIVED, WANTS_OPENS }, { EVENT_FOLLOW_UP, WANTS_FOLLOW_UPS },
        { EVENT_ALARM, WANTS_ALERTS }, { EVENT_REPEAT, WANTS_ALERTS },
        { EVENT_RECOVERED, WANTS_ALERTS }
    };
    apr_size_t i;

    for (i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
        if (!strcmp(classes[i].event, event)) {
            return classes[i].wants;
        }
    }
    return 0;
}

int plan_route_fails(const route_state_t *route)
{
    return route->state && (!strcmp(route->state, STATE_MISSING)
                            || !strcmp(route->state, STATE_BOUNCED)
                            || !strcmp(route->state, STATE_SEND_FAILED)
                            || !strcmp(route->state, STATE_SPAM));
}

apr_interval_time_t plan_backoff(apr_int64_t tries, unsigned dice)
{
    apr_interval_time_t wait = tries < 8 ? BACKOFF_FIRST << tries
                               : BACKOFF_LAST;

    return wait * 3 / 4 + wait / 2 * dice / 65536;
}

/* -- quiet hours ----------------------------------------------------------- */

/* The first moment at which a local clock says this minute of a day. Where it
 * jumps over it that is the moment of the jump, within the hour. */
static apr_int64_t at_local(const zone_t *zone, apr_int64_t day, int minute)
{
    apr_int64_t local = day * 86400 + minute * 60;
    apr_int64_t at = local - zone_offset(zone, local);

    return local - zone_offset(zone, at);
}

apr_int64_t plan_quiet(const notify_prefs_t *prefs, const zone_t *zone,
                       apr_int64_t at)
{
    apr_int64_t seconds = at / APR_USEC_PER_SEC, day, end;
    int from = prefs->quiet_from, to = prefs->quiet_to, minute, quiet;

    if (!zone || from < 0 || to < 0 || from == to) {
        return at;
    }
    seconds += zone_offset(zone, seconds);
    day = seconds / 86400;
    minute = (int)(seconds % 86400 / 60);
    quiet = from < to ? minute >= from && minute < to
            : minute >= from || minute < to;
    if (!quiet) {
        return at;
    }
    if (from > to && minute >= from) {
        day++;
    }
    end = at_local(zone, day, to) * APR_USEC_PER_SEC;
    return end > at ? end : at;
}

static int place_of(const char *const *names, int count, const char *name)
{
    int i = 0;

    while (i < count && strcmp(names[i], name)) {
        i++;
    }
    return i;
}

apr_status_t plan_wanted(int *wanted, apr_int64_t *at, store_t *store,
                         const outbox_mail_t *mail, const char *event,
                         channel_kind_t kind, apr_pool_t *pool)
{
    notify_prefs_t prefs;
    zone_t *zone = NULL;
    apr_status_t rv = APR_SUCCESS;
    int e = place_of(notify_events, NOTIFY_EVENTS, event);
    int c = place_of(notify_channels, NOTIFY_CHANNELS, channel_kinds[kind]);

    notifications_default(&prefs);
    if (mail->created_by != STORE_NULL) {
        rv = notifications_get(&prefs, store, mail->created_by, pool);
    }
    *wanted = e < NOTIFY_EVENTS && c < NOTIFY_CHANNELS && prefs.on[e][c];
    if (rv == APR_SUCCESS && *wanted && prefs.quiet_tz
        && zone_load(&zone, prefs.quiet_tz, ZONE_DIR, pool) == APR_SUCCESS) {
        *at = plan_quiet(&prefs, zone, *at);
    }
    return rv;
}

/* -- channels -------------------------------------------------------------- */

apr_status_t plan_publish(store_t *store, const plan_t *plan, apr_time_t now,
                          apr_pool_t *pool)
{
    apr_array_header_t *rows = apr_array_make(pool, plan->channels->nelts + 1,
                                              sizeof(channel_row_t));
    int i;

    for (i = 0; i < plan->channels->nelts; i++) {
        const plan_channel_t *channel = &APR_ARRAY_IDX(plan->channels, i,
                                                       plan_channel_t);
        channel_row_t *row = apr_array_push(rows);

        memset(row, 0, sizeof(*row));
        row->name = channel->name;
        row->kind = channel_kinds[channel->kind];
        row->target = channel->target ? channel->target : "";
    }
    return channels_publish(store, rows, now);
}

static const channel_row_t *row_of(const apr_array_header_t *rows,
                                   const char *name)
{
    int i;

    for (i = 0; i < rows->nelts; i++) {
        const channel_row_t *row = &APR_ARRAY_IDX(rows, i, channel_row_t);

        if (!strcmp(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

/* -- who is told ----------------------------------------------------------- */

typedef struct round_t {
    store_t *store;
    const plan_t *plan;
    apr_time_t now;
    apr_pool_t *pool;
    apr_array_header_t *rows;   /* channel_row_t */
    apr_array_header_t *names;  /* of the outbox row at hand */
    apr_array_header_t *next_at;
} round_t;

static void choose(round_t *round, const char *name, apr_int64_t at)
{
    APR_ARRAY_PUSH(round->names, const char *) = name;
    APR_ARRAY_PUSH(round->next_at, apr_int64_t) = at;
}

/* A channel sees only what happened after it was switched on. */
static int hears(const round_t *round, const plan_channel_t *channel,
                 const outbox_row_t *row)
{
    const channel_row_t *known = row_of(round->rows, channel->name);

    return known && (channel->wants & plan_class(row->event)) != 0
           && row->created_at >= known->since;
}

static apr_status_t choose_for_mail(round_t *round, const outbox_row_t *row)
{
    outbox_mail_t *mail;
    apr_status_t rv = outbox_mail(&mail, round->store, row, round->pool);
    int i;

    for (i = 0; i < round->plan->channels->nelts && rv == APR_SUCCESS; i++) {
        const plan_channel_t *channel = &APR_ARRAY_IDX(round->plan->channels,
                                                       i, plan_channel_t);
        apr_int64_t at = round->now;
        int wanted = 0;

        if (hears(round, channel, row)) {
            rv = plan_wanted(&wanted, &at, round->store, mail, row->event,
                             channel->kind, round->pool);
            if (rv == APR_SUCCESS && wanted) {
                choose(round, channel->name, at);
            }
        }
    }
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

static int contains(const apr_array_header_t *names, const char *name)
{
    int i;

    for (i = 0; i < names->nelts; i++) {
        if (!strcmp(APR_ARRAY_IDX(names, i, const char *), name)) {
            return 1;
        }
    }
    return 0;
}

/* For each member that may be told of at all the names of channels that must
 * not hear of it. */
static apr_status_t toggles_of(apr_array_header_t **offs, round_t *round,
                               const apr_array_header_t *members)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    *offs = apr_array_make(round->pool, members->nelts + 1,
                           sizeof(apr_array_header_t *));
    for (i = 0; i < members->nelts && rv == APR_SUCCESS; i++) {
        const incident_member_t *m = &APR_ARRAY_IDX(members, i,
                                                    incident_member_t);
        apr_array_header_t *names = NULL;

        if (!m->quiet && m->recovered_at == STORE_NULL) {
            rv = monitors_channels_off(&names, round->store, m->monitor_id,
                                       round->pool);
            APR_ARRAY_PUSH(*offs, apr_array_header_t *) = names;
        }
    }
    return rv;
}

/* One member that may be told of is enough. The house has none: all hear of
 * it, but a channel that is the trouble. */
static int may_tell(const incident_t *incident, const apr_array_header_t *offs,
                    const char *name)
{
    int i;

    if (!strcmp(incident->kind, INCIDENT_HOUSE)) {
        return strncmp(incident->subject, "channel:", 8)
               || strcmp(incident->subject + 8, name);
    }
    for (i = 0; i < offs->nelts; i++) {
        if (!contains(APR_ARRAY_IDX(offs, i, apr_array_header_t *), name)) {
            return 1;
        }
    }
    return 0;
}

/* An alarm is for those who have heard nothing of it, a repeat for all who
 * want it, a recovery for those who have heard. */
static int is_for(const outbox_row_t *row, const apr_array_header_t *told,
                  const char *name)
{
    return !strcmp(row->event, EVENT_REPEAT)
           || contains(told, name) == !strcmp(row->event, EVENT_RECOVERED);
}

static apr_status_t choose_for_incident(round_t *round,
                                        const outbox_row_t *row)
{
    int recovery = !strcmp(row->event, EVENT_RECOVERED), i;
    apr_array_header_t *members, *offs = NULL, *told = NULL;
    incident_t *incident;
    apr_status_t rv;

    rv = incidents_by_id(&incident, round->store, row->incident_id,
                         round->pool);
    if (rv == APR_SUCCESS) {
        rv = incidents_members(&members, round->store, row->incident_id,
                               round->pool);
    }
    if (rv == APR_SUCCESS) {
        rv = toggles_of(&offs, round, members);
    }
    if (rv == APR_SUCCESS) {
        rv = outbox_told(&told, round->store, row->incident_id, round->pool);
    }
    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
    }
    for (i = 0; i < round->plan->channels->nelts; i++) {
        const plan_channel_t *channel = &APR_ARRAY_IDX(round->plan->channels,
                                                       i, plan_channel_t);

        if (hears(round, channel, row) && is_for(row, told, channel->name)
            && (recovery || may_tell(incident, offs, channel->name))) {
            choose(round, channel->name, round->now);
        }
    }
    return APR_SUCCESS;
}

static apr_status_t dispatch(round_t *round, const outbox_row_t *row)
{
    apr_status_t rv = APR_SUCCESS;

    round->names = apr_array_make(round->pool, 4, sizeof(const char *));
    round->next_at = apr_array_make(round->pool, 4, sizeof(apr_int64_t));
    if (row->channel) {
        if (row_of(round->rows, row->channel)) {
            choose(round, row->channel, round->now);
        }
    }
    else if (row->incident_id != STORE_NULL) {
        rv = choose_for_incident(round, row);
    }
    else if (row->track_id != STORE_NULL) {
        rv = choose_for_mail(round, row);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = outbox_dispatch(round->store, row->id, round->names, round->next_at,
                         round->now);
    return rv == STORE_ECONFLICT ? APR_SUCCESS : rv;
}

apr_status_t plan_dispatch(int *more, store_t *store, const plan_t *plan,
                           apr_time_t now, apr_pool_t *pool)
{
    apr_array_header_t *list;
    round_t round = { NULL };
    apr_status_t rv;
    int i;

    rv = outbox_undispatched(&list, store, now, DISPATCH_MAX, pool);
    *more = 0;
    if (rv != APR_SUCCESS || !list->nelts) {
        return rv;
    }
    round.store = store;
    round.plan = plan;
    round.now = now;
    round.pool = pool;
    rv = channels_list(&round.rows, store, pool);
    for (i = 0; i < list->nelts && rv == APR_SUCCESS; i++) {
        const outbox_row_t *row = &APR_ARRAY_IDX(list, i, outbox_row_t);

        rv = dispatch(&round, row);
        if (rv != APR_SUCCESS && !store_transient(rv)) {
            /* a row that cannot be read must not keep the others waiting */
            log_line(LOG_ERROR, "outbox: %s: %s", row->dedupe_key,
                     store_error(store));
            rv = APR_SUCCESS;
        }
    }
    *more = rv == APR_SUCCESS && list->nelts == DISPATCH_MAX;
    return rv;
}
