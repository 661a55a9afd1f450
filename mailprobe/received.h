/* SPDX-License-Identifier: MIT */
/*
 * One Received line as the servers of this world write them: Postfix, Exim,
 * Sendmail, Exchange, Gmail, qmail, Dovecot. Pure; any thread.
 */
#ifndef MAILPROBE_RECEIVED_H
#define MAILPROBE_RECEIVED_H

#include "headers.h"

/** @param value in one line, as field_value makes it
 * delay_us and skewed are left alone: they need the other hops. */
void received_parse(hop_t *hop, const char *value, apr_pool_t *pool);

#endif
