/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-dots.h - medians at a glance: a row each, with interval and runs
 */
#ifndef EXPERIMENT_REPORT_DOTS_H
#define EXPERIMENT_REPORT_DOTS_H

#include "experiment/summary.h"

typedef struct DotRow {
    char *head;  /* stands above it; NULL: it belongs to the one before */
    char *label; /* both owned */
    guint method;
    Estimate estimate;
    GArray *figures; /* Figure, what the estimate is of; owned */
    Known goal;      /* a mark in this row */
} DotRow;

typedef struct DotAxis {
    const char *label; /* what is drawn, for those who cannot see it */
    bool log;          /* as far from 1 are half and twice */
    double low, high;  /* drawn at least; 0 at the low end unless .log */
    Known line;        /* through all rows */
} DotAxis;

/** dots_new() - Rows of a plot; dots_add() takes what it is given */
GArray *dots_new(void);
void dots_add(GArray *rows, DotRow row);

/** dots_height() - What dots_draw() needs */
double dots_height(const GArray *rows);

/** dots_draw() - One svg; nothing without rows */
void dots_draw(GString *out, const GArray *rows, const DotAxis *axis);

#endif
