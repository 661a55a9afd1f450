/* SPDX-License-Identifier: MIT */
/*
 * verdict: names of verdicts and of what counts (contract in verdict.h).
 * Pure; any process, any thread.
 */
#include <string.h>

#include "verdict.h"

static const char *const verdicts[] = {
    "human", "proxied", "prefetch", "scanner", "bot", "self"
};

static const char *const worths[] = { "none", "possible", "open" };

#define LENGTH(a) (sizeof (a) / sizeof (a)[0])

const char *verdict_name(verdict_e verdict)
{
    return (size_t)verdict < LENGTH(verdicts) ? verdicts[verdict] : NULL;
}

const char *counts_name(counts_e counts)
{
    return (size_t)counts < LENGTH(worths) ? worths[counts] : NULL;
}

apr_status_t verdict_of(verdict_e *out, const char *name)
{
    size_t i;

    if (strcmp(name, "proxy") == 0) {
        name = "proxied";
    }
    for (i = 0; i < LENGTH(verdicts); i++) {
        if (strcmp(verdicts[i], name) == 0) {
            *out = (verdict_e)i;
            return APR_SUCCESS;
        }
    }
    return APR_EINVAL;
}

apr_status_t counts_of(counts_e *out, const char *name)
{
    size_t i;

    for (i = 0; i < LENGTH(worths); i++) {
        if (strcmp(worths[i], name) == 0) {
            *out = (counts_e)i;
            return APR_SUCCESS;
        }
    }
    return APR_EINVAL;
}
