/* SPDX-License-Identifier: MIT */
/*
 * /health: is the house in order? For people, load balancers and monitors, so
 * without a key and without a secret. Runs in httpd's worker threads; reads the
 * board (shared memory) and asks the store whether it is ready.
 *
 * 503 means the store cannot be used: pixels are answered and spooled all the
 * same, which is what ?check=pixel asks for.
 */
#include "config.h"

#include <apr_strings.h>
#include <string.h>

#include "answer.h"
#include "endpoints.h"
#include "instance.h"
#include "prober.h"
#include "view.h"

/* The drain comes round every 100 ms; another child takes over within 1.5 s. */
#define LAG_MAX apr_time_from_sec(10)

static json_t *database_view(const call_t *call, apr_status_t rv)
{
    const char *detail = answer_inside(call, call->loan.detail, "");

    if (!rv)
        return json_pack("{s:s}", "status", "ok");
    return json_pack("{s:s, s:s, s:s}", "status", "error", "detail",
                     *detail ? detail : "It is out of reach.", "remedy",
                     answer_inside(call, call->loan.remedy,
                                   ANSWER_ELSEWHERE));
}

/* Seconds that the oldest waiting hit has waited. */
static double lag_of(const board_t *board, apr_time_t now)
{
    apr_int64_t oldest = board_get(board, BOARD_OLDEST_AT);

    return oldest && oldest < now ? (double)(now - oldest) / APR_USEC_PER_SEC
                                  : 0;
}

static json_t *spool_view(call_t *call, const board_t *board)
{
    static const struct {
        const char *name;
        board_field_t field;
    } numbers[] = {
        { "backlog_bytes", BOARD_BACKLOG },
        { "segments", BOARD_SEGMENTS },
        { "hits", BOARD_HITS },
        { "stored", BOARD_STORED },
        { "lost", BOARD_LOST },
        { "rejected", BOARD_REJECTED },
        { "unknown_ids", BOARD_UNKNOWN }
    };
    apr_int64_t lost_at = board_get(board, BOARD_LOST_AT);
    apr_int64_t drained_at = board_get(board, BOARD_DRAINED_AT);
    json_t *out = json_object();
    apr_size_t i;

    for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        json_object_set_new(out, numbers[i].name,
                            json_integer(board_get(board, numbers[i].field)));
    json_object_set_new(out, "last_lost_at",
                        view_time(call, lost_at ? lost_at : STORE_NULL));
    json_object_set_new(out, "last_drained_at",
                        view_time(call, drained_at ? drained_at
                                                   : STORE_NULL));
    json_object_set_new(out, "lag_seconds",
                        json_real(lag_of(board, call->r->request_time)));
    return out;
}

static json_t *geo_view(call_t *call, geo_t *geo)
{
    static const char *const states[] = { "off", "absent", "broken", "ok" };
    apr_int64_t built = geo ? geo_built_at(geo) : 0;
    const char *type = geo ? geo_type(geo, call->r->pool) : "";
    json_t *out = json_object();

    json_object_set_new(out, "status",
                        view_text(states[geo ? geo_state(geo) : GEO_OFF]));
    json_object_set_new(out, "type", view_text(*type ? type : NULL));
    json_object_set_new(out, "built_at", view_time(call, built
                        ? apr_time_from_sec(built) : STORE_NULL));
    return out;
}

/* Hits are being lost or kept waiting, or mailprobe died: worth a look, nothing
 * is down. */
static int degraded(const board_t *board, const prober_t *prober,
                    apr_time_t now)
{
    apr_int64_t lost_at = board_get(board, BOARD_LOST_AT);

    return !strcmp(prober->status, "down") ||
           board_get(board, BOARD_DRAIN_STATUS) != 0 ||
           board_get(board, BOARD_REJECTED) != 0 ||
           (lost_at && now - lost_at < apr_time_from_sec(3600)) ||
           lag_of(board, now) * APR_USEC_PER_SEC > (double)LAG_MAX;
}

static json_t *health_view(call_t *call, apr_status_t rv)
{
    const instance_t *instance = call->conf->instance;
    apr_time_t now = call->r->request_time;
    prober_t prober = { "unknown", 0, STORE_NULL };
    json_t *out = json_object();

    if (!rv && prober_read(&prober, call->store))
        prober.status = "unknown";
    json_object_set_new(out, "status", view_text(rv ? "error"
                        : degraded(instance->board, &prober, now)
                        ? "degraded" : "ok"));
    json_object_set_new(out, "version", view_text(MAILTRACK_VERSION));
    json_object_set_new(out, "time", view_time(call, now));
    json_object_set_new(out, "database", database_view(call, rv));
    json_object_set_new(out, "spool", spool_view(call, instance->board));
    json_object_set_new(out, "rules", json_pack("{s:s, s:i}", "version",
                        apr_psprintf(call->r->pool, "%" APR_UINT64_T_HEX_FMT,
                        (apr_uint64_t)rules_version(instance->rules)),
                        "count", (int)rules_count(instance->rules)));
    json_object_set_new(out, "geoip", geo_view(call, instance->geo));
    json_object_set_new(out, "prober", prober_view(call, &prober));
    return out;
}

int endpoint_health(call_t *call)
{
    static const char *const checks[] = { "pixel", NULL };
    int pixel = request_arg_choice(call->input, "check", checks, -1) == 0;
    json_t *body;
    apr_status_t rv;

    if (request_end(call->input))
        return answer_faults(call);
    rv = dbd_borrow(&call->loan, call->r->server, call->r->pool);
    if (!rv)
        call->store = call->loan.store;
    body = health_view(call, rv);
    if (!rv || pixel)
        return answer_json(call, HTTP_OK, body);
    return answer_store_away(call, body);
}
