/* SPDX-License-Identifier: MIT */
/*
 * The address list parser: a reader that walks a checked copy of the text
 * once, without recursion, so that no input costs more than its length. Runs
 * in the API, mailtrackctl and tests, any thread; pure.
 */
#include "address.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "address_text.h"

typedef struct reader_t {
    const char *at;         /* NUL-terminated, holds no other NUL */
    const char *element;    /* where the one being read began */
    char *words;            /* what was read of it, without quotes */
    apr_size_t length;
    int count;              /* words in words */
    int quoted;             /* was the last one quoted? */
    int in_group;
    int addresses;          /* read, doubles included */
    apr_array_header_t *list;
    apr_hash_t *keys;
    const char *error;
    apr_pool_t *pool;
} reader_t;

static apr_status_t fail(reader_t *r, const char *expected)
{
    apr_size_t len = strcspn(r->element, ",;");
    int cut = len > 40;

    if (cut) {
        for (len = 40; ((unsigned char)r->element[len] & 0xC0) == 0x80;) {
            len--;
        }
    }
    r->error = apr_psprintf(r->pool, "address %d (\"%s%s\"): %s",
                            r->addresses + 1,
                            apr_pstrmemdup(r->pool, r->element, len),
                            cut ? "..." : "", expected);
    return APR_EINVAL;
}

/* -- words -------------------------------------------------------------- */

static int is_atom(char c)
{
    return apr_isalnum(c) || (unsigned char)c >= 0x80
        || (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

/* RFC 5322 CFWS: blanks and comments, which nest. */
static apr_status_t skip_blanks(reader_t *r)
{
    int depth = 0;

    for (; *r->at; r->at++) {
        if (*r->at == '(') {
            depth++;
        }
        else if (depth && *r->at == '\\' && r->at[1]) {
            r->at++;
        }
        else if (depth && *r->at == ')') {
            depth--;
        }
        else if (!depth && *r->at != ' ') {
            break;
        }
    }
    return depth ? fail(r, "expected \")\" after the comment")
                 : APR_SUCCESS;
}

static apr_status_t read_quoted(reader_t *r)
{
    for (r->at++; *r->at && *r->at != '"'; r->at++) {
        if (*r->at == '\\' && r->at[1]) {
            r->at++;
        }
        r->words[r->length++] = *r->at;
    }
    if (!*r->at) {
        return fail(r, "expected a closing quotation mark");
    }
    r->at++;
    return APR_SUCCESS;
}

/* All words up to the next special character. */
static apr_status_t read_words(reader_t *r)
{
    apr_status_t rv = skip_blanks(r);
    const char *before = r->at;

    r->length = 0;
    r->count = 0;
    while (rv == APR_SUCCESS && (*r->at == '"' || is_atom(*r->at))) {
        if (r->count++ && r->at != before) {
            r->words[r->length++] = ' ';
        }
        r->quoted = *r->at == '"';
        if (r->quoted) {
            rv = read_quoted(r);
        }
        else {
            while (is_atom(*r->at)) {
                r->words[r->length++] = *r->at++;
            }
        }
        before = r->at;
        if (rv == APR_SUCCESS) {
            rv = skip_blanks(r);
        }
    }
    r->words[r->length] = '\0';
    return rv;
}

/* -- one address -------------------------------------------------------- */

/* dot-atom: neither at an end nor doubled is a dot. */
static int is_dot_atom(const char *s)
{
    const char *p;

    if (!*s || *s == '.') {
        return 0;
    }
    for (p = s; *p; p++) {
        if (!is_atom(*p) || (*p == '.' && (p[1] == '.' || !p[1]))) {
            return 0;
        }
    }
    return 1;
}

static const char *quote(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, 2 * strlen(text) + 3), *p = out;

    *p++ = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            *p++ = '\\';
        }
        *p++ = *text;
    }
    *p++ = '"';
    *p = '\0';
    return out;
}

