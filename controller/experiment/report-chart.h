/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-chart.h - pictures of a cell, each as one svg
 */
#ifndef EXPERIMENT_REPORT_CHART_H
#define EXPERIMENT_REPORT_CHART_H

#include "experiment/summary.h"

#define CHART_DISTRIBUTION_HEIGHT 216.0
#define CHART_SECONDS_HEIGHT 196.0

/** experiment_style - CSS of the pictures, after report_style */
extern const char experiment_style[];

/** chart_distribution() - Share of runs that were over after so long: a curve
 * a method. Runs that were cut off keep it from reaching the top */
void chart_distribution(GString *out, const Summary *summary,
                        const GPtrArray *results, const SummaryCell *cell);

/** chart_work() - What the application got done, second by second, in the
 * first repetition that every method has
 * Return: false, and nothing is drawn, if there is none */
bool chart_work(GString *out, const Summary *summary, const GPtrArray *results,
                const SummaryCell *cell);

/** chart_cross() - Likewise, what the cross traffic got */
bool chart_cross(GString *out, const Summary *summary, const GPtrArray *results,
                 const SummaryCell *cell);

#endif
