/* SPDX-License-Identifier: MIT */
/*
 * A progress bar on stderr, when that is a terminal. Redrawn at most ten times
 * a second; taken away at the end, so that what is printed stands alone.
 */
#include "ctl.h"

#include <stdio.h>
#include <unistd.h>

#include <apr_time.h>

#define WIDTH 30
#define REDRAW APR_TIME_C(100000)

struct ctl_progress_t {
    const char *what;
    int shown;
    int terminal;
    apr_time_t drawn_at;
};

ctl_progress_t *ctl_progress_start(const ctl_t *ctl, const char *what)
{
    ctl_progress_t *p = apr_pcalloc(ctl->pool, sizeof(*p));

    p->what = what;
    p->terminal = isatty(STDERR_FILENO);
    return p;
}

void ctl_progress(void *context, apr_int64_t done, apr_int64_t total)
{
    ctl_progress_t *p = context;
    apr_time_t now = apr_time_now();
    int filled;
    int i;

    if (!p->terminal || total <= 0
        || (now - p->drawn_at < REDRAW && done < total)) {
        return;
    }
    p->drawn_at = now;
    p->shown = 1;
    filled = (int)(done < total ? done * WIDTH / total : WIDTH);
    fprintf(stderr, "\r%s [", p->what);
    for (i = 0; i < WIDTH; i++) {
        fputc(i < filled ? '#' : '.', stderr);
    }
    fprintf(stderr, "] %3d %%  %lld of %lld\033[K",
            (int)(done < total ? done * 100 / total : 100), (long long)done,
            (long long)total);
}

void ctl_progress_end(ctl_progress_t *p)
{
    if (p->shown) {
        fputs("\r\033[K", stderr);
    }
}