static apr_status_t take_local(reader_t *r, const char **local)
{
    if (r->count == 0) {
        return fail(r, "expected a name before the \"@\"");
    }
    if (r->count > 1) {
        return fail(r, "expected \"<\" and \">\" around the address after a "
                       "name");
    }
    if (is_dot_atom(r->words)) {
        *local = apr_pstrmemdup(r->pool, r->words, r->length);
    }
    else if (!r->quoted) {
        return fail(r, "expected no dot at an end, nor two together, before "
                       "the \"@\"");
    }
    else if (r->length == 0) {
        return fail(r, "expected something between the quotation marks");
    }
    else {
        *local = quote(r->words, r->pool);
    }
    if (strlen(*local) > ADDRESS_MAX_LOCAL) {
        return fail(r, "expected at most 64 octets before the \"@\"");
    }
    return APR_SUCCESS;
}

/* Letters, digits, hyphens inside, underscores; any UTF-8 (IDN). */
static int is_domain(const char *s)
{
    const char *label = s;

    for (;; s++) {
        if (*s == '.' || !*s) {
            if (s == label || *label == '-' || s[-1] == '-') {
                return 0;
            }
            label = s + 1;
            if (!*s) {
                return 1;
            }
        }
        else if (!apr_isalnum(*s) && *s != '-' && *s != '_'
                 && (unsigned char)*s < 0x80) {
            return 0;
        }
    }
}

static char *lower(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text), *p;

    for (p = copy; *p; p++) {
        if (*p >= 'A' && *p <= 'Z') {
            *p = (char)(*p + 32);
        }
    }
    return copy;
}

static apr_status_t read_domain(reader_t *r, const char **domain)
{
    apr_status_t rv = skip_blanks(r);
    const char *start = r->at;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (*start == '[') {
        for (r->at++; *r->at && !strchr("[]\\<>(),;\" ", *r->at); r->at++)
            ;
        if (*r->at != ']' || r->at == start + 1) {
            return fail(r, "expected an address literal such as [192.0.2.1]");
        }
        r->at++;
    }
    else {
        while (is_atom(*r->at)) {
            r->at++;
        }
    }
    *domain = lower(apr_pstrmemdup(r->pool, start,
                                   (apr_size_t)(r->at - start)), r->pool);
    if (**domain != '[' && !is_domain(*domain)) {
        return fail(r, "expected a domain after the \"@\"");
    }
    if (strlen(*domain) > ADDRESS_MAX_DOMAIN) {
        return fail(r, "expected at most 255 octets after the \"@\"");
    }
    return skip_blanks(r);
}

/* The local part is in words; the reader stands at the "@". */
static apr_status_t read_address(reader_t *r, address_t *address)
{
    const char *local = NULL;
    apr_status_t rv = take_local(r, &local);

    if (rv == APR_SUCCESS) {
        r->at++;
        rv = read_domain(r, &address->domain);
    }
    if (rv == APR_SUCCESS) {
        address->address = apr_pstrcat(r->pool, local, "@", address->domain,
                                       NULL);
        address->key = lower(address->address, r->pool);
    }
    return rv;
}

static const char *take_name(reader_t *r)
{
    const char *s = r->words;
    apr_size_t len = r->length;

    while (*s == ' ') {
        s++;
        len--;
    }
    if (len > ADDRESS_MAX_NAME) {
        len = ADDRESS_MAX_NAME;
        while (((unsigned char)s[len] & 0xC0) == 0x80) {
            len--;
        }
    }
    while (len && s[len - 1] == ' ') {
        len--;
    }
    return apr_pstrmemdup(r->pool, s, len);
}

/* `<local@domain>`, behind a name or alone. */
static apr_status_t read_angle(reader_t *r, address_t *address)
{
    apr_status_t rv;

    r->at++;
    rv = read_words(r);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (*r->at != '@') {
        return fail(r, "expected an address between \"<\" and \">\"");
    }
    rv = read_address(r, address);
    if (rv == APR_SUCCESS && *r->at != '>') {
        rv = fail(r, "expected \">\" after the address");
    }
    if (rv == APR_SUCCESS) {
        r->at++;
        rv = skip_blanks(r);
    }
    return rv;
}

/* -- the list ----------------------------------------------------------- */

static apr_status_t keep(reader_t *r, const address_t *address)
{
    if (strlen(address->address) > ADDRESS_MAX) {
        return fail(r, "expected at most 320 octets");
    }
    if (r->addresses >= ADDRESS_MAX_COUNT) {
        return fail(r, "expected at most 500 addresses");
    }
    r->addresses++;
    if (!apr_hash_get(r->keys, address->key, APR_HASH_KEY_STRING)) {
        apr_hash_set(r->keys, address->key, APR_HASH_KEY_STRING, address->key);
        APR_ARRAY_PUSH(r->list, address_t) = *address;
    }
    return APR_SUCCESS;
}

