/* SPDX-License-Identifier: MIT */
/*
 * Another wall clock, for t/63-probing.t: preloaded, it adds the microseconds
 * in the first 8 bytes of the file CLOCK_FILE, which may change at any moment.
 * The monotonic clock is left alone. No sanitizer is in it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *offset;

__attribute__((constructor))
static void find_file(void)
{
    const char *path = getenv("CLOCK_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED
                : mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);

    offset = map == MAP_FAILED ? NULL : map;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, id, t);
    int64_t us;

    if (!rc && id == CLOCK_REALTIME && offset) {
        us = *offset + t->tv_nsec / 1000;
        t->tv_sec += us / 1000000;
        t->tv_nsec = us % 1000000 * 1000 + t->tv_nsec % 1000;
        if (t->tv_nsec < 0) {
            t->tv_nsec += 1000000000;
            t->tv_sec--;
        }
    }
    return rc;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_REALTIME, &now);

    (void)zone;
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
    return rc;
}

time_t time(time_t *t)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now)) {
        return -1;
    }
    if (t) {
        *t = now.tv_sec;
    }
    return now.tv_sec;
}
