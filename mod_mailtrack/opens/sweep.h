/* SPDX-License-Identifier: MIT */
/*
 * The drain's tidying up. An offset is forgotten only after its file is gone,
 * and a file goes only after its hits are on the store's disk.
 */
#ifndef MAILTRACK_SWEEP_H
#define MAILTRACK_SWEEP_H

#include "round.h"

/**
 * Remove what is finished. @param found segments as listed in this round
 * @return a status of the store; a file's fault is logged and costs itself
 */
apr_status_t sweep_run(round_t *r, const apr_array_header_t *found);

#endif
