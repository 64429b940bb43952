/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * progress.h - a bar at the bottom of the terminal, lines above it
 *
 * Where standard error is no terminal there is no bar, and lines are all that
 * is written. It moves while the main loop runs, once a second.
 */
#ifndef EXPERIMENT_PROGRESS_H
#define EXPERIMENT_PROGRESS_H

#include <glib.h>

typedef struct Progress Progress;

Progress *progress_new(void);
/** progress_free() - The bar is gone; NULL is taken */
void progress_free(Progress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_free)

/** progress_say() - A line above the bar; of a NULL bar as well */
void progress_say(Progress *progress, const char *line);

/** progress_count() - So many runs have a result
 * @left: How long it takes, NULL if that is not known; copied */
void progress_count(Progress *progress, unsigned done, unsigned total,
                    const char *left);

/** progress_run() - What is run now, NULL: nothing; copied */
void progress_run(Progress *progress, const char *name);

/** progress_step() - What it does now, "migrates"; static */
void progress_step(Progress *progress, const char *step);

#endif
