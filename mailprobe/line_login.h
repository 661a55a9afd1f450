/* SPDX-License-Identifier: MIT */
/*
 * What line.c has libcurl do. Loop thread; nobody else includes it.
 */
#ifndef MAILPROBE_LINE_LOGIN_H
#define MAILPROBE_LINE_LOGIN_H

#include "line.h"

/** Give line->easy all it needs to connect, do TLS and log in. */
CURLcode line_login(line_t *line);

/** It failed: put line->talk.phase where it stopped, which replies alone do
 * not tell. */
void line_login_end(line_t *line, CURLcode rc);

#endif
