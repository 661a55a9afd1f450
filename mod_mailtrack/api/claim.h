/* SPDX-License-Identifier: MIT */
/*
 * "That was me": a stored hit judged anew with the sender's word on it. For
 * endpoints, inside their transaction; any of httpd's worker threads.
 */
#ifndef MAILTRACK_API_CLAIM_H
#define MAILTRACK_API_CLAIM_H

#include "opens.h"
#include "route.h"

/**
 * Counters follow in record_finish. @param was as it is stored, with
 * track_created_at; @param self 0: it was not me after all
 * @return APR_EGENERAL: what it was judged by is gone; APR_ENOTIMPL: the rules
 * do not care who it was
 */
apr_status_t claim_open(call_t *call, recorder_t *rec, const open_t *was,
                        int self);

/** Answer what went wrong with a claim. @param what as for answer_store */
int claim_answer(call_t *call, apr_status_t status, const char *what);

#endif