/* The words before are read; the reader stands at "<" or "@". */
static apr_status_t read_mailbox(reader_t *r)
{
    address_t address = { NULL, NULL, "", NULL };
    apr_status_t rv;

    if (*r->at == '<') {
        address.name = take_name(r);
        rv = read_angle(r, &address);
    }
    else {
        rv = read_address(r, &address);
        if (rv == APR_SUCCESS && *r->at == '<') {
            /* `a@x <a@x>`: an address serves as the name, unquoted */
            address.name = address.address;
            rv = read_angle(r, &address);
        }
    }
    if (rv == APR_SUCCESS && *r->at && *r->at != ',' && *r->at != ';') {
        rv = fail(r, "expected a comma after the address");
    }
    if (rv == APR_SUCCESS && !strcmp(lower(address.name, r->pool),
                                     address.key)) {
        address.name = "";
    }
    return rv == APR_SUCCESS ? keep(r, &address) : rv;
}

static apr_status_t read_element(reader_t *r)
{
    apr_status_t rv = read_words(r);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    switch (*r->at) {
    case '<':
    case '@':
        return read_mailbox(r);
    case ':':
        if (r->in_group || r->count == 0) {
            return fail(r, "expected no \":\" here");
        }
        r->in_group = 1;
        r->at++;
        return APR_SUCCESS;
    case ',':
    case ';':
    case '\0':
        return r->count ? fail(r, "expected an address such as "
                                  "name@example.org") : APR_SUCCESS;
    default:
        return fail(r, apr_psprintf(r->pool, "unexpected \"%c\"", *r->at));
    }
}

static apr_status_t read_list(reader_t *r)
{
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && *r->at) {
        while (*r->at == ' ') {
            r->at++;
        }
        r->element = r->at;
        rv = read_element(r);
        if (rv == APR_SUCCESS && (*r->at == ',' || *r->at == ';')) {
            r->in_group = r->in_group && *r->at == ',';
            r->at++;
        }
    }
    if (rv == APR_SUCCESS && r->in_group) {
        rv = fail(r, "expected \";\" after the group");
    }
    return rv;
}

apr_status_t address_parse_list(apr_array_header_t **list, const char **error,
                                const char *text, apr_size_t len,
                                apr_pool_t *pool)
{
    reader_t r = { .pool = pool };
    const char *simple = "";
    apr_status_t rv;

    r.list = apr_array_make(pool, 4, sizeof(address_t));
    r.keys = apr_hash_make(pool);
    /* a word can gain a space before it: `""""` is two words */
    r.words = apr_palloc(pool, len + 1);
    rv = address_text(&simple, &r.error, text, len, pool);
    r.at = r.element = simple;
    if (rv == APR_SUCCESS) {
        rv = read_list(&r);
    }
    if (rv == APR_SUCCESS && r.list->nelts == 0) {
        r.error = "expected at least one address such as name@example.org";
        rv = APR_EINVAL;
    }
    *list = rv == APR_SUCCESS ? r.list : NULL;
    *error = r.error;
    return rv;
}

/* -- and back ----------------------------------------------------------- */

const char *address_format(const address_t *address, apr_pool_t *pool)
{
    const char *p, *name = address->name;

    if (!*name) {
        return address->address;
    }
    for (p = name; *p; p++) {
        if (*p == '.' || (*p != ' ' && !is_atom(*p))) {
            name = quote(name, pool);
            break;
        }
    }
    return apr_pstrcat(pool, name, " <", address->address, ">", NULL);
}

const char *address_format_list(const apr_array_header_t *list,
                                apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, 2 * list->nelts + 1,
                                               sizeof(const char *));
    int i;

    for (i = 0; i < list->nelts; i++) {
        if (i) {
            APR_ARRAY_PUSH(parts, const char *) = ", ";
        }
        APR_ARRAY_PUSH(parts, const char *) =
            address_format(&APR_ARRAY_IDX(list, i, address_t), pool);
    }
    return apr_array_pstrcat(pool, parts, 0);
}
