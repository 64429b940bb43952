/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * before.h - the dirty curve of a guest that does not migrate yet
 *
 * From windows of page sampling and from passes of earlier migrations: points
 * of one curve, which forecaster_set_prior() takes.
 */
#ifndef FORECAST_BEFORE_H
#define FORECAST_BEFORE_H

#include <stdbool.h>
#include <stddef.h>

#include "forecast/forecast.h"

/* Distinct pages written to in a window, now. */
typedef struct BeforeWindow {
    double duration_s;
    double pages;
    double log_sd; /* how wrong the count may be, of log(pages) */
} BeforeWindow;

/* Passes of one earlier migration. */
typedef struct BeforeRun {
    const ForecastPoint *points;
    size_t n_points;
} BeforeRun;

#define BEFORE_MAX_LEVELS 32

typedef struct BeforeCurve {
    ForecastPoint points[FORECAST_MAX_POINTS]; /* growing in both */
    size_t n_points;
    double log_sd;   /* of the whole curve's level */
    double pages_1s; /* D(1 s) of the power law below it */
    double exponent; /* 0.05..1 */
    /* Of a guest that does not write the same way all the time, what it did in
     * each window; none if it was steady or windows do not tell. */
    ForecastLevel levels[BEFORE_MAX_LEVELS];
    size_t n_levels;
} BeforeCurve;

/**
 * before_fit() - Fit D(T) = c T^a, bent to what was measured
 * @windows: In any order, best in that in which they were measured; may be
 *           none. Several of the same length tell whether the guest is steady
 * @runs: Oldest first; may be none
 * @total_pages: Of the guest, no curve exceeds it; 0: not known
 *
 * Points whose numbers make no sense are passed over. Return: false, and
 * @curve is untouched, if nothing is left.
 */
bool before_fit(const BeforeWindow *windows, size_t n_windows,
                const BeforeRun *runs, size_t n_runs, double total_pages,
                BeforeCurve *curve);

#endif
