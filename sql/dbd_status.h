/* SPDX-License-Identifier: MIT */
/*
 * What a failure that apr_dbd reports means for the caller. Pure; any thread.
 */
#ifndef MAILTRACK_DBD_STATUS_H
#define MAILTRACK_DBD_STATUS_H

#include "store.h"

/**
 * @param driver apr_dbd's driver name
 * @param code   what the apr_dbd call returned: MariaDB's error number,
 *               otherwise of little use
 * @param words  apr_dbd_error(): of PostgreSQL with the SQLSTATE in it where
 *               the session's verbosity could be raised
 * @return STORE_E*; STORE_ESQL when nothing better is known
 */
apr_status_t dbd_status(const char *driver, int code, const char *words);

#endif
