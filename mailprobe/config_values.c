/* SPDX-License-Identifier: MIT */
/*
 * Readers of single values: the environment is put in, then a value is what
 * its key wants or an error (contracts in config_form.h). Runs where a
 * configuration is loaded. No value is ever repeated in an error.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "config_form.h"
#include "config_inside.h"
#include "utf8.h"
#include "zone.h"

/* ---- the environment ---- */

typedef struct {
    form_t *form;
    const form_node_t *node;
    const char *at, *end;
    char *out;
    apr_size_t length;
    int literal;                /* something came from the file itself */
} expansion_t;

static apr_status_t put(expansion_t *x, const char *text, apr_size_t length)
{
    if (length > FORM_TEXT_MAX - x->length) {
        return form_fail(x->form, x->node, "too long; expected at most "
                         APR_STRINGIFY(FORM_TEXT_MAX) " bytes");
    }
    memcpy(x->out + x->length, text, length);
    x->length += length;
    return APR_SUCCESS;
}

/* x->at is behind "${"; NAME} or NAME:-default}. */
static apr_status_t put_variable(expansion_t *x)
{
    const char *close = memchr(x->at, '}', (apr_size_t)(x->end - x->at));
    const char *colon, *value, *name;
    apr_size_t length;

    if (!close) {
        return form_fail(x->form, x->node, "\"${\" without \"}\"; expected "
                         "${NAME} or ${NAME:-default}, or $${ for the "
                         "characters themselves");
    }
    colon = memchr(x->at, ':', (apr_size_t)(close - x->at));
    length = (apr_size_t)((colon ? colon : close) - x->at);
    name = apr_pstrmemdup(x->form->pool, x->at, length);
    if (!length || strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopq"
                          "rstuvwxyz0123456789") != length
        || (colon && colon[1] != '-')) {
        return form_fail(x->form, x->node, "not the name of a variable of "
                         "the environment; expected ${NAME} or "
                         "${NAME:-default}");
    }
    value = getenv(name);
    x->at = close + 1;
    if (colon && (!value || !*value)) {
        x->literal |= close > colon + 2;
        return put(x, colon + 2, (apr_size_t)(close - colon - 2));
    }
    if (!value) {
        return form_fail(x->form, x->node, "${%s} is not in the environment; "
                         "expected it there, or ${%s:-default}", name, name);
    }
    return put(x, value, strlen(value));
}

