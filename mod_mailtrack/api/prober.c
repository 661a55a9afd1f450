/* SPDX-License-Identifier: MIT */
/*
 * The state of mailprobe by its lease; see prober.h. Runs in httpd's worker
 * threads.
 */
#include "leases.h"
#include "prober.h"
#include "view.h"

apr_status_t prober_read(prober_t *prober, store_t *store)
{
    apr_int64_t until, now;
    apr_status_t rv = leases_newest(&until, &now, store, LEASE_PROCESS);

    prober->status = "off";
    prober->processes = 0;
    prober->gone_at = STORE_NULL;
    if (rv || !until)
        return rv;
    if (until > now) {
        prober->status = "up";
        return leases_count(&prober->processes, store, LEASE_PROCESS);
    }
    prober->status = "down";
    prober->gone_at = until;
    return APR_SUCCESS;
}

json_t *prober_view(call_t *call, const prober_t *prober)
{
    json_t *out = json_object();

    json_object_set_new(out, "status", view_text(prober->status));
    json_object_set_new(out, "processes", json_integer(prober->processes));
    json_object_set_new(out, "gone_at", view_time(call, prober->gone_at));
    return out;
}
