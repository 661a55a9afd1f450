/* SPDX-License-Identifier: MIT */
/*
 * erase ADDRESS: every trace of a person leaves the store, in bounded
 * transactions beside a running httpd. Cut off half-way it is run again.
 */
#include "ctl.h"

#include <stdio.h>
#include <string.h>

#include "sql/address.h"
#include "sql/recipients.h"

/* One address, as the store keeps it. */
static int read_address(const ctl_t *ctl, const char **address)
{
    apr_array_header_t *list = NULL;
    const char *error = NULL;
    int code = ctl_check_text(ctl, "ADDRESS", ctl->operand, ADDRESS_MAX);

    if (code != CTL_OK) {
        return code;
    }
    if (address_parse_list(&list, &error, ctl->operand,
                           strlen(ctl->operand), ctl->pool) != APR_SUCCESS) {
        return ctl_usage(ctl, "ADDRESS: %s", ctl_clean(error, ctl->pool));
    }
    if (list->nelts != 1) {
        return ctl_usage(ctl, "ADDRESS: expected one");
    }
    *address = APR_ARRAY_IDX(list, 0, address_t).key;
    return CTL_OK;
}

int ctl_erase(ctl_t *ctl)
{
    recipient_t *known = NULL;
    erased_t done = { 0 };
    const char *address = NULL;
    ctl_progress_t *bar;
    apr_status_t rv;
    int code = read_address(ctl, &address);

    if (code != CTL_OK) {
        return code;
    }
    rv = recipients_get(&known, ctl->store, address, ctl->pool);
    if (rv == APR_NOTFOUND) {
        return ctl_refuse(ctl, "no mail to '%s'",
                          ctl_clean(address, ctl->pool));
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "'%s'", ctl_clean(address, ctl->pool));
    }
    code = ctl_confirm(ctl, "Erase '%s' and %" APR_INT64_T_FMT " mails for "
                       "good?", ctl_clean(address, ctl->pool), known->mails);
    if (code != CTL_OK) {
        return code;
    }
    bar = ctl_progress_start(ctl, "erase");
    rv = recipients_erase(&done, ctl->store, address, CTL_NODE, ctl_progress,
                          bar, ctl->pool);
    ctl_progress_end(bar);
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "not complete, run it again: '%s'",
                        ctl_clean(address, ctl->pool));
    }
    printf("'%s' erased: %" APR_INT64_T_FMT " mails and %" APR_INT64_T_FMT
           " opens deleted, %" APR_INT64_T_FMT " mails to others changed\n",
           ctl_clean(address, ctl->pool), done.mails_deleted,
           done.opens_deleted, done.mails_changed);
    return CTL_OK;
}
