/* SPDX-License-Identifier: MIT */
/*
 * The part of /metrics that is about delivery: monitors, probes, alerts and
 * channels.
 */
#ifndef MAILTRACK_API_METRICS_MAIL_H
#define MAILTRACK_API_METRICS_MAIL_H

#include "metrics_text.h"
#include "store.h"

/** Add its families; every series of a monitor is there from its first day. */
apr_status_t metrics_mail(metrics_t *out, store_t *store, apr_pool_t *pool);

#endif
