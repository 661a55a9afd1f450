/* SPDX-License-Identifier: MIT */
/*
 * rule: one rule of the rules file, and the default.
 *
 * rules.c calls it while loading, when all networks are known; form_user()
 * is the rules_t under construction. One thread. Faults stay in the form.
 */
#ifndef MAILTRACK_RULE_H
#define MAILTRACK_RULE_H

#include "form.h"
#include "rules.h"

/* APR_EINVAL with form_error() set, also for a name that an earlier rule
 * has. Headers the rule reads are added to rules->headers. */
apr_status_t rule_read(rules_rule_t *out, form_t *form, form_node_t *node);
apr_status_t rule_read_default(verdict_t *out, form_t *form,
                               form_node_t *node);

/* Is name 1 to RULES_NAME_MAX of a-z, 0-9 and mark? what is for the
 * message. */
apr_status_t rule_check_name(form_t *form, const form_node_t *node,
                             const char *what, const char *name,
                             const char *mark);

#endif
