/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-plots.h - pictures of all cells together, each as one svg
 *
 * Each draws nothing, and has the height 0, where there is nothing to show.
 */
#ifndef EXPERIMENT_REPORT_PLOTS_H
#define EXPERIMENT_REPORT_PLOTS_H

#include "experiment/summary.h"

/** plot_ratios() - Total time of each method, of the first one's */
double plot_ratios(GString *out, const Summary *summary,
                   const GPtrArray *results);

/** plot_claims() - What claims compare, with their goals; what misses first */
double plot_claims(GString *out, const Summary *summary,
                   const GPtrArray *results);

/**
 * plot_measure() - One measure of each method
 * @line: A value to judge it by, or unknown
 */
double plot_measure(GString *out, const Summary *summary,
                    const GPtrArray *results, Measure measure, Known line);

#endif
