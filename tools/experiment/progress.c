/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * progress.c - see progress.h
 */
#include "tools/experiment/progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "experiment/progress-line.h"

#define ERASE "\r\033[K"
#define NARROW 80 /* where the terminal does not tell */

struct Progress {
    bool drawn;
    guint source;
    unsigned done, total;
    char *left, *run;
    const char *step;
    int64_t since_us;
};

static size_t
width_of(void)
{
    struct winsize size;

    /* not the last column: some terminals go on to the next line then */
    return (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1
                ? size.ws_col
                : NARROW) -
           1;
}

static void
draw(Progress *progress)
{
    const ProgressLine line = {
        .done = progress->done,
        .total = progress->total,
        .left = progress->left,
        .run = progress->run,
        .step = progress->step,
        .step_s = (unsigned)((clock_mono_us() - progress->since_us) / 1000000)
    };
    g_autofree char *text = NULL;

    if (progress->source == 0 || progress->total == 0) {
        return;
    }
    text = progress_line(&line, width_of());
    fprintf(stderr, ERASE "%s", text);
    fflush(stderr);
    progress->drawn = true;
}

static void
erase(Progress *progress)
{
    if (progress && progress->drawn) {
        fputs(ERASE, stderr);
        progress->drawn = false;
    }
}

static gboolean
on_second(gpointer user)
{
    draw(user);
    return G_SOURCE_CONTINUE;
}

Progress *
progress_new(void)
{
    Progress *progress = g_new0(Progress, 1);

    if (isatty(STDERR_FILENO)) {
        progress->source = g_timeout_add_seconds(1, on_second, progress);
    }
    return progress;
}

void
progress_free(Progress *progress)
{
    if (!progress) {
        return;
    }
    erase(progress);
    if (progress->source) {
        g_source_remove(progress->source);
    }
    g_free(progress->left);
    g_free(progress->run);
    g_free(progress);
}

void
progress_say(Progress *progress, const char *line)
{
    erase(progress);
    fprintf(stderr, "%s\n", line);
    if (progress) {
        draw(progress);
    }
}

void
progress_count(Progress *progress, unsigned done, unsigned total,
               const char *left)
{
    progress->done = done;
    progress->total = total;
    g_free(progress->left);
    progress->left = g_strdup(left);
    draw(progress);
}

void
progress_run(Progress *progress, const char *name)
{
    g_free(progress->run);
    progress->run = g_strdup(name);
    progress->step = NULL;
}

void
progress_step(Progress *progress, const char *step)
{
    progress->step = step;
    progress->since_us = clock_mono_us();
    draw(progress); /* and not before what is run has a step */
}
