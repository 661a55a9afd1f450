/* SPDX-License-Identifier: MIT */
/*
 * JSON from strangers; see strict.h. Looks twice at the text: jansson's parser
 * is recursive, so nesting is counted before.
 */
#include <apr_strings.h>
#include <string.h>

#include "strict.h"
#include "utf8.h"

static int too_deep(const char *text, apr_size_t len)
{
    apr_size_t i;
    int depth = 0, quoted = 0;

    for (i = 0; i < len; i++) {
        char c = text[i];

        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = 0;
        } else if (c == '"')
            quoted = 1;
        else if ((c == '{' || c == '[') && ++depth > STRICT_DEPTH_MAX)
            return 1;
        else if (c == '}' || c == ']')
            depth--;
    }
    return 0;
}

apr_status_t strict_json(json_t **json, const char **error, const char *text,
                         apr_size_t len, apr_pool_t *pool)
{
    json_error_t why;

    if (memchr(text, '\0', len)) {
        *error = "There is a NUL in it.";
        return APR_EGENERAL;
    }
    if (too_deep(text, len)) {
        *error = apr_psprintf(pool, "It is nested deeper than %d.",
                              STRICT_DEPTH_MAX);
        return APR_EGENERAL;
    }
    *json = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                       &why);
    if (*json)
        return APR_SUCCESS;
    *error = apr_psprintf(pool, "Line %d, column %d: %s.", why.line,
                          why.column, utf8_clean(why.text, strlen(why.text),
                                                 160, pool));
    return APR_EGENERAL;
}
