/* SPDX-License-Identifier: MIT */
/*
 * The notification socket of systemd, by hand: one datagram is not worth a
 * library. Runs in the loop thread; never blocks, never logs.
 */
#include "systemd.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <apr_strings.h>

apr_status_t systemd_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    apr_size_t length = path ? strlen(path) : 0;
    socklen_t size;
    apr_status_t rv = APR_SUCCESS;
    int fd;

    if (!length) {
        return APR_SUCCESS;
    }
    if (length >= sizeof(to.sun_path) || (*path != '/' && *path != '@')) {
        return APR_EINVAL;
    }
    memcpy(to.sun_path, path, length + 1);
    size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (*path == '@') {
        to.sun_path[0] = '\0';  /* the abstract namespace, unix(7) */
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL,
               (const struct sockaddr *)&to, size) < 0) {
        rv = errno;
    }
    close(fd);
    return rv;
}

apr_interval_time_t systemd_watchdog(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");

    if (!usec || (pid && apr_atoi64(pid) != (apr_int64_t)getpid())) {
        return 0;
    }
    return apr_atoi64(usec) / 2;
}