static apr_status_t expand(expansion_t *x)
{
    while (x->at < x->end) {
        apr_size_t left = (apr_size_t)(x->end - x->at);
        apr_status_t rv;

        if (left >= 2 && x->at[0] == '$' && x->at[1] == '{') {
            x->at += 2;
            rv = put_variable(x);
        }
        else {
            /* "$${" is "${" itself */
            int doubled = left >= 3 && memcmp(x->at, "$${", 3) == 0;

            x->literal = 1;
            rv = put(x, x->at + doubled, doubled ? 2 : 1);
            x->at += doubled ? 3 : 1;
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

apr_status_t config_scalar(form_t *form, const char **text, int *literal,
                           const form_node_t *node)
{
    char buffer[FORM_TEXT_MAX + 1];
    expansion_t x = { form, node, NULL, NULL, buffer, 0, 0 };
    apr_size_t i;
    apr_status_t rv;

    if (node->type != YAML_SCALAR_NODE) {
        return form_fail(form, node, "expected a single value");
    }
    x.at = (const char *)node->data.scalar.value;
    x.end = x.at + node->data.scalar.length;
    if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
        && (!strcmp(x.at, "~") || !strcasecmp(x.at, "null"))) {
        x.at = x.end;
    }
    rv = expand(&x);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (i = 0; i < x.length; i++) {
        if ((unsigned char)buffer[i] < 0x20 || buffer[i] == 0x7f) {
            return form_fail(form, node, "a control character in it; "
                             "expected one line of text");
        }
    }
    if (!utf8_valid(buffer, x.length)) {
        return form_fail(form, node, "not UTF-8; expected it to be");
    }
    *text = apr_pstrmemdup(form->pool, buffer, x.length);
    *literal = x.literal;
    return APR_SUCCESS;
}

apr_status_t config_value(form_t *form, const char **text,
                          const form_node_t *node, const form_field_t *field)
{
    int literal;
    apr_status_t rv = config_scalar(form, text, &literal, node);

    if (rv == APR_SUCCESS && !**text && field->required) {
        return form_fail(form, node, "empty; expected a value");
    }
    return rv;
}

/* ---- texts ---- */

apr_status_t form_text(form_t *form, form_node_t *node,
                       const form_field_t *field, void *into)
{
    const char *text;
    apr_status_t rv = config_value(form, &text, node, field);

    if (rv == APR_SUCCESS && *text) {
        *(const char **)into = text;
    }
    return rv;
}

apr_status_t form_note_secret(form_t *form, const form_node_t *node,
                              const char *key)
{
    const char *text;
    int literal;
    apr_status_t rv = config_scalar(form, &text, &literal, node);

    if (rv == APR_SUCCESS && literal && *text && !form->secret_line) {
        form->secret_line = form_line(node);
        form->secret_key = key;
    }
    return rv;
}

apr_status_t form_secret_text(form_t *form, form_node_t *node,
                              const form_field_t *field, void *into)
{
    apr_status_t rv = form_note_secret(form, node, form->key);

    return rv == APR_SUCCESS ? form_text(form, node, field, into) : rv;
}

static int url_fits(const char *url)
{
    const char *host = !strncmp(url, "https://", 8) ? url + 8
                       : !strncmp(url, "http://", 7) ? url + 7 : "";
    const char *at;

    if (!*host || strchr("/:?#@", *host)) {
        return 0;
    }
    for (at = host; *at; at++) {
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7f) {
            return 0;
        }
    }
    return 1;
}

apr_status_t form_url(form_t *form, form_node_t *node,
                      const form_field_t *field, void *into)
{
    const char *text;
    apr_status_t rv = config_value(form, &text, node, field);

    if (rv != APR_SUCCESS || !*text) {
        return rv;
    }
    if (!url_fits(text)) {
        return form_fail(form, node, "expected a URL, \"https://host/path\"");
    }
    *(const char **)into = text;
    return APR_SUCCESS;
}

apr_status_t form_secret_url(form_t *form, form_node_t *node,
                             const form_field_t *field, void *into)
{
    apr_status_t rv = form_note_secret(form, node, form->key);

    return rv == APR_SUCCESS ? form_url(form, node, field, into) : rv;
}

apr_status_t form_zone(form_t *form, form_node_t *node,
                       const form_field_t *field, void *into)
{
    const char *text;
    zone_t *zone;
    apr_status_t rv = config_value(form, &text, node, field);

    if (rv != APR_SUCCESS || !*text) {
        return rv;
    }
    if (zone_load(&zone, text, ZONE_DIR, form->pool) != APR_SUCCESS) {
        return form_fail(form, node, "no time zone of this machine; expected "
                         "one such as UTC or Europe/Berlin");
    }
    *(const char **)into = text;
    return APR_SUCCESS;
}

/* ---- numbers and words ---- */

apr_status_t form_flag(form_t *form, form_node_t *node,
                       const form_field_t *field, void *into)
{
    const char *text;
    apr_status_t rv = config_value(form, &text, node, field);

    if (rv != APR_SUCCESS || !*text) {
        return rv;
    }
    if (strcmp(text, "true") && strcmp(text, "false")) {
        return form_fail(form, node, "expected true or false");
    }
    *(int *)into = strcmp(text, "true") == 0;
    return APR_SUCCESS;
}

apr_status_t form_number(form_t *form, form_node_t *node,
                         const form_field_t *field, void *into)
{
    const char *text;
    apr_status_t rv = config_value(form, &text, node, field);
    apr_size_t length;

    if (rv != APR_SUCCESS || !*text) {
        return rv;
    }
    length = strlen(text);
    if (length > 9 || strspn(text, "0123456789") != length
        || apr_atoi64(text) < field->min || apr_atoi64(text) > field->max) {
        return form_fail(form, node, "expected a whole number from %"
                         APR_INT64_T_FMT " to %" APR_INT64_T_FMT, field->min,
                         field->max);
    }
    *(int *)into = (int)apr_atoi64(text);
    return APR_SUCCESS;
}

static const struct {
    const char *name;
    apr_int64_t us;
} units[] = {
    { "d", APR_INT64_C(86400000000) },
    { "h", APR_INT64_C(3600000000) },
    { "m", 60000000 },
    { "s", 1000000 },
    { "ms", 1000 },
    { NULL, 0 }
};

/* "5m", "1h30m"; -1: no duration. */
static apr_int64_t duration_of(const char *text)
{
    apr_int64_t sum = 0;

    do {
        apr_size_t digits = strspn(text, "0123456789");
        apr_size_t letters = strspn(text + digits, "dhms");
        int i = 0;

        while (units[i].name && (strlen(units[i].name) != letters
               || strncmp(units[i].name, text + digits, letters))) {
            i++;
        }
        if (!digits || digits > 6 || !units[i].name) {
            return -1;
        }
        sum += apr_atoi64(text) * units[i].us;
        text += digits + letters;
    } while (*text);
    return sum;
}

/* As it is written: the largest unit that leaves nothing over. */
static const char *duration_text(apr_int64_t us, apr_pool_t *pool)
{
    int i = 0;

    while (units[i + 1].name && us % units[i].us) {
        i++;
    }
    return us ? apr_psprintf(pool, "%" APR_INT64_T_FMT "%s", us / units[i].us,
                             units[i].name) : "0";
}

apr_status_t form_duration(form_t *form, form_node_t *node,
                           const form_field_t *field, void *into)
{
    const char *text;
    apr_status_t rv = config_value(form, &text, node, field);
    apr_int64_t us;

    if (rv != APR_SUCCESS || !*text) {
        return rv;
    }
    us = strcmp(text, "0") ? duration_of(text) : 0;
    if (us < field->min || us > field->max) {
        return form_fail(form, node, "expected a duration such as 30s, 5m, "
                         "12h or 7d, from %s to %s",
                         duration_text(field->min, form->pool),
                         duration_text(field->max, form->pool));
    }
    *(apr_interval_time_t *)into = us;
    return APR_SUCCESS;
}

int config_index(const char *text, const char *const *words)
{
    int i;

    for (i = 0; words[i]; i++) {
        if (!strcmp(words[i], text)) {
            return i;
        }
    }
    return -1;
}

apr_status_t config_no_word(form_t *form, const form_node_t *node,
                            const char *const *words)
{
    const char *all = *words;

    while (*++words) {
        all = apr_pstrcat(form->pool, all, ", ", *words, NULL);
    }
    return form_fail(form, node, "expected one of %s", all);
}

apr_status_t form_word(form_t *form, form_node_t *node,
                       const form_field_t *field, void *into)
{
    const char *text;
    apr_status_t rv = config_value(form, &text, node, field);
    int i;

    if (rv != APR_SUCCESS || !*text) {
        return rv;
    }
    i = config_index(text, field->more);
    if (i < 0) {
        return config_no_word(form, node, field->more);
    }
    *(int *)into = i;
    return APR_SUCCESS;
}
