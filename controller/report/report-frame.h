/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-frame.h - where the plot of a chart lies; what its scales are
 */
#ifndef REPORT_FRAME_H
#define REPORT_FRAME_H

#include "report/report-priv.h"
#include "report/report-svg.h"

/* Each chart is drawn twice, wide with names beside the lines and narrow for a
 * phone; the style sheet shows one. */
typedef struct {
    double width, height;
    double left, right, top, bottom; /* coordinates of the plot's edges */
    bool wide;
} Frame;

/** frame_new() - @right_margin is for names beside the lines */
Frame frame_new(ChartSize size, double height, double top, double right_margin);

/** frame_value_scale() - From 0 at the bottom to @high at the top */
ChartScale frame_value_scale(const Frame *frame, double high);

#endif
