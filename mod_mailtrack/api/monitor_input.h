/* SPDX-License-Identifier: MIT */
/*
 * What a request says of a monitor: fields of the body read into it, each
 * checked; faults are noted in call->input.
 */
#ifndef MAILTRACK_API_MONITOR_INPUT_H
#define MAILTRACK_API_MONITOR_INPUT_H

#include "monitors.h"
#include "route.h"

/**
 * Fields that are there change m; others leave it.
 * @param off channels to be switched off (const char *), NULL: not said
 * @return 0: no field was there; MONITOR_INPUT_MUTE: muted_until alone
 */
int monitor_input_read(monitor_t *m, const apr_array_header_t **off,
                       call_t *call);
#define MONITOR_INPUT_MUTE 1
#define MONITOR_INPUT_MORE 2

/** A new one needs a name, a recipient and an account. */
void monitor_input_needs(monitor_t *m, call_t *call);

#endif
