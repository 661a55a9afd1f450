/* SPDX-License-Identifier: MIT */
/*
 * verify: recount counters and rollups in one read transaction, beside a
 * running drain, and print what differs.
 */
#include "ctl.h"

#include <stdio.h>

#include "sql/reports.h"

static void told(void *context, const char *what, const char *counter,
                 apr_int64_t kept, apr_int64_t counted)
{
    const ctl_t *ctl = context;

    printf("%s: %s is %" APR_INT64_T_FMT ", counted %" APR_INT64_T_FMT "\n",
           ctl_clean(what, ctl->pool), counter, kept, counted);
}

int ctl_verify(ctl_t *ctl)
{
    apr_int64_t differences = 0;
    apr_status_t rv = reports_verify(&differences, ctl->store, told, ctl,
                                     ctl->pool);

    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "%s", ctl_clean(store_name(ctl->store),
                                                 ctl->pool));
    }
    if (differences > 0) {
        return ctl_refuse(ctl, "%s: %" APR_INT64_T_FMT " counters differ",
                          ctl_clean(store_name(ctl->store), ctl->pool),
                          differences);
    }
    printf("every counter agrees with the mails and opens\n");
    return CTL_OK;
}
