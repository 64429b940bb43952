/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * output.h - finished matrices to standard output and into files; how far it is
 */
#ifndef TOOLS_TRAFFIC_OUTPUT_H
#define TOOLS_TRAFFIC_OUTPUT_H

#include "tools/traffic/options.h"

typedef struct Output Output;

/**
 * output_new() - Look at what is to be written to, before hours of counting
 *
 * The model of --plan is read, the file of --history opened. @options is borrowed. Return: NULL with an error
 */
Output *output_new(const TrafficOptions *options, GError **error);
void output_free(Output *output);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Output, output_free)

/** output_summary() - Print one matrix, draw it if that was asked for */
bool output_summary(Output *output, const TrafficSummary *summary,
                    GError **error);

/** output_keep() - Keep one matrix, if that was asked for; what is too much for
 * the history goes to its tail */
bool output_keep(Output *output, TrafficSummary *summary, GError **error);

/**
 * output_progress() - A line of how far it is, at most one a second
 * @share: Of all there is, 0 to 1; -1: not to be known
 * @dropped: -1: nobody counts them
 */
void output_progress(Output *output, TrafficSum total, double share,
                     int64_t dropped);

/** output_note() - Something to know, unless --quiet, to standard error */
void output_note(Output *output, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif
