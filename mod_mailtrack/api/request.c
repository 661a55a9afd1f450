/* SPDX-License-Identifier: MIT */
/*
 * Query string and JSON body, parsed and checked; see request.h.
 * Runs in httpd's worker threads; knows neither httpd nor the store.
 */
#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "address.h"
#include "request.h"
#include "strict.h"
#include "utf8.h"
#include "when.h"

typedef struct arg_t {
    const char *name;
    const char *value;
    int known;
} arg_t;

struct request_t {
    apr_pool_t *pool;
    apr_array_header_t *args;   /* arg_t */
    json_t *body;               /* NULL: none was read */
    apr_array_header_t *known;  /* const char *: fields asked for */
    apr_array_header_t *faults; /* request_fault_t */
};

request_t *request_create(apr_pool_t *pool)
{
    request_t *in = apr_pcalloc(pool, sizeof(*in));

    in->pool = pool;
    in->args = apr_array_make(pool, 4, sizeof(arg_t));
    in->known = apr_array_make(pool, 8, sizeof(const char *));
    in->faults = apr_array_make(pool, 2, sizeof(request_fault_t));
    return in;
}

void request_fault(request_t *in, const char *field, const char *detail)
{
    request_fault_t *fault;

    if (in->faults->nelts >= REQUEST_FAULTS_MAX)
        return;
    fault = apr_array_push(in->faults);
    fault->field = field;
    fault->detail = detail;
}

const apr_array_header_t *request_faults(const request_t *in)
{
    return in->faults;
}

/* A name the client made up, short enough to be said back. */
static const char *quotable(request_t *in, const char *name)
{
    return utf8_clean(name, strlen(name), 64, in->pool);
}

/* -- the query string ---------------------------------------------------- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)apr_tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo percent-encoding. NULL: malformed, or no UTF-8 text without NUL. */
static const char *decoded(const char *text, apr_size_t len, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, len + 1);
    apr_size_t i, n = 0;

    for (i = 0; i < len; i++) {
        if (text[i] == '%') {
            int high = i + 2 < len ? hex_value(text[i + 1]) : -1;
            int low = i + 2 < len ? hex_value(text[i + 2]) : -1;

            if (high < 0 || low < 0)
                return NULL;
            out[n++] = (char)(high * 16 + low);
            i += 2;
        } else
            out[n++] = text[i] == '+' ? ' ' : text[i];
    }
    out[n] = '\0';
    return utf8_valid(out, n) ? out : NULL;
}

static arg_t *arg_find(request_t *in, const char *name)
{
    int i;

    for (i = 0; i < in->args->nelts; i++) {
        arg_t *arg = &APR_ARRAY_IDX(in->args, i, arg_t);

        if (!strcmp(arg->name, name))
            return arg;
    }
    return NULL;
}

static void arg_add(request_t *in, const char *pair, apr_size_t len)
{
    const char *equals = memchr(pair, '=', len);
    apr_size_t name_len = equals ? (apr_size_t)(equals - pair) : len;
    const char *name = decoded(pair, name_len, in->pool);
    const char *value = "";
    arg_t *arg;

    if (!name) {
        request_fault(in, "query", "A parameter's name is not UTF-8 text, "
                      "percent-encoded.");
        return;
    }
    if (equals)
        value = decoded(equals + 1, len - name_len - 1, in->pool);
    if (!value) {
        request_fault(in, quotable(in, name), "The value is not UTF-8 text, "
                      "percent-encoded.");
        value = "";
    }
    if ((arg = arg_find(in, name)) != NULL) {
        request_fault(in, quotable(in, name), "The parameter is there more "
                      "than once.");
        return;
    }
    arg = apr_array_push(in->args);
    arg->name = name;
    arg->value = value;
    arg->known = 0;
}

void request_args(request_t *in, const char *query)
{
    while (query && *query) {
        apr_size_t len = strcspn(query, "&");

        if (in->args->nelts >= REQUEST_ARGS_MAX) {
            request_fault(in, "query", "There are too many parameters.");
            return;
        }
        if (len)
            arg_add(in, query, len);
        query += len + (query[len] == '&');
    }
}

/* The value of a parameter that may be there; NULL when absent or empty. */
static const char *arg_value(request_t *in, const char *name)
{
    arg_t *arg = arg_find(in, name);

    if (!arg)
        return NULL;
    arg->known = 1;
    return *arg->value ? arg->value : NULL;
}

const char *request_arg_text(request_t *in, const char *name, apr_size_t max)
{
    const char *value = arg_value(in, name);

    if (value && utf8_length(value) > max) {
        request_fault(in, name, apr_psprintf(in->pool, "At most %"
                      APR_SIZE_T_FMT " characters are taken.", max));
        return NULL;
    }
    return value;
}

int request_arg_bool(request_t *in, const char *name)
{
    const char *value = arg_value(in, name);

    if (!value)
        return -1;
    if (!strcmp(value, "true") || !strcmp(value, "1"))
        return 1;
    if (!strcmp(value, "false") || !strcmp(value, "0"))
        return 0;
    request_fault(in, name, "Expected true or false.");
    return -1;
}

/* Digits alone, at most 15 of them. */
static int digits_only(const char *text)
{
    apr_size_t n = strspn(text, "0123456789");

    return n && n <= 15 && !text[n];
}

apr_int64_t request_arg_int(request_t *in, const char *name, apr_int64_t min,
                            apr_int64_t max, apr_int64_t otherwise)
{
    const char *value = arg_value(in, name);
    apr_int64_t number = digits_only(value ? value : "") ? apr_atoi64(value)
                                                         : -1;

    if (!value)
        return otherwise;
    if (number < min || number > max) {
        request_fault(in, name, apr_psprintf(in->pool, "Expected a whole "
                      "number from %" APR_INT64_T_FMT " to %"
                      APR_INT64_T_FMT ".", min, max));
        return otherwise;
    }
    return number;
}

int request_arg_choice(request_t *in, const char *name,
                       const char *const *choices, int otherwise)
{
    const char *value = arg_value(in, name);
    const char *list = "";
    int i;

    if (!value)
        return otherwise;
    for (i = 0; choices[i]; i++) {
        if (!strcmp(value, choices[i]))
            return i;
        list = apr_pstrcat(in->pool, list, i ? ", " : "", choices[i], NULL);
    }
    request_fault(in, name, apr_psprintf(in->pool, "Expected one of: %s.",
                                         list));
    return otherwise;
}

apr_int64_t request_arg_time(request_t *in, const char *name)
{
    const char *value = arg_value(in, name);
    apr_int64_t time = value ? when_parse(value) : WHEN_NONE;

    if (value && time == WHEN_NONE)
        request_fault(in, name, "Expected a time with its zone, such as "
                      "2026-01-31T12:00:00Z or 2026-01-31T13:00:00+01:00, or "
                      "UNIX seconds.");
    return time;
}

/* -- the body ------------------------------------------------------------ */

static apr_status_t body_free(void *body)
{
    json_decref(body);
    return APR_SUCCESS;
}

apr_status_t request_json(request_t *in, const char **error, const char *body,
                          apr_size_t len)
{
    json_t *json;
    apr_status_t rv = strict_json(&json, error, body, len, in->pool);

    if (rv)
        return rv;
    apr_pool_cleanup_register(in->pool, json, body_free,
                              apr_pool_cleanup_null);
    if (!json_is_object(json)) {
        *error = "Expected a JSON object.";
        return APR_EINVAL;
    }
    in->body = json;
    return APR_SUCCESS;
}

/* A field that may be there, null included. */
static json_t *field(request_t *in, const char *name)
{
    APR_ARRAY_PUSH(in->known, const char *) = name;
    return json_object_get(in->body, name);
}

int request_has(request_t *in, const char *name)
{
    return field(in, name) != NULL;
}

json_t *request_object(request_t *in, const char *name)
{
    json_t *value = field(in, name);

    if (!value || json_is_null(value))
        return NULL;
    if (!json_is_object(value)) {
        request_fault(in, name, "Expected an object.");
        return NULL;
    }
    return value;
}

json_t *request_array(request_t *in, const char *name)
{
    json_t *value = field(in, name);

    if (!value || json_is_null(value))
        return NULL;
    if (!json_is_array(value)) {
        request_fault(in, name, "Expected an array.");
        return NULL;
    }
    return value;
}

static int has_control(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return 1;
    return 0;
}

const char *request_text(request_t *in, const char *name, apr_size_t max,
                         int flags)
{
    json_t *value = field(in, name);
    const char *text = json_string_value(value);

    if (!value || json_is_null(value))
        return NULL;
    if (!text) {
        request_fault(in, name, "Expected a string.");
        return NULL;
    }
    if (utf8_length(text) > max) {
        request_fault(in, name, apr_psprintf(in->pool, "At most %"
                      APR_SIZE_T_FMT " characters are taken.", max));
        return NULL;
    }
    if ((flags & REQUEST_LINE) && has_control(text)) {
        request_fault(in, name, "Expected one line without control "
                      "characters.");
        return NULL;
    }
    return text;
}

