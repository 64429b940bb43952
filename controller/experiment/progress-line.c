/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * progress-line.c - see progress-line.h
 *
 * What fits least important last: the bar, how long it still takes, what is
 * going on.
 */
#include "experiment/progress-line.h"

#define BAR 20

char *
progress_line(const ProgressLine *progress, size_t width)
{
    unsigned done = MIN(progress->done, progress->total);
    unsigned full = progress->total ? BAR * done / progress->total : 0;
    GString *line = g_string_new("[");

    for (unsigned i = 0; i < BAR; i++) {
        g_string_append_c(line, i < full ? '#' : ' ');
    }
    g_string_append_printf(line, "] %u of %u", done, progress->total);
    if (progress->left) {
        g_string_append_printf(line, ", %s", progress->left);
    }
    if (progress->run) {
        g_string_append_printf(line, "  %s: %s %u s", progress->run,
                               progress->step ? progress->step : "",
                               progress->step_s);
    }
    if (line->len > width) {
        g_string_truncate(line, width);
    }
    return g_string_free(line, FALSE);
}
