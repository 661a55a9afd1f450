/* SPDX-License-Identifier: MIT */
/*
 * The table of what MariaDB says otherwise, and its use. Statements are our
 * own: plain search for our own spelling is enough, and no user's text ever
 * comes here.
 */
#include "translate.h"

#include <string.h>

#include <apr_strings.h>

typedef struct entry_t {
    const char *ours;
    const char *theirs;         /* NULL: taken out, and kept is set */
} entry_t;

static const entry_t entries[] = {
    /* INSERT IGNORE would cut values that do not fit, too */
    { " ON CONFLICT DO NOTHING", NULL },
    { " ON CONFLICT (name) DO NOTHING", NULL },
    { " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      " ON DUPLICATE KEY UPDATE value = VALUES(value)" },
    /* division of integers cuts, but not there */
    { " / ", " DIV " }
};

/* Every occurrence of ours. */
static const char *replaced(const char *sql, const entry_t *entry,
                            apr_pool_t *pool)
{
    const char *theirs = entry->theirs ? entry->theirs : "";
    const char *at = strstr(sql, entry->ours);
    const char *out = "";

    for (; at; at = strstr(sql, entry->ours)) {
        out = apr_pstrcat(pool, out, apr_pstrmemdup(pool, sql,
                          (apr_size_t)(at - sql)), theirs, NULL);
        sql = at + strlen(entry->ours);
    }
    return apr_pstrcat(pool, out, sql, NULL);
}

const char *translate_mysql(int *kept, const char *sql, apr_pool_t *pool)
{
    apr_size_t i;

    *kept = 0;
    for (i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
        if (strstr(sql, entries[i].ours)) {
            *kept |= !entries[i].theirs;
            sql = replaced(sql, &entries[i], pool);
        }
    }
    return sql;
}