int request_bool(request_t *in, const char *name)
{
    json_t *value = field(in, name);

    if (!value)
        return -1;
    if (json_is_boolean(value))
        return json_is_true(value);
    request_fault(in, name, "Expected true or false.");
    return -1;
}

apr_int64_t request_int(request_t *in, const char *name, apr_int64_t min,
                        apr_int64_t max, apr_int64_t otherwise)
{
    json_t *value = field(in, name);

    if (!value || json_is_null(value))
        return otherwise;
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        request_fault(in, name, apr_psprintf(in->pool, "Expected a whole "
                      "number from %" APR_INT64_T_FMT " to %"
                      APR_INT64_T_FMT ".", min, max));
        return otherwise;
    }
    return (apr_int64_t)json_integer_value(value);
}

/* Addresses of one string, added to list; nobody twice (seen, by key). */
static int addresses_add(request_t *in, apr_array_header_t *list,
                         apr_hash_t *seen, json_t *value, const char *name)
{
    apr_array_header_t *some;
    const char *text = json_string_value(value);
    const char *error;
    int i;

    if (!text) {
        request_fault(in, name, "Expected a string with a mail address.");
        return 0;
    }
    if (address_parse_list(&some, &error, text, json_string_length(value),
                           in->pool)) {
        request_fault(in, name, utf8_clean(error, strlen(error), 500,
                                           in->pool));
        return 0;
    }
    for (i = 0; i < some->nelts; i++) {
        address_t *address = &APR_ARRAY_IDX(some, i, address_t);

        if (apr_hash_get(seen, address->key, APR_HASH_KEY_STRING))
            continue;
        apr_hash_set(seen, address->key, APR_HASH_KEY_STRING, address);
        APR_ARRAY_PUSH(list, address_t) = *address;
    }
    return 1;
}

static apr_array_header_t *addresses_of(request_t *in, json_t *value,
                                        const char *name)
{
    apr_array_header_t *list = apr_array_make(in->pool, 4, sizeof(address_t));
    apr_hash_t *seen = apr_hash_make(in->pool);
    apr_size_t i, n = json_array_size(value);
    int good = 1;

    if (!json_is_array(value))
        return addresses_add(in, list, seen, value, name) ? list : NULL;
    if (!n || n > ADDRESS_MAX_COUNT) {
        request_fault(in, name, apr_psprintf(in->pool, "Expected 1 to %d "
                      "addresses.", ADDRESS_MAX_COUNT));
        return NULL;
    }
    for (i = 0; i < n; i++)
        good &= addresses_add(in, list, seen, json_array_get(value, i),
                              apr_psprintf(in->pool, "%s[%" APR_SIZE_T_FMT
                                           "]", name, i));
    if (good && list->nelts > ADDRESS_MAX_COUNT) {
        request_fault(in, name, apr_psprintf(in->pool, "Expected at most %d "
                      "addresses.", ADDRESS_MAX_COUNT));
        return NULL;
    }
    return good ? list : NULL;
}

apr_array_header_t *request_recipients(request_t *in)
{
    json_t *one = field(in, "recipient");
    json_t *many = field(in, "recipients");

    if (one && many) {
        request_fault(in, "recipients", "Give recipient or recipients, not "
                      "both.");
        return NULL;
    }
    if (one && !json_is_string(one)) {
        request_fault(in, "recipient", "Expected a string with one or more "
                      "mail addresses.");
        return NULL;
    }
    if (!one && !many)
        return NULL;
    return addresses_of(in, one ? one : many, one ? "recipient"
                                                  : "recipients");
}

/* -- the outcome --------------------------------------------------------- */

static int field_known(request_t *in, const char *name)
{
    int i;

    for (i = 0; i < in->known->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(in->known, i, const char *), name))
            return 1;
    return 0;
}

int request_end(request_t *in)
{
    const char *name;
    json_t *value;
    int i;

    for (i = 0; i < in->args->nelts; i++) {
        arg_t *arg = &APR_ARRAY_IDX(in->args, i, arg_t);

        if (!arg->known)
            request_fault(in, quotable(in, arg->name),
                          "There is no such parameter here.");
    }
    json_object_foreach(in->body, name, value) {
        if (!field_known(in, name))
            request_fault(in, quotable(in, name),
                          "There is no such field here.");
    }
    return in->faults->nelts;
}
