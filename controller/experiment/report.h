/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.h - a summary for people and for programs
 *
 * All of them return a new text, g_free() it.
 */
#ifndef EXPERIMENT_REPORT_H
#define EXPERIMENT_REPORT_H

#include "experiment/report-picture.h"
#include "experiment/summary.h"

/** experiment_text() - Verdicts, then a table of each cell */
char *experiment_text(const Summary *summary);

/** experiment_csv() - A line a cell, method and measure: median, interval, and
 * the ratio to the first method */
char *experiment_csv(const Summary *summary);

/** experiment_runs_csv() - A line a run, with all measures */
char *experiment_runs_csv(const Summary *summary, const GPtrArray *results);

/** experiment_json() - All of it, "vmferry-experiment-report/1" */
char *experiment_json(const Summary *summary);

/** experiment_html() - One self-contained page with curves
 * @results: Those the summary was made of */
char *experiment_html(const Summary *summary, const GPtrArray *results);

/** experiment_svg() - The ratios of total times, a picture of its own; NULL if
 * nothing is compared */
char *experiment_svg(const Summary *summary, const GPtrArray *results);

/** experiment_markdown() - A page to be kept beside its pictures
 * @pictures: Those that stand in it, of experiment_pictures(); or NULL */
char *experiment_markdown(const Summary *summary, const GPtrArray *results,
                          const GPtrArray *pictures);

#endif
