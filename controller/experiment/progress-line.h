/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * progress-line.h - how far an experiment is, in a line of a terminal
 */
#ifndef EXPERIMENT_PROGRESS_LINE_H
#define EXPERIMENT_PROGRESS_LINE_H

#include <glib.h>

typedef struct ProgressLine {
    unsigned done, total; /* runs; total > 0 */
    const char *left; /* "20 min left, over at 14:32"; NULL: not known yet */
    const char *run;  /* "r02-vm2-50mbit-four-default"; NULL: none */
    const char *step; /* "migrates" */
    unsigned step_s;  /* for so long */
} ProgressLine;

/** progress_line() - "[####      ] 4 of 10  ..."; at most @width bytes, plain
 * ASCII as long as names are. g_free() it */
char *progress_line(const ProgressLine *progress, size_t width);

#endif
