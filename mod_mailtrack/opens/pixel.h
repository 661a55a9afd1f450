/* SPDX-License-Identifier: MIT */
/*
 * The pixel: path to id to spool to 43 bytes. Knows no database.
 */
#ifndef MAILTRACK_PIXEL_H
#define MAILTRACK_PIXEL_H

#include <httpd.h>

/**
 * httpd's quick handler, before URI translation and auth walks. Known, unknown
 * and malformed ids get the same answer; a hit that cannot be written is
 * answered all the same: a pixel never breaks a mail.
 * @param lookup not 0: a sub-request asks whether we would; we decline
 */
int pixel_handler(request_rec *r, int lookup);

#endif
