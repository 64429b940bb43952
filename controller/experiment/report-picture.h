/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-picture.h - all pictures of an experiment as files of their own
 */
#ifndef EXPERIMENT_REPORT_PICTURE_H
#define EXPERIMENT_REPORT_PICTURE_H

#include "experiment/summary.h"

typedef struct Picture {
    char *file;  /* "vm2-50mbit-four-total.svg"; all owned */
    char *title; /* for those who cannot see it */
    char *note;  /* what it shows, a sentence */
    char *svg;
    const SummaryCell *cell; /* the summary's; NULL: of all of them */
} Picture;

/** experiment_pictures() - GPtrArray of Picture, those of all cells first.
 * None of what nothing was measured of */
GPtrArray *experiment_pictures(const Summary *summary,
                               const GPtrArray *results);

#endif
