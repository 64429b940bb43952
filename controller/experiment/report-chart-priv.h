/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-chart-priv.h - what the pictures share
 *
 * report-chart.c    distributions and time lines of a cell
 * report-plots.c    all cells together: what their rows are
 * report-dots.c     ... how they are drawn
 * report-picture.c  all of these as files of their own
 */
#ifndef EXPERIMENT_REPORT_CHART_PRIV_H
#define EXPERIMENT_REPORT_CHART_PRIV_H

#include "experiment/report-chart.h"

#define WIDTH 960.0
#define LEFT 64.0
#define RIGHT 800.0 /* names stand beyond */
#define TOP 22.0

/* Classes of a method's line and dots: its colour, the same everywhere. */
const char *chart_line_class(guint method);
const char *chart_spot_class(guint method);   /* a median */
const char *chart_hollow_class(guint method); /* one that is a bound */
const char *chart_run_class(guint method);    /* of a single run */

const char *chart_method_name(const Summary *summary, guint method);

#endif
