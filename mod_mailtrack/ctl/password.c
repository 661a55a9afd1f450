/* SPDX-License-Identifier: MIT */
/*
 * A password from standard input: a line of it, or asked for twice without
 * echo when it is a terminal. Never an argument: every user can read those.
 */
#include "ctl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "sql/utf8.h"

#define BUFFER 1024

static int ask(const ctl_t *ctl, char *out, apr_size_t size)
{
    char again[BUFFER];
    apr_size_t len = size;
    apr_status_t rv = apr_password_get("Password: ", out, &len);

    if (rv == APR_SUCCESS) {
        len = sizeof(again);
        rv = apr_password_get("Again: ", again, &len);
    }
    if (rv != APR_SUCCESS) {
        return ctl_fail(ctl, rv, "the password cannot be read");
    }
    if (strcmp(out, again)) {
        return ctl_refuse(ctl, "the two passwords differ");
    }
    return CTL_OK;
}

static int read_line(const ctl_t *ctl, char *out, apr_size_t size)
{
    apr_size_t len = 0;
    int c;

    while ((c = getchar()) != EOF && c != '\n') {
        if (c == '\0' || len + 1 >= size) {
            return ctl_refuse(ctl, "the password is too long or holds a NUL "
                              "byte");
        }
        out[len++] = (char)c;
    }
    if (len > 0 && out[len - 1] == '\r') {
        len--;
    }
    out[len] = '\0';
    return CTL_OK;
}

int ctl_read_password(const ctl_t *ctl, const char **password)
{
    char *line = apr_pcalloc(ctl->pool, BUFFER);
    int code = isatty(STDIN_FILENO) ? ask(ctl, line, BUFFER)
               : read_line(ctl, line, BUFFER);

    *password = line;
    if (code == CTL_OK && !*line) {
        return ctl_refuse(ctl, "no password: expected it as one line of "
                          "standard input");
    }
    if (code == CTL_OK && !utf8_valid(line, strlen(line))) {
        return ctl_refuse(ctl, "the password is not UTF-8");
    }
    return code;
}
