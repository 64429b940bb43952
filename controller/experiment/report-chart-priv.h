/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-chart-priv.h - what the pictures share
 *
 * report-chart.c    distributions and time lines of a cell
 * report-ratios.c   all cells' total times, of the first method's
 */
#ifndef EXPERIMENT_REPORT_CHART_PRIV_H
#define EXPERIMENT_REPORT_CHART_PRIV_H

#include "experiment/report-chart.h"

#define WIDTH 960.0
#define LEFT 64.0
#define RIGHT 800.0 /* names stand beyond */
#define TOP 22.0

/* Classes of a method's line and dot: its colour, the same everywhere. */
const char *chart_line_class(guint method);
const char *chart_spot_class(guint method);

const char *chart_method_name(const Summary *summary, guint method);

#endif
